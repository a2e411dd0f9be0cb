package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/prestop/prestop/internal/testbuffer"
)

// secretKinds are 12 kinds of secret. Each begins and ends with what all ways of writing leave alone, but for those that write
// everything anew, and is awkward in between.
func secretKinds() map[string]string {
	jwt := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	inner := map[string]string{
		"a password":        `p"s\ /+&%<é>`,
		"a token":           `t0k/+=~-_.`,
		"a key of symbols":  `/+&%<>='` + "`" + `{}|^`,
		"a key of an API":   `-0f3A-99`,
		"a JSON web token":  jwt(`{"alg":"none"}`) + "." + jwt(`{"sub":"hook"}`) + ".c2ln",
		"a key in lines":    "\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n",
		"a line with blank": ` two  words `,
		"escapes of a URL":  `%2Fa%2fb%41`,
		"letters":           `ключ😀ß`,
		"a document":        `{"user":"joe","code":"Zz9\"x"}`,
		"quotes":            `'"\'"\\`,
		"a word of letters": `Hunter`,
	}
	all := map[string]string{}
	for name, text := range inner {
		all[name] = secretHead + text + secretTail
	}
	return all
}

// encodings are the ways in which a server, or a program, repeats what it was given.
func encodings() map[string]func(string) string {
	inJSON := func(text string) string {
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		_ = e.Encode(text)
		return strings.Trim(strings.TrimSuffix(out.String(), "\n"), `"`)
	}
	ascii := func(text, format string, from rune) string {
		var out strings.Builder
		for _, r := range text {
			if r < from {
				out.WriteRune(r)
				continue
			}
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&out, format, unit)
			}
		}
		return out.String()
	}
	all := func(text, format string) string {
		var out strings.Builder
		for n := range len(text) {
			fmt.Fprintf(&out, format, text[n])
		}
		return out.String()
	}
	lower := regexp.MustCompile(`%[0-9A-F]{2}`)
	return map[string]func(string) string{
		"as it is":             func(s string) string { return s },
		"JSON":                 inJSON,
		"JSON of Go":           func(s string) string { text, _ := json.Marshal(s); return string(text[1 : len(text)-1]) },
		"JSON with \\/":        func(s string) string { return ascii(strings.ReplaceAll(inJSON(s), "/", `\/`), `\u%04x`, 0x80) },
		"JSON in JSON":         func(s string) string { return inJSON(inJSON(s)) },
		"JSON, all letters":    func(s string) string { return ascii(s, `\u%04X`, 0) },
		"a query":              url.QueryEscape,
		"a query, lower case":  func(s string) string { return lower.ReplaceAllStringFunc(url.QueryEscape(s), strings.ToLower) },
		"a path":               url.PathEscape,
		"a URL, all letters":   func(s string) string { return all(s, "%%%02x") },
		"a query in JSON":      func(s string) string { return inJSON(strings.ReplaceAll(url.QueryEscape(s), "+", "%20")) },
		"HTML":                 html.EscapeString,
		"Go":                   func(s string) string { q := strconv.QuoteToASCII(s); return q[1 : len(q)-1] },
		"base64":               func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 behind a user": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("joe:" + s)) },
		"base64 of URLs":       func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("a:" + s)) },
		"hexadecimal":          func(s string) string { return hex.EncodeToString([]byte(s)) },
	}
}

// A place is where a secret is given to the hook. Lines have the server's URL in SERVER, with a path that tells the server which
// encodings to use. A secret that the place cannot hold is left out.
type place struct {
	name  string
	env   func(secret string) []string
	line  string // SECRET is the secret, QUERY and USER the secret as a URL has it there
	files map[string]string
	fits  func(string) bool
}

