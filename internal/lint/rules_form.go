package lint

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/setting"
)

// formRules are about what Kubernetes does not accept or does not see.
func formRules() []Rule {
	return []Rule{
		{"kind-unknown", Error, "a kind or an apiVersion of Kubernetes' own is misspelt", kindUnknown},
		{"hook-misplaced", Error, "a hook, or a part of it, stands where Kubernetes does not look for it", all(flaws(flaw.misplacesHook, hookMisplaced), hookOfNobody, containers(hookAtStart), hooks(methodOfGet))},
		{"grace-misplaced", Error, "terminationGracePeriodSeconds stands where Kubernetes does not look for it", flaws(flaw.misplacesGrace, func(f flaw, say report) {
			say(f.at, graceKey+" of "+f.whose()+" is not the pod's; expected it in the pod's spec, beside containers", secondsFix(f.value, graceKey)+" # beside containers")
		})},
		{"not-one-handler", Error, "a hook has no handler, or more than one", hooks(notOneHandler)},
		{"field-misspelt", Error, "a field's name is one that Kubernetes does not know there", flaws(flaw.misspells, fieldMisspelt)},
		{"wrong-type", Error, "a value is not of the type that Kubernetes accepts, such as a number without quotes", all(flaws(flaw.isMistyped, wrongType), pods(graceOutOfRange), containers(configMistyped))},
		{"duplicate-key", Warning, "a key stands there twice, and only one of them counts", all(flaws(flaw.isTwice, duplicateKey), containers(duplicateVariable))},
		{"init-container-hook", Error, "an init container has a hook, which Kubernetes refuses", containers(func(c *container, say report) {
			if c.hook != nil && c.init {
				say(c.hook.place, "an init container has a preStop hook, which Kubernetes refuses: it has ended before the pod stops",
					"move the hook to the container that it is for; or make this one a sidecar, by restartPolicy Always")
			}
		})},
		{"tcp-socket-hook", Error, "a tcpSocket hook, which always fails", hooks(func(h *preStop, say report) {
			if all := h.handlers(); len(all) == 1 && all[0] == "tcpSocket" {
				step := "until quiet"
				if port := h.portNumber(h.place.at("tcpSocket", "port").text()); !nameOfPort(port) {
					step += " " + port
				}
				say(h.place.at("tcpSocket"), "a tcpSocket hook is accepted and always fails: the kubelet has nothing to do for it", h.newHook(step))
			}
		})},
		{"patch-not-seen", Warning, "a hook in a patch of a kustomization, which is looked at only where it is applied", patchNotSeen},
		{"settings-without-hook", Warning, "prestop's variables are set, and the container has no hook of prestop's", containers(settingsWithoutHook)},
	}
}

