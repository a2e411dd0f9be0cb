package lint

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// input is what all files have together.
type input struct {
	workloads  []*workload
	byName     map[string][]*service
	bySelector map[[2]string][]*service // by one label of their selectors
	configs    configs                  // ConfigMaps, by their names
	secrets    configs
	ports      map[string]map[string]bool // see served
	types      map[reflect.Type]*typeInfo // that were decoded
	kubernetes string                     // the nodes' version; empty: not known
}

func newInput() *input {
	return &input{
		byName: map[string][]*service{}, bySelector: map[[2]string][]*service{}, configs: configs{}, secrets: configs{},
		ports: map[string]map[string]bool{}, types: map[reflect.Type]*typeInfo{},
	}
}

// An object is an object that others may refer to, and what it has below its keys.
type object struct {
	name, namespace string
	node
	data map[string]node // of a ConfigMap or a Secret
}

func newObject(d node) *object {
	meta := d.at("metadata")
	return &object{name: meta.at("name").text(), namespace: meta.at("namespace").text(), node: d, data: map[string]node{}}
}

// configs are ConfigMaps, or Secrets, by their names.
type configs map[string][]*object

func (all configs) add(d node) {
	o := newObject(d)
	for _, field := range []string{"binaryData", "data", "stringData"} {
		for key, value := range d.at(field).pairs() {
			o.data[key.Value] = value
		}
	}
	all[o.name] = append(all[o.name], o)
}

// is tells whether a name that is used in a namespace may mean this object. A manifest may leave its namespace out.
func (o *object) is(namespace string) bool {
	return o.namespace == namespace || o.namespace == "" || namespace == ""
}

func (o *object) has(key string) bool { _, ok := o.data[key]; return ok }

// named is the object that a name means in a namespace; nil: it is not in the input.
func (all configs) named(name, namespace string) *object {
	for _, o := range all[name] {
		if o.is(namespace) {
			return o
		}
	}
	return nil
}

// A workload is an object that makes pods.
type workload struct {
	*object
	kind  string
	group string // of its API; the version, where it has no group
	pods  []*pod
	flaws []flaw
	stray node // a hook that belongs to no container
	in    *input
}

// configMap is the ConfigMap that the workload means by a name; nil: it is not in the input.
func (w *workload) configMap(name string) *object { return w.in.configs.named(name, w.namespace) }

// secret is the Secret that the workload means by a name; nil: it is not in the input.
func (w *workload) secret(name string) *object { return w.in.secrets.named(name, w.namespace) }

// elasticsearch is the kind of ECK, Elastic's operator, as far as a hook depends on it.
type elasticsearch struct {
	Spec struct {
		NodeSets []struct {
			PodTemplate corev1.PodTemplateSpec `json:"podTemplate"`
		} `json:"nodeSets"`
	} `json:"spec"`
}

// templated is for kinds that are not Kubernetes' own and have their template where a Deployment has it.
type templated struct {
	Spec struct {
		Template corev1.PodTemplateSpec `json:"template"`
	} `json:"spec"`
}

// groups are the API groups of which kinds are known here. An object without a group counts as one of these.
var groups = append([]string{"", "v1", "apps", "batch", "extensions"}, othersGroups...)

// othersGroups are those that are not Kubernetes' own. They have kinds that are not known here as well.
var othersGroups = []string{"elasticsearch.k8s.elastic.co", "argoproj.io", "apps.openshift.io"}

// add reads a document, or an item of a list. In a list that the API server makes, such as PodList, the items have no kind of their own.
// For these, of is the list's kind without its ending, and version is the list's apiVersion.
func (in *input) add(d node, of, version string) {
	kind := cmp.Or(d.at("kind").text(), of)
	if kind == "" && len(d.patches()) > 0 {
		kind = kustomization
	}
	version = cmp.Or(d.at("apiVersion").text(), version)
	group, _, _ := strings.Cut(version, "/")
	refers := map[string]func(node){"Service": in.addService, "ConfigMap": in.configs.add, "Secret": in.secrets.add}
	switch add := refers[kind]; {
	case kind == "" || kind == "ControllerRevision":
	case add != nil && slices.Contains(groups, group):
		add(d)
	case strings.HasSuffix(kind, "List") && d.at("items").Node != nil:
		for _, item := range d.at("items").items() {
			in.add(item, strings.TrimSuffix(kind, "List"), version)
		}
	default:
		in.addWorkload(d, kind, group)
	}
}

func (in *input) addWorkload(d node, kind, group string) {
	w := &workload{object: newObject(d), kind: kind, group: group, in: in}
	w.name = cmp.Or(w.name, d.at("metadata", "generateName").text())
	known := slices.Contains(groups, group)
	if t := kinds[kind]; t != nil && known {
		w.read(d, t, false)
	} else if !known || slices.Contains(othersGroups, group) && w.meantKind() == "" { // an object of a kind that is not known here
		for _, value := range templatesIn(d) {
			w.read(value, reflect.TypeFor[corev1.PodTemplateSpec](), true)
		}
	} else if group != "" {
		w.stray = firstHook(d)
	}
	in.workloads = append(in.workloads, w)
}

// kustomization is the kind of kustomize's own file. The file may leave it out.
const kustomization = "Kustomization"

// patches are the patches whose text stands in the kustomization itself.
func (n node) patches() []node {
	var all []node
	for _, field := range []string{"patches", "patchesStrategicMerge", "patchesJson6902"} {
		for _, item := range n.at(field).items() {
			if text := item.at("patch"); text.there() {
				all = append(all, text)
			} else if strings.Contains(item.text(), "\n") { // else it names a file
				all = append(all, item)
			}
		}
	}
	return all
}

