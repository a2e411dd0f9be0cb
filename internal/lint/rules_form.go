package lint

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"regexp"
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
var formRules = []Rule{
	{"kind-unknown", Error, "a kind or an apiVersion of Kubernetes' own is misspelt", kindUnknown},
	{"hook-misplaced", Error, "a hook, or a part of it, stands where Kubernetes does not look for it", all(
		flaws("hook-misplaced", hookMisplaced), hookOfNobody, containers(hookAtStart), containers(hookOfKnative), pods(hookOfEphemeral), hooks(methodOfGet))},
	{"grace-misplaced", Error, "terminationGracePeriodSeconds stands where Kubernetes does not look for it", flaws("grace-misplaced", graceMisplaced)},
	{"not-one-handler", Error, "a hook has no handler, or more than one", hooks(notOneHandler)},
	{"field-misspelt", Error, "a field's name is one that Kubernetes does not know there", flaws("field-misspelt", fieldMisspelt)},
	{"wrong-type", Error, "a value is not of the type that Kubernetes accepts, such as a number without quotes", all(
		flaws("wrong-type", wrongType), pods(graceOutOfRange), containers(configMistyped))},
	{"duplicate-key", Warning, "a key stands there twice, and only one of them counts", all(flaws("duplicate-key", duplicateKey), containers(duplicateVariable))},
	{"init-container-hook", Error, "an init container has a hook, which Kubernetes refuses", containers(initContainerHook)},
	{"tcp-socket-hook", Error, "a tcpSocket hook, which always fails", hooks(tcpSocketHook)},
	{"patch-not-seen", Warning, "a hook in a patch of a kustomization, which is looked at only where it is applied", patchNotSeen},
	{"settings-without-hook", Warning, "prestop's variables are set, and the container has no hook of prestop's", containers(settingsWithoutHook)},
}

// flaws makes a check that calls do for what strict decoding refuses and a rule is about.
func flaws(rule string, do func(flaw, report)) check {
	return func(w *workload, say report) {
		windows := slices.ContainsFunc(w.pods, func(p *pod) bool { return OnWindows(p.Spec) })
		for _, f := range w.flaws {
			if f.rule() == rule {
				f.windows = windows
				do(f, say.of(f.container))
			}
		}
	}
}

// in tells whether the struct that a flaw is in is of a type.
func in[T any](f flaw) bool { return f.of == reflect.TypeFor[T]() }

// key is the key at which the struct stands, or the mistyped value.
func (f flaw) key() string {
	if len(f.path) == 0 {
		return "the object"
	}
	return f.path[len(f.path)-1]
}

// structNames are what messages call some structs. Others are called by their keys.
var structNames = map[reflect.Type]string{
	reflect.TypeFor[corev1.Container](): "a container", reflect.TypeFor[corev1.PodSpec](): "a pod",
	reflect.TypeFor[corev1.EnvVar](): "a variable", reflect.TypeFor[metav1.ObjectMeta](): "metadata",
}

// whose names the struct that a flaw is in.
func (f flaw) whose() string { return cmp.Or(structNames[f.of], f.key()) }

// partOfHook tells whether the struct that a flaw is in belongs to a hook.
func (f flaw) partOfHook() bool { return slices.Contains(f.path, "lifecycle") }

// ofContainers are fields of containers that people write into the pod's spec.
var ofContainers = []string{"lifecycle", "env", "envFrom", "volumeMounts"}

// rule is the rule that a flaw breaks; empty: none, or one that looks at more than the flaw.
func (f flaw) rule() string {
	switch {
	case f.kind == mistyped:
		return "wrong-type"
	case f.kind == writtenTwice:
		return "duplicate-key"
	case f.at.Value == graceKey && f.value.there(): // only a probe and a pod have such a field
		return "grace-misplaced"
	case in[corev1.HTTPGetAction](f) && f.partOfHook() && strings.EqualFold(f.at.Value, "method"): // see methodOfGet
		return ""
	case f.partOfHook() || f.hookOutside():
		return "hook-misplaced"
	case f.misspelt():
		return "field-misspelt"
	}
	return ""
}

