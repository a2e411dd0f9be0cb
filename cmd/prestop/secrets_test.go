package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/testbuffer"
)

// Secrets that begin and end with what survives every way of writing them, and are awkward in between.
const (
	secretHead, secretTail = "Kq7xTz", "9RvB4m"

	passwordSecret = secretHead + `p"s\ /+&%<é>` + secretTail
	tokenSecret    = secretHead + `t"k/+&%<é>` + secretTail // blanks would end its scheme
	headerSecret   = secretHead + `h/+&%<é>=` + secretTail  // stands in quotes
	pathSecret     = secretHead + `-a%2Fb_~` + secretTail   // stands in a URL
)

// traces are what must be seen nowhere.
func traces() []string {
	all := []string{secretHead, secretTail}
	for _, secret := range []string{passwordSecret, tokenSecret, headerSecret, pathSecret} {
		for _, text := range []string{secret, "elastic:" + secret, "Bearer " + secret} {
			encoded := base64.RawStdEncoding.EncodeToString([]byte(text))
			encoded = encoded[:len(encoded)-2] // without what depends on the end
			all = append(all, encoded, strings.NewReplacer("+", "-", "/", "_").Replace(encoded))
		}
	}
	return all
}

// A planting is a configuration with a secret in it. PLAIN stands for the server's URL, CREDENTIALS for one with
// user and password, ODD for one that escapes them as nobody else would.
type planting struct {
	name  string
	env   []string
	steps []string
	runs  int // 0: 1; more where a run makes one request
}

// Mistakes, which have the line shown in which they are.
var plantedMistakes = []planting{
	{"unknown option", nil, []string{`post CREDENTIALS/drain header="Authorization: Bearer ` + headerSecret + `" token-file=token bogus=1`}, 0},
	{"misspelt option", nil, []string{`post CREDENTIALS/drain haeder='Authorization: Bearer ` + headerSecret + `'`}, 0},
	{"option in quotes", nil, []string{`post CREDENTIALS/drain 'header=X-Api-Key:` + headerSecret + `'`}, 0},
	{"misspelt verb", nil, []string{`psot CREDENTIALS/drain?token=` + pathSecret + ` header="X-Api-Key: ` + headerSecret + `"`}, 0},
	{"header without a colon", nil, []string{`post CREDENTIALS/drain header="Authorization ` + headerSecret + `"`}, 0},
	{"open quote", nil, []string{`post CREDENTIALS/drain header="Authorization: Bearer ` + headerSecret}, 0},
	{"variable not set", nil, []string{`post CREDENTIALS/drain header="Cookie: ` + headerSecret + `" body=$(NO_SUCH_VARIABLE)`}, 0},
	{"variable for a duration", []string{"TOKEN=" + passwordSecret}, []string{`wait $(TOKEN)`}, 0},
	{"variable too many", []string{"TOKEN=" + passwordSecret}, []string{`post CREDENTIALS/drain $(TOKEN)`}, 0},
	{"variable for a verb", []string{"TOKEN=" + passwordSecret}, []string{`$(TOKEN) PLAIN`}, 0},
	{"variable for a URL", []string{"TOKEN=" + tokenSecret + "://x"}, []string{`get $(TOKEN)`}, 0},
	{"variable for statuses", []string{"TOKEN=" + passwordSecret}, []string{`post PLAIN expect=$(TOKEN)`}, 0},
	{"variable for a time", []string{"TOKEN=" + passwordSecret}, []string{`post PLAIN timeout=$(TOKEN)`}, 0},
	{"variable for a type", []string{"TOKEN=" + passwordSecret}, []string{`elasticsearch PLAIN type=$(TOKEN)`}, 0},
	{"port", nil, []string{"post http://elastic:" + pathSecret + "@localhost:70000/"}, 0},
	{"no URL", nil, []string{"post http://elastic:" + passwordSecret + "@localhost/"}, 0},
	{"URL of a condition", nil, []string{"post PLAIN/drain only-if=ftp://elastic:" + pathSecret + "@localhost/"}, 0},
	{"steps of the environment", []string{"PRE_STOP_STEPS=psot CREDENTIALS/drain\npost CREDENTIALS/drain header=X-Api-Key:" + pathSecret}, nil, 0},
	{"port of a setting", []string{"PRE_STOP_APP_URL=http://elastic:" + pathSecret + "@localhost:70000/"}, nil, 0},
	{"scheme of a setting", []string{"PRE_STOP_ELASTICSEARCH_URL=ftp://elastic:" + pathSecret + "@localhost/"}, nil, 0},
	{"setting that is no URL", []string{"PRE_STOP_APP_URL=http://elastic:" + passwordSecret + "@localhost/"}, nil, 0},
}

