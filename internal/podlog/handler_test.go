package podlog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"
	"unicode/utf8"
)

// write returns the lines that a logger wrote, with a fixed time.
func write(t *testing.T, o Options, log func(*slog.Logger)) string {
	t.Helper()
	var b bytes.Buffer
	log(slog.New(fixed{NewHandler(&b, o)}))
	return b.String()
}

// fixed is a handler for records of one moment.
type fixed struct{ slog.Handler }

func (f fixed) Handle(ctx context.Context, r slog.Record) error {
	r.Time = time.Date(2026, 3, 4, 15, 4, 5, 678_900_000, time.FixedZone("", 3600))
	return f.Handler.Handle(ctx, r)
}

func (f fixed) WithAttrs(attrs []slog.Attr) slog.Handler { return fixed{f.Handler.WithAttrs(attrs)} }
func (f fixed) WithGroup(name string) slog.Handler       { return fixed{f.Handler.WithGroup(name)} }

func clock() (elapsed, remaining time.Duration) {
	return 12345 * time.Millisecond, -time.Second
}

const (
	jsonHead = `{"@timestamp":"2026-03-04T14:04:05.678Z","log.level":"info","message":"m","ecs.version":"8.11.0","event.dataset":"prestop"`
	jsonTail = `,"elapsed":12.345,"remaining":-1.000`
	textHead = "15:04:05 +12.3s info  m"
)

type outcome struct {
	Step  string            `json:"step"`
	Took  float64           `json:"took"`
	Error error             `json:"-"`
	Tags  map[string]string `json:"tags,omitempty"`
}

type nilStringer struct{ name string }

func (n *nilStringer) String() string { return n.name }

type valuer func() slog.Value

func (v valuer) LogValue() slog.Value { return v() }