// kinds are the kinds of objects that make pods, and their types.
var kinds = map[string]reflect.Type{
	"Pod": reflect.TypeFor[corev1.Pod](), "PodTemplate": reflect.TypeFor[corev1.PodTemplate](), "ReplicationController": reflect.TypeFor[corev1.ReplicationController](),
	"Deployment": reflect.TypeFor[appsv1.Deployment](), "StatefulSet": reflect.TypeFor[appsv1.StatefulSet](),
	"DaemonSet": reflect.TypeFor[appsv1.DaemonSet](), "ReplicaSet": reflect.TypeFor[appsv1.ReplicaSet](),
	"Job": reflect.TypeFor[batchv1.Job](), "CronJob": reflect.TypeFor[batchv1.CronJob](),
	"Rollout": reflect.TypeFor[templated](), "DeploymentConfig": reflect.TypeFor[templated](), "Elasticsearch": reflect.TypeFor[elasticsearch](),
}

// read reads a part of the object into a type. It notes the pods and the flaws that it finds.
func (w *workload) read(n node, t reflect.Type, loose bool) {
	d := &decoder{types: w.in.types, loose: loose}
	into := reflect.New(t)
	d.read(n, into.Elem())
	var claimed []corev1.PersistentVolumeClaim
	switch object := into.Interface().(type) {
	case *corev1.Pod:
		d.templates = []template{{&corev1.PodTemplateSpec{ObjectMeta: object.ObjectMeta, Spec: object.Spec}, n}}
	case *appsv1.StatefulSet:
		claimed = object.Spec.VolumeClaimTemplates
	}
	for _, t := range d.templates {
		w.addPod(t, claimed)
	}
	w.flaws = append(w.flaws, d.flaws...)
}

// firstHook is the key of the first hook in a document. The keys of a mapping come before what is below them.
func firstHook(n node) node {
	for key, value := range n.pairs() {
		if key.Value == "preStop" && value.there() {
			return key
		}
	}
	for _, inside := range n.Content { // what an alias stands for is looked at in its own place
		if key := firstHook(node{inside, n.file}); key.Node != nil {
			return key
		}
	}
	return node{}
}

// templatesIn are the templates of pods in a document, each once: template, and podTemplate or leaderTemplate in some kinds. There is no
// look into a template.
func templatesIn(n node) []node {
	var all []node
	var look func(n node)
	look = func(n node) {
		for i, inside := range n.Content { // what an alias stands for is looked at in its own place
			value := node{inside, n.file}
			named := n.Kind == yaml.MappingNode && i%2 == 1 && strings.HasSuffix(strings.ToLower(n.Content[i-1].Value), "template")
			if template := value.followed(); !named || len(template.at("spec", "containers").items()) == 0 {
				look(value)
			} else if !slices.Contains(all, template) {
				all = append(all, template)
			}
		}
	}
	look(n)
	return all
}

// A service is a Service.
type service struct {
	*object
	spec corev1.ServiceSpec
}

func (in *input) addService(d node) {
	s := &service{newObject(d), decoded[corev1.Service](&decoder{types: in.types}, d).Spec}
	in.byName[s.name] = append(in.byName[s.name], s)
	for key, value := range s.spec.Selector {
		in.bySelector[[2]string{key, value}] = append(in.bySelector[[2]string{key, value}], s)
		break
	}
}

// served are the ports to which the Services that select a pod send. They are looked up once for all pods with the same labels.
func (p *pod) served() map[string]bool {
	in := p.of.in
	id := p.of.namespace + "\n" + labels.Set(p.Labels).String()
	if all, ok := in.ports[id]; ok {
		return all
	}
	all := map[string]bool{}
	in.ports[id] = all
	for key, value := range p.Labels {
		for _, s := range in.bySelector[[2]string{key, value}] {
			if s.is(p.of.namespace) && s.selects(p.Labels) {
				for _, port := range s.spec.Ports {
					all[sendsTo(port)] = true
				}
			}
		}
	}
	return all
}

// selects tells whether the Service sends to pods with these labels. Without a selector it sends to none.
func (s *service) selects(pod map[string]string) bool {
	return len(s.spec.Selector) > 0 && labels.SelectorFromSet(s.spec.Selector).Matches(labels.Set(pod))
}

func (s *service) headless() bool { return s.spec.ClusterIP == corev1.ClusterIPNone }

// ports are the Service's own, as texts.
func (s *service) ports() []string {
	var all []string
	for _, p := range s.spec.Ports {
		all = append(all, number(p.Port))
	}
	return all
}

// answers tells whether calls of the Service can go to a port. A Service without an address of its own, or without ports, has any.
func (s *service) answers(port string) bool {
	all := s.ports()
	return len(all) == 0 || s.headless() || slices.Contains(all, port)
}

// sendsTo is the port of a pod, by its number or its name, that a Service sends to.
func sendsTo(p corev1.ServicePort) string {
	if to := p.TargetPort.String(); to != "0" {
		return to
	}
	return number(p.Port)
}

// called are the Services that a host name may mean to the workload, in any form that DNS resolves.
func (w *workload) called(host string) []*service {
	namespace := w.namespace
	parts := strings.Split(strings.TrimSuffix(strings.ToLower(host), "."), ".")
	if len(parts) > 2 && parts[2] != "svc" {
		return nil
	}
	if len(parts) > 1 {
		namespace = parts[1]
	}
	return slices.DeleteFunc(slices.Clone(w.in.byName[parts[0]]), func(s *service) bool { return s.name == "" || !s.is(namespace) })
}
