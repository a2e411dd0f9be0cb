package lint

import (
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/internal/setting"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/verbs"
	"github.com/prestop/prestop/prestop"
)

// A reading is what prestop makes of its command. It comes from the same packages as in the hook itself. Nothing outside the input is
// looked at.
type reading struct {
	subcommand string // what is done instead of a hook, such as install, or --dry-run; then there is nothing else

	config   *config.Config
	plan     *hook.Plan
	entries  []*entry
	set      map[string]setting.Setting // those that are set, by their variables and by their flags
	mistakes []config.Problem           // in settings
}

// An entry is a step of a plan.
type entry struct {
	prestop.Slot
	index int // in the plan
	said  *hook.Step
	needs step.Needs
	at    node     // where it is written
	unset []string // variables in it that are not set
	guess bool     // a variable in it has a value that is not known, or itself is a part of such a value
}

// subcommands are the program's subcommands. They are no hooks.
var subcommands = []string{"elasticsearch-clear", "install", "lint", "version", "help"}

// read reads the arguments of prestop.
func (h *preStop) read(args []string) *reading {
	if len(args) > 0 && slices.Contains(subcommands, args[0]) {
		return &reading{subcommand: args[0]}
	}
	var mounted eck.Pod
	if h.pod.cluster != "" && h.Name == "elasticsearch" {
		mounted = eck.Pod{Cluster: h.pod.cluster, URLs: []string{"https://" + h.pod.cluster + "-es-internal-http:9200"}}
	}
	c, err := config.ReadElsewhere(args, h.env.standIns(), mounted)
	switch {
	case err == config.ErrVersion:
		return &reading{subcommand: "--version"}
	case err != nil:
		return &reading{subcommand: "--help"}
	case c.DryRun.V:
		return &reading{subcommand: "--dry-run"}
	}
	r := &reading{config: c, set: map[string]setting.Setting{}}
	for _, s := range c.Settings {
		if s.By() != "" {
			r.set[s.Env], r.set["--"+s.Flag] = s, s
		}
	}
	r.plan = hook.Read(c, &secret.Set{}).Plan(hook.World{InPod: true, Elsewhere: true, ContainerID: func() string { return "" }})
	r.mistakes = slices.DeleteFunc(slices.Clone(r.plan.Problems), func(p config.Problem) bool {
		mayBeSet := h.env.open && p.With != "" // what a setting needs beside it
		return mayBeSet || !ofSettings(p)
	})
	return r
}

// ofSettings tells whether a problem is one of variables or flags, not of steps.
func ofSettings(p config.Problem) bool {
	return p.Name == config.OfArguments || strings.HasPrefix(p.Name, variablePrefix) || strings.HasPrefix(p.Name, "--")
}

// readEntries takes the plan apart.
func (h *preStop) readEntries(args []string) {
	r := h.reading
	if r.plan == nil {
		return
	}
	given := map[string]bool{} // values that steps give to later ones
	slots := r.plan.Timeline()
	lines := r.config.Lines(verbs.All())
	for i, said := range r.plan.Steps {
		e := &entry{Slot: slots[i], index: i, said: said, needs: said.Needs}
		given[e.needs.Gives] = true // its name is looked up too, since no environment variable may have it
		switch {
		case said.Setting != "":
			e.at = lineOf(h.setting(said.Setting), said.Index)
		case h.script.shell != "":
			e.at = h.command()
		default:
			e.at = h.places[1+len(args)-len(r.config.Arguments)+said.Index]
		}
		if said.Setting == "" || said.Setting == stepsVariable {
			h.env.usedBy(e, lines[0].Text, given)
			lines = lines[1:]
		}
		madeOf := said.Setting == stepsVariable && h.guessed(stepsVariable) // by the kubelet
		e.guess = e.guess || madeOf && (said.Err != nil || strings.Contains(e.Line, standIn("")))
		r.entries = append(r.entries, e)
	}
}

// usedBy notes which variables that an entry uses are not set, and whether the value of one is not known.
func (e environment) usedBy(of *entry, text string, given map[string]bool) {
	for _, name := range of.said.Variables {
		of.guess = of.guess || e.guesses(name)
		if !e.has(name) && !given[name] && !slices.Contains(of.unset, name) {
			of.unset = append(of.unset, name)
		}
	}
	if of.said.Err != nil && of.guess {
		of.guess = e.mayBeReadable(text)
	}
}

// mayBeReadable tells whether a step can be read if the variables whose value is not known have some value. It tries values of several
// kinds.
func (e environment) mayBeReadable(text string) bool {
	kinds := []string{"", "1", "1s", "true", "new", "x", "/x", "http://x/", "redis://x", "TERM", "10.0.0.0/8", "2xx", "404", "x:x", ".x", "restart"}
	return slices.ContainsFunc(kinds, func(value string) bool {
		_, _, _, err := parse.Line(verbs.All(), text, func(name string) (string, bool) {
			if e.guesses(name) {
				return value, true
			}
			v, ok := e.variables[name]
			return v.value, ok
		})
		return err == nil
	})
}

// standIns is an environment in which each setting whose value is not known has a value that the setting takes, or is not set.
func (e environment) standIns() map[string]string {
	env := map[string]string{}
	for name, v := range e.variables {
		env[name] = v.value
	}
	for _, row := range config.Table() {
		guess := e.variables[row.Env].value
		if !e.guesses(row.Env) || row.Check(guess) == nil {
			continue
		}
		delete(env, row.Env)
		if text := "http://" + strings.ToLower(guess) + ".invalid/"; row.Check(text) == nil {
			env[row.Env] = text
		}
	}
	env["KUBERNETES_SERVICE_HOST"] = "192.0.2.1" // as in every pod
	return env
}

// lineOf is the place of one line of a text, if the text is a literal block; else the place of the text.
func lineOf(n node, line int) node {
	if n.Node == nil || n.Style&yaml.LiteralStyle == 0 {
		return n
	}
	moved := *n.Node
	moved.Line += 1 + line
	return node{&moved, n.file}
}

// calls are the HTTP calls by which the entry has something done. Calls that check a condition or repeat are not among them.
func (e *entry) calls() []step.Call {
	return slices.DeleteFunc(slices.Clone(e.needs.Calls), func(c step.Call) bool {
		return c.Method == "" || c.Condition || c.Repeats || e.guess && c.URL.Path == ""
	})
}

// endsProcess tells whether a call of a URL is known to end the process that answers it.
func endsProcess(u *url.URL) bool {
	return verbs.App(step.App{URL: u}).Needs().Ends == step.EndsProcess
}

// signalsEnd tells whether the entry sends a signal that ends what gets it.
func (e *entry) signalsEnd() bool { return verbs.SignalEnds(e.needs.Signal) }

// local tells whether a host is the pod itself.
func local(host string) bool {
	return host == "" || host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}

// open tells whether the entry may take as long as something else does.
func (e *entry) open() bool {
	return e.Guard || e.needs.Signal != 0 || e.Most == 0 && !e.needs.Waits && e.needs.Shutdown == ""
}