func TestLines(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, tt := range map[string]struct {
		attrs      []any
		json, text string // after the head; "": none
	}{
		"nothing":           {nil, jsonTail, ""},
		"string":            {[]any{"step", "post http://a/b"}, `,"step":"post http://a/b"` + jsonTail, `  step="post http://a/b"`},
		"word":              {[]any{"step", "wait"}, `,"step":"wait"` + jsonTail, `  step=wait`},
		"empty string":      {[]any{"a", ""}, `,"a":""` + jsonTail, `  a=""`},
		"numbers":           {[]any{"n", json.Number("1.50"), "a", 1, "b", -2.5, "c", uint64(math.MaxUint64), "d", true}, `,"n":1.50,"a":1,"b":-2.5,"c":18446744073709551615,"d":true` + jsonTail, `  n=1.50 a=1 b=-2.5 c=18446744073709551615 d=true`},
		"no numbers":        {[]any{"a", math.NaN(), "b", math.Inf(-1)}, `,"a":"float64: json: unsupported value: NaN","b":"float64: json: unsupported value: -Inf"` + jsonTail, `  a="float64: json: unsupported value: NaN" b="float64: json: unsupported value: -Inf"`},
		"durations":         {[]any{"a", 1500 * time.Millisecond, "b", time.Duration(0), "c", 90 * time.Second}, `,"a":1.500,"b":0.000,"c":90.000` + jsonTail, `  a=1.5s b=0s c=1m30s`},
		"time":              {[]any{"at", time.Unix(0, 1e6)}, `,"at":"1970-01-01T00:00:00.001Z"` + jsonTail, `  at=1970-01-01T00:00:00.001Z`},
		"error":             {[]any{"error", boom, "step", "wait"}, `,"step":"wait"` + jsonTail + `,"error.message":"boom"`, `  step=wait error=boom`},
		"error as a string": {[]any{"error", "it broke"}, jsonTail + `,"error.message":"it broke"`, `  error="it broke"`},
		"error elsewhere":   {[]any{"cause", boom}, jsonTail + `,"error.message":"boom"`, `  error=boom`},
		"two errors":        {[]any{"error", boom, "cause", errors.New("bang")}, jsonTail + `,"error.message":"boom; bang"`, `  error="boom; bang"`},
		"no error":          {[]any{"error", nil}, jsonTail, ""},
		"error number":      {[]any{"error", 7}, jsonTail + `,"error.message":"7"`, `  error=7`},
		"error group":       {[]any{slog.Group("error", "code", 7)}, `,"error":{"code":7}` + jsonTail, `  error.code=7`},
		"group":             {[]any{slog.Group("http", "status", 503, slog.Group("tls", "name", "x"))}, `,"http":{"status":503,"tls":{"name":"x"}}` + jsonTail, `  http.status=503 http.tls.name=x`},
		"error in a group":  {[]any{slog.Group("http", "error", boom)}, `,"http":{"error.message":"boom"}` + jsonTail, `  http.error.message=boom`},
		"empty group":       {[]any{slog.Group("http", slog.Group("tls")), "a", 1}, `,"a":1` + jsonTail, `  a=1`},
		"emptied group":     {[]any{slog.Group("g", "error", nil), "a", valuer(func() slog.Value { return slog.GroupValue() })}, jsonTail, ""},
		"groups of a name":  {[]any{slog.Group("g", "a", 1, "b", 2), slog.Group("g", "b", 3, "c", 4)}, `,"g":{"a":1,"b":3,"c":4}` + jsonTail, `  g.a=1 g.b=3 g.c=4`},
		"structure":         {[]any{"report", []outcome{{Step: "wait", Took: 2}}}, `,"report":[{"step":"wait","took":2}]` + jsonTail, `  report=[{"step":"wait","took":2}]`},
		"nested":            {[]any{"report", outcome{Step: "<&>", Tags: map[string]string{"b": "2", "a": "1"}}}, `,"report":{"step":"<&>","took":0,"tags":{"a":"1","b":"2"}}` + jsonTail, `  report.step=<&> report.took=0 report.tags.a=1 report.tags.b=2`},
		"raw JSON":          {[]any{"r", json.RawMessage(`{ "z":[1e400, {}, []], "a":null }`)}, `,"r":{"z":[1e400,{},[]],"a":null}` + jsonTail, `  r.z=[1e400,{},[]] r.a=null`},
		"bytes":             {[]any{"body", []byte("hi \xff")}, `,"body":"hi �"` + jsonTail, `  body="hi \xff"`},
		"address":           {[]any{"ip", netip.MustParseAddr("::1")}, `,"ip":"::1"` + jsonTail, `  ip=::1`},
		"stringer":          {[]any{"url", &url.URL{Scheme: "http", Host: "a"}}, `,"url":"http://a"` + jsonTail, `  url=http://a`},
		"nil":               {[]any{"a", nil}, `,"a":null` + jsonTail, `  a=null`},
		"nil that panics":   {[]any{"a", (*nilStringer)(nil)}, `,"a":"*podlog.nilStringer panicked: runtime error: invalid memory address or nil pointer dereference"` + jsonTail, `  a="*podlog.nilStringer panicked: runtime error: invalid memory address or nil pointer dereference"`},
		"no JSON":           {[]any{"a", struct{ C chan int }{}}, `,"a":"struct { C chan int }: json: unsupported type: chan int"` + jsonTail, `  a="struct { C chan int }: json: unsupported type: chan int"`},
		"valuer":            {[]any{"a", valuer(func() slog.Value { return slog.GroupValue(slog.Int("b", 1)) })}, `,"a":{"b":1}` + jsonTail, `  a.b=1`},
		"twice":             {[]any{"a", 1, "b", 2, "a", 3}, `,"a":3,"b":2` + jsonTail, `  a=3 b=2`},
		"our own keys":      {[]any{"message", "x", "elapsed", 1, "@timestamp", 2, "message", "y"}, `,"labels.message":"y","labels.elapsed":1,"labels.@timestamp":2` + jsonTail, `  labels.message=y labels.elapsed=1 labels.@timestamp=2`},
		"no key":            {[]any{"lonely"}, `,"!BADKEY":"lonely"` + jsonTail, `  !BADKEY=lonely`},
		"bad key":           {[]any{"a b\n", 1}, `,"a b\n":1` + jsonTail, `  "a b\n"=1`},
		"forged line":       {[]any{"body", "x\n{\"log.level\":\"error\"}\r\x1b[2J\u009b\u202e\x00\x7f"}, `,"body":"x\n{\"log.level\":\"error\"}\u000d\u001b[2J\u009b\u202e\u0000\u007f"` + jsonTail, `  body="x\n{\"log.level\":\"error\"}\r\x1b[2J\u009b\u202e\x00\x7f"`},
		"private plane":     {[]any{"a", "\U000f0000"}, `,"a":"\udb80\udc00"` + jsonTail, `  a="\U000f0000"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := func(l *slog.Logger) { l.Info("m", tt.attrs...) }
			got := write(t, Options{Clock: clock}, log)
			if want := jsonHead + tt.json + "}\n"; got != want {
				t.Errorf("json\n got %s want %s", got, want)
			}
			if !json.Valid([]byte(got)) {
				t.Error("that is no JSON")
			}
			got = write(t, Options{Clock: clock, Text: true}, log)
			if want := textHead + tt.text + "\n"; got != want {
				t.Errorf("text\n got %s want %s", got, want)
			}
		})
	}
}

func TestLevelsAndMessages(t *testing.T) {
	t.Parallel()
	log := func(l *slog.Logger) {
		l.Debug("d")
		l.Warn("a\nb \"q\" \x1b[2J")
		l.Error("say \"hi\"")
		l.Log(context.Background(), slog.LevelError+2, "e")
	}
	want := `15:04:05 warn  a\nb "q" \x1b[2J` + "\n" +
		`15:04:05 error say "hi"` + "\n" +
		"15:04:05 error+2 e\n"
	if got := write(t, Options{Text: true}, log); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	got := write(t, Options{}, log)
	for _, want := range []string{`"log.level":"warn"`, `"log.level":"error"`, `"log.level":"error+2"`, `"message":"a\nb \"q\" \u001b[2J"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if strings.Count(got, "\n") != 3 || strings.Contains(got, "elapsed") {
		t.Errorf("want three lines without a clock, got\n%s", got)
	}
}

func TestClockIsAskedForEachLine(t *testing.T) {
	t.Parallel()
	now := time.Duration(0)
	tick := func() (time.Duration, time.Duration) { now += time.Second; return now, 10*time.Second - now }
	got := write(t, Options{Clock: tick}, func(l *slog.Logger) {
		l = l.With("step", "wait").WithGroup("g").With("a", 1)
		l.Info("m")
		l.Info("m")
	})
	attrs := `,"step":"wait","g":{"a":1}`
	want := jsonHead + attrs + `,"elapsed":1.000,"remaining":9.000}` + "\n" +
		jsonHead + attrs + `,"elapsed":2.000,"remaining":8.000}` + "\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestSiblingsShareNothing(t *testing.T) {
	t.Parallel()
	got := write(t, Options{}, func(l *slog.Logger) {
		l = l.With("a", 1).With("b", 2).With("c", 3)
		first, second := l.With("d", 4), l.With("e", 5)
		first.Info("m")
		second.Info("m", "a", 6)
		l.WithGroup("").With().WithGroup("empty").Info("m")
	})
	want := jsonHead + `,"a":1,"b":2,"c":3,"d":4}` + "\n" +
		jsonHead + `,"a":6,"b":2,"c":3,"e":5}` + "\n" +
		jsonHead + `,"a":1,"b":2,"c":3}` + "\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestSlogRules(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		b.Reset()
		return NewHandler(&b, Options{})
	}, func(t *testing.T) map[string]any {
		var m map[string]any
		if err := json.Unmarshal(b.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		for ours, theirs := range map[string]string{"@timestamp": slog.TimeKey, "log.level": slog.LevelKey, "message": slog.MessageKey} {
			if v, ok := m[ours]; ok {
				m[theirs] = v
			}
		}
		return m
	})
}

func TestOneWriteForEachLine(t *testing.T) {
	t.Parallel()
	var w countingWriter
	l := slog.New(NewHandler(&w, Options{}))
	var loggers sync.WaitGroup
	for range 4 {
		loggers.Go(func() {
			for range 50 {
				l.With("a", 1).Info("m")
			}
		})
	}
	loggers.Wait()
	if w.writes != 200 || w.partial != 0 {
		t.Errorf("%d writes, %d of them not one line", w.writes, w.partial)
	}
}

// countingWriter is not safe for concurrent use, as few writers are.
type countingWriter struct{ writes, partial int }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.writes++
	if bytes.IndexByte(p, '\n') != len(p)-1 {
		w.partial++
	}
	return len(p), nil
}

const secret = "s3cr3t-hunter2"

func hide(s string) string { return strings.ReplaceAll(s, secret, "[hidden]") }

type secretive struct {
	Plain  string
	Map    map[string]any
	List   []string
	Inner  *secretive `json:",omitempty"`
	Number int
}

func TestHide(t *testing.T) {
	t.Parallel()
	inner := &secretive{Plain: secret, Map: map[string]any{"x": secret, "k" + secret: []any{secret}}, List: []string{"a", secret}}
	for name, log := range map[string]func(*slog.Logger){
		"attribute": func(l *slog.Logger) { l.Info("m", "a", "x"+secret+"y") },
		"With":      func(l *slog.Logger) { l.With("a", secret).Info("m") },
		"group":     func(l *slog.Logger) { l.WithGroup("g").Info("m", slog.Group("h", "a", secret)) },
		"error": func(l *slog.Logger) {
			l.Info("m", "error", fmt.Errorf("GET https://u:%s@h: %w", secret, errors.New(secret)))
		},
		"error string":    func(l *slog.Logger) { l.Info("m", "error", secret) },
		"joined errors":   func(l *slog.Logger) { l.Info("m", "e", errors.Join(errors.New(secret), errors.New("b"))) },
		"structure":       func(l *slog.Logger) { l.Info("m", "a", secretive{Inner: inner}) },
		"error structure": func(l *slog.Logger) { l.Info("m", "error", secretive{Inner: inner}) },
		"bytes":           func(l *slog.Logger) { l.Info("m", "a", []byte(secret)) },
		"stringer":        func(l *slog.Logger) { l.Info("m", "a", &nilStringer{secret}) },
		"url": func(l *slog.Logger) {
			l.Info("m", "a", &url.URL{Scheme: "http", Host: "h", User: url.UserPassword("u", secret)})
		},
		"valuer":   func(l *slog.Logger) { l.Info("m", "a", valuer(func() slog.Value { return slog.StringValue(secret) })) },
		"no JSON":  func(l *slog.Logger) { l.Info("m", "a", unwritable{}) },
		"panic":    func(l *slog.Logger) { l.Info("m", "a", panicking{}) },
		"at a cut": func(l *slog.Logger) { l.Info("m", "a", strings.Repeat("x", 1015)+secret+strings.Repeat("y", 8000)) },
		"in a long line": func(l *slog.Logger) {
			l.Info(strings.Repeat("x", 55), "c", secret, "a", strings.Repeat("y", 5000), "b", strings.Repeat(secret, 1000))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, text := range []bool{false, true} {
				got := write(t, Options{Text: text, Hide: hide}, log)
				if strings.Contains(got, secret) {
					t.Errorf("text %t shows the secret: %s", text, got)
				}
				if !strings.Contains(got, "[hid") {
					t.Errorf("text %t does not say that something was hidden: %s", text, got)
				}
			}
		})
	}
}

