package manifest_test

import (
	"encoding/json"
	"testing"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/inject"
	"github.com/prestop/prestop/internal/inject/injecttest"
	"github.com/prestop/prestop/internal/lint"
	"github.com/prestop/prestop/internal/manifest"
)

func decoded(t *testing.T, text []byte) corev1.Pod {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	written, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var p corev1.Pod
	if err := json.Unmarshal(written, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// The text is changed to what the pod is to be, in YAML and in JSON, and a second time changes no byte.
func TestTextIsTheSpec(t *testing.T) {
	t.Parallel()
	pods, err := injecttest.Pods()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods {
		for _, with := range []inject.Parameters{{Image: "prestop:1"}, {Image: "prestop:1", Installer: true}, {Image: "prestop:1", ReplaceSleep: true}} {
			want := inject.Inject(injecttest.Pod(p), with)
			written, err := json.MarshalIndent(p, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			var v any
			if err := json.Unmarshal(written, &v); err != nil {
				t.Fatal(err)
			}
			inYAML, err := yaml.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if len(want.Problems) > 0 {
				if _, _, errs := manifest.Inject(lint.File{Name: p.Name, Content: inYAML}, with); len(errs) != len(want.Problems) {
					t.Errorf("%s: %v", p.Name, errs)
				}
				continue
			}
			for _, text := range [][]byte{written, inYAML} {
				out, _, errs := manifest.Inject(lint.File{Name: p.Name, Content: text}, with)
				if len(errs) > 0 {
					t.Errorf("%s: %v", p.Name, errs[0])
					continue
				}
				if json.Valid(text) != json.Valid(out) {
					t.Errorf("%s: is no JSON any more:\n%s", p.Name, out)
				}
				if got, spec := asJSON(t, decoded(t, out).Spec), asJSON(t, want.Spec); got != spec {
					t.Errorf("%s: the text is\n%s\nand the spec %s", p.Name, got, spec)
				}
				again, _, errs := manifest.Inject(lint.File{Name: p.Name, Content: out}, with)
				if len(errs) > 0 || string(again) != string(out) {
					t.Errorf("%s: a second time makes\n%s of\n%s%v", p.Name, again, out, errs)
				}
			}
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
