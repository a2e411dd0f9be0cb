package fakees

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// crowd has names that are easily taken for one another. The first is es-1.
func crowd(t *testing.T) (*Cluster, Node) {
	t.Helper()
	c := New("9.4.0")
	t.Cleanup(c.Close)
	first := c.AddNode(Node{Name: "es-1", IP: "10.0.0.5", Attributes: map[string]string{"zone": "a"}})
	for _, name := range []string{"es-10", "es-11", "x-es-1", "twin", "twin", "http", "es-1.b"} {
		c.AddNode(Node{Name: name})
	}
	c.AddNode(Node{Name: "v6", IP: "fd00::5", Host: "v6.example"})
	return c, first
}

func TestNodeSpecifications(t *testing.T) {
	t.Parallel()
	c, first := crowd(t)
	h := c.NodeHandler("es-1")
	for spec, want := range map[string][]string{
		"es-1":                {"es-1"},
		"es-1*":               {"es-1", "es-1.b", "es-10", "es-11"},
		"*es-1":               {"es-1", "x-es-1"},
		"e*-*1":               {"es-1", "es-11"},
		"es-?":                nil,
		"es-1,es-10":          {"es-1", "es-10"},
		"es-.":                nil,
		"ES-1":                nil,
		"twin":                {"twin", "twin"},
		"_local":              {"es-1"},
		"10.0.0.5":            {"es-1"},
		"fd00::5":             {"v6"},
		"v6.example":          {"v6"},
		"zone:a":              {"es-1"},
		"zo*:*":               {"es-1"},
		"zone:b":              nil,
		first.ID:              {"es-1"},
		first.ID[:4]:          nil,
		first.ID[:4] + "*":    nil,
		"nobody":              nil,
		"http":                {"http"},
		"_all":                {"es-1", "es-1.b", "es-10", "es-11", "http", "twin", "twin", "v6", "x-es-1"},
		"nobody,10.0.0.5,v6*": {"es-1", "v6"},
	} {
		body := mustGet(t, h, "/_nodes/"+strings.ReplaceAll(spec, "?", "%3F")+"/http")
		var have []string
		for _, n := range body["nodes"].(map[string]any) {
			have = append(have, at(t, n, "name").(string))
		}
		slices.Sort(have)
		if !slices.Equal(have, want) {
			t.Errorf("%s: have %v, want %v", spec, have, want)
		}
		wantAt(t, body, "_nodes.total", float64(len(want)))
	}
}

func mustGet(t *testing.T, h http.Handler, target string) map[string]any {
	t.Helper()
	return want(t, do(t, h, "GET", target, ""), 200)
}

func TestNodesInfo(t *testing.T) {
	t.Parallel()
	c, n := crowd(t)
	h := c.NodeHandler("es-1")
	body := mustGet(t, h, "/_nodes/es-1/http")
	wantAt(t, body, "nodes."+n.ID+".http.publish_address", "10.0.0.5:9200")
	wantAt(t, mustGet(t, h, "/_nodes/es-1/os"), "nodes."+n.ID+".http", nil)
	wantAt(t, mustGet(t, h, "/_nodes/es-1"), "nodes."+n.ID+".http.publish_address", "10.0.0.5:9200")
	v6, _ := c.lookup("v6")
	wantAt(t, mustGet(t, h, "/_nodes/v6/http"), "nodes."+v6.ID+".http.publish_address", "v6.example/[fd00::5]:9200")
	if n := len(mustGet(t, h, "/_nodes/http")["nodes"].(map[string]any)); n != 9 {
		t.Errorf("/_nodes/http is about %d nodes, want all: a metric, not the node of that name", n)
	}

	const list = "?filter_path=_nodes,nodes.*.name,nodes.*.http.publish_address"
	w := do(t, h, "GET", "/_nodes/es-1/http"+list, "")
	if have, want := w.Body.String(), `{"_nodes":{"total":1,"successful":1,"failed":0},"nodes":{"`+n.ID+
		`":{"name":"es-1","http":{"publish_address":"10.0.0.5:9200"}}}}`; have != want {
		t.Errorf("have %s\nwant %s", have, want)
	}
	w = do(t, h, "GET", "/_nodes/nobody/http?filter_path=nodes.*.name", "")
	if w.Code != 200 || w.Body.String() != "{}" {
		t.Errorf("have %d %s, want {}", w.Code, w.Body)
	}
	c.Silence("es-1", true)
	body = mustGet(t, h, "/_nodes/_local/http"+list)
	wantAt(t, body, "_nodes.failed", 1.0)
	wantAt(t, body, "nodes", nil)
	c.Silence("es-1", false)
	wantAt(t, mustGet(t, h, "/_nodes/_local/http"+list), "_nodes.failed", 0.0)
}

func TestConstantBytes(t *testing.T) {
	t.Parallel()
	c := New("9.4.0")
	sizes := map[int]bool{}
	for i := range 1000 {
		c.AddNode(Node{Name: fmt.Sprintf("es-%d", i)})
		if i%333 == 0 {
			sizes[do(t, c.NodeHandler("es-0"), "GET", "/_nodes/es-0/http?filter_path=_nodes,nodes.*.name", "").Body.Len()] = true
		}
	}
	if len(sizes) != 1 {
		t.Errorf("the answer grows with the cluster: %v", slices.Sorted(maps.Keys(sizes)))
	}
	if n := do(t, c.NodeHandler("es-0"), "GET", "/_cluster/state/nodes", "").Body.Len(); n < 100_000 {
		t.Errorf("the cluster state of 1,000 nodes has only %d bytes", n)
	}
}

func TestClusterState(t *testing.T) {
	t.Parallel()
	c, n := crowd(t)
	h := c.NodeHandler("es-1")
	body := mustGet(t, h, "/_cluster/state/nodes?filter_path=nodes.*.name,nodes.*.ephemeral_id,nodes.*.transport_address")
	wantAt(t, body, "nodes."+n.ID+".ephemeral_id", n.EphemeralID)
	wantAt(t, body, "nodes."+n.ID+".transport_address", "10.0.0.5:9300")
	wantAt(t, body, "cluster_name", nil)
	if n := len(body["nodes"].(map[string]any)); n != 9 {
		t.Errorf("%d nodes, want 9", n)
	}
}
