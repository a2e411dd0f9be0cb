package testpaste

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const manifest = `kind: Deployment
spec:
  template:
    spec:
      containers:
      - name: web
        image: example/web:1
        env: [{name: A, value: "1"}, {name: B, value: 60}]
        lifecycle: {preStop: {exec: {command: [/prestop, wait 1s, wiat 2s]}}}
      - name: other
`

func TestInto(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		at   string // what the finding is about
		fix  string
		want []string // in what comes of it; nil: nothing is pasted
	}{
		"a field of the pod and one of the container": {"60", "terminationGracePeriodSeconds: 60\nenv:\n- {name: B, value: \"60\"}",
			[]string{"\n            terminationGracePeriodSeconds: 60\n", `env: [{name: A, value: "1"}, {name: B, value: "60"}]`}},
		"an item of a list":         {"wiat 2s", "- wait 2s", []string{"command: [/prestop, wait 1s, wait 2s]"}},
		"several for one":           {"wiat 2s", "- wait 2s\n- wait 3s", []string{"[/prestop, wait 1s, wait 2s, wait 3s]"}},
		"a value where it is":       {"60", `value: "60"`, []string{`{name: B, value: "60"}`}},
		"a new variable":            {"wiat 2s", "- {name: C, value: c}", []string{"env:\n                    - {name: C, value: c}\n                    - {name: A, value: \"1\"}"}},
		"a field that is not there": {"wiat 2s", "ports:\n- containerPort: 8080", []string{"\n                  ports:\n                    - containerPort: 8080\n"}},
		"a sentence":                {"60", "choose one of the two", nil},
		"nothing":                   {"60", "# choose", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var doc yaml.Node
			if err := yaml.Unmarshal([]byte(manifest), &doc); err != nil {
				t.Fatal(err)
			}
			before := manifest[:strings.Index(manifest, test.at)]
			line := strings.Count(before, "\n")
			fix := Fix{Text: test.fix, Line: line + 1, Column: len(before) - strings.LastIndex(before, "\n"), Container: "web"}
			got, ok := fix.Into([]*yaml.Node{&doc})
			if ok != (test.want != nil) {
				t.Fatalf("pasted %t: %s", ok, got)
			}
			for _, part := range test.want {
				if !strings.Contains(got, part) {
					t.Errorf("expected %q in\n%s", part, got)
				}
			}
		})
	}
}
