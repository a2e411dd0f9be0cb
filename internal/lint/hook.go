package lint

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/prestop/prestop/prestop"
)

// hook is a preStop hook.
type hook struct {
	*container
	pod     *pod
	at      node // what stands below preStop
	handler string
	exec    []argument
	script  script   // unless it is prestop's, without a shell
	reading *Reading // if it is prestop's
}

// argument is a word of a command.
type argument struct {
	text string
	node
}

func arguments(command node) []argument {
	var all []argument
	for _, n := range command.items() {
		all = append(all, argument{n.text(), n})
	}
	return all
}

const program = "prestop"

func newHook(p *pod, c *container, read Read) *hook {
	at := c.at("lifecycle", "preStop")
	if !at.there() {
		return nil
	}
	h := &hook{container: c, pod: p, at: at}
	for _, key := range at.keys() {
		if at.at(key.Value).there() {
			h.handler = key.Value
			break
		}
	}
	if h.exec = arguments(at.at("exec", "command")); len(h.exec) == 0 {
		return h
	}
	command := Command{Env: c.env.Environment}
	if c.runsPrestop(p, h.exec[0].text) {
		for _, a := range h.exec[1:] {
			command.Args = append(command.Args, a.text)
		}
	} else {
		h.script = scriptOf(h.exec)
		if len(h.script.commands) != 1 || h.script.branches || h.script.shell == "" || !c.runsPrestop(p, h.script.commands[0].words[0]) {
			return h
		}
		command.Args = h.script.commands[0].words[1:] // a shell that does nothing else
	}
	if p.cluster != "" && c.name == "elasticsearch" {
		command.Cluster = p.cluster
	}
	reading := read(command)
	h.reading = &reading
	return h
}

// runsPrestop tells whether a program is prestop's binary. A file from a ConfigMap is a script that is called like it.
func (c *container) runsPrestop(p *pod, file string) bool {
	m, _, mounted := c.mounted(file)
	if mounted && p.volume(m.volume).at("configMap").there() {
		return false
	}
	return path.Base(file) == program
}

func (h *hook) summary() Hook {
	name := h.handler
	switch {
	case h.reading != nil:
		name = program
	case len(h.script.commands) > 0 && h.script.shell == "":
		name = h.script.commands[0].program()
	case h.script.shell != "":
		name = path.Base(h.script.shell)
	}
	return Hook{h.pod.owner.file.Name, h.at.Line, h.pod.kind, h.pod.namespace, h.pod.name, h.name, name, h.reading}
}

// mentions tells whether a word stands anywhere in the hook's command.
func (h *hook) mentions(word string) bool {
	return slices.ContainsFunc(h.exec, func(a argument) bool { return strings.Contains(a.text, word) })
}

// steps are the plan's entries of a hook of prestop's, if it has a plan.
func (h *hook) steps() []prestop.Entry {
	if h.reading == nil {
		return nil
	}
	return h.reading.Plan.Entries
}

// step is where an entry of the plan is written.
func (h *hook) step(i int) node {
	if i >= len(h.reading.Steps) {
		return h.at
	}
	s := h.reading.Steps[i]
	if s.Setting != "" {
		return lineOf(h.setting(s.Setting), s.Index)
	}
	if h.script.shell == "" && s.Index+1 < len(h.exec) {
		return h.exec[s.Index+1].node
	}
	return h.command()
}

// lineOf is a line of a text, where it is written as it is.
func lineOf(n node, line int) node {
	const literal = 1 << 3
	if n.Node == nil || n.Style&literal == 0 {
		return n
	}
	moved := *n.Node
	moved.Line += 1 + line
	return node{&moved, n.file}
}

// setting is where a setting is written: its flag, else its variable; else the hook.
func (h *hook) setting(name string) node {
	flag := h.reading.Settings[name].Flag
	if strings.HasPrefix(name, "-") {
		flag = name
	}
	if flag != "" {
		if i := slices.IndexFunc(h.exec, func(a argument) bool { return a.text == flag || strings.HasPrefix(a.text, flag+"=") }); i >= 0 {
			return h.exec[i].node
		}
	}
	if at, ok := h.env.at[name]; ok {
		return at
	}
	return h.command()
}

// command is where the hook's command is written.
func (h *hook) command() node {
	if len(h.exec) > 0 {
		return h.exec[0].node
	}
	return h.at
}

// guessed tells whether a setting's value is not known.
func (h *hook) guessed(name string) bool {
	if _, ok := h.reading.Settings[name]; ok && h.reading.Settings[name].Flag != "" {
		return false
	}
	_, guessed := h.env.Guess[name]
	return guessed || h.env.Open && !h.env.has(name)
}

// said is the name of a setting as it was set.
func (h *hook) said(name string) string { return cmp.Or(h.reading.Settings[name].Flag, name) }
