package proc

import (
	"math"
	"strings"
	"testing"
	"time"
)

const boot = "6f0d7a52-4f2c-4a53-9d0c-3f1c1e0b7a44"

func TestMarkNow(t *testing.T) {
	t.Parallel()
	first, err := MarkNow()
	if err != nil {
		t.Fatal(err)
	}
	second, err := MarkNow()
	if err != nil || second.Boot != first.Boot || second.Since < first.Since || second.Since > first.Since+time.Minute {
		t.Errorf("%v after %v, %v", second, first, err)
	}
	if again, ok := ParseMarker(first.String()); !ok || again != first {
		t.Errorf("%q reads as %v, %v", first, again, ok)
	}
}

func TestMarkNowWithoutBoot(t *testing.T) {
	t.Parallel()
	for name, root := range map[string]string{"no boot id": t.TempDir(), "one of another form": fakeProc(t, 30)} {
		if m, err := markNow(root); err == nil || m != (Marker{}) {
			t.Errorf("%s: %v, %v; expected an error", name, m, err)
		}
	}
}

func TestParseMarker(t *testing.T) {
	t.Parallel()
	good := Marker{boot, 26*time.Hour + 402118734}.String()
	if want := "prestop/1 boot=" + boot + " since=93600402118734\n"; good != want {
		t.Fatalf("%q, want %q", good, want)
	}
	tests := map[string]bool{
		good:                                    true,
		Marker{boot, 0}.String():                true,
		Marker{boot, math.MaxInt64}.String():    true,
		"":                                      false,
		"\n":                                    false,
		"drained\n":                             false,
		good + good:                             false,
		good + "\n":                             false,
		" " + good:                              false,
		"\xef\xbb\xbf" + good:                   false,
		strings.TrimSuffix(good, "\n"):          false,
		strings.TrimSuffix(good, "\n") + "\r\n": false,
		strings.ToUpper(good):                   false,
		strings.Replace(good, "/1", "/2", 1):    false,
		strings.Replace(good, " since", "  since", 1):         false,
		strings.Replace(good, "since=", "since=-", 1):         false,
		strings.Replace(good, "since=", "since=+", 1):         false,
		strings.Replace(good, "since=9", "since=x9", 1):       false,
		strings.Replace(good, "since=9", "since=09", 1):       false, // the same time, written otherwise
		strings.Replace(good, "since=9", "since=99999999", 1): false,
		strings.Replace(good, boot, "", 1):                    false,
		strings.Replace(good, "boot=6", "boot=", 1):           false,
		strings.Replace(good, "boot=", "root=", 1):            false,
		strings.Replace(good, "boot=", "", 1):                 false,
		strings.Replace(good, "-4f2c-", "-4f\x00c-", 1):       false,
	}
	for text, want := range tests {
		if m, ok := ParseMarker(text); ok != want || !ok && m != (Marker{}) {
			t.Errorf("%q: %v, %v; want %v", text, m, ok, want)
		}
	}
	for n := range good {
		if m, ok := ParseMarker(good[:n]); ok {
			t.Errorf("its first %d bytes read as %v", n, m)
		}
	}
}

func FuzzParseMarker(f *testing.F) {
	f.Add(Marker{boot, 26 * time.Hour}.String())
	f.Add("prestop/1 boot= since=0\n")
	f.Add("drained")
	f.Fuzz(func(t *testing.T, text string) {
		if m, ok := ParseMarker(text); ok && (m.String() != text || len(text) > 128 || m.Since < 0) {
			t.Errorf("%q reads as %q", text, m)
		}
	})
}
