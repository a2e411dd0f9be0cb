package prestop

import (
	"encoding/json"
	"testing"
)

func TestFinding(t *testing.T) {
	found := []Finding{Found("reachable", "address", "127.0.0.1:80", "took", "3ms"), Warned("ends soon")}
	if found[0].String() != "reachable: address 127.0.0.1:80, took 3ms" || found[1].String() != "warning: ends soon" {
		t.Errorf("%v", found)
	}
	text, err := json.Marshal(found)
	if want := `[{"address":"127.0.0.1:80","message":"reachable","took":"3ms"},{"level":"warning","message":"ends soon"}]`; err != nil || string(text) != want {
		t.Errorf("%s %v, want %s", text, err, want)
	}
}