func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

const (
	podEnv = "KUBERNETES_SERVICE_HOST=10.0.0.1"
	logEnv = "PRE_STOP_LOG_TO=LOG"
)

func TestSecretsAreSeenInNoComplaint(t *testing.T) {
	t.Parallel()
	for _, p := range plantedMistakes {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := plant(t)
			s.run(append([]string{podEnv, logEnv}, p.env...), p.steps)
			s.inProcess(p.env, p.steps)
			s.inProcess(append([]string{podEnv, logEnv}, p.env...), append([]string{"--dry-run"}, p.steps...))
			if !strings.Contains(s.seen.String(), "mistake in the configuration") {
				t.Errorf("there is no mistake in it: %s", s.seen.String())
			}
			s.search()
		})
	}
}

func TestSecretsAreSeenInNoClearing(t *testing.T) {
	t.Parallel()
	s := plant(t)
	for range 8 {
		s.inProcess([]string{logEnv, "PRE_STOP_ELASTICSEARCH_URL=CREDENTIALS"}, []string{"elasticsearch-clear"})
		s.inProcess([]string{logEnv, "PRE_STOP_ELASTICSEARCH_URL=PLAIN", "PRE_STOP_ELASTICSEARCH_TOKEN_FILE=FILES/apikey"}, []string{"elasticsearch-clear"})
	}
	s.inProcess([]string{logEnv, "PRE_STOP_ELASTICSEARCH_URL=CREDENTIALS"}, []string{"elasticsearch-clear", "post CREDENTIALS/drain header=X-Api-Key:" + pathSecret})
	s.search()
}

// A second delivery that waited for the first tells what came of it, and has read no secret itself.
func TestSecretsAreSeenInNoSecondDelivery(t *testing.T) {
	t.Parallel()
	s := plant(t)
	joined := make(chan struct{})
	called := make(chan struct{}, 1)
	app := newWitness(t, func(w http.ResponseWriter, r sentRequest) {
		called <- struct{}{}
		<-joined
		answer(http.StatusBadRequest, "text/plain", r.Header.Get("Authorization"))(w, r)
	})
	deliver := func(log string) *process {
		env := s.environment([]string{podEnv, "PRE_STOP_LOG_TO=FILES/" + log, "PRE_STOP_GRACE_PERIOD_SECONDS=30", "POD_NAME=web-0"})
		p := prepare(t, env, "post "+app.URL+" token-file="+s.dir+"/token")
		p.begin()
		return p
	}
	first := deliver("log1")
	<-called
	second := deliver("log2")
	every := time.Tick(5 * time.Millisecond)
	for text := ""; !strings.Contains(text, "still runs"); <-every {
		if content, _ := os.ReadFile(s.dir + "/log2"); len(called) == 0 {
			text = string(content)
		} else {
			t.Fatal("the second delivery called, too")
		}
	}
	close(joined)
	for _, p := range []*process{first, second} {
		if got := p.exit(); got != exitFailed {
			t.Errorf("exit status %d, want 1", got)
		}
		s.saw(p.stdout.String(), p.stderr.String())
	}
	s.look("log1")
	s.look("log2")
	if !strings.Contains(second.stderr.String(), "400 Bad Request") {
		t.Errorf("the second delivery does not say what came of it: %s", &second.stderr)
	}
	s.search()
}

// soil is where a planting is tried.
type soil struct {
	t        *testing.T
	dir      string
	server   *witness
	mu       sync.Mutex
	requests int
	seen     bytes.Buffer // all outputs, and the state directory's content at each request
}

