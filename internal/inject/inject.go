// Package inject puts prestop's hook into a pod that knows nothing of it.
//
// [Inject] is all of it: a pod and parameters in, the pod's new spec out, and for each container what was done or why not. It is
// a pure function. It reads no file, asks no cluster and changes nothing of what it is given. Doing it twice changes nothing more.
//
// internal/policy writes the same rules as expressions for an API server, and internal/manifest applies them to texts. Tests
// compare the three.
package inject

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/internal/lint"
)

// Domain is what the names of labels and annotations begin with.
const Domain = "prestop.github.io/"

// Annotations of a pod.
const (
	InjectAnnotation = Domain + "inject"          // any value but "true" and "enabled": the pod is left alone
	StepsAnnotation  = Domain + "steps"           // the hook's steps, one a line, instead of the default
	MaxAnnotation    = Domain + "max"             // max= of the default step
	WaitAnnotation   = Domain + "additional-wait" // a floor: the hook lasts at least so long
)

// A namespace opts in to policies by this label. inject itself does not look at namespaces.
const (
	NamespaceLabel = Domain + "inject"
	Enabled        = "enabled"
)

// Names of what is put into a pod. The volume's name is a mark as well, since nobody but inject gives it. A hook is inject's own if it runs
// the program, without arguments, in a container that mounts this volume. Any other hook is one that somebody wrote.
const (
	Volume    = lint.InjectedVolume
	Installer = "prestop-install"
	MountPath = "/prestop-bin"
	Program   = MountPath + "/prestop"
)

// Variables that a container is given.
const (
	GraceVariable = "PRE_STOP_GRACE_PERIOD_SECONDS"
	StepsVariable = "PRE_STOP_STEPS"
	WaitVariable  = "PRE_STOP_ADDITIONAL_WAIT_SECONDS"
)

const (
	// DefaultGrace is Kubernetes' terminationGracePeriodSeconds.
	DefaultGrace = 30
	// LeastGrace is the shortest grace period in seconds that has room for a hook: with less than 2 s in all, prestop makes no
	// wait.
	LeastGrace = 4
	// MostGrace is the longest grace period in seconds that prestop takes: a year.
	MostGrace = 366 * 24 * 60 * 60
	// DefaultMax is how long the default step waits at most.
	DefaultMax = 60 * time.Second
	// DefaultMin is how long a step that replaces a sleep waits at least.
	DefaultMin = 30 * time.Second
)

// MeshProxies are names of containers that carry the connections of the others. Such a container needs the hook as well, since
// it would end before them, and it may declare no port.
var MeshProxies = []string{"consul-dataplane", "istio-proxy", "kuma-sidecar", "linkerd-proxy"}

// MirrorAnnotation marks a pod that stands for a static pod. The API server cannot change a static pod.
const MirrorAnnotation = "kubernetes.io/config.mirror"

// A Pod is what is known of a pod, or of a template of one.
type Pod struct {
	Annotations map[string]string
	Owners      []string // kinds of the objects that make it
	Spec        corev1.PodSpec
}

// Parameters say what to put into pods.
type Parameters struct {
	Image     string        // prestop's; never empty
	Installer bool          // an init container copies the binary; else the image itself is mounted, which needs Kubernetes 1.35
	Max       time.Duration // of the default step; 0: [DefaultMax]

	ReplaceSleep bool          // hooks that only sleep are replaced
	Min          time.Duration // of the steps that replace them; 0: [DefaultMin]
}

// A Result is what a pod comes to.
type Result struct {
	Spec       corev1.PodSpec // the same as the pod's where there are no Edits
	Edits      []Edit         // what leads from the old spec to the new one
	Left       string         // why the pod as a whole is left alone; empty: see Containers
	Containers []Outcome      // of each container, in order
	Sidecars   []Outcome      // of each native sidecar, in order; none has a hook
	Problems   []Problem      // annotations that do not say what they are meant to
	Warnings   []Problem      // annotations that say more than the grace period has room for
}

// An Outcome is what became of a container.
type Outcome struct {
	Container string
	Hooked    bool   // it has inject's hook now
	Text      string // what was done, or why not
}

// A Problem is an annotation with which something is wrong. If it cannot be read, the pod gets what it would get without the annotation.
// Steps that cannot be read are put into the pod all the same.
type Problem struct {
	Annotation string
	Text       string // what was expected, or what happens
}

