package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/setting"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/verbs"
)

// stepRules are about steps and settings.
var stepRules = []Rule{
	{"step-unreadable", Error, "a step that prestop cannot read", steps(stepUnreadable)},
	{"unset-variable", Error, "a step or a setting uses a variable that the container does not have", plans(unsetVariable)},
	{"wrong-field", Error, "a variable is taken from a field that pods do not give, or POD_IP and the like from another than theirs", containers(wrongField)},
	asWarned("steps-ignored", "PRE_STOP_STEPS is set, and the command's own steps are done instead", always("keep one of the two")),
	asWarned("called-twice", "two steps, or a setting and a step, make the same call", always("remove one of the two"),
		func(_ *preStop, e *entry) bool { return e.guess }),
	asWarned("quotes-misplaced", "quotes in a step are taken away, or keep a variable's name",
		always("in single quotes a value is kept as it is, and in double quotes variables are replaced")),
	asWarned("glob-without-shell", "a step has a * or a ~ that only a shell replaces by names of files",
		always("the names themselves; or exec sh -c and the line in quotes, in an image with a shell")),
	asWarned("value-in-script", "a variable's value becomes a part of a shell's script",
		always("the script in single quotes, and the variable in double quotes inside of it")),
	asWarned("option-unused", "a part of a step has no effect", always("remove it")),
	asWarned("set-twice", "a setting is set twice, and one of the two does not count", always("keep one of the two")),
	asWarned("setting-unused", "a setting of a call that is not made", always("remove it, or set the URL that it is for"),
		func(h *preStop, _ *entry) bool { return h.env.open }), // the call's URL may be set where lint does not see it
	{"setting-unreadable", Error, "a setting that prestop cannot read", all(plans(settingUnreadable), containers(settingWithoutValue))},
	{"setting-unknown", Warning, "a PRE_STOP_ variable that is no setting", plans(settingUnknown)},
}

func stepUnreadable(h *preStop, s *entry, say report) {
	setting := s.said.Setting != ""
	if s.said.Err == nil || len(s.unset) > 0 || s.guess || !setting && s.mistyped(h) {
		return
	}
	text := fmt.Sprintf("step %d: %s", s.index+1, s.said.Err)
	if steps := h.commandAsSteps(); steps != nil && !setting {
		if s.said.Index == 0 {
			say(s.at, text, h.stepsFix(steps, "the steps that do the same"))
		}
		return
	}
	f := say(s.at, text, h.mended(s))
	if strings.Contains(s.said.Err.Error(), "in POD_IP") {
		f.Fix = downwardLines("POD_IP")
	} else if all := stepsOf(s.Line); !setting && len(all) > 1 {
		f.Fix = h.splitFix(s, all, f.Fix)
	}
}

// splitFix is the hook's command with several steps in place of one argument, or of all words; else the sentence.
func (h *preStop) splitFix(s *entry, steps []string, sentence string) string {
	fix := h.withSteps(steps)
	if lines := h.lines(); len(lines) > 1 {
		fix = h.stepsFix(slices.Concat(lines[:s.said.Index], steps, lines[s.said.Index+1:]), "")
	}
	if fix == "" {
		return sentence
	}
	return "# each step is one item\n" + fix
}

// mistyped tells whether an argument is no string, which is a finding of its own.
func (s *entry) mistyped(h *preStop) bool {
	return s.at.Node != h.place.Node && s.at.kind() != "a string"
}

// commandAsSteps are steps that do what the hook's arguments would do as a command, word by word. A script that no steps can replace is run by
// a step, unless it has a dollar, by which a step means something else than a shell. nil: they are no command.
func (h *preStop) commandAsSteps() []string {
	args := h.words[max(len(h.words)-len(h.reading.config.Arguments), 1):]
	if h.script.shell != "" || len(args) < 2 {
		return nil
	}
	s := scriptOf(args, environment{})
	steps := stepsFor(s)
	if run := "exec " + s.shell + " -c " + grammar.Quote(s.text); steps == nil && slices.Equal(args, []string{s.shell, "-c", s.text}) && !strings.Contains(s.text, "$") && harmless(args) && isStep(run) {
		steps = []string{run}
	}
	return steps
}

// isStep tells whether a line is a step, whatever its variables hold.
func isStep(line string) bool {
	_, _, _, err := parse.Line(verbs.All(), line, func(string) (string, bool) { return "1", true })
	return err == nil
}

