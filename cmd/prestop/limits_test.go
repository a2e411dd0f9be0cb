package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What a server answers, as long as it may be, costs little memory to read.
func TestMemoryOfAnswers(t *testing.T) {
	t.Parallel()
	const most = 8 << 10 // KiB, beyond a small answer's
	repeat := func(begin, one, end string) string {
		var text strings.Builder
		text.WriteString(begin)
		for n := 0; text.Len() < 1<<20-1000; n++ {
			if n > 0 {
				text.WriteByte(',')
			}
			text.WriteString(strings.ReplaceAll(one, "%", strconv.Itoa(n)))
		}
		return text.String() + end
	}
	binary := builtBinary(t)
	peak := func(body string) int {
		app := newWitness(t, func(w http.ResponseWriter, _ sentRequest) { fmt.Fprint(w, body) })
		h := startHookIn(t, binary, "PRE_STOP_GRACE_PERIOD_SECONDS=8", "PRE_STOP_STEPS=until "+app.URL+" json=.last in=yes stable=3 max=3s")
		<-h.ended
		if h.exit != exitDone || h.took > 3*time.Second && !strings.Contains(h.stdout.String(), `"met":true`) {
			t.Fatalf("exit %d after %s:\n%s", h.exit, h.took, &h.stdout)
		}
		return h.peak
	}
	small := peak(`{"last": "yes"}`)
	for name, body := range map[string]string{
		"numbers": repeat(`{"a": [`, "1", `], "last": "yes"}`),
		"keys":    repeat(`{`, `"k%": 1`, `, "last": "yes"}`),
		"objects": repeat(`{"a": [`, `{"k": {"l": "%"}}`, `], "last": "yes"}`),
		"text":    `{"a": "` + strings.Repeat("x", 1<<20-1000) + `", "last": "yes"}`,
	} {
		if got := peak(body) - small; got > most {
			t.Errorf("%s: %d KiB more than a small answer, want at most %d", name, got, most)
		} else {
			t.Logf("%s: %d KiB more than %d", name, got, small)
		}
	}
}
