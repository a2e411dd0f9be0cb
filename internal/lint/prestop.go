package lint

import (
	"path"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/phrase"
)

const program = "prestop"

// ofScript makes the findings of a hook say if its script is from a ConfigMap.
func (h *preStop) ofScript(say report) report {
	if h.script.source == "" {
		return say
	}
	return func(at node, message, fix string) *Finding {
		if at == h.command() {
			message += "; its script is " + h.script.source
		}
		return say(at, message, fix)
	}
}

// A preStop is a preStop hook.
type preStop struct {
	*container
	*corev1.LifecycleHandler
	place   node     // what stands below preStop
	words   []string // the command of its exec
	places  []node   // where the words are
	script  script   // unless it is prestop's, without a shell
	reading *reading // if it is prestop's
}

// readHooks reads all hooks of the workload's pods.
func (w *workload) readHooks() []Hook {
	var all []Hook
	for _, p := range w.pods {
		for _, c := range p.all {
			if c.readHook(); c.hook != nil {
				all = append(all, c.hook.summary())
			}
		}
	}
	return all
}

// readHook reads the container's hook, if it has one that Kubernetes can read.
func (c *container) readHook() {
	if c.Lifecycle == nil || c.Lifecycle.PreStop == nil || c.pod.of.group == knative {
		return
	}
	c.env = readEnvironment(c)
	c.hook = &preStop{container: c, LifecycleHandler: c.Lifecycle.PreStop, place: c.at("lifecycle", "preStop")}
	if c.hook.Exec != nil && len(c.hook.Exec.Command) > 0 {
		c.hook.readCommand()
	}
}

func (h *preStop) readCommand() {
	h.words, h.places = h.Exec.Command, h.place.at("exec", "command").items()
	args := h.words[1:]
	if !h.runsPrestop(h.words[0]) {
		h.readScript()
		only, ok := h.script.only()
		if !ok || h.script.shell == "" || !h.runsPrestop(only.words[0]) {
			h.readAmongOthers()
			return
		}
		args = only.words[1:] // a shell that does nothing else
		if slices.ContainsFunc(args, h.expanded) {
			return // the shell makes words of it that are not known here
		}
	}
	h.reading = h.read(args)
	h.readEntries(args)
}

// readAmongOthers reads what prestop does beside other commands of a script. Settings of the script's own are not known here.
func (h *preStop) readAmongOthers() {
	for i, c := range h.script.commands {
		if len(c.words) == 0 || !h.runsPrestop(c.words[0]) || h.mentions(variablePrefix) || h.mentions("$") {
			continue
		}
		own := &preStop{container: h.container, LifecycleHandler: h.LifecycleHandler}
		if own.reading = own.read(c.words[1:]); own.planned() && !own.timesUnknown() {
			h.script.commands[i].least, h.script.commands[i].most = own.shortest(), own.floor().Ends
		}
	}
}

// ofShell matches what only a shell expands: ${X:-5}, $((1 + 2)), $(cat FILE) and the same in backquotes.
var ofShell = regexp.MustCompile("\\$\\{\\w+[^\\w}]|\\$\\(\\(|\\$\\([^)]*[^\\w)]|`")

// runsInside matches a program that a word runs, as in $(hostname).
var runsInside = regexp.MustCompile(`\$\(([a-z]\w*)\)`)

// expanded tells whether a shell makes something of a word that is not known here.
func (h *preStop) expanded(word string) bool {
	inside := runsInside.FindStringSubmatch(word)
	return ofShell.MatchString(word) || inside != nil && !h.env.has(inside[1])
}

// readScript reads what a shell runs, also from a file of a ConfigMap.
func (h *preStop) readScript() {
	h.script = scriptOf(h.words, h.env)
	file := h.script.file
	if c, ok := h.script.only(); ok && h.script.shell != "" && len(c.words) == 1 {
		file = c.words[0] // a shell that only starts the script
	}
	if text, source := h.scriptIn(file); source != "" && file != "" {
		h.script.text, h.script.source = text, source
		h.script.read(h.env)
	}
}

// scriptIn is the text of a script that a ConfigMap of the input brings into the container.
func (c *container) scriptIn(file string) (text, source string) {
	f := c.projected(file)
	if f.of == nil || !f.of.has(f.key) {
		return "", ""
	}
	text = f.of.data[f.key].text()
	first, _, _ := strings.Cut(text, "\n")
	interpreter, says := strings.CutPrefix(first, "#!")
	isShell := func(word string) bool { return slices.Contains(shells, path.Base(word)) }
	if says && !slices.ContainsFunc(strings.Fields(interpreter), isShell) {
		return "", "" // of another language
	}
	return text, "key " + f.key + " of ConfigMap " + f.of.name
}

// A projected is a file that a ConfigMap brings into a container.
type projected struct {
	mount
	from  *corev1.ConfigMapProjection // nil: no ConfigMap brings it
	of    *object                     // the ConfigMap; nil: it is not in the input
	key   string
	mode  int32
	items bool // the volume names the keys that it has, and this is none of them
}

// missing tells whether the volume has no such file, though it must have it.
func (f projected) missing() bool {
	return f.items || f.of != nil && !f.of.has(f.key) && (f.from.Optional == nil || !*f.from.Optional)
}

