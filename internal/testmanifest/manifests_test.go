package testmanifest

import (
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	t.Parallel()
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: web}}\nspec: {containers: [{name: web, env: [{name: A, value: \"1\"}]}]}\n"
	for _, test := range []struct {
		name, text string
		err        string // part of it
	}{
		{"a pod", pod, ""},
		{"with others", pod + "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: None}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {k: v}\n", ""},
		{"another field", strings.Replace(pod, "env:", "evn:", 1), `unknown field "spec.containers[0].evn"`},
		{"a field in other letters", strings.Replace(pod, "env:", "Env:", 1), `unknown field "spec.containers[0].Env"`},
		{"a field twice", strings.Replace(pod, "{name: web, env", "{name: web, name: web, env", 1), `key "name" already set`},
		{"a number for a string", strings.Replace(pod, `"1"`, "1", 1), "cannot unmarshal number"},
		{"another version", strings.Replace(pod, "v1", "v2", 1), "expected apiVersion v1, got v2"},
		{"another kind", strings.Replace(pod, "kind: Pod", "kind: Pot", 1), `kind "Pot" is not known`},
		{"no YAML", "a: [", "yaml"},
	} {
		f, err := Read(test.text)
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %v, expected %q", test.name, err, test.err)
		}
		if err == nil && (len(f.Pods) != 1 || f.Pods[0].Name != "web-0" || f.Pods[0].Labels["app"] != "web" || len(f.Services) != len(f.Data)) {
			t.Errorf("%s: %+v", test.name, f)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	got, err := Values("a: {b: [1, c]}\n---\n- d\n")
	if err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	config, err := Read("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  k: |\n    line\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: v}\n")
	if err != nil || config.Data["ConfigMap/c"]["k"] != "line\n" || config.Data["Secret/s"]["k"] != "v" {
		t.Errorf("%+v, %v", config.Data, err)
	}
	if _, err := Values("a: 1\n---\na: ["); err == nil {
		t.Error("no error")
	}
}
