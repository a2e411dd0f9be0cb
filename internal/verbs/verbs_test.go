package verbs

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/prestop"
)

// examples are lines with each verb and each option.
var examples = []string{
	"wait 5s",
	"get https://app/ body=x header=A:b expect=200 timeout=5s token-file=/t ca-file=/c cert-file=/d key-file=/e tls-server-name=n only-if=http://b/ max=9s json=.a into=ID",
	"post https://app/ body=x header=A:b expect=200 timeout=5s token-file=/t ca-file=/c cert-file=/d key-file=/e tls-server-name=n only-if=http://b/ max=9s json=.a into=ID",
	"put https://app/ body=x header=A:b expect=200 timeout=5s token-file=/t ca-file=/c cert-file=/d key-file=/e tls-server-name=n only-if=http://b/ max=9s json=.a into=ID",
	"patch https://app/ body=x header=A:b expect=200 timeout=5s token-file=/t ca-file=/c cert-file=/d key-file=/e tls-server-name=n only-if=http://b/ max=9s json=.a into=ID",
	"delete https://app/ body=x header=A:b expect=200 timeout=5s token-file=/t ca-file=/c cert-file=/d key-file=/e tls-server-name=n only-if=http://b/ max=9s json=.a into=ID",
	"elasticsearch http://es:9200 type=remove",
	"until https://app/ header=A:b expect=200 timeout=5s token-file=/t ca-file=/c cert-file=/d key-file=/e tls-server-name=n only-if=http://b/ stable=2 min=1s max=9s json=.a in=b",
	"until http://app/ metric=a at-most=1 at-least=1 absent=0",
	"until http://app/ json=count(.a) not-in=b met-by=404",
	"until quiet 80,443/udp http2 for=1s min=1s max=9s traffic=new allow=2 unanswered=1s ignore=::/0 probe=false",
	"until empty 80,81 at-most=2 for=1s min=1s max=9s ignore=::/0",
	"until gone web min=1s max=9s",
	"until closed 80 min=1s max=9s",
	"until file /a min=1s max=9s",
	"touch /a",
	"remove /a",
	"exec max=9s only-if=http://b/ /a b",
	"until exec min=1s max=9s timeout=5s /a b",
	"signal TERM wait=false",
	"unlock rediss://a key=b value-file=/c user=d password-file=/e ca-file=/f cert-file=/g key-file=/h timeout=5s",
	"unlock etcd://a lease-file=/b",
}

func lookupIn(variables map[string]string) grammar.Lookup {
	return func(name string) (string, bool) { v, ok := variables[name]; return v, ok }
}

func understand(text string, variables map[string]string) (*grammar.Line, *step.Spec, []grammar.Secret, error) {
	return parse.Line(All(), text, lookupIn(variables))
}

func means() *step.Means {
	secret := func() (string, error) { return "", nil }
	return &step.Means{
		Dial:     new(net.Dialer).DialContext,
		Secret:   func(string) func() (string, error) { return secret },
		Password: func(string, string) func() (string, error) { return secret },
		Keep:     func(func()) {}, Release: func() {},
		Type: func(word string) string { return word }, Start: time.Now, InPod: true,
		Pod: step.Pod{Name: "web-0", IP: "10.0.0.1", ID: func() string { return "uid-1" }},
	}
}

func TestNamesDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, v := range All() {
		if seen[v.Name] || v.Name == "" || v.Does == "" || v.Target == "" || v.Parse == nil {
			t.Errorf("%+v", v)
		}
		seen[v.Name] = true
	}
}

