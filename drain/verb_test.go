package drain

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/jsonpath"
	"github.com/prestop/prestop/internal/metrics"
	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// bound reads a line, and binds what it says.
func bound(text string, m step.Means) (step.Needs, step.Deed, error) {
	verbs := []*step.Verb{URLVerb(), QuietVerb(), GoneVerb(), ClosedVerb(), FileVerb(), ExecVerb(), EmptyVerb()}
	variables := map[string]string{"LONG": strings.Repeat("x", 100), "QUOTES": `c",d!="`, "BACKQUOTE": "`"}
	_, spec, _, err := parse.Line(verbs, text, func(name string) (string, bool) { v, ok := variables[name]; return v, ok })
	if err != nil {
		return step.Needs{}, nil, err
	}
	if m.Keep == nil {
		m.Keep = func(func()) {}
	}
	bound, err := spec.Bind(&m)
	return spec.Needs(), bound, err
}

// timed is what a wait's Needs say of its time.
func timed(least, most time.Duration, own bool) step.Needs {
	return step.Needs{Least: least, Most: most, FromStart: true, Guard: true, Default: !own}
}

func times(n step.Needs) step.Needs {
	return step.Needs{Least: n.Least, Most: n.Most, FromStart: n.FromStart, Guard: n.Guard, Default: n.Default}
}

func TestURLVerb(t *testing.T) {
	t.Parallel()
	two := 2.5
	path, err := jsonpath.Parse(".a.b")
	if err != nil {
		t.Fatal(err)
	}
	selector, err := metrics.ParseSelector(`a{b="c"}`)
	if err != nil {
		t.Fatal(err)
	}
	quotes, err := metrics.ParseSelector(`a{b="c\",d!=\""}`)
	if err != nil {
		t.Fatal(err)
	}
	key, err := jsonpath.Parse(`.a.["c\",d!=\""]`)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		line   string
		until  Condition
		stable int
		min    time.Duration
		times  step.Needs
	}{
		{"until http://app/", Status{}, 1, 0, timed(s, 0, false)},
		{"until http+unix:/run/a.sock:/b expect=503 stable=3", Status{Statuses: web.Statuses{"503"}}, 3, 0, timed(s, 0, false)},
		{"until http://app/ max=20s", Status{}, 1, 0, timed(s, 20*s, true)},
		{"until http://app/ min=10s", Status{}, 1, 10 * s, timed(10*s, 0, false)},
		{"until http://app/ min=10ms max=0", Status{}, 1, 10 * ms, timed(s, 0, true)},
		{"until http://app/ json=.a.b in=x,y,", JSON{Path: path, In: []string{"x", "y", ""}}, 1, 0, timed(s, 0, false)},
		{"until http://app/ json=.a.b at-most=2.5 expect=2xx", JSON{Path: path, Bounds: Bounds{AtMost: &two}, Expect: web.Statuses{"2xx"}}, 1, 0, timed(s, 0, false)},
		{"until http://app/ json=.a.b not-in=x,y", JSON{Path: path, NotIn: []string{"x", "y"}}, 1, 0, timed(s, 0, false)},
		{"until http://app/ json=.a.b at-least=2.5", JSON{Path: path, Bounds: Bounds{AtLeast: &two}}, 1, 0, timed(s, 0, false)},
		{"until http://app/ json=.a.b at-least=2.5 at-most=2.5", JSON{Path: path, Bounds: Bounds{AtMost: &two, AtLeast: &two}}, 1, 0, timed(s, 0, false)},
		{`until http://app/ metric='a{b="c"}' at-least=2.5 absent=2.5`, Metric{Selector: selector, Bounds: Bounds{AtLeast: &two}, Absent: &two}, 1, 0, timed(s, 0, false)},
		{`until http://app/ metric="a{b=\"$(QUOTES)\"}" at-most=2.5`, Metric{Selector: quotes, Bounds: Bounds{AtMost: &two}}, 1, 0, timed(s, 0, false)},
		{`until http://app/ json=.a.$(QUOTES) at-most=2.5`, JSON{Path: key, Bounds: Bounds{AtMost: &two}}, 1, 0, timed(s, 0, false)},
		{`until http://app/ metric='a{b="c"}' at-most=2.5`, Metric{Selector: selector, Bounds: Bounds{AtMost: &two}}, 1, 0, timed(s, 0, false)},
	} {
		n, bound, err := bound(test.line, step.Means{})
		got, ok := bound.(*URL)
		if err != nil || !ok || got.Client == nil || got.Request.Method != "GET" || !reflect.DeepEqual(got.Until, test.until) || got.Stable != test.stable || got.Min != test.min {
			t.Errorf("%q: %+v, %v", test.line, bound, err)
		}
		if !reflect.DeepEqual(times(n), test.times) || len(n.Calls) != 1 || !n.Calls[0].Repeats || n.Calls[0].Method != "GET" {
			t.Errorf("%q: %+v", test.line, n)
		}
	}
	n, bound, err := bound("until http://app/ timeout=2s token-file=/t ca-file=/c header=A:b", step.Means{Secret: func(string) func() (string, error) { return nil }})
	if u, ok := bound.(*URL); err != nil || !ok || u.Timeout != 2*s || u.Request.Header.Get("A") != "b" || !slices.Equal(n.Reads, []string{"/t", "/c"}) || n.Calls[0].Timeout != 2*s {
		t.Errorf("%+v, %+v, %v", n, bound, err)
	}
}

