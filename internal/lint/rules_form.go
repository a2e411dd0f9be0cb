package lint

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/setting"
)

// formRules are about what Kubernetes does not accept, or not see.
func formRules() []Rule {
	return []Rule{
		{"hook-misplaced", Error, "a hook, or a part of it, stands where Kubernetes does not look for it", all(flaws(flaw.misplacesHook, hookMisplaced), hookOfNobody, containers(hookAtStart))},
		{"grace-misplaced", Error, "terminationGracePeriodSeconds stands where Kubernetes does not look for it", flaws(flaw.misplacesGrace, func(f flaw, say report) {
			say(f.at, graceKey+" of "+f.whose()+" is not the pod's; expected it in the pod's spec, beside containers", "spec:\n  "+graceKey+": "+f.value.text()+"\n  containers: …")
		})},
		{"not-one-handler", Error, "a hook has no handler, or more than one", hooks(notOneHandler)},
		{"field-misspelt", Error, "a field's name is one that Kubernetes does not know there", flaws(flaw.misspells, fieldMisspelt)},
		{"wrong-type", Error, "a value is not of the type that Kubernetes accepts, such as a number without quotes", all(flaws(flaw.isMistyped, wrongType), pods(graceOutOfRange))},
		{"duplicate-key", Warning, "a key stands there twice, and only one of them counts", all(flaws(flaw.isTwice, duplicateKey), containers(duplicateVariable))},
		{"init-container-hook", Error, "an init container has a hook, which Kubernetes refuses", containers(func(c *container, say report) {
			if c.hook != nil && c.init {
				say(c.hook.place, "an init container has a preStop hook, which Kubernetes refuses: it has ended before the pod stops",
					"move the hook to the container that it is for, or make this one a sidecar with restartPolicy: Always")
			}
		})},
		{"tcp-socket-hook", Error, "a tcpSocket hook, which always fails", hooks(func(h *preStop, say report) {
			if all := h.handlers(); len(all) == 1 && all[0] == "tcpSocket" {
				say(h.place.at("tcpSocket"), "a tcpSocket hook is accepted and always fails: the kubelet has nothing to do for it", "exec:\n  command: [/prestop, until quiet 8080]")
			}
		})},
		{"settings-without-hook", Warning, "prestop's variables are set, and the container has no hook of prestop's", containers(settingsWithoutHook)},
	}
}

// flaws has a check look at some of what strict decoding refuses.
func flaws(some func(flaw) bool, do func(flaw, report)) check {
	return func(w *workload, say report) {
		for _, f := range w.flaws {
			if some(f) {
				do(f, func(at node, message, fix string) *Finding {
					found := say(at, message, fix)
					found.Container = f.container
					return found
				})
			}
		}
	}
}

// whose names the struct that a flaw is in.
func (f flaw) whose() string {
	last := ""
	if len(f.path) > 0 {
		last = f.path[len(f.path)-1]
	}
	switch f.of {
	case reflect.TypeFor[corev1.Container]():
		return "a container"
	case reflect.TypeFor[corev1.PodSpec]():
		return "a pod"
	case reflect.TypeFor[corev1.EnvVar]():
		return "a variable"
	case reflect.TypeFor[metav1.ObjectMeta]():
		return "metadata"
	}
	if last == "" {
		return "the object"
	}
	return last
}

// partOfHook tells whether the struct that a flaw is in belongs to a hook.
func (f flaw) partOfHook() bool { return slices.Contains(f.path, "lifecycle") }

// misplacesGrace: a probe and a pod have such a field, and nothing else has.
func (f flaw) misplacesGrace() bool {
	return f.kind == unknownField && f.at.Value == graceKey && f.value.there()
}

