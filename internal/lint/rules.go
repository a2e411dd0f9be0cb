package lint

import (
	"slices"

	"github.com/prestop/prestop/internal/hook"
)

// A Rule is something that can be wrong. Its ID never changes; the page docs/lint/ID.md explains it.
type Rule struct {
	ID       string
	Severity Severity // the worst that it finds
	Summary  string

	check check
}

// A Severity says how bad a finding is. An error makes the program exit 1.
type Severity string

const (
	Error   Severity = "error"   // it will go wrong, or does nothing
	Warning Severity = "warning" // it goes wrong in some case, or is not what was meant
)

// A Finding is a place where something is wrong. Its JSON is a contract: fields may be added, none changes.
type Finding struct {
	ID        string   `json:"id"` // of its rule
	Severity  Severity `json:"severity"`
	File      string   `json:"file"`
	Line      int      `json:"line"`   // from 1
	Column    int      `json:"column"` // from 1, in characters
	Object    string   `json:"object"` // as Deployment shop/web
	Container string   `json:"container,omitempty"`
	Message   string   `json:"message"` // a sentence, without secrets
	Fix       string   `json:"fix"`     // YAML to paste; a sentence where only somebody who knows the app can choose
}

// A check looks at a workload, and says what it finds.
type check func(*workload, report)

// A report notes a finding at a place, with a fix. The finding that it returns may be changed, for example to a lesser severity or another
// container.
type report func(at node, message, fix string) *Finding

// Rules is the list of all rules. Help, documentation and findings take their identifiers from it.
func Rules() []Rule {
	return slices.Concat(formRules, commandRules, callRules, timeRules, stepRules, trafficRules, fileRules, sidecarRules,
		elasticsearchRules, binaryRules, podRules)
}

// warn makes a finding a warning, whatever its rule's severity is.
func (f *Finding) warn() *Finding {
	f.Severity = Warning
	return f
}

// all makes one check of several. They look one after the other.
func all(checks ...check) check {
	return func(w *workload, say report) {
		for _, check := range checks {
			check(w, say)
		}
	}
}

func pods(do func(*pod, report)) check {
	return func(w *workload, say report) {
		for _, p := range w.pods {
			do(p, say)
		}
	}
}

// containers makes a check that calls do for each container of a pod.
func containers(do func(*container, report)) check {
	return pods(func(p *pod, say report) {
		for _, c := range p.all {
			do(c, say.of(c.Name))
		}
	})
}

// of makes findings belong to a container.
func (say report) of(container string) report {
	return func(at node, message, fix string) *Finding {
		f := say(at, message, fix)
		f.Container = container
		return f
	}
}

// hooks makes a check that calls each do for each hook that Kubernetes accepts.
func hooks(each ...func(*preStop, report)) check {
	return containers(func(c *container, say report) {
		if c.hook != nil && !c.init {
			for _, do := range each {
				do(c.hook, c.hook.ofScript(say))
			}
		}
	})
}

// foreign makes a check that calls do for each hook that is not prestop's.
func foreign(do func(*preStop, report)) check {
	return hooks(func(h *preStop, say report) {
		if h.reading == nil {
			do(h, say)
		}
	})
}

// plans makes a check that calls do for each hook of prestop's that does more than a subcommand.
func plans(do func(*preStop, report)) check {
	return hooks(func(h *preStop, say report) {
		if h.planned() {
			do(h, say)
		}
	})
}

// steps makes a check that calls do for each step of prestop's hooks.
func steps(do func(*preStop, *entry, report)) check {
	return plans(func(h *preStop, say report) {
		for _, s := range h.entries() {
			do(h, s, say)
		}
	})
}

// warned calls do for each warning with this ID that prestop itself gives, with its place. e is nil if the warning is not about a step.
func (h *preStop) warned(id string, do func(at node, text string, e *entry)) {
	if !h.planned() {
		return
	}
	for _, w := range h.reading.plan.Warnings {
		switch {
		case w.ID != id:
		case w.Setting != "":
			do(h.setting(w.Setting), w.Text, nil)
		case w.Step == hook.NoStep:
			do(h.command(), w.Text, nil)
		default:
			do(h.reading.entries[w.Step].at, w.Text, h.reading.entries[w.Step])
		}
	}
}

// asWarned makes a rule of a warning that prestop itself gives. Each finding is the warning, with the fix. What is not known here may make a
// warning void.
func asWarned(id, summary string, fix func(*preStop, *entry) string, void ...func(*preStop, *entry) bool) Rule {
	return Rule{id, Warning, summary, plans(func(h *preStop, say report) {
		h.warned(id, func(at node, text string, e *entry) {
			if !slices.ContainsFunc(void, func(is func(*preStop, *entry) bool) bool { return is(h, e) }) {
				say(at, text, fix(h, e))
			}
		})
	})}
}

// always is the same fix for each hook.
func always(fix string) func(*preStop, *entry) string {
	return func(*preStop, *entry) string { return fix }
}

// run runs all rules on a workload.
func (w *workload) run(rules []Rule) []*Finding {
	var found []*Finding
	name := objectName(w.kind, w.namespace, w.name)
	for _, r := range rules {
		r.check(w, func(at node, message, fix string) *Finding {
			if at.Node == nil {
				at = w.node
			}
			f := &Finding{ID: r.ID, Severity: r.Severity, File: at.file.Name, Line: at.Line, Column: at.Column, Object: name, Message: message, Fix: fix}
			found = append(found, f)
			return f
		})
	}
	return found
}