func TestQuietVerb(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Quiet{
		"until quiet 8080":               {Ports: []uint16{8080}, Min: 10 * s},
		"until quiet 8080 max=5s":        {Ports: []uint16{8080}, Min: 5 * s, Max: 5 * s}, // shorter than the default min
		"until quiet 8080 max=50s":       {Ports: []uint16{8080}, Min: 10 * s, Max: 50 * s},
		"until quiet 8080 min=9s max=5s": {Ports: []uint16{8080}, Min: 9 * s, Max: 9 * s},
		"until quiet 8080 min=0 max=5s":  {Ports: []uint16{8080}, Max: 5 * s},
		"until quiet":                    {Min: 10 * s},
		"until quiet http2":              {Min: 10 * s, Protocol: HTTP2},
		"until quiet 443,443/udp tls":    {Ports: []uint16{443}, UDPPorts: []uint16{443}, Min: 10 * s, Protocol: TLS},
		"until quiet 53/udp probe=false": {UDPPorts: []uint16{53}, Min: 10 * s, NoProbe: true},
		"until quiet 8080,9090 for=5s min=1s traffic=new allow=2 unanswered=30s ignore=10.1.2.3/8,::1,::ffff:10.1.2.3/104,::ffff:10.1.2.3": {
			Ports: []uint16{8080, 9090}, For: 5 * s, Min: s, New: true, Allow: 2, Unanswered: 30 * s,
			Ignore: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("10.1.2.3/32")}},
	} {
		n, got, err := bound(text, step.Means{Elsewhere: true})
		if err != nil || !reflect.DeepEqual(got, &want) || n.Least != max(s, want.Min) || !n.Guard || !n.FromStart || n.Default == strings.Contains(text, "max") || !slices.Equal(n.Ports, slices.Concat(want.Ports, want.UDPPorts)) {
			t.Errorf("%q: %+v, %+v, %v", text, n, got, err)
		}
		counts := step.Quiet{For: 3 * s, Allow: want.Allow, New: want.New, Peers: len(want.Ignore) > 0}
		if want.For > 0 {
			counts.For = want.For
		}
		if n.Quiet == nil || *n.Quiet != counts {
			t.Errorf("%q: %+v, want %+v", text, n.Quiet, counts)
		}
	}
}

func TestOtherVerbs(t *testing.T) {
	t.Parallel()
	n, got, err := bound("until closed 8080 max=5s", step.Means{})
	if err != nil || got != (Closed{Port: 8080}) || n.Most != 5*s || !slices.Equal(n.Ports, []uint16{8080}) || n.Quiet != nil {
		t.Errorf("until closed: %+v, %+v, %v", n, got, err)
	}
	n, got, err = bound("until gone web.default.svc min=2s", step.Means{Pod: step.Pod{IP: "::ffff:10.0.0.3"}, MaxDNSErrors: 7})
	if g, ok := got.(*Gone); err != nil || !ok || g.Name != "web.default.svc" || g.Address != netip.MustParseAddr("10.0.0.3") || g.Resolver.MaxErrors != 7 || g.Min != 2*s || n.Name != g.Name {
		t.Errorf("until gone: %+v, %+v, %v", n, got, err)
	}
	start := time.Time{}
	n, got, err = bound("until file /shared/a max=5s min=2s", step.Means{Start: func() time.Time { return start }})
	f, ok := got.(*File)
	start = time.Unix(1e9, 0) // which is known only after the step was made
	if err != nil || !ok || f.Path != "/shared/a" || !f.Since().Equal(start) || f.Min != 2*s || n.Most != 5*s || n.Awaits != "/shared/a" || n.Reads != nil {
		t.Errorf("until file: %+v, %+v, %v", n, got, err)
	}
}

