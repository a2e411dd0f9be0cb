package lint

import "testing"

// inject replaces a hook only if it does nothing but sleep.
func TestSleeps(t *testing.T) {
	for script, want := range map[string]bool{
		"sleep 15": true, "sleep 15 2>/dev/null": true, "( sleep 15 )": true, "sleep 15 2>&1": true,
		"> /tmp/drain; sleep 15": false, "sleep 15 > /shared/done": false, "R=$(curl localhost/drain); sleep 15": false,
		"export X=$(date); sleep 5": false, "sleep 15; [[ -e /x ]]": false, "sleep 15; ((x = 1))": false,
	} {
		if _, ok := Sleeps([]string{"sh", "-c", script}); ok != want {
			t.Errorf("%s: %t", script, ok)
		}
	}
}