func places() []place {
	env := func(format string) func(string) []string {
		return func(secret string) []string { return []string{fmt.Sprintf(format, secret)} }
	}
	anyText := func(string) bool { return true }
	line := func(text string) bool { return !strings.Contains(text, "\n") }
	word := func(text string) bool { return !strings.ContainsAny(text, "\n ") }
	bare := func(text string) bool { return !strings.ContainsAny(text, "\n '") } // within single quotes
	setting := func(name, format string, escape func(string) string) func(string) []string {
		return func(secret string) []string { return []string{name + "=" + fmt.Sprintf(format, escape(secret))} }
	}
	inUser := func(secret string) string { return "http://" + url.UserPassword("joe", secret).String() + "@HOST" }
	return []place{
		{"userinfo of the app's URL", setting("PRE_STOP_APP_URL", "%s", func(s string) string { return inUser(s) + "/PATH" }), "", nil, anyText},
		{"query of the app's URL", setting("PRE_STOP_APP_URL", "SERVER/PATH?any=%s", url.QueryEscape), "", nil, anyText},
		{"the app's token file", func(string) []string {
			return []string{"PRE_STOP_APP_URL=SERVER/PATH", "PRE_STOP_APP_TOKEN_FILE=DIR/app-token"}
		}, "", map[string]string{"app-token": "SECRET\n"}, word},
		{"userinfo of Elasticsearch's URL", setting("PRE_STOP_ELASTICSEARCH_URL", "%s", inUser), "", nil, anyText},
		{"Elasticsearch's password", func(string) []string {
			return []string{"PRE_STOP_ELASTICSEARCH_URL=SERVER", "PRE_STOP_ELASTICSEARCH_USERNAME=joe", "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE=DIR/password"}
		}, "", map[string]string{"password": "SECRET"}, anyText},
		{"Elasticsearch's API key", func(string) []string {
			return []string{"PRE_STOP_ELASTICSEARCH_URL=SERVER", "PRE_STOP_ELASTICSEARCH_TOKEN_FILE=DIR/apikey"}
		}, "", map[string]string{"apikey": "ApiKey SECRET\n"}, word},
		{"path and query of the report's URL", func(secret string) []string {
			return []string{"PRE_STOP_REPORT_URL=SERVER/report/" + url.PathEscape(secret) + "?x=" + url.QueryEscape(secret)}
		}, "", nil, anyText},

		{"userinfo of a step", nil, "post USER/PATH", nil, anyText},
		{"a parameter of any name", nil, "post SERVER/PATH?any=QUERY", nil, anyText},
		{"a header of any name", nil, "post SERVER/PATH header='X-Any: SECRET'", nil, bare},
		{"a bearer token", nil, "post SERVER/PATH header='Authorization: Bearer SECRET'", nil, bare},
		{"a cookie", nil, "post SERVER/PATH header='Cookie: lang=en; id=SECRET'", nil, func(s string) bool { return bare(s) && !strings.Contains(s, ";") }},
		{"a variable in a header", env("VALUE_H=%s\n"), `post SERVER/PATH header="Authorization: Bearer $(VALUE_H)"`, nil, line},
		{"a variable in a body", env("VALUE_B=%s"), "post SERVER/PATH body=$(VALUE_B)", nil, anyText},
		{"a variable in a query", env("VALUE_Q=%s"), "post SERVER/PATH?t=$(VALUE_Q)", nil, anyText},
		{"a variable in a condition", env("VALUE_C=%s"), "post SERVER/no only-if=SERVER/PATH/asked?t=${VALUE_C}", nil, anyText},
		{"a variable in userinfo", env("VALUE_U=%s"), "post http://joe:$(VALUE_U)@HOST/PATH", nil, anyText},
		{"a variable in a form", env("VALUE_F=%s"), "post SERVER/PATH header=Content-Type:application/x-www-form-urlencoded body=a=$(VALUE_F)", nil, anyText},
		{"a variable in JSON", env("VALUE_J=%s"), `post SERVER/PATH body="{\"b\":\"$(VALUE_J)\"}"`, nil, anyText},
		{"a token file", nil, "post SERVER/PATH token-file=DIR/token", map[string]string{"token": "SECRET\n"}, word},
		{"a body's file", nil, "post SERVER/PATH body=@DIR/body", map[string]string{"body": "SECRET"}, anyText},
		{"a body's document", nil, "post SERVER/PATH body=@DIR/body.json", map[string]string{"body.json": `{"a":[JSON]}`}, anyText},
		{"what is waited for", nil, "until SERVER/PATH max=1ms token-file=DIR/until", map[string]string{"until": "SECRET"}, word},
		{"a program's output", nil, "exec cat DIR/printed", nil, anyText}, // a secret of other places
	}
}

