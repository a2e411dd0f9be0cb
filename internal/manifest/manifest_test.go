package manifest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/inject"
	"github.com/prestop/prestop/internal/inject/injecttest"
	"github.com/prestop/prestop/internal/lint"
	"github.com/prestop/prestop/internal/manifest"
)

// injected is a text with hooks, and what was done. A second time changes no byte.
func injected(t *testing.T, name string, text []byte, with inject.Parameters) (out []byte, reports []manifest.Report) {
	t.Helper()
	out, reports, errs := manifest.Inject(lint.File{Name: name, Content: text}, with)
	if len(errs) > 0 {
		t.Fatalf("%s: %v in\n%s", name, errs[0], text)
	}
	again, _, errs := manifest.Inject(lint.File{Name: name, Content: out}, with)
	if len(errs) > 0 || !bytes.Equal(again, out) {
		t.Fatalf("%s: %v: a second time: %s", name, errs, diff.Diff("once", out, "twice", again))
	}
	return out, reports
}

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
				out, _ := injected(t, p.Name, text, with)
				if json.Valid(text) != json.Valid(out) {
					t.Errorf("%s: is no JSON any more:\n%s", p.Name, out)
				}
				if got, spec := asJSON(t, decoded(t, out).Spec), asJSON(t, want.Spec); got != spec {
					t.Errorf("%s: the text is\n%s\nand the spec %s", p.Name, got, spec)
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

// What an annotation says of variables reaches the hook as it is written: lint expands a container's variables as the kubelet does.
func TestVariablesArriveAsWritten(t *testing.T) {
	t.Parallel()
	const text = `kind: Pod
metadata:
  name: web
  annotations:
    prestop.github.io/steps: "post http://localhost:8080/drain?node=$(NODE_ID)&b=$$(NODE_ID)&c=${NODE_ID} body=next\Nline"
spec:
  containers: [{name: app, ports: [{containerPort: 8080}], env: [{name: NODE_ID, value: a7}]}]
`
	out, _ := injected(t, "web", []byte(text), inject.Parameters{Image: "prestop/prestop:1"})
	r := lint.Check([]lint.File{{Name: "web", Content: out}})
	if len(r.Hooks) != 1 || r.Hooks[0].Plan == nil || len(r.Hooks[0].Plan.Steps) != 1 {
		t.Fatalf("hooks %+v in\n%s", r.Hooks, out)
	}
	got := r.Hooks[0].Plan.Steps[0]
	if got.Err != nil || len(got.Needs.Calls) != 1 {
		t.Fatalf("got %s, %v", got.Line, got.Err)
	}
	if q := got.Needs.Calls[0].URL.Query(); q.Get("node") != "a7" || q.Get("b") != "$(NODE_ID)" || q.Get("c") != "a7" {
		t.Errorf("the hook calls %v", q)
	}
	if env := asJSON(t, decoded(t, out).Spec.Containers[0].Env); !strings.Contains(env, "body=next\u0085line") {
		t.Errorf("a line end that is none to Kubernetes does not stay in %s", env)
	}
}

// Of the text nothing changes but what is put into it.
func TestTextStays(t *testing.T) {
	t.Parallel()
	const pod = "kind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: app\n    ports: [{containerPort: 80}]\n"
	for name, text := range map[string]string{
		"lines of Windows":    strings.ReplaceAll(pod, "\n", "\r\n"),
		"a comment at dashes": "--- # first\n" + pod + "--- # second\nkind:   Service\n",
		"empty lines":         "\n\n" + strings.ReplaceAll(pod, "spec:", "\n\nspec:") + "\n\n---\n\n\n",
		"nothing but dashes":  "---\n---\n\n---\n" + pod,
		"a null":              strings.ReplaceAll(pod, "{name: a}", "{name: a, labels}"),
		"a long line":         strings.ReplaceAll(pod, "name: app", "name: app\n    image: "+strings.Repeat("a/very-long-name-", 20)),
		"a list of one kind":  pod + "    env: []\n",
		"lines of Unicode":    strings.ReplaceAll(pod, "{name: a}", "{name: a, annotations: {a: \"b\u2028c\u2028d\u2028e\"}}") + "    image: app\n    workingDir: /\n",
		"a name in brackets":  strings.ReplaceAll(pod, "name: app", "name: '[app]'"),
	} {
		f, with := lint.File{Name: name, Content: []byte(text)}, inject.Parameters{Image: "prestop/prestop:1"}
		out, _ := injected(t, f.Name, f.Content, with)
		specs(t, f, out, with)
		rest := string(out)
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			line = strings.NewReplacer("env: []", "env:").Replace(line)
			_, after, ok := strings.Cut(rest, line)
			if !ok {
				t.Errorf("%s: %q is gone from\n%s", name, line, out)
				break
			}
			rest = after
		}
		if name == "lines of Windows" && strings.Count(string(out), "\n") != strings.Count(string(out), "\r\n") {
			t.Errorf("%s: %q", name, out)
		}
		if !bytes.Contains(out, []byte(inject.Program)) {
			t.Errorf("%s: no hook in\n%s", name, out)
		}
		if lines := strings.Count(text, "\n\n"); strings.Count(string(out), "\n\n") != lines {
			t.Errorf("%s: empty lines differ in\n%s", name, out)
		}
	}
}

