package lint

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestScript(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                 "",
		"sleep 5":                          "sleep 5",
		"a;b&&c||d|e":                      "a, b, c, d, e",
		"a\nb # c\nd":                      "a, b, d",
		"a 'b c' \"d ; e\" f\\ g":          "a|b c|d ; e|f g",
		"a 'b":                             " branches",
		"a > b 2>&1 < c >> d; e &> f":      "a, e",
		"a 2>/dev/null b":                  "a|b",
		"a & b":                            "a&, b",
		"X=1 Y=2 a=b c":                    "c",
		"X=1":                              "",
		"{ a; }; (b; c)":                   "a, b, c",
		"! a":                              "a",
		"if a; then b; else c; fi":         "a, b, c branches",
		"while a; do b; done; d":           "a, b, d branches",
		"echo $(a; b) ${c:-d e} `f`":       "echo|$(a; b)|${c:-d e}|`f`",
		"echo $( (":                        " branches",
		"a#b":                              "a#b",
		"() { a; }":                        " branches",
		"f() { a; }; b; f; c":              "b, a, c",
		"a; exit; b":                       "a, exit",
		"sh -c 'a; b'; c":                  "sh|-c|a; b, a, b, c",
		"a\\\n b":                          "a|b",
		"\\":                               "\\",
		"echo \"a \\\" b\" 'c \\' d":       `echo|a " b|c \|d`,
		strings.Repeat("(", 1000):          " branches",
		"for i in 1 2; do sleep $i; done ": "sleep|$i branches",
	} {
		s := scriptOf([]string{"sh", "-c", text}, environment{})
		var got []string
		for _, c := range s.commands {
			line := strings.Join(c.words, "|")
			if c.background {
				line += "&"
			}
			got = append(got, line)
		}
		shown := strings.Join(got, ", ")
		if s.branches {
			shown += " branches"
		}
		want = strings.ReplaceAll(want, "sleep 5", "sleep|5")
		if shown != want {
			t.Errorf("%q: %q, expected %q", text, shown, want)
		}
	}
}

func TestSleepTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"5": 5 * time.Second, "0.5": time.Second / 2, "2m": 2 * time.Minute, "1h": time.Hour, "1d": 24 * time.Hour, "3s": 3 * time.Second,
		"infinity": forever, "1e300": forever, "": 0, "s": 0, "-5": 0, "x": 0, "NaN": 0, "$X": 0, "5 5": 0,
		"0x46": 70 * time.Second, "0X1em": 30 * time.Minute, "0x1d": 29 * time.Second, "0x1p2h": 4 * time.Hour, "1e999": forever, "INF": forever, "0x_1": 0, "0x": 0, "infd": forever,
	} {
		if got, ok := sleepTime(text); got != want || ok != (want > 0) {
			t.Errorf("%q: %s, %t, expected %s", text, got, ok, want)
		}
	}
	s := scriptOf([]string{"sh", "-c", "sleep 1m 30; sleep infinity; sleep 5"}, environment{})
	if got := s.slept()[0]; got != forever {
		t.Errorf("%s, expected for ever", got)
	}
}

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

func TestSecretIn(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(SecretPattern())
	for text, want := range map[string]bool{
		"http://a:b@host/":                     true,
		"http://$(USER):$(PASSWORD)@host/":     false,
		"http://host:8080/a@b":                 false,
		"redis://:pw@host":                     true,
		"Authorization: Bearer abc":            true,
		"authorization: $TOKEN":                false,
		"header=X-Trino-User:admin":            false,
		"X-Vault-Token: abc":                   true,
		"--password abc":                       true,
		"--password=$P":                        false,
		"--password-file=/a":                   false,
		"token-file=/etc/x":                    false,
		"https://host/?token=abc":              true,
		"key=locks/reports":                    false,
		"-u admin:abc":                         true,
		"-u 1000:1000":                         false,
		"-u admin":                             false,
		"PGPASSWORD=abc psql":                  true,
		"password={{ .Values.p }}":             false,
		"ghp_0123456789abcdefghij":             true,
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMj.": true,
		"password=****":                        false,
		"node-is-quorum-critical":              false,
	} {
		if got := secretIn(text) != ""; got != want {
			t.Errorf("%q: %v, expected %v", text, got, want)
		}
		if pattern.MatchString(text) != want { // here the pattern sees as much
			t.Errorf("%q: the pattern says %v, expected %v", text, !want, want)
		}
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	e := environment{variables: map[string]variable{"A": {value: "x", known: true}, "B": {value: "$(A)", known: true}, "G": {value: "?"}}}
	for text, want := range map[string]string{
		"$(A)": "x true", "a$(A)b$(A)": "axbx true", "$$(A)": "$(A) true", "$(B)": "$(A) true", "$(C)": "$(C) true", "$A ${A}": "$A ${A} true",
		"$(G)": "? false", "$(HOSTNAME)": "$(HOSTNAME) false", "$(": "$( true", "$()": "$() true",
	} {
		value, known := e.expand(text, func(string) {})
		if got := fmt.Sprint(value, " ", known); got != want {
			t.Errorf("%q: %q, expected %q", text, got, want)
		}
	}
}

// Whatever a script has, it is read, and in no long time.
func FuzzScript(f *testing.F) {
	for _, text := range []string{
		"i=0; while [ $i -lt 9 ]; do sleep 1; i=$((i+1)); done", "for ((i = 0; i < 9; i += 2)); do sleep $i; done", "let i++ j=i**2; (( ++i, j--, k <<= 2 ))",
		"end=$(($(date +%s) + 9)); until [[ $(date +%s) -ge $end ]]; do sleep 1; done", "N=5; f() { local N=$1 M; declare -n R=N; unset N; }; f 6; sleep ${N:-9}",
		"for i in {1..9}{a,b} $(seq 9 -2 1) `expr 4 / 2` $X *; do sleep ${i#1} ${X:=5} ${#X} ${X:1:2} ${X[0]}; done", "read -rt 5 N <> <(:); sleep 5 & P=$!; wait $P",
		"eval \"sleep 5\"; . /x; export $(cat /x) A=1; sh -ec 'A=(1 2); sleep ${A[1]}'; su x -c 'exit'; case $X in a) N=1;; *) N=2; esac", "-\xff", "((++A--)); sleep $((++A--))", "A=$B$B B=$A; A+=1; a[$((A++))]=2; sleep $((a ? b : c))",
	} {
		f.Add(text)
	}
	env := environment{variables: map[string]variable{"X": {value: "5", known: true}, "Y": {value: "x"}}}
	f.Fuzz(func(t *testing.T, text string) {
		begun := time.Now()
		scriptOf([]string{"bash", "-c", text}, env).slept()
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("took %s", took)
		}
	})
}