// The column counts bytes of the line as it was written, and the words say what was expected there.
func TestStepsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"until http://app/ timeout=0s":                               "column 19: timeout: expected more than 0s",
		"until":                                                      "column 6: expected quiet, gone, closed, file, exec, empty or a URL after until",
		"until quite 8080":                                           `column 7: expected quiet, gone, closed, file, exec, empty or a URL after until, got "quite"; did you mean quiet?`,
		"until ready":                                                `column 7: expected quiet, gone, closed, file, exec, empty or a URL after until, got "ready"`,
		"until ftp://app/":                                           `column 7: expected a URL that begins with http://, https:// or http+unix:, got the scheme "ftp"`,
		"until http://app/ body=x":                                   "column 19: expected an option of until (header expect timeout token-file ca-file cert-file key-file tls-server-name only-if met-by json in not-in metric at-most at-least absent stable min max), got body=",
		"until http://app/ in=a":                                     "column 19: in= goes with json=PATH, and names the values that are waited for, or waited out",
		"until http://app/ at-most=1":                                "column 19: at-most= goes with metric= or json=",
		"until http://app/ json=.a":                                  "column 19: json=PATH needs one of in=A,B, not-in=A,B, and at-most=N or at-least=N, to know what is waited for",
		"until http://app/ json=.a in=b at-most=1":                   "column 19: json=PATH needs one of in=A,B, not-in=A,B, and at-most=N or at-least=N, to know what is waited for",
		"until http://app/ json=.a metric=b at-most=1":               "column 27: expected json= or metric=, got both",
		"until http://app/ metric=a":                                 "column 19: metric= needs at-most=N or at-least=N, to know what is waited for",
		"until http://app/ metric=a at-most=1 expect=503":            "column 38: expect= does not go with metric=, which reads 2xx alone",
		"until http://app/ not-in=a":                                 "column 19: not-in= goes with json=PATH, and names the values that are waited for, or waited out",
		"until http://app/ metric=a at-most=1 not-in=a":              "column 38: not-in= goes with json=PATH, and names the values that are waited for, or waited out",
		"until http://app/ at-least=1":                               "column 19: at-least= goes with metric= or json=",
		"until http://app/ json=.a in=b not-in=c":                    "column 19: json=PATH needs one of in=A,B, not-in=A,B, and at-most=N or at-least=N, to know what is waited for",
		"until http://app/ json=.a not-in=b at-least=1":              "column 19: json=PATH needs one of in=A,B, not-in=A,B, and at-most=N or at-least=N, to know what is waited for",
		"until http://app/ json=.a at-most=1 at-least=2":             "column 37: at-least: expected no more than at-most=, or no number is between them, got \"2\"",
		"until http://app/ json=.a at-most=1 absent=0":               "column 37: absent= goes with metric=",
		"until http://app/ metric=a absent=0":                        "column 19: metric= needs at-most=N or at-least=N, to know what is waited for",
		"until http://app/ metric=a at-most=1 absent=few":            "column 38: absent: expected a number, got \"few\"",
		"until http://app/ met-by=200":                               "column 19: met-by: expected statuses other than 2xx, such as 404,410, got \"200\"",
		"until http://app/ met-by=404,2xx":                           "column 19: met-by: expected statuses other than 2xx, such as 404,410, got \"404,2xx\"",
		"until http://app/ met-by=gone":                              "column 19: met-by: expected statuses other than 2xx, such as 404,410, got \"gone\"",
		"until http://app/ json=count(.a in=b":                       "column 19: json: expected a closing ) after count(",
		"until http://app/ json=a in=b":                              `column 19: json: column 1: expected a key after a dot, as in .status, got "a"`,
		"until http://app/ metric=a at-most=few":                     "column 28: at-most: expected a number, got \"few\"",
		"until http://app/ metric=a at-most=NaN":                     "column 28: at-most: expected a number, got \"NaN\"",
		"until http://app/ stable=0":                                 "column 19: stable: expected how many looks in a row, 1 or more, got \"0\"",
		"until http://app/ stable=-1":                                "column 19: stable: expected how many looks in a row, 1 or more, got \"-1\"",
		"until http://app/ min=soon":                                 "column 19: min: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got \"soon\"",
		"until http://app/ max=":                                     "column 19: max: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got \"\"",
		"until file":                                                 "column 11: expected a file's path after until file, as in until file /shared/drained",
		"until quiet http":                                           "column 13: expected ports from 1 to 65535, as in until quiet 8080 or until quiet 443,443/udp, got \"http\"",
		"until quiet 0":                                              "column 13: expected ports from 1 to 65535, as in until quiet 8080 or until quiet 443,443/udp, got \"0\"",
		"until quiet 8080,":                                          "column 13: expected ports from 1 to 65535, as in until quiet 8080 or until quiet 443,443/udp, got \"8080,\"",
		"until quiet 8080 9090":                                      "column 18: expected an option or the end of the step, got \"9090\"; several numbers are one word, as in 8080,9090",
		"until quiet 8080 for=0":                                     "column 18: for: expected more than 0s",
		"until quiet 8080 for=soon":                                  "column 18: for: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got \"soon\"",
		"until quiet 8080 traffic=x":                                 "column 18: traffic: expected any or new, got \"x\"",
		"until quiet 8080 allow=-1":                                  "column 18: allow: expected how many connections do not count, 0 or more, got \"-1\"",
		"until quiet 8080 ignore=a":                                  "column 18: ignore: expected addresses or networks, as in 10.0.0.0/8,fd00::1, got \"a\"",
		"until quiet 8080 stable=2":                                  "column 18: expected an option of until quiet (for min max traffic allow unanswered ignore probe), got stable=",
		"until closed 1,2":                                           "column 14: expected one port, got \"1,2\"",
		"until gone http://web":                                      "column 12: expected the name of a headless Service, as web.default.svc.cluster.local, got \"http://web\"",
		"until gone web":                                             `column 12: until gone needs the pod's address in POD_IP (fieldPath: status.podIP), got ""`,
		"until file drained":                                         `column 12: expected an absolute path, got "drained"`,
		"until empty":                                                "column 12: expected a port after until empty, as in until empty 5672",
		"until empty 80/udp":                                         `column 13: expected a port from 1 to 65535, got "80/udp"`,
		"until empty 80 at-most=-1":                                  `column 16: at-most: expected how many connections may be left, 0 or more, got "-1"`,
		"until empty 80 for=0":                                       "column 16: for: expected more than 0s",
		"until empty 80 81":                                          `column 16: expected an option or the end of the step, got "81"; several numbers are one word, as in 8080,9090`,
		"until exec":                                                 "column 11: expected a program after until exec, as in until exec /bin/true",
		"until exec min=1s":                                          "column 11: expected a program after until exec, as in until exec /bin/true",
		"until exec timeout=0 a":                                     "column 12: timeout: expected more than 0s",
		"until exec stable=2 a":                                      "column 12: expected an option of until exec (timeout min max), got stable=",
		"until file /a /b":                                           `column 15: expected an option or the end of the step, got "/b"`,
		"until file /a stable=2":                                     "column 15: expected an option of until file (min max), got stable=",
		"until http://app/ metric={$(LONG) at-most=1":                "column 19: metric: expected a metric's name, as in requests_active{app=\"web\"}, got \"{$(LONG)\"",
		"until http://app/ json=.a[$(QUOTES)] in=a":                  "column 19: $(QUOTES) has no value that can be a part of a key, or the number of an element",
		"until http://app/ metric=\"a{b=`$(BACKQUOTE)`}\" at-most=1": "column 19: $(BACKQUOTE) has a backquote in it, which cannot stand between backquotes: take double quotes",
		"until http://app/ json=$(LONG) in=a":                        "column 19: json: expected a path, as .status, got \"$(LONG)\"",
		"until quiet 8080 allow=70000":                               "column 18: allow: expected how many connections do not count, 0 or more, got \"70000\"",
		"until closed $(LONG)":                                       "column 14: expected a port from 1 to 65535, got \"$(LONG)\"",
	} {
		_, _, err := bound(text, step.Means{})
		if e, ok := err.(*grammar.Error); !ok || e.Error() != want {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}