// Inject puts the hook into a pod.
func Inject(p Pod, with Parameters) Result {
	with.Max = cmp.Or(with.Max, DefaultMax)
	with.Min = cmp.Or(with.Min, DefaultMin)
	e := &editor{Pod: p, with: with, spec: *p.Spec.DeepCopy()}
	e.result.Left = cmp.Or(e.excluded(), e.unfit(), e.nameTaken(), e.ambiguous())
	if e.result.Left == "" {
		e.readAnnotations()
		e.containers()
		e.sidecars()
	}
	e.result.Spec = e.spec
	return e.result
}

// excluded says why the pod is none for a hook, by who made it and what it is for; empty: it may be one.
func (e *editor) excluded() string {
	value, set := e.Annotations[InjectAnnotation]
	_, mirror := e.Annotations[MirrorAnnotation]
	switch policy := e.Spec.RestartPolicy; {
	case set && value != "true" && value != Enabled:
		return fmt.Sprintf("its annotation %s is %q", InjectAnnotation, value)
	case mirror:
		return "it stands for a static pod"
	case slices.Contains(e.Owners, "Job") || slices.Contains(e.Owners, "CronJob"):
		return "it is a Job's, which ends by itself"
	case policy != "" && policy != corev1.RestartPolicyAlways:
		return "its restartPolicy is " + string(policy) + ": it ends by itself"
	}
	return ""
}

// unfit says why the pod as it is cannot have a hook; empty: it can.
func (e *editor) unfit() string {
	switch {
	case e.Spec.HostNetwork:
		return "it uses the host's network, whose traffic is not the pod's alone"
	case lint.OnWindows(e.Spec):
		return "it runs on Windows"
	case e.grace() < LeastGrace:
		return fmt.Sprintf("its terminationGracePeriodSeconds is %d, and a hook needs %d at least", e.grace(), LeastGrace)
	case len(e.Spec.Containers) == 0:
		return "it has no containers"
	case e.grace() > MostGrace:
		return fmt.Sprintf("its terminationGracePeriodSeconds is %d, and prestop takes %d at most", e.grace(), MostGrace)
	}
	return ""
}

// nameTaken says which name of what is put into a pod means something else in this one; empty: none does.
func (e *editor) nameTaken() string {
	installed := false
	for _, c := range e.Spec.InitContainers {
		if c.Name == Installer {
			installed = slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == Volume })
			if !installed {
				return "its init container " + Installer + " is something else"
			}
		}
	}
	for _, v := range e.Spec.Volumes {
		if v.Name == Volume && v.Image == nil && (v.EmptyDir == nil || !e.with.Installer && !installed) {
			return "its volume " + Volume + " is something else"
		}
	}
	return ""
}

// ambiguous says why a change of one of the containers could hit something else; empty: none could.
func (e *editor) ambiguous() string {
	names := map[string]bool{}
	for _, c := range e.Spec.Containers {
		switch {
		case c.Name == Installer:
			return "its container " + Installer + " has the name of the init container"
		case c.Name == "":
			return "one of its containers has no name"
		case names[c.Name]:
			return "two of its containers are called " + c.Name
		case setTwice(c) != "":
			return "its container " + c.Name + " sets " + setTwice(c) + " twice"
		}
		names[c.Name] = true
	}
	return ""
}

// grace is the pod's grace period in seconds.
func (e *editor) grace() int64 {
	if s := e.Spec.TerminationGracePeriodSeconds; s != nil {
		return *s
	}
	return DefaultGrace
}

// budget is the time that a hook of the pod has, in whole seconds.
func (e *editor) budget() time.Duration {
	return hook.DefaultBudget(time.Duration(e.grace()) * time.Second).Truncate(time.Second)
}

// sidecars says what becomes of native sidecars.
func (e *editor) sidecars() {
	for _, c := range e.Spec.InitContainers {
		if sidecar(c) {
			text := "a native sidecar gets no hook, since the kubelet ends it after the containers"
			if hookOf(c) != nil {
				text = "the hook of a native sidecar is kept"
			}
			e.result.Sidecars = append(e.result.Sidecars, Outcome{Container: c.Name, Text: text})
		}
	}
}