// What the program itself says stays as it is, whatever is secret: messages, words of types of its own, and structures that hold
// none.
func TestOwnWordsAreNotHidden(t *testing.T) {
	t.Parallel()
	type word string
	log := func(l *slog.Logger) {
		l.Info("done with "+secret, "outcome", word(secret), "report", Hidden{map[string]string{secret: secret}})
	}
	got := write(t, Options{Hide: hide}, log)
	if want := fmt.Sprintf(`"message":"done with %s"`, secret); !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	if want := fmt.Sprintf(`"outcome":%q,"report":{%q:%q}`, secret, secret, secret); !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}

type panicking struct{}

func (panicking) Error() string { panic(secret) }

type unwritable struct{}

func (unwritable) MarshalJSON() ([]byte, error) { return nil, errors.New(secret) }

func TestLinesAboutTheLimit(t *testing.T) {
	t.Parallel()
	for size := 3800; size < 4100; size++ {
		log := func(l *slog.Logger) { l.Info("m", "a", strings.Repeat("x", size)) }
		checkLine(t, false, write(t, Options{}, log))
		checkLine(t, true, write(t, Options{Text: true}, log))
	}
}

func TestNoLineIsTooLong(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	steps := make([]outcome, 500)
	many := make([]any, 0, 4000)
	for i := range 2000 {
		many = append(many, fmt.Sprintf("key%d", i), "v")
	}
	nested := any("deep")
	for range 3000 {
		nested = []any{nested}
	}
	for name, tt := range map[string]struct {
		message string
		attrs   []any
		want    string // in the JSON
	}{
		"message":            {long, nil, strings.Repeat("x", 1021) + `…"`},
		"fits as it is":      {"m", []any{"a", long[:3900]}, `"a":"` + long[:3900] + `"`},
		"one string":         {"m", []any{"a", long}, `"a":"` + long[:1021] + `…"`},
		"five strings":       {"m", []any{"a", long, "b", long, "c", long, "d", long, "e", long, "f", 1}, `"e":"` + long[:253] + `…","f":1`},
		"twenty strings":     {"m", []any{"l", strings.Split(strings.Repeat(long[:500]+" ", 20), " ")}, `"` + long[:61] + `…"`},
		"error":              {"m", []any{"error", errors.New(long)}, `"error.message":"` + long[:1021] + `…"`},
		"report":             {"m", []any{"report", steps, "a", long[:500]}, `"report":"too long: 10501 bytes","a":"` + long[:500] + `"`},
		"deep":               {"m", []any{"a", nested}, `"a":"too long: 6006 bytes"`},
		"number":             {"m", []any{"a", json.Number(strings.Repeat("7", 5000)), "b", 2}, `"a":"too long: 5000 bytes","b":2`},
		"the larger goes":    {"m", []any{"a", steps[:90], "b", steps[:100]}, `"b":"too long: 2101 bytes"`},
		"key":                {"m", []any{long, 1, "b", 2}, `"event.dataset":"prestop","left_out":2,`},
		"many":               {"m", append(many, "error", "kept"), `"key249":"v","left_out":1750,"elapsed":12.345,"remaining":-1.000,"error.message":"kept"`},
		"escapes":            {strings.Repeat("\x1b", 9000), []any{"a", strings.Repeat("\u202e", 9000), "error", strings.Repeat("\x00", 9000)}, `"error.message":"\u0000`},
		"between characters": {"m", []any{"a", strings.Repeat("é", 3000)}, `"a":"` + strings.Repeat("é", 510) + `…"`},
		"no characters":      {"m", []any{"a", strings.Repeat("\x80", 9000)}, `�…"`},
		"groups":             {"m", []any{slog.Group("g", "a", long, slog.Group("h", "b", long))}, `"h":{"b":"` + long[:1021]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := func(l *slog.Logger) { l.Warn(tt.message, tt.attrs...) }
			got := write(t, Options{Clock: clock}, log)
			if !strings.Contains(got, tt.want) || !strings.Contains(got, jsonTail) {
				t.Errorf("no %s in\n%s", tt.want, got)
			}
			checkLine(t, false, got)
			checkLine(t, true, write(t, Options{Clock: clock, Text: true}, log))
		})
	}
}