// Whatever is planted, wherever, and however it is repeated: it is in no output and in no file.
func TestSecretsAreSeenNowhere(t *testing.T) {
	t.Parallel()
	if len(secretKinds()) < 12 || len(places()) < 17 || len(encodings()) < 13 {
		t.Errorf("%d kinds, %d places, %d encodings", len(secretKinds()), len(places()), len(encodings()))
	}
	for name, secret := range secretKinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			grounds := make([]*ground, len(echoes()))
			for n := range grounds {
				grounds[n] = sow(t, secret)
			}
			var rest sync.WaitGroup // they wait more than they work
			for n, g := range grounds[1:] {
				rest.Go(func() { g.plant(n + 1) })
			}
			t.Cleanup(rest.Wait) // also where the next fails at once
			grounds[0].plant(0)
			rest.Wait()
			for _, g := range grounds {
				g.search()
			}
		})
	}
}

// plant runs hooks with the secret in each place, against a server that repeats what it was sent in some of the encodings.
func (g *ground) plant(n int) {
	var lines, common []string
	for _, p := range places() {
		switch {
		case !p.fits(g.secret):
			continue
		case p.line != "":
			lines = append(lines, g.filled(p.line, n))
			if p.env != nil {
				common = append(common, g.env(p, n)...)
			}
			continue
		}
		env := g.env(p, n)
		g.inProcess(env, "wait 1ms")
		if n == 0 {
			g.inProcess(env, "--dry-run", "wait 1ms")
		}
	}
	g.inProcess(common, lines...)
	g.inProcess(common, append([]string{"--dry-run"}, lines...)...)
	if n == 0 {
		g.inProcess(common, append([]string{"--dry-run", "--output=json"}, lines...)...)
		g.run(common, lines...)
		g.inProcess(append(common, "PRE_STOP_LOG_FORMAT=text", "PRE_STOP_STEPS=# "+strings.ReplaceAll(strings.Join(lines, "\n# "), "\n", " ")), "wait 1ms")
	}
}

// ground is where the secrets of one kind are planted, for some of the encodings.
type ground struct {
	t      *testing.T
	dir    string
	secret string
	server *witness

	mu   sync.Mutex
	seen bytes.Buffer // all outputs, and the state directory at each request
}

