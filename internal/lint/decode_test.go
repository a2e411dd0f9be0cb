package lint

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	strictjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// A scalar is read as Kubernetes' own reader, which is one for YAML 1.1, reads it.
func TestScalarsAreReadAsKubernetesDoes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"y", "Y", "yes", "yEs", "No", "on", "OFF", "n", "true", "True", "tRue", "2001-01-01", "2001-01-01T00:00:00Z", "1:30", "0o60", "060", "08", "1_000",
		"1e3", ".5", "0b1", "!!str 1", "!!str yes", "'y'", `"on"`, "~", "Null", "60.0", "6e1", "+5", "-5", "0x1F", "1.", "190:20:30", "!foo 5", "1e400",
		"text", "''", "|\n  no\n", ">-\n  8\n", "!!int '5'", "!!float 5", "0.1",
	} {
		converted, err := yaml.YAMLToJSON([]byte("a: " + text + "\n"))
		if err != nil {
			t.Fatal(text, err)
		}
		var want struct{ A any }
		if err := json.Unmarshal(converted, &want); err != nil {
			t.Fatal(err)
		}
		docs, unreadable := documents(File{Name: "x", Content: []byte("a: " + text + "\n")})
		if len(docs) != 1 {
			t.Fatal(text, unreadable)
		}
		value, _ := docs[0].at("a").scalar()
		got, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if wanted, _ := json.Marshal(want.A); string(got) != string(wanted) {
			t.Errorf("%q: read as %s, Kubernetes reads it as %s", text, got, wanted)
		}
	}
}

// accepts tells whether the API server's decoder takes a text for a Pod.
func accepts(text string) bool {
	converted, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return false
	}
	refused, err := strictjson.UnmarshalStrict(converted, new(corev1.Pod))
	return err == nil && len(refused) == 0
}

// What is decoded is what Kubernetes' own strict decoding makes of the same text, and the flaws are those that it refuses.
func TestDecodesAsKubernetesDoes(t *testing.T) {
	t.Parallel()
	const good = `metadata: {name: web, labels: {a: "1", b: }, creationTimestamp: 2025-01-01T00:00:00Z}
spec:
  terminationGracePeriodSeconds: 60.0
  hostNetwork: yes
  containers:
  - name: app
    ports: [{name: web, containerPort: 0x50}]
    resources: {limits: {cpu: 1, memory: 1Gi}}
    readinessProbe: {httpGet: {path: /, port: web}, periodSeconds: 5}
    livenessProbe: {tcpSocket: {port: 8080}}
    env: [{name: A, value: "1"}, {name: B, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
    command: [a, 'b', "c"]
  volumes:
  - name: v
    emptyDir: {sizeLimit: 1Mi}
  - {name: s, secret: {secretName: s, items: [{key: k, path: p}]}}
`
	decode := func(text string) (*corev1.Pod, []flaw) {
		docs, unreadable := documents(File{Name: "x", Content: []byte(text)})
		if len(docs) != 1 {
			t.Fatal(unreadable)
		}
		d := &decoder{types: newInput().types}
		return decoded[corev1.Pod](d, docs[0]), d.flaws
	}
	got, flaws := decode(good)
	var want corev1.Pod
	if err := yaml.UnmarshalStrict([]byte(good), &want); err != nil || len(flaws) > 0 {
		t.Fatal(err, flaws)
	}
	if !accepts(good) {
		t.Fatal("Kubernetes refuses what is good")
	}
	gotten, _ := json.Marshal(got)
	if wanted, _ := json.Marshal(want); string(gotten) != string(wanted) {
		t.Errorf("decoded\n%s\nKubernetes decodes\n%s", gotten, wanted)
	}
	for change, kinds := range map[string][]flawKind{
		"name: web, → nmae: web,":                   {unknownField},
		"60.0 → 60.5":                               {mistyped},
		"60.0 → \"60\"":                             {mistyped},
		"hostNetwork: yes → hostNetwork: \"yes\"":   {mistyped},
		"a: \"1\" → a: 1":                           {mistyped},
		"0x50 → 99999999999":                        {mistyped},
		"cpu: 1 → cpu: one":                         {mistyped},
		"periodSeconds: 5 → periodSeconds: [5]":     {mistyped},
		"2025-01-01T00:00:00Z → yesterday":          {mistyped},
		"[a, 'b', \"c\"] → a b c":                   {mistyped},
		"[a, 'b', \"c\"] → [a, no, 1]":              {mistyped, mistyped},
		"path: /, port: web → path: /, Port: web":   {unknownField},
		"emptyDir: {sizeLimit: 1Mi} → emptyDir: []": {mistyped},
		"name: v\n → name: v\n    name: v\n":        {writtenTwice},
		"port: 8080 → port: true":                   {mistyped},
		"value: \"1\" → value: 1, value: 2":         {mistyped, mistyped, writtenTwice},
	} {
		from, to, _ := strings.Cut(change, " → ")
		bad := strings.Replace(good, from, to, 1)
		if bad == good {
			t.Fatalf("%q is not in the text", from)
		}
		_, flaws := decode(bad)
		var got []flawKind
		for _, f := range flaws {
			got = append(got, f.kind)
			if f.at.Line < 1 || f.at.Line > strings.Count(bad, "\n") {
				t.Errorf("%s: a flaw in line %d", change, f.at.Line)
			}
		}
		if slices.Sort(got); fmt.Sprint(got) != fmt.Sprint(kinds) {
			t.Errorf("%s: flaws %v, expected %v", change, got, kinds)
		}
		if accepts(bad) {
			t.Errorf("%s: Kubernetes accepts it", change)
		}
	}
}

// Kubernetes' own examples of its types, of several versions, have every field set. None of them is refused, and all are read.
func TestDecodesKubernetesOwnExamples(t *testing.T) {
	t.Parallel()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/api").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for kind, typ := range kinds {
		names, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "testdata", "*", "*.v1."+kind+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			docs, unreadable := documents(File{Name: name, Content: text})
			if len(docs) != 1 {
				t.Fatal(unreadable)
			}
			seen++
			d := &decoder{types: newInput().types}
			got, want := reflect.New(typ), reflect.New(typ)
			d.read(docs[0], got.Elem())
			for _, f := range d.flaws {
				if newest := strings.Contains(name, "/HEAD/"); newest || f.kind != unknownField { // alpha fields come and go
					t.Errorf("%s:%d: %s of %q is refused", name, f.at.Line, f.at.text(), f.path)
				}
			}
			if err := yaml.Unmarshal(text, want.Interface()); err != nil {
				t.Fatal(err)
			}
			gotten, _ := json.Marshal(got.Interface())
			wanted, _ := json.Marshal(want.Interface())
			const managed = `"fieldsV1":{}` // which no hook depends on, and nobody reads
			if text := strings.ReplaceAll(string(wanted), managed, `"fieldsV1":null`); string(gotten) != text {
				at := 0
				for at < min(len(gotten), len(text)) && gotten[at] == text[at] {
					at++
				}
				t.Errorf("%s: decoded …%.80s, Kubernetes decodes …%.80s", name, gotten[at:], text[at:])
			}
		}
	}
	if seen < 9 {
		t.Errorf("%d examples: the test looks at the wrong places", seen)
	}
}