// hookOutside tells whether an unknown field would be a hook, or a part of one, in another place.
func (f flaw) hookOutside() bool {
	name := strings.ToLower(f.at.Value)
	switch {
	case name == "prestop" || name == "poststart":
		return !in[corev1.Volume](f)
	case in[corev1.PodSpec](f):
		return slices.Contains(ofContainers, f.at.Value)
	}
	return in[corev1.Container](f) && f.near == "lifecycle"
}

// misspelt tells whether an unknown field is a misspelt one. A field that is almost another one always is. In a template, which has two
// fields, and in a pod, a field is misspelt if Kubernetes does not know it.
func (f flaw) misspelt() bool {
	return f.near != "" || (f.inPod || len(f.fields) == 2) && !f.loose
}

func hookMisplaced(f flaw, say report) {
	name := f.at.Value
	keys := []string{"lifecycle"} // where it belongs, below a container
	switch {
	case strings.EqualFold(name, "preStop"):
		keys = append(keys, "preStop")
	case strings.EqualFold(name, "postStart"):
		keys = append(keys, "postStart")
	case f.near != "lifecycle":
		keys = []string{name}
	}
	switch _, first := handlerWith(f.in); {
	case in[corev1.LifecycleHandler](f) && handlerOf[name] != "" && first != name: // all fields of a handler that is left out are one finding
	case f.partOfHook():
		text := name + " is no field of " + f.whose() + "; expected " + strings.Join(f.fields, ", ")
		say(f.at, text, cmp.Or(f.home(), "remove it, or see how far it is indented"))
	case in[corev1.PodSpec](f):
		fix := "move it to the container that it is for"
		moved := own(f.value, keys...)
		if all := f.in.at("containers").items(); len(all) == 1 && moved != "" {
			fix = "containers:\n- name: " + all[0].at("name").text() + "\n  " + strings.ReplaceAll(moved, "\n", "\n  ")
		}
		say(f.at, name+" is no field of a pod; it is of a container", fix)
	default:
		text := name + " is no field of " + f.whose() + "; a hook stands below lifecycle of a container"
		say(f.at, text, cmp.Or(own(f.value, keys...), "put what stands here below "+strings.Join(keys, " and ")))
	}
}

// home is what is misplaced in a hook, written where it belongs; empty: its place is not known.
func (f flaw) home() string {
	lacks := func(field string) bool { return !f.in.at(field).there() }
	switch {
	case f.near != "" && lacks(f.near):
		return own(f.value, f.near)
	case in[corev1.Lifecycle](f) && lacks("preStop"):
		if slices.Contains(handlerFields, f.at.Value) {
			return own(f.value, "preStop", f.at.Value)
		}
		return own(f.value, "preStop")
	case in[corev1.LifecycleHandler](f):
		return f.homeOfHandler()
	case in[corev1.ExecAction](f):
		return f.homeInExec()
	case in[corev1.SleepAction](f) && lacks("seconds"):
		return secondsFix(f.value, "seconds")
	}
	return ""
}

// homeOfHandler is what stands in a hook without a handler, written below its handler; empty: it is of none.
func (f flaw) homeOfHandler() string {
	has := func(field string) bool { return f.in.at(field).there() }
	handler, _ := handlerWith(f.in)
	switch of, _ := handlerWith(f.value); {
	case slices.ContainsFunc(handlerFields, has):
	case handler != "": // its fields stand one level too high
		return own(f.in, f.key(), handler)
	case of != "":
		return own(f.value, of)
	}
	return ""
}

// homeInExec is what stands in exec, written as its command; empty: exec has a command, and it is not known what else is meant.
func (f flaw) homeInExec() string {
	switch command := f.in.at("command"); {
	case !command.there():
		return own(f.value, "command")
	case f.at.Value == "args":
		return commandFix(slices.Concat(command.words(), f.value.words()), "")
	}
	return ""
}

// handlerOf are the handlers of their fields. A tcpSocket has some of them too.
var handlerOf = map[string]string{
	"command": "exec", "path": "httpGet", "port": "httpGet", "scheme": "httpGet", "host": "httpGet", "httpHeaders": "httpGet", "seconds": "sleep",
}