// Whatever is read, what is written can be read, and a second time changes no byte of it.
func FuzzInject(f *testing.F) {
	for _, one := range files(f, "testdata/charts") {
		f.Add(one.Content)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		with := inject.Parameters{Image: "prestop/prestop:1", ReplaceSleep: true}
		if _, _, errs := manifest.Inject(lint.File{Name: "f", Content: text}, with); len(errs) == 0 {
			injected(t, "f", text, with)
		}
	})
}

func TestFunctionConfig(t *testing.T) {
	t.Parallel()
	const begin = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n"
	for _, c := range []struct {
		text string
		want map[string]string
	}{
		{begin + "functionConfig: {kind: ConfigMap, data: {image: p:1, max: 10s}}\nitems: []\n", map[string]string{"image": "p:1", "max": "10s"}},
		{begin + "functionConfig: {kind: Inject, spec: {image: p:1, init-container: true, list: []}}\n", map[string]string{"image": "p:1", "init-container": "true", "list": ""}},
		{begin, map[string]string{}},
		{"kind: ResourceList\n", nil},
		{"kind: ConfigMap\ndata: {kind: ResourceList}\n---\n", nil},
		{"kind: {ResourceList\n", nil},
		{"kind: Pod\n", nil},
	} {
		if got := manifest.FunctionConfig(lint.File{Content: []byte(c.text)}); !maps.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%q: got %v, want %v", c.text, got, c.want)
		}
	}
}

// Nothing is written where anything cannot be read.
func TestErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"kind: Pod\nspec: {containers: [{name: a}]}\n---\nkind: {\n":                                    "f:4: ",
		"kind: Pod\nspec:\n  hostNetwork: 7\n  containers: [{name: a, ports: [{containerPort: 80}]}]\n": "f:3: spec.hostNetwork: expected a truth value, got a number",
		"kind: Service\n---\nkind: Pod\nmetadata:\n  name: a\n  labels: {}\n  name: b\n":                `f:7: the key "name" stands here a second time; first in line 5`,
		`{"kind": "ConfigMap", "data": {"a": "1", "a": "1"}}`:                                           `f:1: the key "a"`,
		"kind: Pod\nspec:\n  ? containers\n  : - {name: a, ports: [{containerPort: 80}]}\n":             "f:3: the hook cannot be put beside a key behind a question mark; write it as containers: VALUE",
		strings.Repeat("#", lint.MaxFile+1):                                                             "f: expected at most 64 MiB",
	} {
		out, reports, errs := manifest.Inject(lint.File{Name: "f", Content: []byte(text)}, inject.Parameters{Image: "p:1"})
		if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), want) || out != nil || reports != nil {
			t.Errorf("%.50q: %v, and %q", text, errs, out)
		}
	}
}

// JSON in one line stays in one line.
func TestOneLine(t *testing.T) {
	t.Parallel()
	const text = `{"kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"a","ports":[{"containerPort":80}],"env":[{"name":"N","value":"1e3"}],"tty":true,"stdin":null}]}}`
	out, _ := injected(t, "f", []byte(text), inject.Parameters{Image: "p:1"})
	if !json.Valid(out) || bytes.ContainsRune(out, '\n') || !bytes.Contains(out, []byte(`{"name":"N","value":"1e3"},`)) || !bytes.Contains(out, []byte(`"tty":true,"stdin":null`)) {
		t.Error(string(out))
	}
}

var update = flag.Bool("update", false, "write testdata/kept.txtar anew")

func in(e encoding.Encoding, text string) string {
	written, err := e.NewEncoder().String(text)
	if err != nil {
		panic(err)
	}
	return written
}

