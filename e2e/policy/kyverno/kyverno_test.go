package kyverno_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	policiesv1beta1 "github.com/kyverno/api/api/policies.kyverno.io/v1beta1"
	"github.com/kyverno/kyverno/pkg/cel/policies/mpol/compiler"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/client-go/openapi/openapitest"
	"sigs.k8s.io/yaml"

	"github.com/prestop/prestop/internal/inject"
	"github.com/prestop/prestop/internal/inject/injecttest"
)

// schemas are those of the API.
func schemas(t *testing.T) compiler.TypeConverterManager {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "k8s.io/kubernetes@v1.37.2").Output()
	if err != nil {
		t.Fatal(err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	return compiler.NewStaticTypeConverterManager(openapitest.NewFileClient(filepath.Join(module.Dir, "api", "openapi-spec", "v3")))
}

func policy(t *testing.T, form string) *policiesv1beta1.MutatingPolicy {
	t.Helper()
	text, err := os.ReadFile("../../../deploy/kyverno/" + form + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var p policiesv1beta1.MutatingPolicy
	if err := yaml.UnmarshalStrict(text, &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

// Kyverno makes of every pod what inject makes of it, and a second time nothing more.
func TestSameAsInject(t *testing.T) {
	types := schemas(t)
	pods, err := injecttest.Pods()
	if err != nil {
		t.Fatal(err)
	}
	for form, with := range map[string]inject.Parameters{
		"image-volume":   {Image: "prestop/prestop:1"},
		"init-container": {Image: "prestop/prestop:1", Installer: true},
	} {
		compiled, errs := compiler.NewCompiler().Compile(policy(t, form), nil)
		if len(errs) > 0 {
			t.Fatalf("%s: %v", form, errs.ToAggregate())
		}
		for _, p := range pods {
			want := inject.Inject(injecttest.Pod(p), with).Spec
			got := p.DeepCopy()
			for n := range 2 {
				mutate(t, compiled, types, got)
				if a, b := asJSON(t, got.Spec), asJSON(t, want); a != b {
					t.Errorf("%s: %s: time %d: the policy makes\n%s\nand inject\n%s", form, p.Name, n+1, a, b)
				}
			}
		}
	}
}

func asJSON(t *testing.T, spec corev1.PodSpec) string {
	t.Helper()
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mutate(t *testing.T, p *compiler.Policy, types compiler.TypeConverterManager, pod *corev1.Pod) {
	t.Helper()
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(pod)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: object}
	gvk := corev1.SchemeGroupVersion.WithKind("Pod")
	u.SetGroupVersionKind(gvk)
	raw, err := u.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	a := admission.NewAttributesRecord(u, nil, gvk, "shop", pod.Name, corev1.SchemeGroupVersion.WithResource("pods"), "", admission.Create, nil, false, nil)
	request := admissionv1.AdmissionRequest{Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: raw}, Kind: metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}}
	r := p.Evaluate(context.Background(), a, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, request, types, nil)
	switch {
	case r == nil: // no match
	case r.Error != nil:
		t.Errorf("%s: %v", pod.Name, r.Error)
	case r.PatchedResource != nil:
		text, err := r.PatchedResource.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		into := json.NewDecoder(bytes.NewReader(text))
		*pod = corev1.Pod{}
		if err := into.Decode(pod); err != nil {
			t.Fatal(err)
		}
	}
}

// A namespace that did not opt in is never touched, and neither is what makes pods.
func TestMatchesPodsOfNamespacesThatOptIn(t *testing.T) {
	for _, form := range []string{"image-volume", "init-container"} {
		spec := policy(t, form).Spec
		if got := spec.MatchConstraints.NamespaceSelector.MatchLabels[inject.NamespaceLabel]; got != inject.Enabled {
			t.Errorf("%s: the namespace's label is %q", form, got)
		}
		if spec.AutogenConfiguration == nil || spec.AutogenConfiguration.PodControllers == nil || len(spec.AutogenConfiguration.PodControllers.Controllers) > 0 {
			t.Errorf("%s: Kyverno makes rules for what makes pods", form)
		}
	}
}