func sow(t *testing.T, secret string) *ground {
	g := &ground{t: t, dir: t.TempDir(), secret: secret}
	g.server = newWitness(t, g.echo)
	asJSON, _ := json.Marshal(secret)
	for _, p := range places() {
		for name, text := range p.files {
			text = strings.NewReplacer("SECRET", secret, "JSON", string(asJSON)).Replace(text)
			g.write(name, text)
		}
	}
	var printed strings.Builder
	for _, encode := range encodings() {
		printed.WriteString("it is " + encode(secret) + " and more\n")
	}
	g.write("printed", printed.String())
	if err := os.Mkdir(filepath.Join(g.dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *ground) write(name, text string) {
	if err := os.WriteFile(filepath.Join(g.dir, name), []byte(text), 0o600); err != nil {
		g.t.Error(err) // other goroutines write too
	}
}

func (g *ground) env(p place, n int) []string {
	var all []string
	for _, text := range p.env(g.secret) {
		name, value, _ := strings.Cut(text, "=")
		if strings.HasPrefix(name, "PRE_STOP_") {
			value = g.filled(value, n)
		}
		all = append(all, name+"="+value)
	}
	return all
}

// filled names the server, and the path at which it uses these encodings.
func (g *ground) filled(text string, n int) string {
	host := strings.TrimPrefix(g.server.URL, "http://")
	query := url.QueryEscape(g.secret)
	return strings.NewReplacer("SERVER", g.server.URL, "HOST", host, "PATH", "e/"+strconv.Itoa(n), "DIR", g.dir,
		"USER", "http://"+url.UserPassword("joe", g.secret).String()+"@"+host, "QUERY", query, "SECRET", g.secret).Replace(text)
}

func (g *ground) environment(more []string) []string {
	return append([]string{podEnv, "POD_NAME=es-0", "PRE_STOP_STATE_DIR=" + g.dir + "/state", "PRE_STOP_LOG_TO=" + g.dir + "/log", "PRE_STOP_TERMINATION_LOG=" + g.dir + "/termination",
		"PRE_STOP_ADDITIONAL_WAIT_SECONDS=1ms", "PRE_STOP_GRACE_PERIOD_SECONDS=60", "PRE_STOP_RESERVE_SECONDS=1"}, more...)
}

func (g *ground) inProcess(env []string, args ...string) {
	g.write("termination", "")
	var stdout, stderr testbuffer.Buffer
	run(&invocation{ctx: g.t.Context(), start: time.Now(), args: args, env: environment(g.environment(env)), stdout: &stdout, stderr: &stderr})
	g.saw(stdout.String(), stderr.String())
}

// run is one of the real program, which prints to stderr what the other cannot.
func (g *ground) run(env []string, args ...string) {
	g.write("termination", "")
	p := prepare(g.t, g.environment(env), args...)
	p.begin()
	p.exit()
	g.saw(p.stdout.String(), p.stderr.String())
}

func (g *ground) saw(texts ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	fmt.Fprintln(&g.seen, strings.Join(texts, "\n"))
	g.look("log", "termination", "state/*")
	_ = os.Remove(g.dir + "/log")
}

func (g *ground) look(names ...string) {
	for _, name := range names {
		paths, _ := filepath.Glob(filepath.Join(g.dir, name))
		for _, path := range paths {
			text, _ := os.ReadFile(path)
			fmt.Fprintf(&g.seen, "\n%s:\n%s\n", filepath.Base(path), text)
		}
	}
}

// echoes are the encodings, some together: a longer answer would not be shown whole.
func echoes() [][]string {
	all := make([][]string, 9)
	for n, name := range slices.Sorted(maps.Keys(encodings())) {
		all[n%len(all)] = append(all[n%len(all)], name)
	}
	return all
}

// echo refuses with what it was sent. A report is kept, and seen by somebody.
func (g *ground) echo(w http.ResponseWriter, r sentRequest) {
	g.mu.Lock()
	g.look("state/*")
	if strings.HasPrefix(r.URL.Path, "/report/") {
		fmt.Fprintf(&g.seen, "\nreport:\n%s\n", r.body)
	}
	g.mu.Unlock()
	if !g.arrived(r) {
		g.t.Errorf("%s %s came without the secret: %q, %s", r.Method, r.URL.Path, r.Header, r.body)
	}
	n, _ := strconv.Atoi(strings.TrimPrefix(strings.TrimSuffix(r.URL.Path, "/asked"), "/e/"))
	var texts []string
	for _, name := range echoes()[n%9] {
		texts = append(texts, encodings()[name](g.secret))
	}
	body, kind := strings.Join(texts, " "), "text/plain"
	if n%2 == 1 {
		kind = "application/json" // whose text is shown as it is
	}
	if len(body) > 500 {
		body = texts[0]
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(map[bool]int{true: http.StatusForbidden, false: http.StatusBadRequest}[strings.HasSuffix(r.URL.Path, "/asked")])
	_, _ = io.WriteString(w, body)
}

// arrived tells whether a request holds the secret in any of its parts.
func (g *ground) arrived(r sentRequest) bool {
	var document struct{ A []string }
	_ = json.Unmarshal([]byte(r.body), &document)
	_, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	plain, _ := base64.StdEncoding.DecodeString(key)
	_, password, _ := r.BasicAuth()
	parts := append([]string{password, string(plain), key, r.URL.Path, r.body, r.Header.Get("X-Any"), r.Header.Get("Cookie")}, document.A...)
	form, _ := url.ParseQuery(r.body)
	var text struct{ B string }
	_ = json.Unmarshal([]byte(r.body), &text)
	parts = append(parts, form.Get("a"), text.B)
	for _, values := range r.URL.Query() {
		parts = append(parts, values...)
	}
	squeezed := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	for _, part := range parts {
		if strings.Contains(squeezed(part), squeezed(g.secret)) {
			return true
		}
	}
	return false
}

func (g *ground) search() {
	g.t.Helper()
	text := unescaped(g.seen.String())
	if !strings.Contains(text, "***") || !strings.Contains(text, "400 Bad Request") || !strings.Contains(text, `"report"`) {
		g.t.Errorf("nothing was hidden, or nothing repeated: %.2000s", text)
	}
	g.searchIn(text)
}

func (g *ground) searchIn(text string) {
	g.t.Helper()
	lowered := strings.ToLower(text)
	for _, end := range []string{secretHead, secretTail} {
		for name, trace := range tracesOf(end) {
			if i := strings.Index(lowered, strings.ToLower(trace)); i >= 0 {
				g.t.Errorf("%s is seen, as %s: …%s…", end, name, text[max(0, i-200):min(len(text), i+200)])
			}
		}
	}
}

// tracesOf is what a text leaves behind in each encoding.
func tracesOf(end string) map[string]string {
	all := map[string]string{}
	for name, encode := range encodings() {
		if !strings.HasPrefix(name, "base64") {
			all[name] = encode(end)
		}
	}
	for before := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), end...))
		all["base64 "+strconv.Itoa(before)] = encoded[[]int{0, 2, 3}[before] : len(encoded)-1]
	}
	return all
}