// A text that ends a file without an end of line stays as it is, whatever comes after it.
func TestOpenEnd(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{"|": "|-", "|-": "|-", "|+": "|-", ">": ">-", "|1": "|1-", "|+1": "|1-", "&a |": "&a |-", "| # c": "|- # c"} {
		text := "kind: Pod\nspec:\n containers:\n - name: app\n   ports: [{containerPort: 80}]\n   args:\n   - " + head + "\n    a text"
		if out, _ := injected(t, head, []byte(text), inject.Parameters{Image: "p:1"}); !strings.Contains(string(out), "- "+want+"\n    a text\n") {
			t.Errorf("%s:\n%s", head, out)
		}
	}
}

// Lists in lists, and lists whose items have no kind of their own, as the API server makes them.
func TestLists(t *testing.T) {
	t.Parallel()
	const text = `kind: List
items:
- apiVersion: v1
  kind: PodList
  items:
  - metadata: {name: first}
    spec: {containers: [{name: app, ports: [{containerPort: 80}]}]}
- {kind: List, items: [{kind: List, items: [{kind: List, items: [{kind: Pod, metadata: {name: second}, spec: {containers: [{name: app, ports: [{containerPort: 80}]}]}}]}]}]}
---
apiVersion: apps/v1
kind: DeploymentList
items:
- null
- 5
- metadata: {name: third}
  spec: {template: {spec: {containers: [{name: app, ports: [{containerPort: 80}]}]}}}
---
apiVersion: example.com/v1
kind: ThingList
items:
- metadata: {name: strange}
  spec: {template: {spec: {containers: [{name: app, ports: [{containerPort: 80}]}]}}}
`
	out, reports := injected(t, "f", []byte(text), inject.Parameters{Image: "p:1"})
	var got []string
	for _, r := range reports {
		got = append(got, fmt.Sprint(r.Object, " ", r.Hooked))
	}
	if want := []string{"Pod first true", "Pod second true", "Deployment third true", "Thing strange false"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := bytes.Count(out, []byte("PRE_STOP_STEPS")); n != 3 {
		t.Errorf("%d hooks in\n%s", n, out)
	}
}

// An object whose kind or apiVersion is misspelt, so that Kubernetes refuses it, is left alone. That is said at its place.
func TestMisspelt(t *testing.T) {
	t.Parallel()
	const rest = "metadata: {name: web}\nspec: {template: {spec: {containers: [{name: app, ports: [{containerPort: 80}]}]}}}\n"
	for head, want := range map[string]string{
		"apiVersion: apps/v1\nkind: Deploymnt\n":  "2 Deploymnt web expected Deployment",
		"apiVersion: app/v1\nkind: Deployment\n":  "1 Deployment web expected apps/v1",
		"apiVersion: v1\nkind: StatefulSet\n":     "1 StatefulSet web expected apps/v1",
		"apiVersion: apps/v1\nkind: deployment\n": "2 deployment web expected Deployment",
	} {
		out, reports := injected(t, "f", []byte(head+rest), inject.Parameters{Image: "p:1"})
		var got []string
		for _, r := range reports {
			_, expected, _ := strings.Cut(r.Text, "expected ")
			expected, _, _ = strings.Cut(expected, ";")
			got = append(got, fmt.Sprint(r.Line, " ", r.Object, " expected ", expected))
		}
		if len(got) != 1 || got[0] != want || string(out) != head+rest {
			t.Errorf("%q: got %q, want %q, in\n%s", head, got, want, out)
		}
	}
}

// A pod that is an alias of another gets a hook as well.
func TestAliases(t *testing.T) {
	t.Parallel()
	const text = "kind: List\nitems:\n- kind: Deployment\n  spec:\n    template: &t\n      spec: {containers: [{name: app, ports: [{containerPort: 80}]}]}\n- kind: Deployment\n  spec:\n    template: *t\n- kind: Deployment\n  spec: {template: *t}\n"
	out, _ := injected(t, "f", []byte(text), inject.Parameters{Image: "p:1"})
	if n := bytes.Count(out, []byte("PRE_STOP_STEPS")); n != 3 {
		t.Errorf("%d hooks in\n%s", n, out)
	}
}

// What needs no change is returned byte for byte, in whatever encoding.
func TestUntouched(t *testing.T) {
	t.Parallel()
	const text = "\n# comment \n\n---\n\n# empty\n--- # ConfigMap\nkind:   ConfigMap\ndata: { a : 'b' ,\n c: \"d\"}  \n\n...\n---\n\tnull\n--- \nkind: Job\nspec: {template: {spec: {containers: [ {name: a , ports: [{containerPort: 80}]}]}}}\n\n\n"
	for name, text := range map[string]string{
		"as it is":    strings.ReplaceAll(text, "\t", ""),
		"with CRLF":   strings.ReplaceAll(strings.ReplaceAll(text, "\t", ""), "\n", "\r\n"),
		"with a mark": "\ufeffkind: Service",
		"in UTF-16":   in(unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "kind: Service # é"),
		"nothing":     "",
		"blanks":      " \n\n",
	} {
		if out, _ := injected(t, name, []byte(text), inject.Parameters{Image: "p:1"}); string(out) != text {
			t.Errorf("%s: got %q, want %q", name, out, text)
		}
	}
}

// Of a document nothing changes but what is put into it: comments, order, columns, quotes, empty lines and anchors stay byte for byte.
func TestKept(t *testing.T) {
	t.Parallel()
	const name = "testdata/kept.txtar"
	all, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	with := inject.Parameters{Image: "prestop/prestop:1", ReplaceSleep: true}
	for i := 0; i < len(all.Files); i += 2 {
		text, want := string(all.Files[i].Data), string(all.Files[i+1].Data)
		if *update {
			all.Files[i+1].Data, _ = injected(t, all.Files[i].Name, []byte(text), with)
			continue
		}
		for how, edit := range map[string]func(string) string{
			"as it is":            func(s string) string { return s },
			"with CRLF":           func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
			"with an open end":    func(s string) string { return strings.TrimSuffix(s, "\n") },
			"after two others":    func(s string) string { return "kind:  A\n---\n# none\n---\n" + s },
			"with a mark":         func(s string) string { return "\ufeff" + s },
			"in UTF-16":           func(s string) string { return in(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), s) },
			"before a line break": func(s string) string { return s + "\n---\n\n" },
		} {
			out, _ := injected(t, all.Files[i].Name+", "+how, []byte(edit(text)), with)
			if how == "with an open end" {
				out, edit = append(bytes.TrimSuffix(out, []byte("\n")), '\n'), func(s string) string { return s } // lines that come after the last have an end
			}
			if string(out) != edit(want) {
				t.Errorf("%s, %s: %s", all.Files[i].Name, how, diff.Diff("want", []byte(edit(want)), "got", out))
			}
		}
	}
	if *update {
		if err := os.WriteFile(name, txtar.Format(all), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// In each kind that lint knows, the pod's template gets the hook, and a second time changes nothing. Jobs run to their end and keep
// what they have, and so do pods of an operator that has a hook of its own.
func TestEachKind(t *testing.T) {
	t.Parallel()
	const containers = "containers: [{name: app, image: example/app:1, ports: [{containerPort: 8080}]}]"
	template := "template: {metadata: {labels: {app: web}}, spec: {" + containers + "}}"
	selected := "spec: {selector: {matchLabels: {app: web}}, " + template + "}"
	for kind, test := range map[string]struct {
		version, body string
		gets          bool
	}{
		"Pod":                   {"v1", "spec: {" + containers + "}", true},
		"PodTemplate":           {"v1", template, true},
		"ReplicationController": {"v1", "spec: {" + template + "}", true},
		"Deployment":            {"apps/v1", selected, true},
		"ReplicaSet":            {"apps/v1", selected, true},
		"DaemonSet":             {"apps/v1", selected, true},
		"StatefulSet":           {"apps/v1", "spec: {serviceName: web, selector: {matchLabels: {app: web}}, " + template + "}", true},
		"Rollout":               {"argoproj.io/v1alpha1", selected, true},
		"DeploymentConfig":      {"apps.openshift.io/v1", "spec: {" + template + "}", true},
		"Job":                   {"batch/v1", "spec: {" + strings.Replace(template, "spec: {", "spec: {restartPolicy: Never, ", 1) + "}", false},
		"CronJob":               {"batch/v1", "spec: {schedule: '* * * * *', jobTemplate: {spec: {" + strings.Replace(template, "spec: {", "spec: {restartPolicy: OnFailure, ", 1) + "}}}", false},
		"Elasticsearch":         {"elasticsearch.k8s.elastic.co/v1", "spec: {version: 9.2.0, nodeSets: [{name: a, count: 3, podTemplate: {spec: {containers: [{name: elasticsearch}]}}}]}", false},
	} {
		text := "apiVersion: " + test.version + "\nkind: " + kind + "\nmetadata: {name: web}\n" + test.body + "\n"
		out, reports := injected(t, kind, []byte(text), inject.Parameters{Image: "prestop:1"})
		if strings.Contains(string(out), "until quiet") != test.gets || (string(out) == text) == test.gets {
			t.Errorf("%s: %+v\n%s", kind, reports, out)
		}
	}
}
