package workloads

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

func newRecord(k kind, item *unstructured.Unstructured) *record {
	one := &record{namespace: item.GetNamespace()}
	one.Name = k.singular + "/" + item.GetName()
	if one.namespace != "" {
		one.Name = one.namespace + "/" + one.Name
	}
	one.top = one.Name
	one.readSpecs(item.Object, 0)
	slices.Sort(one.configs)
	one.configs = slices.DeleteFunc(slices.Compact(one.configs), func(name string) bool { return name == "" })
	one.Content = contentOf(item)
	return one
}

// deepest is how far below an object's top the specs of pods are looked for: a CronJob has its own at the fourth key.
const deepest = 8

// readSpecs looks at each spec of a pod, wherever it is: at spec, spec.template.spec, or below a node set of Elasticsearch.
func (one *record) readSpecs(value any, depth int) {
	if depth > deepest {
		return
	}
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			one.readSpecs(item, depth+1)
		}
	case map[string]any:
		if spec, ok := v["spec"].(map[string]any); ok {
			if _, ok := spec["containers"].([]any); ok {
				one.readSpec(spec)
				return
			}
		}
		for _, key := range []string{"spec", "template", "jobTemplate", "nodeSets", "podTemplate"} {
			if below, ok := v[key]; ok {
				one.readSpecs(below, depth+1)
			}
		}
	}
}

func (one *record) readSpec(value map[string]any) {
	var spec corev1.PodSpec
	if runtime.DefaultUnstructuredConverter.FromUnstructured(value, &spec) != nil {
		return // lint itself reports a value of a wrong type
	}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		if c.Lifecycle != nil && c.Lifecycle.PreStop != nil {
			hook, _ := json.Marshal(c.Lifecycle.PreStop)
			one.hooks += fmt.Sprintf("%s %s\n", c.Name, hook)
		}
		one.configs = append(one.configs, configsOf(c)...)
	}
	for _, v := range spec.Volumes {
		one.configs = append(one.configs, configsIn(v)...)
	}
}

// configsOf are the ConfigMaps from which a container has its variables.
func configsOf(c corev1.Container) []string {
	var all []string
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef != nil {
			all = append(all, from.ConfigMapRef.Name)
		}
	}
	for _, v := range c.Env {
		if v.ValueFrom != nil && v.ValueFrom.ConfigMapKeyRef != nil {
			all = append(all, v.ValueFrom.ConfigMapKeyRef.Name)
		}
	}
	return all
}

// configsIn are the ConfigMaps that a volume has files of.
func configsIn(v corev1.Volume) []string {
	if v.ConfigMap != nil {
		return []string{v.ConfigMap.Name}
	}
	var all []string
	if v.Projected != nil {
		for _, from := range v.Projected.Sources {
			if from.ConfigMap != nil {
				all = append(all, from.ConfigMap.Name)
			}
		}
	}
	return all
}

// contentOf is the object's text, in JSON that is YAML as well. The fields that are left out are most of an object, and say nothing of how
// it shall be.
func contentOf(item *unstructured.Unstructured) []byte {
	unstructured.RemoveNestedField(item.Object, "status")
	unstructured.RemoveNestedField(item.Object, "metadata", "managedFields")
	unstructured.RemoveNestedField(item.Object, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(item.Object); err != nil {
		return nil // an answer in JSON cannot hold what JSON has no word for
	}
	return yamlOf(out.Bytes())
}

// yamlOf writes some characters in JSON's other form, \u007f. JSON may hold these characters as they are. YAML may not, or takes them for
// the end of a line.
func yamlOf(text []byte) []byte {
	odd := func(r rune) bool {
		return r == 0x7f || r > 0x7f && r < 0xa0 || r == 0xfeff || r == 0xfffe || r == 0xffff
	}
	if bytes.IndexFunc(text, odd) < 0 {
		return text
	}
	var out bytes.Buffer
	for _, r := range string(text) {
		if odd(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.Bytes()
}
