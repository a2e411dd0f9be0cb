package inject

import (
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// An Edit sets one place of a pod's spec.
type Edit struct {
	// Path leads to the place. A step is a key, or an element of a list by the value of one of its fields, as in [name=web]. What
	// is not there is made.
	Path []string
	// Value is what the place holds from then on: a text, or one of Kubernetes' types, as JSON writes it.
	Value any
}

// An editor changes a pod, and notes how.
type editor struct {
	Pod
	with Parameters

	steps string        // what all containers are told to do, unless they know better
	given bool          // the annotation says so
	least time.Duration // the time that the annotation's steps take at least
	wait  string        // the additional wait; empty: none

	spec    corev1.PodSpec // as it is changed
	brought string         // what brings the binary, if it is another form than the one wanted
	kept    []string       // variables that the present container sets itself, to something else
	result  Result
}

func (e *editor) note(value any, path ...string) {
	e.result.Edits = append(e.result.Edits, Edit{path, value})
}

func named(name string) string { return "[name=" + name + "]" }

// bringBinary adds the volume with the binary, and what fills it. A volume that is there already keeps its form. like is the container from
// which the init container has its resources.
func (e *editor) bringBinary(like int) {
	installer := e.with.Installer
	at := slices.IndexFunc(e.spec.Volumes, func(v corev1.Volume) bool { return v.Name == Volume })
	if at >= 0 && installer != (e.spec.Volumes[at].Image == nil) { // it has another form: what brings the binary is not ours to say
		e.brought = "an init container"
		if installer {
			e.brought = "an image volume"
		}
		return
	}
	want := corev1.Volume{Name: Volume}
	if installer {
		want.EmptyDir = &corev1.EmptyDirVolumeSource{}
	} else {
		want.Image = &corev1.ImageVolumeSource{Reference: e.with.Image, PullPolicy: corev1.PullIfNotPresent}
	}
	switch {
	case at < 0:
		e.spec.Volumes = append(e.spec.Volumes, want)
		e.note(want, "volumes", named(Volume))
	case !installer:
		is := e.spec.Volumes[at].Image
		if is.Reference != want.Image.Reference {
			e.note(want.Image.Reference, "volumes", named(Volume), "image", "reference")
		}
		if is.PullPolicy != want.Image.PullPolicy {
			e.note(string(want.Image.PullPolicy), "volumes", named(Volume), "image", "pullPolicy")
		}
		e.spec.Volumes[at].Image = want.Image
	}
	if installer {
		e.install(like)
	}
}

// install adds the init container. It runs as the image's user, so that it may run wherever the pod's other containers may. It asks for as
// much as one of them, so that the pod needs no more than before and is of the same class.
func (e *editor) install(like int) {
	yes, no := true, false
	want := corev1.Container{
		Name:            Installer,
		Image:           e.with.Image,
		ImagePullPolicy: corev1.PullIfNotPresent,
		Command:         []string{"/prestop", "install", MountPath + "/"},
		VolumeMounts:    []corev1.VolumeMount{{Name: Volume, MountPath: MountPath}},
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: &no,
			ReadOnlyRootFilesystem:   &yes,
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Resources: corev1.ResourceRequirements{
			Limits:   resources(e.Spec.Containers[like].Resources.Limits),
			Requests: resources(e.Spec.Containers[like].Resources.Requests),
		},
	}
	if s := e.Spec.SecurityContext; s == nil || s.RunAsUser == nil || *s.RunAsUser != 0 {
		want.SecurityContext.RunAsNonRoot = &yes
	}
	at := slices.IndexFunc(e.spec.InitContainers, func(c corev1.Container) bool { return c.Name == Installer })
	if at < 0 {
		e.spec.InitContainers = append(e.spec.InitContainers, want)
		e.note(want, "initContainers", named(Installer))
		return
	}
	if c := &e.spec.InitContainers[at]; c.Image != want.Image {
		c.Image = want.Image
		e.note(want.Image, "initContainers", named(Installer), "image")
	}
}

// resources are the resources that can be asked for a second time at no cost. Devices are not among them: they would be taken from the
// container.
func resources(all corev1.ResourceList) corev1.ResourceList {
	kept := maps.Clone(all)
	maps.DeleteFunc(kept, func(name corev1.ResourceName, _ resource.Quantity) bool {
		return name != corev1.ResourceCPU && name != corev1.ResourceMemory && name != corev1.ResourceEphemeralStorage
	})
	if len(kept) == 0 {
		return nil
	}
	return kept
}

func (e *editor) mount(c *corev1.Container) {
	if slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == MountPath }) {
		return // ours, since it is not taken
	}
	m := corev1.VolumeMount{Name: Volume, MountPath: MountPath, ReadOnly: true}
	c.VolumeMounts = append(c.VolumeMounts, m)
	e.note(m, "containers", named(c.Name), "volumeMounts", "[mountPath="+MountPath+"]")
}

// env sets a variable. If the container has the variable, its value is changed only with replaces. A variable that is taken from elsewhere
// is never changed.
func (e *editor) env(c *corev1.Container, name, value string, replaces bool) {
	at := slices.IndexFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == name })
	path := []string{"containers", named(c.Name), "env", named(name)}
	switch {
	case at < 0:
		v := corev1.EnvVar{Name: name, Value: value}
		c.Env = append(c.Env, v)
		e.note(v, path...)
	case c.Env[at].ValueFrom == nil && c.Env[at].Value == value:
	case strings.HasPrefix(c.Env[at].Value, ReplacedMark+"\n") && !e.given:
	case c.Env[at].ValueFrom != nil || !replaces:
		e.kept = append(e.kept, name)
	default:
		c.Env[at].Value = value
		e.note(value, append(path, "value")...)
	}
}

// preStop sets the hook. A postStart is kept.
func (e *editor) preStop(c *corev1.Container) {
	want := corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{Program}}}
	if ours(*c) {
		return
	}
	if c.Lifecycle == nil {
		c.Lifecycle = &corev1.Lifecycle{}
	}
	c.Lifecycle.PreStop = &want
	e.note(want, "containers", named(c.Name), "lifecycle", "preStop")
}
