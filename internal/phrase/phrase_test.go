package phrase

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	among := []string{"wait", "get", "post", "header", "max", "timeout", "elasticsearch"}
	for word, want := range map[string]string{
		"wait": "wait", "wiat": "wait", "Wait": "wait", "WAITS": "wait", "wai": "wait", "wt": "", "haeder": "header", "heade": "header", "headesr": "header",
		"gte": "get", "gt": "get", "mx": "max", "g": "", "": "", "pots": "post", "opst": "post", "tiemotu": "timeout", "tmot": "", "timeouuuut": "", "elasticsaerhc": "elasticsearch",
		"ela": "elasticsearch", "ELASTIC": "elasticsearch", "el": "", "--ela": "", "tim": "timeout", "mux": "max", "mix": "max", "mxa": "max", "ab": "", "sleep": "", "ü": "",
	} {
		if got := Nearest(word, among); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if got := DidYouMean("wiat", among) + DidYouMean("sleep", among); got != "; did you mean wait?" {
		t.Error(got)
	}
}

func FuzzNearest(f *testing.F) {
	f.Add("wiat", "wait")
	f.Add("", "x")
	f.Fuzz(func(t *testing.T, a, b string) {
		if distance(a, b) != distance(b, a) || (distance(a, b) == 0) != (a == b) {
			t.Errorf("%q, %q: %d, %d", a, b, distance(a, b), distance(b, a))
		}
	})
}

func TestOneOf(t *testing.T) {
	t.Parallel()
	for want, words := range map[string][]string{"": nil, "a": {"a"}, "a or b": {"a", "b"}, "a, b or c": {"a", "b", "c"}} {
		if got := OneOf(words); got != want {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}

// A beginning that several words share means none of them.
func TestNearestOfBeginnings(t *testing.T) {
	t.Parallel()
	among := []string{"--grace-period", "--app-token-file", "--app-ca-file"}
	for word, want := range map[string]string{"--grace": "--grace-period", "--app": "", "--app-t": "--app-token-file", "--gr": "", "--": ""} {
		if got := Nearest(word, among); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

func TestAlmostEqual(t *testing.T) {
	t.Parallel()
	for pair, want := range map[[2]string]bool{
		{"", ""}: true, {"env", "env"}: true, {"env", "en"}: true, {"env", "envs"}: true, {"env", "enw"}: true, {"env", "nev"}: true, {"env", "vne"}: false,
		{"env", "e"}: false, {"env", "Env"}: true, {"prestop", "prsetop"}: true, {"prestop", "prsetpo"}: false,
	} {
		if got := AlmostEqual(pair[0], pair[1]); got != want {
			t.Errorf("%q: %v, want %v", pair, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range []string{"0 peers", "1 peer", "2 peers"} {
		if got := Count(n, "peer"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
