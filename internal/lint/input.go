package lint

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
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

// has tells whether a ConfigMap or a Secret has a key.
func (o object) has(key string) bool {
	return o.at("data", key).Node != nil || o.at("stringData", key).Node != nil || o.at("binaryData", key).Node != nil
}

func (in *input) add(d node) { in.addWithin(d, 0) }

func (in *input) addWithin(d node, depth int) {
	kind := d.at("kind").text()
	templates := []node{}
	switch kind {
	case "Service":
		in.services = append(in.services, service{objectOf(d), d.at("spec", "selector").strings()})
	case "ConfigMap":
		in.configs = append(in.configs, objectOf(d))
	case "Secret":
		in.secrets = append(in.secrets, objectOf(d))
	case "Pod":
		templates = append(templates, d)
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "Rollout", "DeploymentConfig":
		templates = append(templates, d.at("spec", "template"))
	case "CronJob":
		templates = append(templates, d.at("spec", "jobTemplate", "spec", "template"))
	case "PodTemplate":
		templates = append(templates, d.at("template"))
	case "Elasticsearch":
		for _, set := range d.at("spec", "nodeSets").items() {
			templates = append(templates, set.at("podTemplate"))
		}
	}
	before := len(in.pods)
	for _, template := range templates {
		in.pods = append(in.pods, newPod(d, template))
	}
	in.strays(d, kind, in.pods[before:])
	if strings.HasSuffix(kind, "List") && depth < 3 {
		for _, item := range d.at("items").items() {
			in.addWithin(item, depth+1)
		}
	}
}

// strays looks for hooks in an object without containers: those of kinds that Kubernetes has, or does not have, are somewhere
// where nobody looks; those of others may be in templates of pods.
func (in *input) strays(d node, kind string, pods []*pod) {
	for _, p := range pods {
		if len(p.all()) > 0 {
			return
		}
	}
	group, _, _ := strings.Cut(d.at("apiVersion").text(), "/")
	own := group == "" && len(pods) > 0 || slices.Contains([]string{"v1", "apps", "batch", "elasticsearch.k8s.elastic.co"}, group)
	if kind == "" || kind == "ControllerRevision" || strings.HasSuffix(kind, "List") || !own && group == "" {
		return
	}
	var look func(n node) bool
	look = func(n node) bool {
		for _, key := range n.keys() {
			value := n.at(key.Value)
			switch {
			case own && key.Value == "preStop" && value.there():
				if len(pods) == 0 {
					pods = []*pod{newPod(d, node{})}
					in.pods = append(in.pods, pods...)
				}
				pods[0].stray = key
				return true
			case !own && key.Value == "template" && len(value.at("spec", "containers").items()) > 0:
				in.pods = append(in.pods, newPod(d, value))
				return true
			}
		}
		return slices.ContainsFunc(n.Content, func(inside *yaml.Node) bool { return look(node{inside, n.file}) })
	}
	look(d)
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
