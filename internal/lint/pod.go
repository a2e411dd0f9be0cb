package lint

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/hook"
)

const graceKey = "terminationGracePeriodSeconds"

// A template is what a pod is made from, and its place.
type template struct {
	*corev1.PodTemplateSpec
	place node
}

// A pod is one that a workload makes.
type pod struct {
	of *workload
	template
	cluster string                         // the Elasticsearch cluster's name, of an ECK pod
	claimed []corev1.PersistentVolumeClaim // volumes that the workload brings

	grace      time.Duration
	graceNode  node // where it is written; not there: the default
	graceWrong bool // it is no number

	all        []*container // in the order in which they begin
	sidecars   []*container // init containers that run as long as the pod
	containers []*container
	running    []*container // those that run as long as the pod
	volumes    map[string]*corev1.Volume
	mounting   map[string][]*container // those that mount a volume

	declared   []string             // the ports of all containers
	ports      map[string][]portUse // those that containers declare or probes ask
	installers []*container         // init containers that install prestop's binary
	clears     bool                 // a container runs elasticsearch-clear
}

// addPod adds a pod of a template.
func (w *workload) addPod(t template, claimed []corev1.PersistentVolumeClaim) {
	p := &pod{of: w, template: t, claimed: claimed, cluster: t.Labels[eck.ClusterLabel], volumes: map[string]*corev1.Volume{}, mounting: map[string][]*container{}, ports: map[string][]portUse{}}
	if w.kind == "Elasticsearch" {
		p.cluster = w.name
	}
	p.readGrace()
	for i := range p.Spec.Volumes {
		p.volumes[p.Spec.Volumes[i].Name] = &p.Spec.Volumes[i]
	}
	for i := range p.Spec.InitContainers {
		c := newContainer(p, &p.Spec.InitContainers[i], p.place.at("spec", "initContainers", i))
		if c.native = c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways; c.native {
			p.sidecars = append(p.sidecars, c)
		} else {
			c.init = true
		}
		p.all = append(p.all, c)
	}
	for i := range p.Spec.Containers {
		p.containers = append(p.containers, newContainer(p, &p.Spec.Containers[i], p.place.at("spec", "containers", i)))
	}
	p.all, p.running = append(p.all, p.containers...), slices.Concat(p.sidecars, p.containers)
	p.installers = slices.DeleteFunc(slices.Clone(p.all), func(c *container) bool { return !c.init || c.installs() == "" })
	p.readPorts()
	p.clears = slices.ContainsFunc(p.all, (*container).clearsRecord)
	w.pods = append(w.pods, p)
}

func (p *pod) readGrace() {
	p.grace = hook.DefaultGrace
	if p.cluster != "" {
		p.grace = hook.DefaultECKGrace
	}
	if p.graceNode = p.place.at("spec", graceKey); !p.graceNode.there() {
		return
	}
	seconds := p.Spec.TerminationGracePeriodSeconds
	if p.graceWrong = seconds == nil || *seconds < 0; !p.graceWrong {
		p.grace = time.Duration(min(*seconds, 1<<33)) * time.Second
	}
}

// noGrace tells whether the pod's grace period leaves a hook no time: the kubelet takes 0 for 1.
func (p *pod) noGrace() bool {
	return p.graceNode.there() && !p.graceWrong && p.grace <= time.Second
}

// shared tells whether containers see each other's processes.
func (p *pod) shared() bool {
	return p.Spec.ShareProcessNamespace != nil && *p.Spec.ShareProcessNamespace
}

// A container is one of a pod's.
type container struct {
	pod *pod
	*corev1.Container
	place  node
	init   bool // it ends before the others begin, and must not have a hook
	native bool // a sidecar: an init container that runs as long as the pod
	env    environment
	hook   *preStop
}

func newContainer(p *pod, typed *corev1.Container, place node) *container {
	c := &container{pod: p, Container: typed, place: place}
	c.VolumeMounts = slices.DeleteFunc(slices.Clone(c.VolumeMounts), func(m corev1.VolumeMount) bool { return m.MountPath == "" })
	for _, m := range c.VolumeMounts {
		p.mounting[m.Name] = append(p.mounting[m.Name], c)
	}
	return c
}

// at is a place below the container's.
func (c *container) at(path ...any) node { return c.place.at(path...) }

// prober is a probe and its field.
type prober struct {
	field string
	*corev1.Probe
}