// mended is the step that is probably meant: a step that replaces a command, or the same step with its misspelt words mended; else a
// sentence.
func (h *preStop) mended(s *entry) string {
	const sentence = "a step that prestop --help lists; prestop --dry-run with the same step says the same"
	words := strings.Fields(s.Line)
	if len(words) == 0 || strings.ContainsAny(s.Line, "'\"") {
		return sentence
	}
	lines := stepsFor(scriptOf(words, environment{}))
	for _, v := range verbs.All() {
		if means(words, v) {
			lines = append(lines, respelt(words, v))
		}
	}
	for _, line := range lines {
		if line != s.Line && isStep(line) && harmless([]string{line}) {
			return h.stepFix(s, line, sentence)
		}
	}
	return sentence
}

// means tells whether a line's first words are a verb, perhaps a misspelt one.
func means(words []string, v *step.Verb) bool {
	first, second, two := strings.Cut(v.Name, " ")
	if cmp.Or(phrase.Nearest(words[0], parse.FirstWords(verbs.All())), words[0]) != first {
		return false
	}
	return !two || len(words) > 1 && phrase.Nearest(words[1], []string{second}) != ""
}

// respelt is a line with the words of a verb and its options for those that are misspelt.
func respelt(words []string, v *step.Verb) string {
	line := v.Name
	for _, word := range words[len(strings.Fields(v.Name)):] {
		if key, value, option := strings.Cut(word, "="); option {
			word = cmp.Or(phrase.Nearest(key, v.Options), key) + "=" + value
		}
		line += " " + word
	}
	return line
}

// stepsOf splits a line that has several steps, each of which begins with its verb; nil: its parts are no steps. A line with quotes is not
// split.
func stepsOf(line string) []string {
	var all []string
	for _, word := range strings.Fields(line) {
		switch last := len(all) - 1; {
		case last < 0:
			all = append(all, word)
		case word == ";" || word == "&&":
		case slices.Contains(parse.FirstWords(verbs.All()), word):
			all[last] = strings.TrimRight(all[last], ";,")
			all = append(all, word)
		default:
			all[last] += " " + word
		}
	}
	if strings.ContainsAny(line, `'"`) || slices.ContainsFunc(all, func(one string) bool { return !isStep(one) }) {
		return nil
	}
	return all
}

func unsetVariable(h *preStop, say report) {
	var given []string // by the steps before
	for _, s := range h.entries() {
		for _, name := range s.unset {
			near := phrase.Nearest(name, given)
			text := fmt.Sprintf("step %d uses $(%s), which container %s does not have, so that the step cannot be read", s.index+1, name, h.Name)
			switch {
			case h.env.maySet(name):
			case near != "":
				say(s.at, text+"; a step before gives "+near, "$("+near+") here, or into="+name+" there")
			case downward[name] != "":
				say(s.at, text, downwardLines(name))
			default:
				say(s.at, text+", unless the image sets it", "set "+name+" in env").warn()
			}
		}
		if s.needs.Gives != "" {
			given = append(given, s.needs.Gives)
		}
	}
	for _, l := range h.env.lost { // the kubelet leaves these references as they are written, or refuses them
		switch {
		case l.key != "":
			fix := "a key that it has"
			if near := phrase.Nearest(l.asked, l.keys); near != "" {
				fix = below(near, "key")
			}
			say(l.at, l.name+" is taken from "+l.key+", which has none: the container would not begin", fix)
		case strings.HasPrefix(l.name, variablePrefix) || l.name == "node.name":
			fix := "set " + l.to + " in env, before " + l.name
			if downward[l.to] != "" {
				fix = downwardLines(l.to) + " # before " + l.name
			}
			say(l.at, l.name+" uses $("+l.to+"), which is not set before it in this container, so that it is not expanded", fix)
		}
	}
}

// downward are the fields that variables are usually taken from. No image sets such a variable. A pod has it by the downward API, or not at
// all.
var downward = map[string]string{
	"POD_NAME": "metadata.name", "POD_IP": "status.podIP", "POD_UID": "metadata.uid", "POD_NAMESPACE": "metadata.namespace",
	"NAMESPACE": "metadata.namespace", "NODE_NAME": "spec.nodeName", "HOST_IP": "status.hostIP",
}

func downwardLines(name string) string {
	return "env:\n- {name: " + name + ", valueFrom: {fieldRef: {fieldPath: " + downward[name] + "}}}"
}

// meant tells whether a container is meant to have a hook of prestop's.
func (c *container) meant() bool {
	return c.Lifecycle != nil || c.hasVariable(func(name string) bool { return strings.HasPrefix(name, variablePrefix) })
}

