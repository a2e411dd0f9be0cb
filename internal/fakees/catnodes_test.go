package fakees

import (
	"slices"
	"strings"
	"testing"
)

func TestCatNodes(t *testing.T) {
	t.Parallel()
	c, n := crowd(t)
	h := c.NodeHandler("es-1")
	lines := strings.Split(strings.TrimSuffix(do(t, h, "GET", "/_cat/nodes?h=id,name", "").Body.String(), "\n"), "\n")
	if len(lines) != 9 || !slices.Contains(lines, n.ID[:4]+" es-1") {
		t.Errorf("have %q", lines)
	}
	names := make([]string, len(lines))
	for i, line := range lines {
		names[i] = strings.Fields(line)[1]
	}
	if slices.IsSorted(names) {
		t.Error("the names are sorted by accident: choose others")
	}
	text := do(t, h, "GET", "/_cat/nodes?full_id=true&h=id,name,nonsense&v&s=name", "").Body.String()
	if !strings.HasPrefix(text, "id"+strings.Repeat(" ", 21)+"name\n"+n.ID+" es-1\n") {
		t.Errorf("have\n%s", text)
	}
	for _, ask := range []func() string{
		func() string {
			return do(t, h, "GET", "/_cat/nodes?h=id,name&format=json&full_id&s=name", "").Body.String()
		},
		func() string {
			r := request("GET", "/_cat/nodes?h=id,name&full_id&s=name", "")
			r.Header.Set("Accept", "application/json")
			return ask(h, r).Body.String()
		},
	} {
		if have := ask(); !strings.HasPrefix(have, `[{"id":"`+n.ID+`","name":"es-1"},{"id":`) {
			t.Errorf("have %s", have)
		}
	}
}