func plant(t *testing.T) *soil {
	s := &soil{t: t, dir: t.TempDir()}
	s.server = newWitness(t, s.echo)
	for name, content := range map[string]string{"password": passwordSecret + "\n", "token": tokenSecret + "\n", "apikey": "ApiKey " + basic("id", passwordSecret)} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(s.dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	return s
}

// run is one of the real program.
func (s *soil) run(env, steps []string) {
	s.t.Helper()
	p := prepare(s.t, s.environment(env), s.filled(steps)...)
	p.Dir = s.dir
	p.begin()
	p.exit()
	s.saw(p.stdout.String(), p.stderr.String())
}

// inProcess is one that prints nothing by itself.
func (s *soil) inProcess(env, args []string) {
	var stdout, stderr testbuffer.Buffer
	run(&invocation{ctx: s.t.Context(), start: time.Now(), args: s.filled(args), env: environment(s.environment(env)), stdout: &stdout, stderr: &stderr})
	s.saw(stdout.String(), stderr.String())
}

func (s *soil) environment(more []string) []string {
	return s.filled(append([]string{"PRE_STOP_STATE_DIR=FILES/state", "PRE_STOP_ADDITIONAL_WAIT_SECONDS=10ms", "PRE_STOP_LOG_TO=stdout",
		"PRE_STOP_GRACE_PERIOD_SECONDS=2", "PRE_STOP_RESERVE_SECONDS=1", "POD_NAME=es-0"}, more...))
}

func (s *soil) filled(all []string) []string {
	credentials := strings.Replace(s.server.URL, "://", "://"+url.UserPassword("elastic", passwordSecret).String()+"@", 1)
	odd := strings.NewReplacer("%2F", "%2f", "%3C", "%3c", "Kq", "%4Bq").Replace(credentials)
	r := strings.NewReplacer("PLAIN", s.server.URL, "CREDENTIALS", credentials, "ODD", odd, "LOG_TO=LOG", "LOG_TO="+s.dir+"/log",
		"FILES", s.dir, "=token", "="+s.dir+"/token", "=apikey", "="+s.dir+"/apikey", "FILE=password", "FILE="+s.dir+"/password")
	filled := make([]string, len(all))
	for i, text := range all {
		filled[i] = r.Replace(text)
	}
	return filled
}

func (s *soil) saw(texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(&s.seen, strings.Join(texts, "\n"))
	s.look("state")
	s.look("log")
}

// look adds the content of files.
func (s *soil) look(name string) {
	filepath.WalkDir(filepath.Join(s.dir, name), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			text, _ := os.ReadFile(path)
			fmt.Fprintf(&s.seen, "\n%s:\n%s\n", path, text)
		}
		return nil
	})
}

// echo refuses with what it was sent, in three parts, and as text and JSON in turn. A longer answer would be cut.
func (s *soil) echo(w http.ResponseWriter, r sentRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look("state")
	sent := authorization(r)
	parts := [3][]string{sent[:2], sent[2:], {r.Header.Get("X-Api-Key"), r.Header.Get("Cookie"), r.URL.Path, r.URL.RawQuery, r.URL.Query().Get("token"), r.body}}
	n := s.requests
	s.requests++
	kind, body := "text/plain", strings.Join(parts[n/2%3], " ")
	if n%2 == 1 {
		kind = "application/json"
		text, _ := json.Marshal(map[string]any{"error": map[string]any{"reason": body}})
		body = string(text)
	}
	if len(body) > 200 {
		s.t.Errorf("the answer is too long to be shown whole: %s", body)
	}
	status := http.StatusBadRequest
	switch {
	case strings.Contains(r.URL.Path, "/ok/"):
		status = http.StatusOK
	case strings.HasSuffix(r.URL.Path, "/again"):
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// authorization is the header's value, its credentials, and what those hold.
func authorization(r sentRequest) []string {
	value := r.Header.Get("Authorization")
	_, key, _ := strings.Cut(value, " ")
	plain, _ := base64.StdEncoding.DecodeString(key)
	_, password, _ := strings.Cut(string(plain), ":")
	return []string{value, key, string(plain), password}
}

func (s *soil) search() {
	s.t.Helper()
	text := unescaped(s.seen.String())
	for _, trace := range traces() {
		if i := strings.Index(text, trace); i >= 0 {
			s.t.Errorf("%q is seen: …%s…", trace, text[max(0, i-150):min(len(text), i+150)])
		}
	}
}

// unescaped is a text, and all that its lines of JSON hold.
func unescaped(text string) string {
	var all strings.Builder
	all.WriteString(text)
	for line := range strings.Lines(text) {
		var value any
		if json.Unmarshal([]byte(line), &value) == nil {
			all.WriteString("\n" + strings.Join(allStrings(value), "\n"))
		}
	}
	return all.String()
}

// allStrings are a JSON value's keys and strings, unescaped.
func allStrings(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, inner := range v {
			all = append(all, allStrings(inner)...)
		}
		return all
	case map[string]any:
		var all []string
		for key, inner := range v {
			all = append(append(all, key), allStrings(inner)...)
		}
		return all
	}
	return nil
}
