package lint_test

import (
	"testing"

	"github.com/prestop/prestop/internal/inject"
	"github.com/prestop/prestop/internal/lint"
	"github.com/prestop/prestop/internal/manifest"
)

// Objects of JSON that follow each other are documents, as for kubectl. Each has its own lines.
func TestJSONStream(t *testing.T) {
	t.Parallel()
	const pod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"a","image":"example/a:1","ports":[{"containerPort":80}],` + "\n" + `"lifecycle":{"preStop":{"sleep":{"seconds":30}}}}]}}`
	for text, lines := range map[string][]int{
		pod + "\n" + pod + "\n": {2, 4},
		pod + pod:               {2, 3},
		pod + "\n\n" + pod + "\n---\nkind: Service\n": {2, 5},
		"---\n" + pod + "\n" + pod:                    {3, 5},
	} {
		r := lint.Check([]lint.File{{Name: "f", Content: []byte(text)}})
		var got []int
		for _, f := range r.Findings {
			got = append(got, f.Line)
		}
		if len(r.Unreadable) > 0 || len(got) != 2 || got[0] != lines[0] || got[1] != lines[1] {
			t.Errorf("%s: findings in lines %v, want %v; %v", text, got, lines, r.Unreadable)
		}
	}
}

// A chart's own file is refused by inject too, also where YAML can read it.
func TestUnrenderedIsNotInjected(t *testing.T) {
	t.Parallel()
	const text = "kind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: {{ .Values.replicas }}\n  template:\n    spec:\n      containers:\n      - {name: a, ports: [{containerPort: 80}]}\n"
	out, _, errs := manifest.Inject(lint.File{Name: "f", Content: []byte(text)}, inject.Parameters{Image: "p:1"})
	if len(errs) != 1 || out != nil || errs[0].Line != 5 {
		t.Errorf("%v\n%s", errs, out)
	}
}
