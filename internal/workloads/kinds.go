package workloads

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A kind is one whose objects make pods, as an API server knows it.
type kind struct {
	schema.GroupVersionResource
	singular string // as findings name it
	short    string
	optional bool // a cluster may not have it
}

// kinds are the kinds that lint knows. Each stands before the kinds that it makes. Groups and versions are those that the projects serve as
// stable.
var kinds = []kind{
	{schema.GroupVersionResource{Group: "elasticsearch.k8s.elastic.co", Version: "v1", Resource: "elasticsearches"}, "elasticsearch", "es", true},
	{schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "rollouts"}, "rollout", "ro", true},
	{schema.GroupVersionResource{Group: "apps.openshift.io", Version: "v1", Resource: "deploymentconfigs"}, "deploymentconfig", "dc", true},
	{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, "deployment", "deploy", false},
	{schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"}, "cronjob", "cj", false},
	{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}, "statefulset", "sts", false},
	{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}, "daemonset", "ds", false},
	{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}, "replicaset", "rs", false},
	{schema.GroupVersionResource{Group: "", Version: "v1", Resource: "replicationcontrollers"}, "replicationcontroller", "rc", false},
	{schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}, "job", "", false},
	pods,
}

var (
	pods       = kind{schema.GroupVersionResource{Group: "", Version: "v1", Resource: "pods"}, "pod", "po", false}
	services   = kind{schema.GroupVersionResource{Group: "", Version: "v1", Resource: "services"}, "service", "svc", false}
	configMaps = kind{schema.GroupVersionResource{Group: "", Version: "v1", Resource: "configmaps"}, "configmap", "cm", false}
)

// resource is the kind as roles and kubectl name it: deployments.apps.
func (k kind) resource() string { return k.GroupResource().String() }

// is tells whether somebody means the kind by a word, in one of the ways that kubectl takes.
func (k kind) is(word string) bool {
	all := []string{k.Resource, k.singular, k.short}
	if k.Group != "" {
		all = append(all, k.resource(), k.singular+"."+k.Group, k.Resource+"."+k.Version+"."+k.Group)
	}
	return word != "" && slices.Contains(all, strings.ToLower(word))
}

// A Name is the name of a workload, as kubectl takes it: deploy/web.
type Name struct {
	kind kind
	name string
}

// String is how findings name it.
func (n Name) String() string { return n.kind.singular + "/" + n.name }

// ParseName reads TYPE/NAME. The result is false if the text is no such name, or if lint does not know the type.
func ParseName(text string) (Name, bool) {
	word, name, _ := strings.Cut(text, "/")
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.is(word) })
	if i < 0 || name == "" || strings.Contains(name, "/") {
		return Name{}, false
	}
	return Name{kinds[i], name}, true
}

// Types are the words for the kinds that lint knows and every cluster has.
func Types() []string {
	var all []string
	for _, k := range kinds {
		if !k.optional {
			all = append(all, k.singular)
		}
	}
	return all
}