// sources are the ConfigMaps of a volume, and the mode of its files where that is set.
func sources(v *corev1.Volume) (all []*corev1.ConfigMapProjection, mode *int32) {
	switch {
	case v == nil:
	case v.ConfigMap != nil:
		c := v.ConfigMap
		return []*corev1.ConfigMapProjection{{LocalObjectReference: c.LocalObjectReference, Items: c.Items, Optional: c.Optional}}, c.DefaultMode
	case v.Projected != nil:
		for _, s := range v.Projected.Sources {
			if s.ConfigMap != nil {
				all = append(all, s.ConfigMap)
			}
		}
		mode = v.Projected.DefaultMode
	}
	return all, mode
}

// projected is a file of a volume. In a volume of several sources it is one that certainly is there.
func (c *container) projected(file string) (f projected) {
	m, _ := c.mounted(file)
	v := c.pod.volumes[m.Name]
	all, mode := sources(v)
	for _, from := range all {
		const unless = 0o644 // defaultMode
		one := projected{mount: m, from: from, key: path.Join(m.sub, m.rest), mode: unless, items: len(from.Items) > 0, of: c.pod.of.configMap(from.Name)}
		if mode != nil {
			one.mode = *mode
		}
		for _, item := range from.Items {
			if item.Path == one.key {
				one.key, one.items = item.Key, false
				if item.Mode != nil {
					one.mode = *item.Mode
				}
				break
			}
		}
		if v.ConfigMap != nil || !one.items && one.of != nil && one.of.has(one.key) {
			f = one // of two sources with the same path, the last counts
		}
	}
	return f
}

// runsPrestop tells whether a program is meant to be prestop's binary. A file from a ConfigMap is not: it is a script of that name. In a
// volume that has only prestop, a misspelt name counts too.
func (c *container) runsPrestop(file string) bool {
	name := path.Base(file)
	m, ok := c.mounted(file)
	v := c.pod.volumes[m.Name]
	switch {
	case !ok || v == nil:
	case v.ConfigMap != nil || v.Projected != nil:
		return false
	case v.Image != nil && isImage(v.Image.Reference, "prestop/prestop"):
		return !severalWords(file)
	case c.pod.fills(m.Name):
		return phrase.Nearest(name, []string{program}) != ""
	}
	return name == program
}

// handlers are the names of the handlers that the hook has.
func (h *preStop) handlers() []string {
	return slices.DeleteFunc(slices.Clone(handlerFields), func(field string) bool { return !h.place.at(field).there() })
}

var handlerFields = []string{"exec", "httpGet", "sleep", "tcpSocket"}

func (h *preStop) summary() Hook {
	name := ""
	switch all := h.handlers(); {
	case h.reading != nil:
		name = program
	case len(h.words) > 0:
		name, _, _ = strings.Cut(h.words[0], " ") // the word may be a whole line for a shell, and may hold a secret
		name = path.Base(name)
	case len(all) > 0:
		name = all[0]
	}
	w := h.pod.of
	found := Hook{File: w.file.Name, Line: h.place.Line, Kind: w.kind, Namespace: w.namespace, Name: w.name, Container: h.Name, Program: name}
	if h.reading != nil {
		found.Plan = h.reading.plan
	}
	return found
}

// mentions tells whether a word stands anywhere in the hook's command, or in its script.
func (h *preStop) mentions(word string) bool {
	return strings.Contains(h.script.text, word) || slices.ContainsFunc(h.words, func(w string) bool { return strings.Contains(w, word) })
}

// planned tells whether the hook is prestop's and has a plan.
func (h *preStop) planned() bool { return h.reading != nil && h.reading.plan != nil }

// entries are the entries of the plan, if there is one.
func (h *preStop) entries() []*entry {
	if h.reading == nil {
		return nil
	}
	return h.reading.entries
}

// setting is where a setting is written; else where the hook's command is. The name is the setting's variable or its flag.
func (h *preStop) setting(name string) node {
	by := name
	if s, set := h.reading.set[name]; set {
		by = s.By()
	}
	if strings.HasPrefix(by, "-") {
		if i := slices.IndexFunc(h.words, func(w string) bool { return w == by || strings.HasPrefix(w, by+"=") }); i >= 0 {
			return h.places[i]
		}
	}
	if v, ok := h.env.variables[by]; ok {
		return v.at
	}
	return h.command()
}

// command is where the hook's command is written.
func (h *preStop) command() node {
	if len(h.places) > 0 {
		return h.places[0]
	}
	return h.place
}

// guessed tells whether a setting's value is not known.
func (h *preStop) guessed(name string) bool {
	if s, set := h.reading.set[name]; set && strings.HasPrefix(s.By(), "-") {
		return false
	}
	return h.env.guesses(name) || h.env.open && !h.env.has(name)
}

// timesUnknown tells whether the plan's times depend on a setting whose value is not in the input.
func (h *preStop) timesUnknown() bool {
	names := []string{graceVariable, waitVariable, reserveVariable, stepsVariable}
	return slices.ContainsFunc(names, func(name string) bool { return h.env.has(name) && h.guessed(name) })
}

// mistaken tells whether a setting cannot be read. With an empty name it tells whether any cannot.
func (h *preStop) mistaken(name string) bool {
	return slices.ContainsFunc(h.reading.mistakes, func(m config.Problem) bool {
		return name == "" || m.Name == name || m.Name == config.OfArguments || strings.HasPrefix(m.Name, "--")
	})
}