// flaws makes a check that calls do for some of what strict decoding refuses.
func flaws(some func(flaw) bool, do func(flaw, report)) check {
	return func(w *workload, say report) {
		for _, f := range w.flaws {
			if some(f) {
				do(f, say.of(f.container))
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

// misplacesGrace tells whether a grace period is where Kubernetes does not look. Only a probe and a pod have such a field.
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
	case name == "method" && f.of == reflect.TypeFor[corev1.HTTPGetAction]():
		return false // see methodOfGet
	case (name == "prestop" || name == "poststart") && f.of != reflect.TypeFor[corev1.Volume]() || f.partOfHook():
		return true
	case f.of == reflect.TypeFor[corev1.Container]() && f.near == "lifecycle":
		return true
	case f.of == reflect.TypeFor[corev1.PodSpec]() && slices.Contains([]string{"lifecycle", "env", "envFrom", "volumeMounts"}, f.at.Value):
		return true
	}
	return false
}

func hookMisplaced(f flaw, say report) {
	keys := []string{"lifecycle"} // where it belongs, below a container
	switch name := f.at.Value; {
	case strings.EqualFold(name, "preStop"):
		keys = append(keys, "preStop")
	case strings.EqualFold(name, "postStart"):
		keys = append(keys, "postStart")
	case f.near != "lifecycle":
		keys = []string{name}
	}
	switch {
	case f.of == reflect.TypeFor[corev1.LifecycleHandler]() && handlerWith(f.in) != "" && f.in.firstOf(handlerKeys) != f.at.Value && slices.Contains(handlerKeys, f.at.Value):
		// if a handler's name is left out, all its fields are one finding
	case f.partOfHook():
		say(f.at, f.at.Value+" is no field of "+f.whose()+"; expected "+strings.Join(f.fields, ", "), cmp.Or(f.home(), "remove it, or see how far it is indented"))
	case f.of == reflect.TypeFor[corev1.PodSpec]():
		fix := "move it to the container that it is for"
		if all := f.in.at("containers").items(); len(all) == 1 && f.value.there() && harmless(f.value.words()) {
			fix = "containers:\n- name: " + all[0].at("name").text() + "\n  " + strings.ReplaceAll(own(f.value, keys...), "\n", "\n  ")
		}
		say(f.at, f.at.Value+" is no field of a pod; it is of a container", fix)
	default:
		say(f.at, f.at.Value+" is no field of "+f.whose()+"; a hook stands below lifecycle of a container", cmp.Or(own(f.value, keys...), "put what stands here below "+strings.Join(keys, " and ")))
	}
}

// home is what is misplaced in a hook, written where it belongs; empty: its place is not known.
func (f flaw) home() string {
	key, lacks := f.at.Value, func(field string) bool { return !f.in.at(field).there() }
	switch of := f.of; {
	case f.near != "" && lacks(f.near):
		return own(f.value, f.near)
	case of == reflect.TypeFor[corev1.Lifecycle]() && lacks("preStop"):
		if slices.Contains(handlerFields, key) {
			return own(f.value, "preStop", key)
		}
		return own(f.value, "preStop")
	case of == reflect.TypeFor[corev1.LifecycleHandler]() && !slices.ContainsFunc(handlerFields, func(field string) bool { return !lacks(field) }):
		if handler := handlerWith(f.in); handler != "" { // its fields stand one level too high
			return own(f.in, f.path[len(f.path)-1], handler)
		}
		if handler := handlerWith(f.value); handler != "" {
			return own(f.value, handler)
		}
	case of == reflect.TypeFor[corev1.ExecAction]() && lacks("command"):
		return own(f.value, "command")
	case of == reflect.TypeFor[corev1.ExecAction]() && key == "args":
		return commandFix(slices.Concat(f.in.at("command").words(), f.value.words()), "")
	case of == reflect.TypeFor[corev1.SleepAction]() && lacks("seconds"):
		return secondsFix(f.value, "seconds")
	}
	return ""
}

// handlerKeys are fields of handlers, which stand one level too high where a handler is left out.
var handlerKeys = []string{"command", "path", "port", "scheme", "host", "httpHeaders", "seconds"}

// firstOf is the first key of a mapping that is among some; empty: none is.
func (n node) firstOf(some []string) string {
	for key := range n.pairs() {
		if slices.Contains(some, key.Value) {
			return key.Value
		}
	}
	return ""
}

// handlerWith is the handler whose fields a mapping has; empty: none.
func handlerWith(n node) string {
	for key := range n.pairs() {
		switch key.Value {
		case "command":
			return "exec"
		case "path", "port":
			return "httpGet"
		case "seconds":
			return "sleep"
		}
	}
	return ""
}

// secondsFix is a field with the number, such as of seconds, that somebody wrote in another form; else a sentence.
func secondsFix(n node, keys ...string) string {
	if d := stopDuration(n.text()).Abs(); d >= time.Second {
		return below(int(min(d/time.Second, 1<<30)), keys...)
	}
	return "a number, without quotes and unit"
}

// methodOfGet finds an httpGet hook with a method, which is no field of httpGet.
func methodOfGet(h *preStop, say report) {
	at, method := h.place.at("httpGet").pair("method")
	if h.HTTPGet == nil || at.Node == nil {
		return
	}
	fix := h.getWithout("method")
	if !strings.EqualFold(method.text(), "GET") {
		fix = h.byPrestop(method.text())
	}
	say(at, "method is no field of httpGet, whose calls are GET", fix)
}

func patchNotSeen(w *workload, say report) {
	if w.kind != kustomization {
		return
	}
	for _, patch := range w.patches() {
		for _, word := range []string{"preStop", graceKey, variablePrefix} {
			if strings.Contains(patch.text(), word) {
				say(patch, "this patch has "+word+", and a patch alone is not looked at: what it comes to depends on what it is applied to", "kubectl kustomize DIR | kubectl prestop lint -f -")
				break
			}
		}
	}
}

// hookOfNobody finds hooks in an object that has no containers.
func hookOfNobody(w *workload, say report) {
	var strays []node
	if w.meantKind() == "" {
		strays = append(strays, w.stray)
	}
	for _, f := range w.flaws {
		if f.kind == unknownField && !f.misplacesHook() && !f.misspells() && !w.hasContainers() {
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

// versions are the apiVersions in which kinds of Kubernetes' own are, or were.
var versions = map[string][]string{
	"Pod": {"v1"}, "PodTemplate": {"v1"}, "ReplicationController": {"v1"},
	"Deployment": {"apps/v1", "apps/v1beta1", "apps/v1beta2", "extensions/v1beta1"}, "StatefulSet": {"apps/v1", "apps/v1beta1", "apps/v1beta2"},
	"DaemonSet": {"apps/v1", "apps/v1beta2", "extensions/v1beta1"}, "ReplicaSet": {"apps/v1", "apps/v1beta2", "extensions/v1beta1"},
	"Job": {"batch/v1"}, "CronJob": {"batch/v1", "batch/v1beta1", "batch/v2alpha1"},
}

// meantKind is the kind that is probably meant, if Kubernetes has none that is written like this; empty: it may have one. The groups apps
// and batch have few kinds, so that a similar name is enough. In other groups only the case may differ.
func (w *workload) meantKind() string {
	if _, ok := kinds[w.kind]; ok || !slices.Contains(groups, w.group) {
		return ""
	}
	among := slices.Sorted(maps.Keys(kinds))
	if i := slices.IndexFunc(among, func(kind string) bool { return strings.EqualFold(kind, w.kind) }); i >= 0 {
		return among[i]
	}
	if w.group == "apps" || w.group == "batch" {
		return phrase.Nearest(w.kind, among)
	}
	return ""
}

// kindUnknown does not judge the apiVersion where the group has a dot in its name. Such groups may have kinds of any name.
func kindUnknown(w *workload, say report) {
	version, right := w.at("apiVersion"), versions[w.kind]
	if meant := w.meantKind(); meant != "" {
		say(w.at("kind"), "Kubernetes has no kind "+w.kind+"; expected "+meant, "kind: "+meant)
	} else if right != nil && version.text() != "" && !strings.Contains(w.group, ".") && !slices.Contains(right, version.text()) {
		say(version, "Kubernetes has no kind "+w.kind+" in apiVersion "+version.text()+"; expected "+right[0], "apiVersion: "+right[0])
	}
}

// startsPrestop tells whether a hook of prestop's is a postStart hook.
func (c *container) startsPrestop() bool {
	if c.Lifecycle == nil || c.Lifecycle.PostStart == nil || c.Lifecycle.PostStart.Exec == nil || c.at("lifecycle", "preStop").Node != nil {
		return false
	}
	words := c.Lifecycle.PostStart.Exec.Command
	return len(words) > 0 && c.runsPrestop(words[0]) && (len(words) == 1 || words[1] != clearCommand)
}

func hookAtStart(c *container, say report) {
	if c.startsPrestop() {
		at, _ := c.at("lifecycle").pair("postStart")
		say(at, "a postStart hook is run when the container begins, not when it stops", cmp.Or(own(c.at("lifecycle", "postStart"), "preStop"), "preStop instead of postStart"))
	}
}

func (w *workload) hasContainers() bool {
	return slices.ContainsFunc(w.pods, func(p *pod) bool { return len(p.all) > 0 })
}

// misspells tells whether a field is misspelt. A field that is almost another one always is. In a template, which has two fields, and in a
// pod, a field is misspelt if Kubernetes does not know it.
func (f flaw) misspells() bool {
	return f.kind == unknownField && !f.misplacesHook() && !f.misplacesGrace() && !f.partOfHook() && (f.near != "" || (f.inPod || len(f.fields) == 2) && !f.loose)
}

func fieldMisspelt(f flaw, say report) {
	const fix = "see its spelling, and how far it is indented"
	switch name := f.at.Value; {
	case f.near != "":
		say(f.at, name+" is no field that Kubernetes knows here; expected "+f.near, cmp.Or(own(f.value, f.near), f.near+" instead of "+name))
	case len(f.fields) <= 5:
		say(f.at, name+" is no field of "+f.whose()+"; expected "+strings.Join(f.fields, ", "), fix)
	default:
		say(f.at, name+" is no field of "+f.whose()+" in Kubernetes "+newestKubernetes, fix).warn()
	}
}

// newestKubernetes is the version whose types are linked.
const newestKubernetes = "1.37"

// notOneHandler ignores a hook that has a field which is no handler. That field is a finding of its own.
func notOneHandler(h *preStop, say report) {
	all, fields := h.handlers(), 0
	for range h.place.pairs() {
		fields++
	}
	exec := h.place.at("exec")
	switch {
	case len(all) == 0 && (fields == 0 || h.place.at(handlerFields[0]).Node != nil):
		say(h.place, "preStop has no handler, which Kubernetes refuses; expected exec, httpGet or sleep", h.newHook(h.pod.someWait()))
	case len(all) > 1:
		say(h.place, "preStop has the handlers "+strings.Join(all, " and ")+", and Kubernetes takes one", "keep one; a hook of prestop's does several things, each argument is a step")
	case len(all) == 1 && all[0] == "exec" && h.Exec != nil && len(h.Exec.Command) == 0 && exec.at("command").kind() != "a string" && (len(exec.Content) == 0 || exec.at("command").Node != nil):
		file, needs := h.binary()
		say(exec, "exec has no command", below([]string{file, h.pod.someWait()}, "command")+needs+h.graceNeeded())
	}
}

// quotes does not repeat the value, which may be a secret.
const quotes = "put all of it in quotes; without them a colon and a blank make a mapping, and # begins a comment"

func (f flaw) isMistyped() bool { return f.kind == mistyped }

func wrongType(f flaw, say report) {
	what, name := "the object", f.in.at("name").text()
	if len(f.path) > 0 {
		what = f.path[len(f.path)-1]
	}
	shown := what
	if what == "value" && name != "" {
		shown = "the value of " + name
	}
	say(f.at, shown+": expected "+f.expected+", got "+f.at.kind()+", which Kubernetes refuses", f.retyped(what, name))
}

// retyped is what somebody wrote, in the type that Kubernetes takes.
func (f flaw) retyped(what, name string) string {
	const indented = "see how far it is indented, and kubectl explain"
	isSetting := func(s setting.Setting) bool { return s.Env == name }
	list := f.at.Kind == yaml.SequenceNode
	switch {
	case list && f.expected == "a mapping" && len(f.at.items()) == 1 && handlerKey(f.at.items()[0]):
		return cmp.Or(own(f.at.items()[0], what), indented)
	case what == "image" && f.expected == "a mapping": // of a volume
		return below(f.at.text(), what, "reference")
	case what == "value" && slices.ContainsFunc(config.Table(), isSetting) && f.at.text() != "":
		return "value: " + strconv.Quote(f.at.text())
	case f.expected == "a string" && what == "command" && f.in.at("command").Kind == yaml.SequenceNode:
		return retypedWords(f.in.at("command").items(), "command")
	case f.expected == "a string":
		return quotes
	case what == "env":
		return envFix(f.at)
	case what == "command":
		return wordsFix(f.at.text(), indented)
	case what == "exec" && list:
		return retypedWords(f.at.items(), what, "command")
	case what == "exec":
		return wordsFix(f.at.text(), indented, what)
	case what == "preStop" && list:
		return retypedWords(f.at.items(), what, "exec", "command")
	case what == "preStop":
		return wordsFix(f.at.text(), indented, what, "exec")
	case what == "sleep":
		return secondsFix(f.at, what, "seconds")
	case f.expected == "a whole number":
		return secondsFix(f.at, what)
	case f.expected == "a truth value":
		if value, err := strconv.ParseBool(strings.ToLower(f.at.text())); err == nil {
			return below(value, what)
		}
	}
	return indented
}

// handlerKey tells whether a mapping has a handler, or a handler's fields, as a hook has.
func handlerKey(n node) bool { return n.firstOf(handlerFields) != "" || handlerWith(n) != "" }

// retypedWords is a command of words that were no strings: some are numbers, and some became mappings by a colon.
func retypedWords(items []node, keys ...string) string {
	var words []string
	for _, item := range items {
		all := item.words()
		if item.Kind == yaml.MappingNode && len(item.Content) == 2 && len(all) == 1 {
			all = []string{item.Content[0].Value + ": " + all[0]}
		}
		if len(all) != 1 || !item.there() {
			return quotes
		}
		words = append(words, all...)
	}
	if !harmless(words) {
		return quotes
	}
	return below(words, keys...)
}

// envFix is a list of variables that somebody wrote as a mapping.
func envFix(n node) string {
	lines := []string{"env:"}
	safe := harmless(n.words())
	for key, value := range n.pairs() {
		lines = append(lines, fmt.Sprintf("- {name: %s, value: %q}", key.Value, value.text()))
		safe = safe && secretIn(key.Value+"="+value.text()) == ""
	}
	if len(lines) == 1 || !safe {
		return "a list, in which each variable has a name and a value"
	}
	return strings.Join(lines, "\n")
}

func graceOutOfRange(p *pod, say report) {
	if p.graceWrong && p.Spec.TerminationGracePeriodSeconds != nil {
		say(p.graceNode, graceKey+": expected a number of seconds, got "+p.graceNode.text(), secondsFix(p.graceNode, graceKey))
	}
}

// configMistyped finds values that are no strings in a ConfigMap from which a hook has its variables.
func configMistyped(c *container, say report) {
	for _, from := range c.EnvFrom {
		if c.hook == nil || from.ConfigMapRef == nil {
			continue
		}
		if o := c.pod.of.in.configs.named(from.ConfigMapRef.Name, c.pod.of.namespace); o != nil {
			for key, value := range o.at("data").pairs() {
				if value.there() && value.kind() != "a string" {
					say(value, key.Value+" of ConfigMap "+o.name+": expected a string, got "+value.kind()+", which Kubernetes refuses", cmp.Or(own(node{text(value.text()), value.file}, key.Value), quotes))
				}
			}
		}
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
	case slices.ContainsFunc(c.pod.of.flaws, func(f flaw) bool {
		return (f.misplacesHook() || f.kind == mistyped && f.partOfHook()) && (f.container == c.Name || f.container == "")
	}) || c.startsPrestop():
		return
	case h != nil && (h.reading != nil || h.mentions(program) || len(h.handlers()) != 1 || !h.asWritten() || c.init):
		return
	case h != nil:
		lacks = "has a preStop hook that does not run prestop"
	case c.at("lifecycle", "preStop").Node != nil:
		return
	}
	ofECK := []string{waitVariable, "PRE_STOP_SHUTDOWN_TYPE", "PRE_STOP_MAX_DNS_ERRORS"} // ECK's own hook has variables of these names
	for i, v := range c.Env {
		if strings.HasPrefix(v.Name, variablePrefix) && !ofService(v.Name) && !(c.pod.cluster != "" && slices.Contains(ofECK, v.Name)) {
			fix := "remove it; or let prestop be the hook, whose steps do what yours does"
			if c.hook == nil {
				fix = c.newHook(c.pod.someWait())
			}
			say(c.at("env", i), v.Name+" is set, and container "+c.Name+" "+lacks, fix)
			return
		}
	}
}