// Ordinary values stand as they were written: a port, a host's name or a path of a variable is shown by its name in its own step
// and changes no other text; a variable's value that is one of the program's own words renames nothing.
func TestOrdinaryValuesStand(t *testing.T) {
	t.Parallel()
	server := newWitness(t, func(w http.ResponseWriter, r sentRequest) {
		answer(http.StatusBadRequest, "text/plain", "no "+r.URL.Path+" on 127.0.0.1 in web-0.web.shop by 1234567, elapsed")(w, r)
	})
	port := strings.TrimPrefix(server.URL, "http://127.0.0.1:")
	dir := t.TempDir()
	env := []string{podEnv, "POD_NAME=web-0.web.shop", "PRE_STOP_ADDITIONAL_WAIT_SECONDS=1ms", "PRE_STOP_GRACE_PERIOD_SECONDS=60", "PRE_STOP_STATE_DIR=" + dir,
		"PRE_STOP_LOG_TO=stdout", "PRE_STOP_TERMINATION_LOG=" + dir + "/termination", "HOST=127.0.0.1", "PORT=" + port, "APP_PATH=/drain/all", "NUMBER=1234567"}
	var words []string
	for n, word := range []string{"outcome", "elapsed", "failed", "report", "message", "prestop", "prestop begins", "step not done", "unmet", "settings", "error.message", "termination"} {
		env = append(env, fmt.Sprintf("WORD%d=%s", n, word))
		words = append(words, fmt.Sprintf("header=X-%d:$(WORD%d)", n, n))
	}
	steps := []string{
		"post http://$(HOST):$(PORT)$(APP_PATH)?n=$(NUMBER)&p=$(POD_NAME)",
		"post " + server.URL + "/drain/all body=$(NUMBER) header=X-Pod:$(POD_NAME)",
		"post " + server.URL + "/drain/some " + strings.Join(words, " "),
	}
	if err := os.WriteFile(dir+"/termination", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := prepare(t, env, steps...)
	p.begin()
	if got := p.exit(); got != exitFailed {
		t.Errorf("exit status %d", got)
	}
	lines := strings.Split(strings.TrimSpace(p.stdout.String()), "\n")
	var first, last struct {
		Message  string   `json:"message"`
		Plan     []string `json:"plan"`
		Pod      string   `json:"pod"`
		Settings map[string]string
		Report   struct {
			Elapsed *float64
			Steps   []struct{ Step, Outcome, Error string }
		} `json:"report"`
	}
	if json.Unmarshal([]byte(lines[0]), &first) != nil || json.Unmarshal([]byte(lines[len(lines)-1]), &last) != nil {
		t.Fatal(p.stdout.String())
	}
	if first.Message != "prestop begins" || last.Message != "prestop ends" || first.Pod != "web-0.web.shop" || !slices.Equal(first.Plan, steps) || last.Report.Elapsed == nil || first.Settings["log_to"] != "stdout" {
		t.Errorf("the first line is %s\nthe last %s", lines[0], lines[len(lines)-1])
	}
	const said = ": 400 Bad Request: no /drain/all on 127.0.0.1 in web-0.web.shop by 1234567, elapsed"
	own := strings.NewReplacer("127.0.0.1", "$(HOST)", "/drain/all", "$(APP_PATH)")
	for n, want := range []string{"http://$(HOST):" + port + own.Replace(said), server.URL + said, ""} {
		s := last.Report.Steps[n]
		if s.Step != steps[n] || s.Outcome != "failed" || want != "" && s.Error != strings.Replace(want, ", elapsed", ", $(WORD1)", 1) {
			t.Errorf("step %d: %+v, want %s", n, s, want)
		}
	}
	if !strings.Contains(p.stdout.String(), `"message":"step not done"`) || !strings.Contains(p.stdout.String(), `"outcome":"failed"`) {
		t.Errorf("the program's words are renamed: %s", &p.stdout)
	}
	text, _ := os.ReadFile(dir + "/termination")
	if !strings.Contains(string(text), "prestop: 3 of 3 steps not done after") || !strings.Contains(string(text), "/drain/all body=$(NUMBER) header=X-Pod:$(POD_NAME): failed in ") {
		t.Errorf("the termination message is %s", text)
	}
	if line := p.stderr.String(); !strings.HasPrefix(line, "prestop: 3 of 3 steps not done: post http://$(HOST):$(PORT)$(APP_PATH)?n=$(NUMBER)&p=$(POD_NAME): http://$(HOST):"+port) {
		t.Errorf("stderr is %s", line)
	}
}

// What others wrote commands no terminal: not through the log, the line on stderr, the termination message, or the dry run.
func TestNothingCommandsATerminal(t *testing.T) {
	t.Parallel()
	const hostile = "\x1b]0;owned\a\x1b[2J\u009b31m\u202egnp\u2066.exe\x7f\b\r\nprestop: done"
	server := newWitness(t, answer(http.StatusBadRequest, "text/plain", hostile))
	dir := t.TempDir()
	for _, args := range [][]string{
		{"post " + server.URL + "/ header='X:a" + hostile[:20] + "'", "exec printf '" + hostile + "\\n" + hostile + "'", "until " + server.URL + " max=1ms", "exec /no/" + hostile},
		{"psot " + hostile}, {"--log-to=" + hostile}, {"--nope=" + hostile}, {"wait 1ms", hostile},
	} {
		for _, more := range [][]string{{"PRE_STOP_LOG_FORMAT=json"}, {"PRE_STOP_LOG_FORMAT=text"}, {"KUBERNETES_SERVICE_HOST="}, {"PRE_STOP_ELASTICSEARCH_URL=" + hostile}, {"PRE_STOP_STEPS=" + hostile}, {"PRE_STOP_TARGET_NODE" + hostile + "=x"}} {
			for _, flags := range [][]string{nil, {"--dry-run"}, {"--dry-run", "--output=json"}} {
				if err := os.WriteFile(dir+"/termination", nil, 0o600); err != nil {
					t.Fatal(err)
				}
				var stdout, stderr testbuffer.Buffer
				env := append([]string{podEnv, "POD_NAME=" + hostile, "PRE_STOP_ADDITIONAL_WAIT_SECONDS=1ms", "PRE_STOP_GRACE_PERIOD_SECONDS=60", "PRE_STOP_STATE_DIR=" + dir + "/state",
					"PRE_STOP_LOG_TO=" + dir + "/log", "PRE_STOP_TERMINATION_LOG=" + dir + "/termination"}, more...)
				run(&invocation{ctx: t.Context(), start: time.Now(), args: append(slices.Clone(flags), args...), env: environment(env), stdout: &stdout, stderr: &stderr})
				for _, name := range []string{"log", "termination"} {
					text, _ := os.ReadFile(filepath.Join(dir, name))
					stdout.Write(text)
					_ = os.Remove(dir + "/log")
				}
				for _, r := range stdout.String() + stderr.String() {
					if !strconv.IsPrint(r) && r != '\n' {
						t.Errorf("%q with %q and %q prints %q: %q", args, more, flags, r, stdout.String()+stderr.String())
						break
					}
				}
				if strings.Contains(stdout.String()+stderr.String(), "\nprestop: done") && !strings.Contains(stdout.String(), "prestop: done after") {
					t.Errorf("%q with %q and %q: a line is forged: %s", args, more, flags, stdout.String()+stderr.String())
				}
			}
		}
	}
}

// What a server sends unasked is read by net/http, whose own logger would print it.
func TestUnsolicitedAnswersAreNotPrinted(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		time.AfterFunc(50*time.Millisecond, func() { _, _ = io.WriteString(conn, "HTTP/1.1 400 "+secretHead+"\r\n\r\n") })
		_, _ = io.Copy(io.Discard, conn) // until the hook ends
	}()
	p := prepare(t, []string{podEnv, logEnv, "PRE_STOP_LOG_TO=stdout", "PRE_STOP_ADDITIONAL_WAIT_SECONDS=1ms", "PRE_STOP_GRACE_PERIOD_SECONDS=10"},
		"post http://"+l.Addr().String()+"/ header=Authorization:"+secretHead, "wait 200ms")
	p.begin()
	if got := p.exit(); got != exitDone || p.stderr.Len() > 0 || strings.Contains(p.stdout.String(), secretHead) {
		t.Errorf("exit status %d; it prints %s%s", got, &p.stderr, &p.stdout)
	}
}