// handlerWith is the handler whose fields a mapping has, and the first of them; empty: none.
func handlerWith(n node) (handler, first string) {
	for key := range n.pairs() {
		if of := handlerOf[key.Value]; of != "" {
			return of, key.Value
		}
	}
	return "", ""
}

// secondsFix is a field with the number, such as of seconds, that somebody wrote in another form; else a sentence.
func secondsFix(n node, keys ...string) string {
	if d := stopDuration(n.text()).Abs(); d >= time.Second {
		return below(int(min(d/time.Second, 1<<30)), keys...)
	}
	return "a whole number, not below 0, without quotes and unit"
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

func graceMisplaced(f flaw, say report) {
	text := graceKey + " of " + f.whose() + " is not the pod's; expected it in the pod's spec, beside containers"
	say(f.at, text, secondsFix(f.value, graceKey)+" # beside containers")
}

func initContainerHook(c *container, say report) {
	if c.hook != nil && c.init {
		say(c.hook.place, "an init container has a preStop hook, which Kubernetes refuses: it has ended before the pod stops",
			"move the hook to the container that it is for; or make this one a sidecar, by restartPolicy Always")
	}
}

func tcpSocketHook(h *preStop, say report) {
	if all := h.handlers(); len(all) != 1 || all[0] != "tcpSocket" {
		return
	}
	step := "until quiet"
	if port := h.portNumber(h.place.at("tcpSocket", "port").text()); !nameOfPort(port) {
		step += " " + port
	}
	text := "a tcpSocket hook is accepted and always fails: the kubelet has nothing to do for it"
	say(h.place.at("tcpSocket"), text, h.newHook(step))
}

func patchNotSeen(w *workload, say report) {
	if w.kind != kustomization {
		return
	}
	for _, patch := range w.patches() {
		words := []string{"preStop", graceKey, variablePrefix}
		if i := slices.IndexFunc(words, func(word string) bool { return strings.Contains(patch.text(), word) }); i >= 0 {
			text := "this patch has " + words[i] + ", and a patch alone is not looked at: what it comes to depends on what it is applied to"
			say(patch, text, "kubectl kustomize DIR | kubectl prestop lint -f -")
		}
	}
}

// hookOfNobody finds hooks in an object that has no containers.
func hookOfNobody(w *workload, say report) {
	var strays []node
	if w.meantKind() == "" {
		strays = append(strays, w.stray)
	}
	contains := slices.ContainsFunc(w.pods, func(p *pod) bool { return len(p.all) > 0 })
	for _, f := range w.flaws {
		if f.rule() == "" && !contains {
			strays = append(strays, firstHook(f.value))
		}
	}
	for _, at := range strays {
		if at.Node != nil {
			say(at, "the kind "+w.kind+" has no containers where Kubernetes looks for them, so that this hook is nobody's",
				"see the apiVersion and the kind, how far each line is indented, and kubectl explain "+strings.ToLower(w.kind)+".spec")
		}
	}
}

// knative is the API group of Knative Serving. It refuses hooks, and sets the grace period itself (pkg/apis/serving/fieldmask.go).
const knative = "serving.knative.dev"

func hookOfKnative(c *container, say report) {
	if at, _ := c.place.pair("lifecycle"); at.Node != nil && c.pod.of.group == knative {
		say(at, "Knative refuses lifecycle: the hook of its own queue-proxy waits for the requests that have begun, for timeoutSeconds at most",
			"remove it")
	}
}

func hookOfEphemeral(p *pod, say report) {
	for i, c := range p.Spec.EphemeralContainers {
		if c.Lifecycle != nil {
			say.of(c.Name)(p.place.at("spec", "ephemeralContainers", i, "lifecycle"), "Kubernetes refuses lifecycle in an ephemeral container", "remove it")
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

// misnamed is where a kind or an apiVersion is misspelt, so that Kubernetes refuses the object; text is empty if neither is. It does not
// judge the apiVersion where the group has a dot in its name. Such groups may have kinds of any name.
func (w *workload) misnamed() (at node, text, fix string) {
	version, right := w.at("apiVersion"), versions[w.kind]
	if meant := w.meantKind(); meant != "" {
		return w.at("kind"), "Kubernetes has no kind " + w.kind + "; expected " + meant, "kind: " + meant
	} else if right != nil && version.text() != "" && !strings.Contains(w.group, ".") && !slices.Contains(right, version.text()) {
		return version, "Kubernetes has no kind " + w.kind + " in apiVersion " + version.text() + "; expected " + right[0], "apiVersion: " + right[0]
	}
	return node{}, "", ""
}

func kindUnknown(w *workload, say report) {
	if at, text, fix := w.misnamed(); text != "" {
		say(at, text, fix)
	}
}

// startsPrestop tells whether a hook of prestop's is a postStart hook.
func (c *container) startsPrestop() bool {
	return c.at("lifecycle", "preStop").Node == nil && slices.ContainsFunc(c.executed(), func(e executed) bool {
		return e.by == "postStart" && c.runsPrestop(e.words[0]) && (len(e.words) == 1 || e.words[1] != clearCommand)
	})
}

func hookAtStart(c *container, say report) {
	if c.startsPrestop() {
		at, _ := c.at("lifecycle").pair("postStart")
		say(at, "a postStart hook is run when the container begins, not when it stops",
			cmp.Or(own(c.at("lifecycle", "postStart"), "preStop"), "preStop instead of postStart"))
	}
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
	all := h.handlers()
	isNull := func(field string) bool { return h.place.at(field).Node != nil }
	switch {
	case len(all) == 0 && (len(h.place.Content) == 0 || slices.ContainsFunc(handlerFields, isNull)):
		fix := h.newHook(h.pod.someWait())
		if len(h.place.Content) > 0 && !isNull("exec") {
			fix = "say below the handler what it is to do; or remove preStop"
		}
		say(h.place, "preStop has no handler, which Kubernetes refuses; expected exec, httpGet or sleep", fix)
	case len(all) > 1:
		say(h.place, "preStop has the handlers "+strings.Join(all, " and ")+", and Kubernetes takes one",
			"keep one; a hook of prestop's does several things, each argument is a step")
	case len(all) == 1 && h.Exec != nil && h.lacksCommand():
		say(h.place.at("exec"), "exec has no command", h.newCommand([]string{h.pod.someWait()}, "command"))
	}
}

// lacksCommand tells whether exec has no command. A text for a command, or another field instead, is a finding of its own.
func (h *preStop) lacksCommand() bool {
	exec := h.place.at("exec")
	command := exec.at("command")
	return len(h.Exec.Command) == 0 && command.kind() != "a string" && (len(exec.Content) == 0 || command.Node != nil)
}

// quotes does not repeat the value, which may be a secret.
const quotes = "put all of it in quotes; without them a colon and a blank make a mapping, and # begins a comment"

func wrongType(f flaw, say report) {
	shown, name := f.key(), f.in.at("name").text()
	if shown == "value" && name != "" {
		shown = "the value of " + name
	}
	if value := f.at.text(); filledIn.MatchString(value) {
		say(f.at, shown+": expected "+f.expected+", got "+value+": another program is to fill it in, and it is not looked at",
			"fill it in first, as envsubst, flux and oc process do, and lint what comes out").warn()
		return
	}
	say(f.at, shown+": expected "+f.expected+", got "+f.at.kind()+", which Kubernetes refuses", f.retyped())
}

// filledIn matches what envsubst, Flux or OpenShift replaces before Kubernetes sees it.
var filledIn = regexp.MustCompile(`^\$\{.+\}$`)

// commandBelow are the keys from a field of a hook down to its command.
var commandBelow = map[string][]string{"preStop": {"preStop", "exec", "command"}, "exec": {"exec", "command"}, "command": {"command"}}

// retyped is what somebody wrote, in the type that Kubernetes takes.
func (f flaw) retyped() string {
	const indented = "see how far it is indented, and kubectl explain"
	key, items := f.key(), f.at.items()
	switch {
	case f.expected == "a string":
		return f.quoted()
	case f.expected == "a mapping" && len(items) == 1 && handlerKey(items[0]):
		return cmp.Or(own(items[0], key), indented)
	case key == "image": // of a volume
		return below(f.at.text(), key, "reference")
	case key == "env":
		return envFix(f.at)
	case commandBelow[key] != nil && f.at.Kind == yaml.SequenceNode:
		return retypedWords(items, commandBelow[key]...)
	case commandBelow[key] != nil:
		return wordsFix(f.windows, f.at.text(), indented, commandBelow[key]...)
	case key == "sleep":
		return secondsFix(f.at, key, "seconds")
	case f.expected == "a whole number":
		return secondsFix(f.at, key)
	case f.expected == "a truth value":
		if value, err := strconv.ParseBool(strings.ToLower(f.at.text())); err == nil {
			return below(value, key)
		}
	}
	return indented
}

// quoted is what somebody wrote where a string must be. Only the values of settings, and words of commands, are repeated.
func (f flaw) quoted() string {
	isSetting := func(s setting.Setting) bool { return s.Env == f.in.at("name").text() }
	switch command := f.in.at("command"); {
	case f.key() == "value" && f.at.text() != "" && slices.ContainsFunc(config.Table(), isSetting):
		return "value: " + strconv.Quote(f.at.text())
	case f.key() == "command" && command.Kind == yaml.SequenceNode:
		return retypedWords(command.items(), "command")
	}
	return quotes
}

// handlerKey tells whether a mapping has a handler, or a handler's fields, as a hook has.
func handlerKey(n node) bool {
	of, _ := handlerWith(n)
	return of != "" || slices.ContainsFunc(handlerFields, func(field string) bool { return n.at(field).Node != nil })
}

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
		o := c.pod.of.configMap(from.ConfigMapRef.Name)
		if o == nil {
			continue
		}
		for key, value := range o.at("data").pairs() {
			if value.there() && value.kind() != "a string" {
				message := key.Value + " of ConfigMap " + o.name + ": expected a string, got " + value.kind() + ", which Kubernetes refuses"
				say(value, message, cmp.Or(own(node{text(value.text()), value.file}, key.Value), quotes))
			}
		}
	}
}

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

// hookIsFlawed tells whether what may be a hook of prestop's is misplaced or cannot be read, which are findings of their own.
func (c *container) hookIsFlawed() bool {
	return c.startsPrestop() || slices.ContainsFunc(c.pod.of.flaws, func(f flaw) bool {
		flawed := f.rule() == "hook-misplaced" || f.kind == mistyped && f.partOfHook()
		return flawed && (f.container == c.Name || f.container == "")
	})
}

// withoutPrestop says why settings of prestop's have no effect in a container; empty: they have, or that is not plain.
func (c *container) withoutPrestop() string {
	h := c.hook
	switch {
	case c.hookIsFlawed():
		return ""
	case h == nil && c.at("lifecycle", "preStop").Node == nil:
		return "has no preStop hook that it could be for"
	case h == nil || c.init || h.reading != nil || h.mentions(program) || len(h.handlers()) != 1 || !h.asWritten():
		return ""
	}
	return "has a preStop hook that does not run prestop"
}

// ofECK are variables that ECK's own hook has, too.
var ofECK = []string{waitVariable, "PRE_STOP_SHUTDOWN_TYPE", "PRE_STOP_MAX_DNS_ERRORS"}

func settingsWithoutHook(c *container, say report) {
	lacks := c.withoutPrestop()
	i := slices.IndexFunc(c.Env, func(v corev1.EnvVar) bool {
		return strings.HasPrefix(v.Name, variablePrefix) && !ofService(v.Name) && (c.pod.cluster == "" || !slices.Contains(ofECK, v.Name))
	})
	if lacks == "" || i < 0 || c.pod.of.group == knative {
		return
	}
	fix := "remove it; or let prestop be the hook, whose steps do what yours does"
	if c.hook == nil {
		fix = c.newHook(c.pod.someWait())
	}
	say(c.at("env", i), c.Env[i].Name+" is set, and container "+c.Name+" "+lacks, fix)
}
