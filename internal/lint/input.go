package lint

import (
	"slices"
	"strings"
)

// input is what all files have together.
type input struct {
	pods     []*pod
	services []service
	configs  []object // ConfigMaps
	secrets  []object
}

// An object is one that others refer to.
type object struct {
	name, namespace string
	node
}

func objectOf(d node) object {
	meta := d.at("metadata")
	return object{meta.at("name").text(), meta.at("namespace").text(), d}
}

// is tells whether somebody in a namespace means this object by a name. A manifest may leave its namespace out.
func (o object) is(name, namespace string) bool {
	return o.name == name && (o.namespace == namespace || o.namespace == "" || namespace == "")
}

func (in *input) add(d node) { in.addWithin(d, 0) }

func (in *input) addWithin(d node, depth int) {
	kind := d.at("kind").text()
	switch kind {
	case "Service":
		in.services = append(in.services, service{objectOf(d), d.at("spec", "selector").strings()})
	case "ConfigMap":
		in.configs = append(in.configs, objectOf(d))
	case "Secret":
		in.secrets = append(in.secrets, objectOf(d))
	case "Pod":
		in.pods = append(in.pods, newPod(d, d))
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "Rollout", "DeploymentConfig":
		in.pods = append(in.pods, newPod(d, d.at("spec", "template")))
	case "CronJob":
		in.pods = append(in.pods, newPod(d, d.at("spec", "jobTemplate", "spec", "template")))
	case "Elasticsearch":
		for _, set := range d.at("spec", "nodeSets").items() {
			in.pods = append(in.pods, newPod(d, set.at("podTemplate")))
		}
	}
	if strings.HasSuffix(kind, "List") && depth < 3 {
		for _, item := range d.at("items").items() {
			in.addWithin(item, depth+1)
		}
	}
}

func find(all []object, name, namespace string) (object, bool) {
	i := slices.IndexFunc(all, func(o object) bool { return o.is(name, namespace) })
	if i < 0 {
		return object{}, false
	}
	return all[i], true
}

// service is a Service.
type service struct {
	object
	selector map[string]string
}

func (s service) selects(p *pod) bool {
	for key, value := range s.selector {
		if p.labels[key] != value {
			return false
		}
	}
	return len(s.selector) > 0 && s.is(s.name, p.namespace)
}

func (s service) headless() bool { return s.at("spec", "clusterIP").text() == "None" }

// called tells whether a host means this Service, in one of the ways that DNS resolves.
func (s service) called(host, namespace string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	labels := strings.Split(host, ".")
	if s.name == "" || labels[0] != s.name {
		return false
	}
	return len(labels) == 1 && s.is(s.name, namespace) || len(labels) > 1 && s.is(s.name, labels[1]) && (len(labels) == 2 || labels[2] == "svc")
}
