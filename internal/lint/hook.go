package lint

import (
	"cmp"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

const program = "prestop"

// A hook is a preStop hook.
type hook struct {
	*container
	*corev1.LifecycleHandler
	place   node     // what stands below preStop
	words   []string // the command of its exec
	places  []node   // theirs
	script  script   // unless it is prestop's, without a shell
	reading *Reading // if it is prestop's
	steps   []step   // of the reading's plan
}

// readHook reads the container's hook, if it has one that Kubernetes can read.
func (c *container) readHook(read Read) {
	if c.Lifecycle == nil || c.Lifecycle.PreStop == nil {
		return
	}
	c.env = readEnvironment(c)
	h := &hook{container: c, LifecycleHandler: c.Lifecycle.PreStop, place: c.at("lifecycle", "preStop")}
	c.hook = h
	if h.Exec == nil || len(h.Exec.Command) == 0 {
		return
	}
	h.words, h.places = h.Exec.Command, h.place.at("exec", "command").items()
	command := Command{Env: c.env.Environment, Args: h.words[1:]}
	if !c.runsPrestop(h.words[0]) {
		h.script = scriptOf(h.words)
		if len(h.script.commands) != 1 || h.script.branches || h.script.shell == "" || !c.runsPrestop(h.script.commands[0].words[0]) {
			return
		}
		command.Args = h.script.commands[0].words[1:] // a shell that does nothing else
	}
	if c.pod.cluster != "" && c.Name == "elasticsearch" {
		command.Cluster = c.pod.cluster
	}
	reading := read(command)
	h.reading = &reading
	h.readSteps()
}

// runsPrestop tells whether a program is prestop's binary. A file from a ConfigMap is a script that is called like it.
func (c *container) runsPrestop(file string) bool {
	if m, ok := c.mounted(file); ok {
		if v := c.pod.volumes[m.Name]; v != nil && v.ConfigMap != nil {
			return false
		}
	}
	return path.Base(file) == program
}

// handlers are those that the hook has, by their fields.
func (h *hook) handlers() []string {
	var all []string
	for key := range h.place.pairs() {
		if slices.Contains(handlerFields, key.Value) && h.place.at(key.Value).there() {
			all = append(all, key.Value)
		}
	}
	return all
}

var handlerFields = []string{"exec", "httpGet", "sleep", "tcpSocket"}

func (h *hook) summary() Hook {
	name := ""
	switch all := h.handlers(); {
	case h.reading != nil:
		name = program
	case len(h.script.commands) > 0 && h.script.shell == "":
		name = h.script.commands[0].program()
	case h.script.shell != "":
		name = path.Base(h.script.shell)
	case len(all) > 0:
		name = all[0]
	}
	w := h.pod.of
	return Hook{w.file.Name, h.place.Line, w.kind, w.namespace, w.name, h.Name, name, h.reading}
}

// mentions tells whether a word stands anywhere in the hook's command.
func (h *hook) mentions(word string) bool {
	return slices.ContainsFunc(h.words, func(w string) bool { return strings.Contains(w, word) })
}

// planned tells whether the hook is prestop's and has a plan.
func (h *hook) planned() bool { return h.reading != nil && h.reading.Subcommand == "" }

// setting is where a setting is written: its flag, else its variable; else the hook.
func (h *hook) setting(name string) node {
	flag := h.reading.Settings[name].Flag
	if strings.HasPrefix(name, "-") {
		flag = name
	}
	if flag != "" {
		if i := slices.IndexFunc(h.words, func(w string) bool { return w == flag || strings.HasPrefix(w, flag+"=") }); i >= 0 {
			return h.places[i]
		}
	}
	if at, ok := h.env.at[name]; ok {
		return at
	}
	return h.command()
}

// command is where the hook's command is written.
func (h *hook) command() node {
	if len(h.places) > 0 {
		return h.places[0]
	}
	return h.place
}

// guessed tells whether a setting's value is not known.
func (h *hook) guessed(name string) bool {
	if h.reading.Settings[name].Flag != "" {
		return false
	}
	_, guessed := h.env.Guess[name]
	return guessed || h.env.Open && !h.env.has(name)
}

// said is the name of a setting as it was set.
func (h *hook) said(name string) string { return cmp.Or(h.reading.Settings[name].Flag, name) }

// timesUnknown: what the plan's times are made of is not in the input.
func (h *hook) timesUnknown() bool {
	for _, name := range []string{graceVariable, waitVariable, reserveVariable, stepsVariable} {
		if h.env.has(name) && h.guessed(name) {
			return true
		}
	}
	return false
}

// mistaken tells whether a setting, or with an empty name any, cannot be read.
func (h *hook) mistaken(name string) bool {
	return slices.ContainsFunc(h.reading.Mistakes, func(m Mistake) bool {
		return name == "" || m.Setting == name || m.Setting == "arguments" || strings.HasPrefix(m.Setting, "--")
	})
}
