package workloads

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"k8s.io/client-go/rest"

	"github.com/prestop/prestop/internal/fakeapi"
)

// objects reads what a cluster has, as one writes it. Each gets an identity: its kind and its name.
func objects(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	d := yaml.NewDecoder(strings.NewReader(text))
	for {
		var o map[string]any
		if err := d.Decode(&o); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		meta := o["metadata"].(map[string]any)
		meta["uid"] = fmt.Sprintf("%v/%v", o["kind"], meta["name"])
		if by, ok := meta["by"].(string); ok { // as ReplicaSet/web-1
			kind, name, _ := strings.Cut(by, "/")
			meta["ownerReferences"] = []any{map[string]any{"apiVersion": "x/v1", "kind": kind, "name": name, "uid": by, "controller": true}}
			delete(meta, "by")
		}
		all = append(all, o)
	}
}

const shop = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, managedFields: [{manager: x}]}
spec:
  selector: {matchLabels: {app: web}}
  template:
    spec: {containers: [{name: web, lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}, env: [{name: A, valueFrom: {configMapKeyRef: {name: web, key: a}}}]}]}
status: {replicas: 3}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-1, namespace: shop, by: Deployment/web, labels: {app: web}}
spec: {template: {spec: {containers: [{name: web, lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1-a, namespace: shop, by: ReplicaSet/web-1, labels: {app: web}}
spec: {containers: [{name: web, lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1-b, namespace: shop, by: ReplicaSet/web-1, labels: {app: web}}
spec: {containers: [{name: web, lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}}, {name: proxy, lifecycle: {preStop: {sleep: {seconds: 5}}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1-c, namespace: shop, by: ReplicaSet/web-1, labels: {app: web}}
spec: {containers: [{name: web, lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}}, {name: proxy, lifecycle: {preStop: {sleep: {seconds: 5}}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: alone, namespace: shop, labels: {app: web}}
spec: {containers: [{name: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: over, namespace: shop}
spec: {containers: [{name: a}]}
status: {phase: Succeeded}
---
apiVersion: v1
kind: Pod
metadata: {name: kafka-0, namespace: shop, by: Kafka/kafka}
spec: {containers: [{name: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: kafka-1, namespace: shop, by: Kafka/kafka}
spec: {containers: [{name: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: static-1, namespace: shop, by: Node/n}
spec: {containers: [{name: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: static-2, namespace: shop, by: Node/n}
spec: {containers: [{name: a}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: night, namespace: shop}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a}]}}}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: night-1, namespace: shop, by: CronJob/night}
spec: {template: {spec: {containers: [{name: a}]}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: blue, namespace: shop}
spec: {selector: {matchLabels: {app: blue}}, template: {spec: {containers: [{name: a}]}}}
---
apiVersion: elasticsearch.k8s.elastic.co/v1
kind: Elasticsearch
metadata: {name: es, namespace: shop}
spec:
  nodeSets:
  - podTemplate:
      spec:
        volumes: [{name: a, configMap: {name: scripts}}, {name: b, projected: {sources: [{configMap: {name: more}}, {secret: {name: s}}]}}]
        containers: [{name: elasticsearch, lifecycle: {preStop: {exec: {command: [/a/stop.sh]}}}, envFrom: [{configMapRef: {name: web}}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: shop}
data: {a: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: scripts, namespace: shop}
data: {stop.sh: sleep 5}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: nobodys, namespace: shop}
data: {a: b}
---
apiVersion: v1
kind: Pod
metadata: {name: other, namespace: other}
spec: {containers: [{name: a}]}
`

func namesOf(objects []Object) string {
	var all []string
	for _, o := range objects {
		name := o.Name
		if o.Of != "" {
			name += " of " + o.Of
		}
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}

func read(t *testing.T, server *fakeapi.Server, s Selection) Found {
	t.Helper()
	found, err := Read(t.Context(), &rest.Config{Host: server.URL}, s)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// What a workload made is not there beside it, unless something changed its hooks.
func TestEachWorkloadOnce(t *testing.T) {
	t.Parallel()
	server := fakeapi.Start(t, &fakeapi.Server{Objects: objects(t, shop)})
	found := read(t, server, Selection{Namespace: "shop"})
	want := "shop/cronjob/night, shop/deployment/web, shop/elasticsearch/es, shop/pod/alone, shop/pod/kafka-0, shop/pod/static-1, shop/pod/static-2, " +
		"shop/pod/web-1-b of shop/deployment/web, shop/rollout/blue"
	if got := namesOf(found.Workloads); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := namesOf(found.Beside); got != "shop/configmap/scripts, shop/configmap/web, shop/service/web" {
		t.Errorf("beside them: %s", got)
	}
	if found.Version != "v1.37.2" || found.Unreadable || len(found.Denied) > 0 {
		t.Errorf("got %+v", found)
	}
	web := found.Workloads[1].Content
	if bytes.Contains(web, []byte("managedFields")) || bytes.Contains(web, []byte("status")) || !bytes.Contains(web, []byte(`"command":["sleep","5"]`)) {
		t.Errorf("the Deployment is %s", web)
	}
	for _, asked := range server.Asked() {
		if strings.Contains(asked, "secrets") {
			t.Errorf("it asked: %s", asked)
		}
	}
	if n := len(slices.DeleteFunc(server.Asked(), func(a string) bool { return a != "get configmaps shop" })); n != 3 {
		t.Errorf("it asked for %d ConfigMaps, want 3, each once", n)
	}
	if got := namesOf(read(t, server, Selection{}).Workloads); !strings.Contains(got, "other/pod/other") {
		t.Errorf("of all namespaces: %s", got)
	}
	if got := namesOf(read(t, server, Selection{Namespace: "shop", Labels: "app=web"}).Workloads); got != "shop/pod/alone, shop/pod/web-1-b of shop/replicaset/web-1, shop/replicaset/web-1" {
		t.Errorf("with a label: %s", got)
	}
}

func TestByName(t *testing.T) {
	t.Parallel()
	server := fakeapi.Start(t, &fakeapi.Server{Objects: objects(t, shop)})
	for text, want := range map[string]string{
		"deploy/web":           "shop/deployment/web, shop/pod/web-1-b of shop/deployment/web",
		"deployments.apps/web": "shop/deployment/web, shop/pod/web-1-b of shop/deployment/web",
		"Pod/alone":            "shop/pod/alone",
		"cj/night":             "shop/cronjob/night",
		"es/es":                "shop/elasticsearch/es",
		"rollouts/blue":        "shop/rollout/blue",
	} {
		name, ok := ParseName(text)
		if !ok {
			t.Errorf("%s: not read", text)
			continue
		}
		if got := namesOf(read(t, server, Selection{Namespace: "shop", Names: []Name{name}}).Workloads); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"web.yaml", "deploy", "deploy/", "deploy/a/b", "/web", "secret/web", "", "./deploy/web"} {
		if _, ok := ParseName(text); ok {
			t.Errorf("%q: taken for a workload", text)
		}
	}
	_, err := Read(t.Context(), &rest.Config{Host: server.URL}, Selection{Namespace: "shop", Names: []Name{{kinds[3], "wbe"}}})
	if err == nil || err.Error() != `deployments.apps "wbe" not found` {
		t.Errorf("got %v", err)
	}
}

// What may not be read is said, and the rest is read.
func TestDenied(t *testing.T) {
	t.Parallel()
	server := fakeapi.Start(t, &fakeapi.Server{Objects: objects(t, shop),
		Denied: []string{"list replicasets.apps shop", "list services shop", "get configmaps shop"},
		Absent: []string{"argoproj.io", "apps.openshift.io"}})
	found := read(t, server, Selection{Namespace: "shop"})
	var said []string
	for _, d := range found.Denied {
		said = append(said, d.String())
	}
	if got := strings.Join(said, "\n"); got != "not allowed to list replicasets.apps in namespace shop: they are not looked at\nnot allowed to list services in namespace shop: they are not taken into account\nnot allowed to get configmaps in namespace shop: they are not taken into account" {
		t.Errorf("got %s", got)
	}
	if got := namesOf(found.Workloads); !strings.Contains(got, "shop/deployment/web, ") || !strings.Contains(got, "shop/pod/web-1-a, ") || strings.Contains(got, "rollout") {
		t.Errorf("got %s", got)
	}
	if n := len(slices.DeleteFunc(server.Asked(), func(a string) bool { return a != "get configmaps shop" })); n != 1 {
		t.Errorf("it asked %d times for ConfigMaps that it may not read", n)
	}
	var all []string
	for _, k := range kinds {
		all = append(all, "list "+k.resource())
	}
	if found := read(t, fakeapi.Start(t, &fakeapi.Server{Denied: all}), Selection{}); !found.Unreadable || len(found.Denied) != len(kinds) || !strings.Contains(found.Denied[0].String(), "in all namespaces") {
		t.Errorf("got %+v", found)
	}
}

// many are pods of one Deployment, more than a page.
func many(n int) []map[string]any {
	var all []map[string]any
	for i := range n {
		all = append(all, map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": fmt.Sprintf("web-%d", i), "namespace": "shop", "uid": fmt.Sprint(i)},
			"spec": map[string]any{"containers": []any{map[string]any{"name": "web"}}}})
	}
	return all
}

func TestPages(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]*fakeapi.Server{"as they are": {}, "forgotten": {Forget: true}} {
		server.Objects = many(2*pageSize + 1)
		fakeapi.Start(t, server)
		if got := len(read(t, server, Selection{}).Workloads); got != 2*pageSize+1 {
			t.Errorf("%s: got %d pods", name, got)
		}
		pages := slices.DeleteFunc(server.Asked(), func(a string) bool { return a != "list pods" })
		if want := map[bool]int{false: 3, true: 5}[server.Forget]; len(pages) != want {
			t.Errorf("%s: asked %d times, want %d", name, len(pages), want)
		}
	}
}

// A server that is none, or a bad one, ends the reading with an error that says so.
func TestHostile(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	defer close(gone)
	for name, test := range map[string]struct {
		*fakeapi.Server
		want string
	}{
		"lost":     {&fakeapi.Server{Objects: many(pageSize + 1), Lost: true}, "too old"},
		"endless":  {&fakeapi.Server{Objects: many(3), Endless: true}, "does not end"},
		"no JSON":  {&fakeapi.Server{Version: func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }}, "is no API server"},
		"no login": {&fakeapi.Server{Version: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }}, "credentials"},
		"hangs": {&fakeapi.Server{Version: func(w http.ResponseWriter, in *http.Request) {
			select {
			case <-gone:
			case <-in.Context().Done():
			}
		}}, "exceeded"},
		"later": {&fakeapi.Server{Version: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(http.StatusTooManyRequests)
		}}, "exceeded"},
	} {
		began := time.Now()
		_, err := Read(context.Background(), &rest.Config{Host: fakeapi.Start(t, test.Server).URL, Timeout: 300 * time.Millisecond}, Selection{})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: it took %s", name, took)
		}
	}
}

// Nobody's right to know the version is needed.
func TestVersionDenied(t *testing.T) {
	t.Parallel()
	server := fakeapi.Start(t, &fakeapi.Server{Objects: many(1), Version: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }})
	if found := read(t, server, Selection{}); found.Version != "" || len(found.Workloads) != 1 {
		t.Errorf("got %+v", found)
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	body := func(n int) http.RoundTripper {
		return transport(func(*http.Request) (*http.Response, error) {
			return &http.Response{Body: io.NopCloser(bytes.NewReader(make([]byte, n)))}, nil
		})
	}
	for name, test := range map[string]struct {
		limited *limited
		want    string
	}{
		"one": {&limited{next: body(11 << 20), one: 10 << 20, all: 100 << 20}, "at most 10 MiB"},
		"all": {&limited{next: body(6 << 20), one: 10 << 20, all: 10 << 20}, "at most 10 MiB in all"},
	} {
		var err error
		for range 2 {
			answer, _ := test.limited.RoundTrip(nil)
			if _, err = io.Copy(io.Discard, answer.Body); err != nil {
				break
			}
		}
		if err == nil || !strings.HasSuffix(err.Error(), test.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// What an API server has in JSON, lint reads as YAML, whatever is in it.
func TestJSONIsYAML(t *testing.T) {
	t.Parallel()
	want := "a\u007f\u0080\u0085\u009f\ufeff\ufffe\uffff\u2028\U0001f600\t\n\\\"<é"
	server := fakeapi.Start(t, &fakeapi.Server{Objects: []map[string]any{{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "a", "namespace": "b", "annotations": map[string]any{"a": want}}}}})
	var got struct {
		Metadata struct{ Annotations map[string]string }
	}
	if err := yaml.Unmarshal(read(t, server, Selection{}).Workloads[0].Content, &got); err != nil || got.Metadata.Annotations["a"] != want {
		t.Errorf("got %q, %v, want %q", got.Metadata.Annotations["a"], err, want)
	}
}

// The role that the page has is all that a reader asks for, and no more.
func TestRoleOfThePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/lint/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```yaml\napiVersion: rbac")
	text, _, _ = strings.Cut("apiVersion: rbac"+text, "```")
	var role struct {
		Rules []struct {
			Groups    []string `yaml:"apiGroups"`
			Resources []string
			Verbs     []string
		}
	}
	if err := yaml.Unmarshal([]byte(text), &role); err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, rule := range role.Rules {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				got = append(got, verb+" "+strings.Trim(resource+"."+rule.Groups[0], "."))
			}
		}
	}
	for _, k := range kinds {
		want = append(want, "get "+k.resource(), "list "+k.resource())
	}
	want = append(want, "list "+services.resource(), "get "+configMaps.resource())
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the page has %q, want %q", got, want)
	}
}