func wrongField(c *container, say report) {
	if !c.meant() {
		return
	}
	for i, v := range c.Env {
		at := c.at("env", i, "valueFrom", "fieldRef", "fieldPath")
		from, right := at.text(), downward[v.Name]
		fix := "fieldPath: " + right
		switch ofHost := v.Name == "POD_IP" && c.pod.Spec.HostNetwork; {
		case from == "":
		case !given(from):
			if v.Name == graceVariable {
				fix = variableLine(v.Name, c.pod.grace)
			} else if right == "" {
				fix = "a field that kubectl explain pod.spec.containers.env.valueFrom.fieldRef names, or a value"
			}
			say(at, v.Name+" is taken from "+from+", which is no field that a variable can have: Kubernetes refuses the pod", fix)
		case strings.HasPrefix(v.Name, "POD_") && right != "" && from != right && !ofHost:
			say(at, v.Name+" is taken from "+from+"; expected "+right, fix)
		}
	}
}

// fields are those of the pod that a variable can be taken from, besides labels and annotations.
var fields = []string{
	"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
	"status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
}

// given tells whether a variable can be taken from a field of the pod (validEnvDownwardAPIFieldPathExpressions of Kubernetes'
// pkg/apis/core/validation).
func given(field string) bool {
	name, key, of := strings.Cut(field, "['")
	if of {
		return strings.HasSuffix(key, "']") && (name == "metadata.labels" || name == "metadata.annotations")
	}
	return slices.Contains(fields, field)
}

func settingUnreadable(h *preStop, say report) {
	for _, m := range h.reading.mistakes {
		at, fix := h.setting(m.Name), "prestop --help says what "+m.Name+" takes"
		if m.Name == config.OfArguments {
			fix = "a flag that prestop --help lists, before the steps"
		}
		if m.With != "" {
			with, _, _ := strings.Cut(m.With, "=")
			at, fix = h.setting(with), "set "+m.Name+" too, or remove "+m.With // m.With is set, and m.Name is not
		}
		if f := say(at, m.Name+": "+m.Text, fix); filledIn.MatchString(at.text()) {
			f.warn()
		}
	}
}

func settingWithoutValue(c *container, say report) {
	for _, v := range c.at("env").items() {
		name, value := v.at("name").text(), v.at("value")
		if strings.HasPrefix(name, variablePrefix) && !value.there() && (len(v.Content) == 2 || value.Node != nil) {
			say(v, name+" has no value, as if it were not set", "give it a value, or remove it").warn()
		}
	}
}

// overAtOnce finds plans that do nothing.
func overAtOnce(h *preStop, say report) {
	if h.timesUnknown() || h.env.open || h.mistaken("") {
		return
	}
	const fix = "a longer one, as 20 or 20s; or the steps of the hook, as wait 20s"
	p := h.reading.plan
	for _, s := range h.entries() {
		if s.needs.Waits && p.Entries[s.index].Least < time.Second {
			fix := fix
			if time, milli := strings.CutSuffix(s.said.Words.Targets[0].Written, "ms"); milli {
				fix = h.stepFix(s, s.with("", time+"s"), fix)
			}
			say(s.at, s.Line+" is over at once", fix).warn()
		}
	}
	if wait := h.reading.config.AdditionalWait; wait.IsSet() && p.Floor < time.Second && (p.Floor > 0 || len(p.Entries) == 0) {
		say(h.setting(waitVariable), "the hook's additional wait of "+wait.V.String()+" is over at once", fix).warn()
	}
}

func settingUnknown(h *preStop, say report) {
	for _, u := range h.reading.config.Unknown {
		value, right, fix := "", meant(u), "one that prestop --help lists; or remove it"
		if v := h.env.variables[u.Name]; v.known {
			value = v.value
		}
		takes := func(row setting.Setting) bool { return row.Env == right && row.Check(value) == nil }
		if !h.env.has(right) && slices.ContainsFunc(config.Table(), takes) {
			fix = below(right, "name")
		}
		say(h.setting(u.Name), u.Name+" is no setting of prestop's", fix)
	}
}

// meant is the setting that somebody probably means by an unknown name.
func meant(u setting.Unknown) string {
	known := map[string]string{
		"GRACE_SECONDS": graceVariable, "TERMINATION_GRACE_PERIOD_SECONDS": graceVariable, "WAIT_SECONDS": waitVariable, "WAIT": waitVariable, "URL": "PRE_STOP_APP_URL",
		"ELASTICSEARCH_PASSWORD": "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE", "ELASTICSEARCH_USER": "PRE_STOP_ELASTICSEARCH_USERNAME",
		"ELASTICSEARCH_TOKEN": "PRE_STOP_ELASTICSEARCH_TOKEN_FILE", "APP_TOKEN": "PRE_STOP_APP_TOKEN_FILE",
	}
	return cmp.Or(u.Meant, known[strings.TrimPrefix(u.Name, variablePrefix)])
}