// Each option of each verb stands in an example, and it makes a difference whether it is there, or it is refused.
func TestEachOptionIsRead(t *testing.T) {
	t.Parallel()
	read := map[string]bool{}
	for _, text := range examples {
		l, with, _, err := understand(text, nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if _, again, _, err := understand(text, nil); err != nil || !reflect.DeepEqual(with, again) {
			t.Errorf("%s: read twice, it differs: %v", text, err) // an option could not be seen to make a difference
		}
		if _, err := with.Bind(means()); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		read[l.Verb.Text] = true
		for _, o := range l.Options {
			rest := strings.Replace(text, " "+o.Written, "", 1)
			_, without, _, err := understand(rest, nil)
			if err == nil && reflect.DeepEqual(with, without) {
				t.Errorf("%s: the same as %s", text, rest)
			}
			read[l.Verb.Text+" "+o.Key] = true
		}
	}
	for _, v := range All() {
		for _, key := range v.Options {
			if !read[v.Name+" "+key] {
				t.Errorf("no example has %s= of %s", key, v.Name)
			}
		}
		if !read[v.Name] {
			t.Errorf("no example of %s", v.Name)
		}
	}
}

// A value that cannot be read is refused by an error that names the option and its column. So is an option that stands there twice.
func TestBadValues(t *testing.T) {
	t.Parallel()
	free := []string{"body", "in", "not-in", "key", "value-file", "lease-file", "user", "ca-file", "cert-file", "key-file"} // any text will do
	for _, text := range examples {
		l, _, _, err := understand(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range l.Options {
			twice := strings.Replace(text, o.Written, o.Written+" "+o.Written, 1)
			_, _, _, err := understand(twice, nil)
			if want := fmt.Sprintf("column %d: expected %s= once", o.Column+len(o.Written)+1, o.Key); (err == nil || !strings.HasPrefix(err.Error(), want)) != (o.Key == "header") {
				t.Errorf("%s: %v", twice, err)
			}
			if slices.Contains(free, o.Key) {
				continue
			}
			bad := strings.Replace(text, o.Written, o.Key+"=", 1)
			_, _, _, err = understand(bad, nil)
			if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("column %d: %s", o.Column, o.Key)) {
				t.Errorf("%s: %v", bad, err)
			}
		}
	}
}

func TestNeedsAreStable(t *testing.T) {
	t.Parallel()
	for _, text := range examples {
		_, spec, _, err := understand(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		before := spec.Needs()
		if _, err := spec.Bind(means()); err != nil {
			t.Error(err)
		}
		if after := spec.Needs(); !reflect.DeepEqual(before, after) {
			t.Errorf("%s: %+v, then %+v", text, before, after)
		}
		if before.Least < 0 || before.Most != 0 && before.Least > before.Most && !before.FromStart {
			t.Errorf("%s: %+v", text, before)
		}
	}
}

// A variable's value may be a secret wherever it stands, so no error has it: here each word of each example is one, in whole,
// in its value, and in part.
func TestNoErrorHasAVariablesValue(t *testing.T) {
	t.Parallel()
	values := []string{"hunter22", "hunter22:x", "hunter22://x", "0hunter22", "99hunter22", "http://hunter22:0/", "http://u:p@a:99922/", "-922s", "/hunter22\x00", "redis://a/hunter22", "redis://u:hunter22@a", "{hunter22", "[hunter22", "a{b=hunter22", "SIGhunter22", "99922", "hunter22,", ""}
	errors := 0
	for _, text := range examples {
		words := strings.Split(text, " ")
		for n := 1; n < len(words); n++ {
			key, _, isOption := strings.Cut(words[n], "=")
			for _, value := range values {
				forms := []string{"$(V)", words[n] + "$(V)", "http://u:$(V)@a:$(V)/$(V)"}
				if isOption {
					forms = []string{key + "=$(V)", words[n] + "$(V)", key + "=" + "http://$(V):0", key + "=a{$(V)", key + "=.$(V)["}
				}
				for _, form := range forms {
					line := strings.Join(slices.Concat(words[:n], []string{form}, words[n+1:]), " ")
					_, spec, _, err := understand(line, map[string]string{"V": value})
					if err == nil {
						_, err = spec.Bind(means())
					}
					if err == nil {
						continue
					}
					errors++
					for _, part := range []string{"hunter22", "99922", "922s"} {
						if strings.Contains(value, part) && strings.Contains(err.Error(), part) {
							t.Errorf("%s with %q: %v", line, value, err)
						}
					}
				}
			}
		}
	}
	if errors < 500 {
		t.Errorf("%d errors alone", errors)
	}
}

func TestWithoutALine(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	m := means()
	m.App.URL, m.Elasticsearch.URLs, m.Elasticsearch.Type = u, []*url.URL{u}, step.TypeRestart
	for _, spec := range []*step.Spec{App(m.App), Elasticsearch(m.Elasticsearch)} {
		s, err := spec.Bind(m)
		if _, ok := s.(prestop.Checker); err != nil || !ok || len(spec.Needs().Calls) != 1 {
			t.Errorf("%+v, %v", s, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := ClearElasticsearch(ctx, m, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("cleared where nobody answers")
	}
}

func TestOnce(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"wait 5s once": true, "wait 5s": false, "post http://app/ once": true, "post http://app/ timeout=5s once": true,
		"post http://app/ body=once": false, "elasticsearch http://a once": true,
	} {
		if l, _, _, err := understand(text, nil); err != nil || l.Once != want {
			t.Errorf("%q: once %v, %v; want %v", text, l.Once, err, want)
		}
	}
	for _, text := range []string{"once", "wait once", "once wait 5s", "post once http://app/", "wait 5s once once"} {
		if _, _, _, err := understand(text, nil); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"wait 5": 5 * time.Second, "wait 1m30s": 90 * time.Second, "  wait\t250ms ": 250 * time.Millisecond, "wait '5s'": 5 * time.Second,
		"wait $(DELAY)": 7 * time.Second, "wait ${DELAY}": 7 * time.Second, `wait "$DELAY"`: 7 * time.Second, "wait 0": 0,
	} {
		l, spec, _, err := understand(text, map[string]string{"DELAY": "7s"})
		if err != nil || l.Once || !reflect.DeepEqual(spec.Needs(), step.Needs{Least: want, Most: want, Waits: true}) {
			t.Errorf("%q: %+v, %v; want a wait of %s", text, spec, err, want)
			continue
		}
		if s, err := spec.Bind(&step.Means{}); s != nil || err != nil {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
}

func TestLinesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	variables := map[string]string{"EMPTY": "", "SPACED": "wait 5s", "MINUS": "-5s"}
	for text, want := range map[string]string{
		"":                             "column 1: expected a step, got nothing",
		" \t":                          "column 1: expected a step, got nothing",
		"wiat 5s":                      `column 1: expected wait, get, post, put, patch, delete, elasticsearch, until, touch, remove, exec, signal or unlock, got "wiat"; did you mean wait?`,
		"  wiat 5s":                    `column 3: expected wait, get, post, put, patch, delete, elasticsearch, until, touch, remove, exec, signal or unlock, got "wiat"; did you mean wait?`,
		"Wait 5s":                      `column 1: expected wait, get, post, put, patch, delete, elasticsearch, until, touch, remove, exec, signal or unlock, got "Wait"; did you mean wait?`,
		"'wait 5s'":                    `column 1: expected a step, got "'wait 5s'": write the step without quotes around the whole`,
		"$(SPACED)":                    `column 1: expected wait, get, post, put, patch, delete, elasticsearch, until, touch, remove, exec, signal or unlock, got "$(SPACED)"`,
		"$(EMPTY)":                     `column 1: expected wait, get, post, put, patch, delete, elasticsearch, until, touch, remove, exec, signal or unlock, got "$(EMPTY)"`,
		"--grace-period=5":             `column 1: expected a step, got "--grace-period=5": flags go before the steps`,
		"wait":                         "column 5: expected a duration after wait, as in wait 20s",
		"wait ":                        "column 5: expected a duration after wait, as in wait 20s",
		"wait once":                    "column 5: expected a duration after wait, as in wait 20s",
		"wait $(EMPTY)":                `column 6: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got "$(EMPTY)"`,
		"wait $(MINUS)":                `column 6: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got "$(MINUS)"`,
		"wait 5s 6s":                   `column 9: expected an option or the end of the step, got "6s"`,
		"wait 5s for=6s":               "column 9: wait takes no options, got for=",
		"wait for=6s":                  "column 6: wait takes no options, got for=",
		"wait $(NOPE)":                 "column 6: the variable NOPE is not set",
		"wait $(NOPE":                  "column 6: expected ) after the variable's name",
		"wait '5s":                     "column 6: expected a closing ' after this one",
		"psot http://a/":               `column 1: expected wait, get, post, put, patch, delete, elasticsearch, until, touch, remove, exec, signal or unlock, got "psot"; did you mean post?`,
		"sleep 20":                     `column 1: expected a step, got "sleep": wait 20s`,
		"sleep 2m":                     `column 1: expected a step, got "sleep": wait 2m0s`,
		"sleep $(EMPTY)":               `column 1: expected a step, got "sleep": wait 20s`,
		"/bin/sleep":                   `column 1: expected a step, got "/bin/sleep": wait 20s`,
		"curl -sf http://a/":           `column 1: expected a step, got "curl": get URL, or post URL`,
		"wget http://a/":               `column 1: expected a step, got "wget": get URL, or post URL`,
		"sh -c 'sleep 20'":             `column 1: expected a step, got "sh": exec sh -c SCRIPT, where the steps cannot say the same`,
		"/bin/bash -c x":               `column 1: expected a step, got "/bin/bash": exec /bin/bash -c SCRIPT, where the steps cannot say the same`,
		"kill -TERM 1":                 `column 1: expected a step, got "kill": signal TERM`,
		"/usr/sbin/nginx -s quit":      `column 1: expected a step, got "/usr/sbin/nginx": exec /usr/sbin/nginx`,
		"wait 5 && post http://a/":     `column 8: expected an option or the end of the step, got "&&": each step is an argument of its own, or a line of PRE_STOP_STEPS`,
		"wait 5 ; post http://a/":      `column 8: expected an option or the end of the step, got ";": each step is an argument of its own, or a line of PRE_STOP_STEPS`,
		"post http://a/ wait 20s":      `column 16: expected an option or the end of the step, got "wait": each step is an argument of its own, or a line of PRE_STOP_STEPS`,
		"post http://a/ once wait 20s": `column 21: expected an option or the end of the step, got "wait": each step is an argument of its own, or a line of PRE_STOP_STEPS`,
		"post http://a/ || wait 20s":   `column 16: expected an option or the end of the step, got "||": each step is an argument of its own, or a line of PRE_STOP_STEPS`,
		"until quiet 80 signal TERM":   `column 16: expected an option or the end of the step, got "signal": each step is an argument of its own, or a line of PRE_STOP_STEPS`,
		"post http://a/ haeder=A:b":    "column 16: expected an option of post (body header expect timeout token-file ca-file cert-file key-file tls-server-name only-if max json into), got haeder=; did you mean header=?",
		"until quiet 80 allows=1":      "column 16: expected an option of until quiet (for min max traffic allow unanswered ignore probe), got allows=; did you mean allow=?",
		"ü 5s":                         `column 1: expected wait, get, post, put, patch, delete, elasticsearch, until, touch, remove, exec, signal or unlock, got "ü"`,
	} {
		_, _, _, err := understand(text, variables)
		if e, ok := err.(*grammar.Error); !ok || e.Error() != want {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

// Any line: no panic; an error that names a column within the line and has no variable's value, or a step with times that the
// schedule can use.
func FuzzParse(f *testing.F) {
	for _, seed := range append([]string{
		"", "wait 1m30s once", "wait $(A)", "wait ${B} x=y", "post http://app/ body=@/f header=A:b timeout=5s expect=2xx,404",
		`get "http://$A:80/" only-if='http://b/' token-file=/t ca-file=/c`, "elasticsearch http://u:p@a:9200,https://b type=sigterm", "elasticsearch type=replace",
		"once", "'once' once", `until http+unix:/a:/b metric='c{d=~"e"}' at-most=1`, "until file /a max=0", "signal RTMIN+1 wait=false",
		"unlock redis://a/1 key=b value-file=/c", "unlock etcds://a lease-file=/b user=c password-file=/d", "$$ $", "\x00",
		"delete http://[::1]:80/ header=\"Authorization: Bearer $(A)\"", "wait 99999999999h", "put http://a:0", "elasticsearch $A,$A",
	}, examples...) {
		f.Add(seed, "5s")
	}
	f.Fuzz(func(t *testing.T, text, variable string) {
		variable += "-hunter22"
		_, spec, secrets, err := understand(text, map[string]string{"A": variable, "B": ""})
		if err == nil {
			n := spec.Needs()
			if n.Least < 0 || n.Most != 0 && n.Least > n.Most && !n.FromStart || n.Default && !n.Guard {
				t.Errorf("%q: %+v", text, n)
			}
			if again := spec.Needs(); !reflect.DeepEqual(n, again) {
				t.Errorf("%q: %+v, then %+v", text, n, again)
			}
			_, err = spec.Bind(means())
		}
		for _, s := range secrets {
			if s.Text == "" {
				t.Errorf("%q: an empty secret", text)
			}
		}
		if err == nil {
			return
		}
		if e, ok := err.(*grammar.Error); !ok || e.Column < 1 || e.Column > len(text)+1 || e.Text == "" {
			t.Errorf("%q: %#v", text, err)
		}
		if strings.Contains(err.Error(), "hunter22") && !strings.Contains(text, "hunter22") {
			t.Errorf("%q: %v", text, err)
		}
	})
}