// probes are the probes that the container has.
func (c *container) probes() []prober {
	all := []prober{{"startupProbe", c.StartupProbe}, {"readinessProbe", c.ReadinessProbe}, {"livenessProbe", c.LivenessProbe}}
	return slices.DeleteFunc(all, func(p prober) bool { return p.Probe == nil })
}

// An executed is a command that the kubelet runs in a container, and its place.
type executed struct {
	by    string // the field of the hook or of the probe, as preStop
	at    node
	words []string
}

// executed are the commands of the container's hooks and probes.
func (c *container) executed() []executed {
	var all []executed
	for _, by := range []string{"preStop", "postStart", "startupProbe", "readinessProbe", "livenessProbe"} {
		at := c.place
		if by == "preStop" || by == "postStart" {
			at = c.at("lifecycle")
		}
		e := executed{by: by, at: at.at(by, "exec", "command")}
		for _, word := range e.at.items() {
			e.words = append(e.words, word.text())
		}
		if len(e.words) > 0 {
			all = append(all, e)
		}
	}
	return all
}

// A mount is a volume in a container. Its name is empty where there is none.
type mount struct {
	corev1.VolumeMount
	path, sub string
	rest      string // the path of the file that is looked for, below the mount
}

// mounted is the mount that holds a file.
func (c *container) mounted(file string) (m mount, ok bool) {
	file = path.Clean(file)
	for _, v := range c.VolumeMounts {
		at := path.Clean(v.MountPath)
		inside, below := strings.CutPrefix(file, strings.TrimSuffix(at, "/"))
		if below && (inside == "" || inside[0] == '/') && (!ok || len(at) > len(m.path)) {
			m, ok = mount{v, at, v.SubPath + v.SubPathExpr, strings.TrimPrefix(inside, "/")}, true
		}
	}
	return m, ok
}

// mountNode is where a mount is written.
func (c *container) mountNode(m mount) node {
	for _, n := range c.at("volumeMounts").items() {
		if n.at("mountPath").text() == m.MountPath {
			return n
		}
	}
	return c.place
}

// portNumber is the number of a port. The text is that number, or the name of one of the container's ports.
func (c *container) portNumber(text string) string {
	for _, p := range c.Ports {
		if text != "" && p.Name == text {
			return number(p.ContainerPort)
		}
	}
	return text
}

// declared are the numbers of the container's ports.
func (c *container) declared() []string {
	var all []string
	for _, p := range c.Ports {
		if p.ContainerPort != 0 {
			all = append(all, number(p.ContainerPort))
		}
	}
	return all
}

func number[N int32 | uint16](n N) string { return strconv.Itoa(int(n)) }

// A portUse is what a container says of a port, by a probe or where it declares the port.
type portUse struct {
	*container
	scheme string        // by a readiness probe, or by the port's name; empty: it is not said
	every  time.Duration // how often a readiness probe with payload comes; 0: it is none
}

// readPorts notes what is said of ports. They are those of all containers, since these share their addresses.
func (p *pod) readPorts() {
	for _, c := range p.running {
		for _, probe := range c.probes() {
			port, u := "", portUse{container: c}
			if u.every = time.Duration(probe.PeriodSeconds) * time.Second; u.every <= 0 {
				u.every = 10 * time.Second
			}
			switch {
			case probe.HTTPGet != nil:
				port, u.scheme = c.portNumber(probe.HTTPGet.Port.String()), cmp.Or(strings.ToLower(string(probe.HTTPGet.Scheme)), "http")
			case probe.GRPC != nil:
				port = number(probe.GRPC.Port)
			case probe.TCPSocket != nil:
				port, u.every = c.portNumber(probe.TCPSocket.Port.String()), 0
			default:
				continue
			}
			if probe.field != "readinessProbe" {
				u = portUse{container: c}
			}
			p.ports[port] = append(p.ports[port], u)
		}
		for _, declared := range c.Ports {
			port, u := number(declared.ContainerPort), portUse{container: c}
			probes := slices.ContainsFunc(p.ports[port], func(other portUse) bool { return other.container == c && other.every > 0 && other.scheme != "" })
			if !probes && (declared.Name == "https" || declared.Name == "transport") {
				u.scheme = declared.Name
			}
			p.ports[port] = append(p.ports[port], u)
		}
		p.declared = append(p.declared, c.declared()...)
	}
	slices.Sort(p.declared)
	p.declared = slices.Compact(p.declared)
}

// uses tells whether the pod is known to have a port: by a container, a probe, or a Service that sends to it.
func (p *pod) uses(port string) bool { return len(p.ports[port]) > 0 || p.served()[port] }