// checkLine checks what holds for every line whatever is in it.
func checkLine(t *testing.T, text bool, line string) {
	t.Helper()
	if len(line) >= 4096 {
		t.Errorf("text %t: %d bytes", text, len(line))
	}
	if strings.IndexByte(line, '\n') != len(line)-1 {
		t.Errorf("text %t: not one line: %q", text, line)
	}
	for _, r := range strings.TrimSuffix(line, "\n") {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e {
			t.Errorf("text %t: control character %U in %q", text, r, line)
		}
	}
	if !utf8.ValidString(line) {
		t.Errorf("text %t: no UTF-8: %q", text, line)
	}
	var fields map[string]any
	if !text && json.Unmarshal([]byte(line), &fields) != nil {
		t.Errorf("no JSON: %s", line)
	}
}

func FuzzLine(f *testing.F) {
	f.Add("m", "key", "value", []byte(`{"a":["b",1,null]}`), 1, 2)
	f.Add("a\nb\x1b[2J", "error", "\xff\u202e", []byte("no json"), 500, 3)
	f.Add("", "", "", []byte{}, 0, 0)
	f.Add(secret, "message", strings.Repeat("é\x00", 999), []byte(`{"s3cr3t-hunter2":"s3cr3t-hunter2"}`), 9, 50)
	f.Fuzz(func(t *testing.T, message, key, value string, raw []byte, at, times int) {
		plant := func(s string) string {
			at := min(max(at, 0), len(s))
			return s[:at] + secret + s[at:]
		}
		if strings.Contains(key, secret) || len(message)+len(key)+len(value)+len(raw) > 10_000 {
			return // keys are the program's
		}
		var attrs []any
		for i := range min(max(times, 0), 50) {
			attrs = append(attrs, fmt.Sprint(key, i), plant(value))
		}
		attrs = append(attrs, key, plant(value),
			"raw", json.RawMessage(raw), "rawtext", plant(string(raw)),
			"map", map[string]any{plant(key): plant(value), "list": []string{plant(value)}},
			slog.Group(key, key, plant(value), "error", errors.New(plant(value))))
		for _, text := range []bool{false, true} {
			var b bytes.Buffer
			slog.New(NewHandler(&b, Options{Text: text, Hide: hide, Clock: clock})).
				With(key, plant(message)).WithGroup(key).Info(strings.ReplaceAll(message, secret, ""), attrs...)
			checkLine(t, text, b.String())
			if strings.Contains(b.String(), secret) {
				t.Errorf("text %t shows the secret: %s", text, b.String())
			}
		}
	})
}