// misplacesHook tells whether a hook, or a part of it, is where Kubernetes does not look.
func (f flaw) misplacesHook() bool {
	if f.kind != unknownField || f.misplacesGrace() {
		return false
	}
	name := strings.ToLower(f.at.Value)
	switch {
	case name == "prestop" || name == "poststart" || f.partOfHook():
		return true
	case f.of == reflect.TypeFor[corev1.Container]() && f.near == "lifecycle":
		return true
	case f.of == reflect.TypeFor[corev1.PodSpec]() && slices.Contains([]string{"lifecycle", "env", "envFrom", "volumeMounts"}, f.at.Value):
		return true
	}
	return false
}

const hookLines = "lifecycle:\n  preStop:\n    exec:\n      command: [/prestop]"

func hookMisplaced(f flaw, say report) {
	switch {
	case f.partOfHook():
		say(f.at, f.at.Value+" is no field of "+f.whose()+"; expected "+strings.Join(f.fields, ", "), hookLines)
	case f.of == reflect.TypeFor[corev1.PodSpec]():
		say(f.at, f.at.Value+" is no field of a pod; it is of a container", "containers:\n- name: …\n  "+f.at.Value+": …")
	default:
		say(f.at, f.at.Value+" is no field of "+f.whose()+"; a hook stands below lifecycle of a container", hookLines)
	}
}

// hookOfNobody finds hooks in an object that has no containers.
func hookOfNobody(w *workload, say report) {
	strays := []node{w.stray}
	for _, f := range w.flaws {
		if f.kind == unknownField && !f.misplacesHook() && f.near == "" && !w.hasContainers() {
			key, _ := find(f.value, isHook)
			strays = append(strays, key)
		}
	}
	for _, at := range strays {
		if at.Node != nil {
			say(at, "a "+w.kind+" has no containers where Kubernetes looks for them, so that this hook is nobody's", "see the apiVersion and the kind, how far each line is indented, and kubectl explain "+strings.ToLower(w.kind)+".spec")
		}
	}
}

func hookAtStart(c *container, say report) {
	if c.Lifecycle == nil || c.Lifecycle.PostStart == nil || c.Lifecycle.PostStart.Exec == nil || c.at("lifecycle", "preStop").Node != nil {
		return
	}
	if words := c.Lifecycle.PostStart.Exec.Command; len(words) > 0 && c.runsPrestop(words[0]) && (len(words) == 1 || words[1] != clearCommand) {
		say(c.at("lifecycle", "postStart", "exec", "command", 0), "a postStart hook is run when the container begins, not when it stops", hookLines)
	}
}

func (w *workload) hasContainers() bool {
	return slices.ContainsFunc(w.pods, func(p *pod) bool { return len(p.all) > 0 })
}

// misspells tells of all fields that are almost others, and in a pod of all that Kubernetes does not know.
func (f flaw) misspells() bool {
	return f.kind == unknownField && !f.misplacesHook() && !f.misplacesGrace() && (f.near != "" || f.inPod && !f.loose)
}

func fieldMisspelt(f flaw, say report) {
	const fix = "see its spelling, and how far it is indented"
	switch name := f.at.Value; {
	case f.near != "":
		say(f.at, name+" is no field that Kubernetes knows here; expected "+f.near, f.near+": …")
	case len(f.fields) <= 5:
		say(f.at, name+" is no field of "+f.whose()+"; expected "+strings.Join(f.fields, ", "), fix)
	default:
		say(f.at, name+" is no field of "+f.whose()+" in Kubernetes "+newestKubernetes, fix).warn()
	}
}

// newestKubernetes is the version whose types are linked.
const newestKubernetes = "1.37"

func notOneHandler(h *preStop, say report) {
	all := h.handlers()
	switch {
	case len(all) == 0:
		say(h.place, "preStop has no handler, which Kubernetes refuses; expected exec, httpGet or sleep", "exec:\n  command: [/prestop]")
	case len(all) > 1:
		say(h.place, "preStop has the handlers "+strings.Join(all, " and ")+", and Kubernetes takes one",
			"keep one; prestop does several things in one hook, each argument is a step: [/prestop, post http://localhost:8080/shutdown, wait 20s]")
	case all[0] == "exec" && h.Exec != nil && len(h.Exec.Command) == 0 && h.place.at("exec", "command").kind() != "a string":
		say(h.place.at("exec"), "exec has no command", "command: [/prestop]")
	}
}

