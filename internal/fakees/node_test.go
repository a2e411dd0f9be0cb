package fakees

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestReadiness(t *testing.T) {
	t.Parallel()
	c, n, _ := cluster(t, "9.4.0")
	open := func(name string, want bool) {
		t.Helper()
		if c.ReadinessOpen(name) != want {
			t.Errorf("readiness of %s is not %v", name, want)
		}
	}
	open("es-0", true)
	c.Put(Record{NodeID: n.ID, Type: "RESTART"})
	open("es-0", false)
	open("es-1", true)
	c.RestartNode("es-0", true)
	open("es-0", false)
	c.RestartNode("es-0", false)
	open("es-0", true)
	c.RemoveNode("es-0")
	open("es-0", false)
	elect := c.LoseMaster()
	open("es-1", false)
	elect()
	open("es-1", true)
	old, _, _ := cluster(t, "8.1.3")
	if old.ReadinessOpen("es-0") {
		t.Error("8.1 has no readiness.port")
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	a, b := New("9.4.0"), New("9.4.0")
	seen := map[string]bool{}
	for i := range 1000 {
		n := a.AddNode(Node{Name: fmt.Sprintf("es-%d", i)})
		if other := b.AddNode(Node{Name: n.Name}); n.ID != other.ID || n.IP != other.IP {
			t.Fatalf("node %d differs from run to run", i)
		}
		for _, id := range []string{n.ID, n.EphemeralID} {
			if len(id) != 22 || seen[id] {
				t.Fatalf("id %q is not new, or not 22 characters", id)
			}
			seen[id] = true
		}
	}
}

func TestServiceAnswersInTurn(t *testing.T) {
	t.Parallel()
	c := New("9.4.0")
	for i := range 3 {
		c.AddNode(Node{Name: fmt.Sprintf("es-%d", i)})
	}
	names := func(h http.Handler) string {
		var names []string
		for range 4 {
			names = append(names, mustGet(t, h, "/")["name"].(string))
			local := mustGet(t, h, "/_nodes/_local/http")
			for _, n := range local["nodes"].(map[string]any) {
				names = append(names, at(t, n, "name").(string))
			}
		}
		return strings.Join(names, " ")
	}
	if have, want := names(c.ServiceHandler()), "es-0 es-1 es-2 es-0 es-1 es-2 es-0 es-1"; have != want {
		t.Errorf("have %s, want %s", have, want)
	}
	h := c.ServiceHandler("es-1", "es-2", "es-9")
	if have, want := names(h), "es-1 es-2 es-1 es-2 es-1 es-2 es-1 es-2"; have != want {
		t.Errorf("have %s, want %s", have, want)
	}
	c.RemoveNode("es-1")
	if have, want := names(h), strings.TrimSpace(strings.Repeat("es-2 ", 8)); have != want {
		t.Errorf("have %s, want %s", have, want)
	}
	c.RemoveNode("es-2")
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("a Service without endpoints answers")
		}
	}()
	names(h)
}
