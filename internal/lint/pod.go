package lint

import (
	"path"
	"slices"
	"strings"
	"time"
)

const (
	defaultGrace    = 30 * time.Second
	defaultECKGrace = 180 * time.Second
	graceKey        = "terminationGracePeriodSeconds"
	clusterLabel    = "elasticsearch.k8s.elastic.co/cluster-name"
)

// A pod is one that an object makes.
type pod struct {
	owner                 node // the object
	kind, name, namespace string
	labels, annotations   map[string]string
	template, spec        node
	cluster               string // of an ECK pod

	grace      time.Duration
	graceNode  node // what says it; not there: the default
	graceWrong bool // it is no number

	inits      []*container // those that end before the others begin
	sidecars   []*container // init containers that run as long as the pod
	containers []*container
	services   []service // those that select it
	in         *input
	stray      node // a hook in an object that has no containers
}

func newPod(owner, template node) *pod {
	p := &pod{owner: owner, kind: owner.at("kind").text(), template: template, spec: template.at("spec")}
	o := objectOf(owner)
	p.name, p.namespace = o.name, o.namespace
	if p.name == "" {
		p.name = owner.at("metadata", "generateName").text()
	}
	p.labels, p.annotations = template.at("metadata", "labels").strings(), template.at("metadata", "annotations").strings()
	p.cluster = p.labels[clusterLabel]
	if p.kind == "Elasticsearch" {
		p.cluster = p.name
	}
	p.readGrace()
	for _, n := range p.spec.at("initContainers").items() {
		if c := newContainer(n); c.native {
			p.sidecars = append(p.sidecars, c)
		} else {
			p.inits = append(p.inits, c)
		}
	}
	for _, n := range p.spec.at("containers").items() {
		c := newContainer(n)
		c.native = false
		p.containers = append(p.containers, c)
	}
	return p
}

func (p *pod) readGrace() {
	p.grace = defaultGrace
	if p.cluster != "" {
		p.grace = defaultECKGrace
	}
	n := p.spec.at(graceKey)
	if !n.there() {
		return
	}
	p.graceNode = n
	seconds, ok := n.number()
	if p.graceWrong = !ok || seconds < 0 || seconds > 1<<30; !p.graceWrong {
		p.grace = time.Duration(seconds) * time.Second
	}
}

// object is how findings name it.
func (p *pod) object() string {
	name := p.name
	if p.namespace != "" {
		name = p.namespace + "/" + name
	}
	return p.kind + " " + name
}

// all are the containers that may have a hook, and those that must not.
func (p *pod) all() []*container { return slices.Concat(p.inits, p.sidecars, p.containers) }

// running are those that run as long as the pod.
func (p *pod) running() []*container { return slices.Concat(p.sidecars, p.containers) }

// resolve takes from the other objects what the pod refers to.
func (p *pod) resolve(in *input) {
	p.in = in
	for _, s := range in.services {
		if s.selects(p) {
			p.services = append(p.services, s)
		}
	}
	for _, c := range p.all() {
		c.env = readEnvironment(in, p, c)
	}
}

// shared tells whether containers see each other's processes.
func (p *pod) shared() bool { return p.spec.at("shareProcessNamespace").bool() }

// volume is one of the pod's, by its name.
func (p *pod) volume(name string) node {
	for _, v := range p.spec.at("volumes").items() {
		if v.at("name").text() == name {
			return v
		}
	}
	return node{}
}

// A container is one of a pod's.
type container struct {
	node
	name, image string
	native      bool // a sidecar: an init container that runs as long as the pod
	mounts      []mount
	env         environment
	hook        *hook
}

// A mount is a volume in a container.
type mount struct {
	node
	volume, path, sub string
	readOnly          bool
}

func newContainer(n node) *container {
	c := &container{node: n, name: n.at("name").text(), image: n.at("image").text(), native: n.at("restartPolicy").text() == "Always"}
	for _, m := range n.at("volumeMounts").items() {
		at := m.at("mountPath").text()
		if at == "" {
			continue
		}
		c.mounts = append(c.mounts, mount{m, m.at("name").text(), path.Clean(at), m.at("subPath").text() + m.at("subPathExpr").text(), m.at("readOnly").bool()})
	}
	return c
}

// mounted is the mount that holds a file, and the file's path in there.
func (c *container) mounted(file string) (m mount, rest string, ok bool) {
	file = path.Clean(file)
	for _, one := range c.mounts {
		if inside, below := strings.CutPrefix(file, strings.TrimSuffix(one.path, "/")); below && (inside == "" || inside[0] == '/') && (!ok || len(one.path) > len(m.path)) {
			m, rest, ok = one, strings.TrimPrefix(inside, "/"), true
		}
	}
	return m, rest, ok
}

// ports are the pod's declared ones: of all containers, since they share their addresses, of probes, and where Services send to.
func (p *pod) ports() []string {
	var all []string
	for _, c := range p.running() {
		all = append(all, c.at("ports").texts("containerPort")...)
		for _, probe := range []string{"readinessProbe", "livenessProbe", "startupProbe"} {
			for _, handler := range []string{"httpGet", "tcpSocket", "grpc"} {
				all = append(all, c.at(probe, handler, "port").text())
			}
		}
	}
	for _, s := range p.services {
		for _, port := range s.at("spec", "ports").items() {
			all = append(all, port.at("targetPort").text())
			if !port.at("targetPort").there() {
				all = append(all, port.at("port").text())
			}
		}
	}
	return all
}