// quotes does not repeat the value, which may be a secret.
const quotes = "put all of it in quotes; without them a colon and a blank make a mapping, and # begins a comment"

func (f flaw) isMistyped() bool { return f.kind == mistyped }

func wrongType(f flaw, say report) {
	what, fix, name := "the object", "see how far it is indented, and kubectl explain", f.in.at("name").text()
	if len(f.path) > 0 {
		what = f.path[len(f.path)-1]
	}
	shown := what
	if what == "value" && name != "" {
		shown = "the value of " + name
	}
	switch isSetting := func(s setting.Setting) bool { return s.Env == name }; {
	case what == "value" && slices.ContainsFunc(config.Table(), isSetting) && f.at.text() != "":
		fix = "value: " + strconv.Quote(f.at.text())
	case f.expected == "a string" && what == "command" && f.at.kind() == "a number":
		fix = strconv.Quote(f.at.text())
	case f.expected == "a string":
		fix = quotes
	case what == "env":
		fix = "env:\n- name: " + graceVariable + "\n  value: \"60\""
	case what == "command":
		fix = "command:\n- /prestop\n- wait 20s"
	case what == "exec":
		fix = "exec:\n  command:\n  - /prestop\n  - wait 20s"
	case what == "sleep":
		fix = "sleep:\n  seconds: 20"
	case what == "seconds" && stopDuration(f.at.text()) > 0:
		fix = what + ": " + number(int32(stopDuration(f.at.text())/time.Second))
	case what == "preStop":
		fix = "preStop:\n  exec:\n    command: [/prestop]"
	case what == graceKey:
		fix = what + ": 60"
	case f.expected == "a whole number":
		fix = "a number, without quotes"
	}
	say(f.at, shown+": expected "+f.expected+", got "+f.at.kind()+", which Kubernetes refuses", fix)
}

func graceOutOfRange(p *pod, say report) {
	if p.graceWrong && p.Spec.TerminationGracePeriodSeconds != nil {
		say(p.graceNode, graceKey+": expected a number of seconds, got "+p.graceNode.text(), graceKey+": 60")
	}
}

func (f flaw) isTwice() bool { return f.kind == writtenTwice }

func duplicateKey(f flaw, say report) {
	say(f.at, f.at.Value+" stands there twice: kubectl refuses it, and Helm takes the last", "remove one of the two")
}

func duplicateVariable(c *container, say report) {
	values := map[string]string{}
	for i, v := range c.Env {
		before, twice := values[v.Name]
		if twice && strings.HasPrefix(v.Name, variablePrefix) && before != v.Value {
			say(c.at("env", i), v.Name+" is set twice, and the last counts", "remove one of the two")
		}
		values[v.Name] = v.Value
	}
}

func settingsWithoutHook(c *container, say report) {
	lacks := "has no preStop hook that it could be for"
	switch h := c.hook; {
	case h != nil && (h.reading != nil || h.mentions(program) || len(h.handlers()) != 1 || !h.asWritten() || c.init):
		return
	case h != nil:
		lacks = "has a preStop hook that does not run prestop"
	case c.at("lifecycle", "preStop").Node != nil:
		return
	}
	ofECK := []string{waitVariable, "PRE_STOP_SHUTDOWN_TYPE", "PRE_STOP_MAX_DNS_ERRORS"} // names of its own hook
	for i, v := range c.Env {
		if strings.HasPrefix(v.Name, variablePrefix) && !ofService(v.Name) && !(c.pod.cluster != "" && slices.Contains(ofECK, v.Name)) {
			say(c.at("env", i), v.Name+" is set, and container "+c.Name+" "+lacks, hookLines)
			return
		}
	}
}
