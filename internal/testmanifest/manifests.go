// Package testmanifest reads the manifests of this repository as strictly as Kubernetes' API does. Errors are: an unknown field, a
// field that is there twice, and a value of the wrong type.
//
// It is only for tests of examples, recipes and pages. internal/lint reads other people's manifests.
package testmanifest

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	strictjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// A File has the objects of a manifest, by kind.
type File struct {
	Pods     []Pod
	Services []corev1.Service
	Accounts []corev1.ServiceAccount
	Roles    []rbacv1.Role
	Bindings []rbacv1.RoleBinding
	Data     map[string]map[string]string // the data of each ConfigMap and Secret, by "ConfigMap/NAME" or "Secret/NAME"
}

// A Pod is the first pod that a workload makes.
type Pod struct {
	Workload string // its name
	Name     string // WORKLOAD-0, as a StatefulSet calls it
	corev1.PodTemplateSpec
	Selector *metav1.LabelSelector // nil: the operator's affair
	Claims   []corev1.PersistentVolumeClaim
	Service  string // the Service that governs its StatefulSet
}

// elasticsearch is ECK's Elasticsearch, as far as the examples use it.
type elasticsearch struct {
	metav1.TypeMeta
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Version  string `json:"version"`
		NodeSets []struct {
			Name                 string                         `json:"name"`
			Count                int                            `json:"count"`
			PodTemplate          corev1.PodTemplateSpec         `json:"podTemplate"`
			VolumeClaimTemplates []corev1.PersistentVolumeClaim `json:"volumeClaimTemplates"`
		} `json:"nodeSets"`
	} `json:"spec"`
}

// Read reads a file of one or more documents. Its error has all that is wrong.
func Read(text string) (File, error) {
	f := File{Data: make(map[string]map[string]string)}
	var wrong []error
	for document := range documents(text) {
		wrong = append(wrong, f.read(document))
	}
	return f, errors.Join(wrong...)
}

// Values reads any documents, such as a part of a manifest, and checks only their syntax.
func Values(text string) (all []any, err error) {
	for document := range documents(text) {
		var value any
		if err := yaml.UnmarshalStrict([]byte(document), &value); err != nil {
			return nil, err
		}
		all = append(all, value)
	}
	return all, nil
}

// documents splits a text into its documents. Each keeps its last line end: that may belong to a text in it.
func documents(text string) iter.Seq[string] {
	return strings.SplitSeq(strings.ReplaceAll(text, "\n---\n", "\n\x00"), "\x00")
}

func (f *File) read(document string) error {
	var head metav1.TypeMeta
	if err := yaml.Unmarshal([]byte(document), &head); err != nil {
		return err
	}
	switch head.Kind {
	case "Pod":
		p, err := decode[corev1.Pod](document, head, "v1")
		f.Pods = append(f.Pods, Pod{p.Name, p.Name + "-0", corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec}, nil, nil, ""})
		return err
	case "Deployment":
		d, err := decode[appsv1.Deployment](document, head, "apps/v1")
		f.Pods = append(f.Pods, Pod{d.Name, d.Name + "-0", d.Spec.Template, orEmpty(d.Spec.Selector), nil, ""})
		return err
	case "DaemonSet":
		d, err := decode[appsv1.DaemonSet](document, head, "apps/v1")
		f.Pods = append(f.Pods, Pod{d.Name, d.Name + "-0", d.Spec.Template, orEmpty(d.Spec.Selector), nil, ""})
		return err
	case "StatefulSet":
		s, err := decode[appsv1.StatefulSet](document, head, "apps/v1")
		f.Pods = append(f.Pods, Pod{s.Name, s.Name + "-0", s.Spec.Template, orEmpty(s.Spec.Selector), s.Spec.VolumeClaimTemplates, s.Spec.ServiceName})
		return err
	case "Elasticsearch":
		e, err := decode[elasticsearch](document, head, "elasticsearch.k8s.elastic.co/v1")
		for _, set := range e.Spec.NodeSets {
			name := fmt.Sprintf("%s-es-%s-0", e.Metadata.Name, set.Name)
			f.Pods = append(f.Pods, Pod{e.Metadata.Name, name, set.PodTemplate, nil, set.VolumeClaimTemplates, ""})
		}
		return err
	case "Service":
		s, err := decode[corev1.Service](document, head, "v1")
		f.Services = append(f.Services, s)
		return err
	case "Secret":
		s, err := decode[corev1.Secret](document, head, "v1")
		f.Data["Secret/"+s.Name] = s.StringData
		return err
	case "ConfigMap":
		c, err := decode[corev1.ConfigMap](document, head, "v1")
		f.Data["ConfigMap/"+c.Name] = c.Data
		return err
	case "ServiceAccount":
		a, err := decode[corev1.ServiceAccount](document, head, "v1")
		f.Accounts = append(f.Accounts, a)
		return err
	case "Role":
		r, err := decode[rbacv1.Role](document, head, "rbac.authorization.k8s.io/v1")
		f.Roles = append(f.Roles, r)
		return err
	case "RoleBinding":
		b, err := decode[rbacv1.RoleBinding](document, head, "rbac.authorization.k8s.io/v1")
		f.Bindings = append(f.Bindings, b)
		return err
	}
	return fmt.Errorf("kind %q is not known here", head.Kind)
}

func orEmpty(s *metav1.LabelSelector) *metav1.LabelSelector {
	if s == nil {
		return &metav1.LabelSelector{}
	}
	return s
}

func decode[T any](document string, head metav1.TypeMeta, apiVersion string) (into T, err error) {
	if head.APIVersion != apiVersion {
		err = fmt.Errorf("%s: expected apiVersion %s, got %s", head.Kind, apiVersion, head.APIVersion)
	}
	text, twice := yaml.YAMLToJSONStrict([]byte(document))
	if twice != nil {
		return into, errors.Join(err, fmt.Errorf("%s: %w", head.Kind, twice))
	}
	unknown, broken := strictjson.UnmarshalStrict(text, &into)
	if all := errors.Join(append(unknown, broken)...); all != nil {
		err = errors.Join(err, fmt.Errorf("%s: %w", head.Kind, all))
	}
	return into, err
}

// Hooked are the containers with an exec hook.
func (p Pod) Hooked() (all []corev1.Container) {
	for _, c := range p.Spec.Containers {
		if len(Hook(c)) > 0 {
			all = append(all, c)
		}
	}
	return all
}

// Hook is the command of a container's exec hook, or nothing.
func Hook(c corev1.Container) []string {
	if c.Lifecycle == nil || c.Lifecycle.PreStop == nil || c.Lifecycle.PreStop.Exec == nil {
		return nil
	}
	return c.Lifecycle.PreStop.Exec.Command
}

// Field is the value of a field of the pod when tests run it. An environment variable may take its value from such a field.
func (p Pod) Field(path string) (value string, ok bool) {
	value, ok = map[string]string{
		"metadata.name": p.Name, "metadata.namespace": "default", "metadata.uid": "4f1c9c0e-6a53-4a6e-9a0b-0d8f1e5d2c37",
		"status.podIP": "127.0.0.1", "status.hostIP": "127.0.0.1", "spec.nodeName": "node-0",
	}[path]
	return value, ok
}