// containers decides about each container, and brings the binary if any has a use for it.
func (e *editor) containers() {
	var hooked []int
	for i, c := range e.Spec.Containers {
		why, ok := e.serves(c)
		e.result.Containers = append(e.result.Containers, Outcome{Container: c.Name, Text: why})
		if ok {
			hooked = append(hooked, i)
		}
	}
	if len(hooked) == 0 {
		return
	}
	e.checkTimes()
	e.bringBinary(hooked[0])
	for _, i := range hooked {
		e.result.Containers[i] = e.hook(i)
	}
}

// serves tells whether a container is given the hook, and if not why.
func (e *editor) serves(c corev1.Container) (why string, ok bool) {
	declares := func(c corev1.Container) bool { return len(c.Ports) > 0 }
	slept, replaced := e.replaceable(c)
	switch has := hookOf(c) != nil; {
	case has && !ours(c) && !replaced:
		return keeps(c, slept), false
	case pathTaken(c):
		return "gets no hook: it mounts something else at " + MountPath, false
	case has || declares(c) || slices.Contains(MeshProxies, c.Name) && slices.ContainsFunc(e.Spec.Containers, declares):
		return "", true
	}
	return "gets no hook: it declares no ports", false
}

// keeps says why a container keeps its hook, which sleeps for so long, or does something else.
func keeps(c corev1.Container, slept time.Duration) string {
	switch {
	case slept > 0:
		return fmt.Sprintf("its hook that sleeps %s is kept; --replace-sleep would replace it", howLong(slept))
	case runs(c, Program):
		return "its hook runs " + Program + ", but not as inject writes it: somebody's own, which is kept"
	}
	return "it has a hook of its own, which is kept"
}

// hookOf is a container's hook; nil: it has none.
func hookOf(c corev1.Container) *corev1.LifecycleHandler {
	if c.Lifecycle == nil {
		return nil
	}
	return c.Lifecycle.PreStop
}

// ours tells whether a container has inject's hook, also one of an older version. See [Volume].
func ours(c corev1.Container) bool {
	return runs(c, Program) && len(hookOf(c).Exec.Command) == 1 &&
		slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == Volume && m.MountPath == MountPath })
}

// runs tells whether a container's hook runs a program.
func runs(c corev1.Container, program string) bool {
	h := hookOf(c)
	return h != nil && h.Exec != nil && len(h.Exec.Command) > 0 && h.Exec.Command[0] == program
}

// pathTaken tells whether something else is mounted at the binary's directory or below it. What is mounted below would need a
// directory in the volume with the binary, which is read-only.
func pathTaken(c corev1.Container) bool {
	return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool {
		return m.Name != Volume && (m.MountPath == MountPath || strings.HasPrefix(m.MountPath, MountPath+"/"))
	})
}

// setTwice is a variable of the hook that a container sets twice. To the kubelet, the last counts. The API server merges neither.
func setTwice(c corev1.Container) string {
	seen := map[string]bool{}
	for _, v := range c.Env {
		if seen[v.Name] && slices.Contains([]string{GraceVariable, StepsVariable, WaitVariable}, v.Name) {
			return v.Name
		}
		seen[v.Name] = true
	}
	return ""
}

// hook gives a container the hook and its variables.
func (e *editor) hook(i int) Outcome {
	c := &e.spec.Containers[i]
	o := Outcome{Container: c.Name, Hooked: true}
	was, before := ours(*c), len(e.result.Edits)
	slept, replaced := e.replaceable(*c)
	e.kept = nil
	e.mount(c)
	e.env(c, GraceVariable, strconv.FormatInt(e.grace(), 10), true)
	steps := e.steps
	if replaced {
		steps = e.insteadOf(slept)
	}
	e.env(c, StepsVariable, steps, slices.ContainsFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == StepsVariable && marked(v) }))
	if e.wait != "" {
		e.env(c, WaitVariable, e.wait, false)
	}
	e.preStop(c)
	switch changed := len(e.result.Edits) > before; {
	case replaced:
		o.Text = e.replacement(slept, steps)
	case !was:
		o.Text = "gets the hook"
	case changed:
		o.Text = "its hook is brought up to date"
	default:
		o.Text = "has the hook"
	}
	if e.brought != "" {
		o.Text += "; its binary is still brought by " + e.brought
	}
	if len(e.kept) > 0 {
		o.Text += "; it keeps its own " + strings.Join(e.kept, " and ")
	}
	return o
}
