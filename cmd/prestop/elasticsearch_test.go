package main

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/prestop/prestop/internal/fakees"
)

// The times of every row, unless it says otherwise. The deadline is grace less reserve.
const (
	esGrace    = "8"
	esReserve  = "2"
	esWait     = 3 * time.Second
	esDeadline = 6 * time.Second
	esSlack    = 300 * time.Millisecond // past the wait, for what it takes to start and to call
)

// An esRow is one of the bugs of ECK's own hook (E1 to E16), and what happens here instead.
type esRow struct {
	name    string
	version string   // empty: 9.4.0
	nodes   []string // of the cluster; none: es-1, which is our own node, and es-2
	at      string   // the node that answers at 127.0.0.1; empty: our own
	prepare func(*esScene)
	env     []string

	puts        int           // registrations, all of them for our own node's id
	least, most time.Duration // that the hook lasts; 0: the wait, and the wait and slack
	exit        int
	says        []string // each in a line of the log
	verify      func(*testing.T, *esScene)
}

func esRows() []esRow {
	busy := func(polls int) func(*esScene) {
		return func(sc *esScene) { sc.Script("", fakees.Phase{Polls: polls, PluginsBusy: true}) }
	}
	fails := func(f fakees.Fault) func(*esScene) { return func(sc *esScene) { sc.Fail(f) } }
	alike := []string{"es-1", "es-10", "es-11", "x-es-1", "esx1"}
	oneSecond := []string{"PRE_STOP_ADDITIONAL_WAIT_SECONDS=1"}
	return []esRow{
		{name: "nothing is wrong", puts: 1, says: []string{"registering the shutdown", "shutdown is COMPLETE"}},
		{name: "E1, names that begin alike", nodes: alike, puts: 1},
		{name: "E1, asked by way of one of them", nodes: alike, at: "es-10", puts: 1, says: []string{"prestop ends"}},
		{name: "E2, our own node is not in the cluster", nodes: alike[1:], at: "es-10", most: esDeadline, exit: 1,
			says: []string{"no node called es-1 is in the cluster"}},
		{name: "E2, and another has its name as host", nodes: alike[1:], at: "es-10", prepare: func(sc *esScene) { sc.AddNode(fakees.Node{Name: "es-12", Host: "es-1"}) },
			most: esDeadline, exit: 1, says: []string{"no node called es-1 is in the cluster"}},
		{name: "E3, stalled for ever", prepare: func(sc *esScene) { sc.Script("", fakees.Stalled.For(0)) },
			puts: 1, least: 5 * time.Second, most: esDeadline, exit: 1, says: []string{"shutdown is STALLED", "cannot move"}, verify: esSaidOnce("cannot move", "explanation")},
		{name: "E4, the server vanishes", prepare: func(sc *esScene) {
			sc.Script("", fakees.Phase{PluginsBusy: true})
			sc.OnAnswer(func(r fakees.Request) {
				if r.API == fakees.PutShutdown {
					go sc.server.Close()
				}
			})
		}, puts: 1, most: esDeadline, exit: 1, says: []string{"connection refused"}},
		{name: "E5, delivered again", prepare: func(sc *esScene) { busy(4)(sc); sc.killAfterPut() }, puts: 1,
			says: []string{"delivered again", "our shutdown is registered already: going on from there", "shutdown is COMPLETE"}},
		{name: "E5, delivered again, and nowhere to write", prepare: func(sc *esScene) { busy(4)(sc); sc.killAfterPut() }, puts: 1,
			env: []string{"POD_UID=uid-1", "PRE_STOP_STATE_DIR=/proc/nowhere"}, says: []string{"our shutdown is registered already: going on from there", "shutdown is COMPLETE"}},
		{name: "E6, registered by the operator", prepare: func(sc *esScene) { busy(4)(sc); sc.Put(fakees.Record{NodeID: sc.own.ID, Reason: "operator"}) },
			env: oneSecond, least: 2300 * time.Millisecond, says: []string{"registered by somebody else", "shutdown is COMPLETE"}, verify: func(t *testing.T, sc *esScene) {
				if r, _ := sc.Record(sc.own.ID); r.Reason != "operator" {
					t.Errorf("the record is %+v", r)
				}
			}},
		{name: "E7, one bad answer", prepare: fails(fakees.Fault{On: fakees.GetShutdown, Times: 1, Effect: fakees.NoMaster()}), puts: 1},
		{name: "E7, some bad answers", prepare: fails(fakees.Fault{On: fakees.GetShutdown, Times: 4, Effect: fakees.BadGateway()}), puts: 1, most: esDeadline, says: []string{"trying again"}},
		{name: "E8, not started", prepare: func(sc *esScene) { sc.Script("", fakees.NotStarted.For(0)) }, puts: 1, exit: 1, says: []string{"NOT_STARTED: the node is not in the cluster"}},
		{name: "E9, pretty JSON", prepare: func(sc *esScene) { busy(3)(sc); fails(fakees.Fault{Effect: fakees.Pretty()})(sc) }, env: oneSecond,
			puts: 1, least: 2300 * time.Millisecond, says: []string{"shutdown is IN_PROGRESS", "shutdown is COMPLETE"}},
		{name: "E10, never an answer", prepare: fails(fakees.Fault{Effect: fakees.Hang()}), most: esDeadline, exit: 1, says: []string{"no complete answer in time"}},
		{name: "E10, no answer to the PUT", prepare: fails(fakees.Fault{On: fakees.PutShutdown, Times: 1, Effect: fakees.Hang()}), puts: 2, most: esDeadline},
		{name: "E11, no credentials", prepare: fails(fakees.Fault{Effect: fakees.Unauthorized()}), exit: 1, says: []string{"401", "the credentials are missing or wrong"}, verify: esAsked(3)},
		{name: "E11, no privilege", prepare: fails(fakees.Fault{On: fakees.Shutdown, Effect: fakees.Forbidden()}), exit: 1, says: []string{"needs the cluster privilege manage"}, verify: esAsked(2)},
		{name: "E12, 7.10.2", version: "7.10.2", exit: 1, says: []string{"Elasticsearch 7.10.2: it has no node shutdown API"}},
		{name: "E12, 7.14.0", version: "7.14.0", exit: 1, says: []string{"Elasticsearch 7.14.0: it has no node shutdown API"}},
		{name: "E12, OpenSearch", version: "opensearch 2.19.0", exit: 1, says: []string{"opensearch 2.19.0: it has no node shutdown API"}},
		{name: "E12, serverless", version: "serverless", exit: 1, says: []string{"serverless has no node shutdown API"}},
		{name: "E12, 7.15.2", version: "7.15.2", puts: 2, verify: func(t *testing.T, sc *esScene) { // the first was refused for its master_timeout
			if r, ok := sc.Record(sc.own.ID); !ok || r.Type != "RESTART" {
				t.Errorf("the record is %+v", r)
			}
		}},
		{name: "E13, nothing can be written", env: []string{"TMPDIR=/proc/nowhere", "PRE_STOP_STATE_DIR=/proc/nowhere", "HOME=/proc/nowhere"}, puts: 1,
			says: []string{"a second delivery of this hook would not be recognised"}},
		{name: "E14, no DNS", env: []string{"PRE_STOP_ELASTICSEARCH_URL=http://nowhere.invalid:1"}, most: esDeadline, exit: 1, says: []string{"nowhere.invalid"}},
		{name: "E15, a certificate of nobody", prepare: (*esScene).secure, env: []string{"PRE_STOP_ELASTICSEARCH_CA_FILE="}, exit: 1, says: []string{"certificate signed by unknown authority"}, verify: esAsked(0)},
		{name: "E15, another name", prepare: (*esScene).secure, env: []string{"PRE_STOP_ELASTICSEARCH_TLS_SERVER_NAME=es.svc"}, exit: 1, says: []string{"not es.svc"}, verify: esAsked(0)},
		{name: "E15, verified", prepare: (*esScene).secure, puts: 1, verify: func(t *testing.T, sc *esScene) {
			for _, r := range sc.Requests() {
				if r.User != "hook" {
					t.Errorf("%s came from %q", r.Path, r.User)
				}
			}
		}},
		{name: "E16, an explanation", prepare: func(sc *esScene) {
			sc.Script("", fakees.Phase{Shards: fakees.Stalled, Explanation: esHostile + `{"log.level":"fake"}` + strings.Repeat("long ", 3000)})
		}, puts: 1, least: 5 * time.Second, most: esDeadline, exit: 1, says: []string{"STALLED"}},
		{name: "E16, a reason", prepare: func(sc *esScene) { sc.Put(fakees.Record{NodeID: sc.own.ID, Reason: esHostile}) }, says: []string{esHostile}},
		{name: "E16, a name", nodes: []string{esHostile, "es-2"}, env: []string{"POD_NAME=" + esHostile}, puts: 1, says: []string{esHostile}},
		{name: "E16, a name that is nobody's", nodes: []string{"es-2"}, at: "es-2", env: []string{"POD_NAME=" + esHostile}, most: esDeadline, exit: 1, says: []string{"no node called"}},
	}
}

// esHostile holds what ends a line, a JSON text or a terminal's patience, and nothing that no node's name may hold.
const esHostile = "a \"b\"} \\ 'c'\n{\"log.level\"\r\n\t\x1b[31m\u2028 </script> %s é"

func TestElasticsearchTable(t *testing.T) {
	type run struct {
		esRow
		scene *esScene
		hook  *hooked
	}
	var runs []run
	for _, row := range esRows() {
		runs = append(runs, run{row, newESScene(t, row), nil})
	}
	for n := range runs { // once all servers have their ports: none gets that of the one that vanishes
		runs[n].hook = runs[n].scene.start()
	}
	for _, r := range runs {
		t.Run(r.name, func(t *testing.T) {
			<-r.hook.ended
			r.judge(t, r.scene, r.hook)
			if t.Failed() {
				t.Logf("%s%s", &r.hook.stdout, &r.hook.stderr)
			}
		})
	}
}

// What a hook registered, elasticsearch-clear of the next pod of its name removes. What somebody else registered stays.
func TestRegisteredIsCleared(t *testing.T) {
	t.Parallel()
	sc := newESScene(t, esRow{env: []string{"PRE_STOP_ADDITIONAL_WAIT_SECONDS=0", "PRE_STOP_LOG_TO=" + filepath.Join(t.TempDir(), "log")}})
	exit := func(args ...string) int {
		return run(&invocation{ctx: t.Context(), start: time.Now(), args: args, env: environment(sc.env), stdout: t.Output(), stderr: t.Output()})
	}
	if status := exit("elasticsearch"); status != exitDone {
		t.Errorf("exit status %d", status)
	}
	sc.Put(fakees.Record{NodeID: "somebody", Reason: "operator"})
	if _, ok := sc.Record(sc.own.ID); !ok {
		t.Fatal("nothing is registered")
	}
	for range 2 { // the second finds nothing to do
		if status := exit("elasticsearch-clear"); status != exitDone {
			t.Errorf("exit status %d", status)
		}
		if r, ok := sc.Record(sc.own.ID); ok {
			t.Errorf("still registered: %+v", r)
		}
	}
	if _, ok := sc.Record("somebody"); !ok {
		t.Error("the operator's record is gone")
	}
}

// judge compares what came of a row with what must.
func (r esRow) judge(t *testing.T, sc *esScene, h *hooked) {
	if h.exit != r.exit {
		t.Errorf("exit status %d, want %d", h.exit, r.exit)
	}
	least, most := r.least, r.most
	if least == 0 {
		least = esWait
	}
	if most == 0 {
		most = max(esWait, r.least) + esSlack
	}
	h.lasted(t, least, most, max(most, esDeadline-1500*time.Millisecond)) // a step that was tried until the deadline lasts longer
	puts := 0
	for _, q := range sc.Requests() {
		if q.API == fakees.PutShutdown {
			puts++
			if q.Path != "/_nodes/"+sc.own.ID+"/shutdown" {
				t.Errorf("PUT %s, and our own node is %s", q.Path, sc.own.ID)
			}
		}
	}
	if puts != r.puts {
		t.Errorf("%d PUTs, want %d", puts, r.puts)
	}
	esExpectLog(t, h.stdout.String(), r.says)
	esExpectStderr(t, h.stderr.String(), r.exit)
	if r.verify != nil {
		r.verify(t, sc)
	}
}

// esExpectLog wants every line to be a JSON object of a size that a container's log keeps whole, and each text to
// be in a value.
func esExpectLog(t *testing.T, log string, says []string) {
	var all strings.Builder
	for line := range strings.Lines(log) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil || object["message"] == nil || object["log.level"] == "fake" {
			t.Errorf("%v: %q", err, line)
		}
		if len(line) > 4096 {
			t.Errorf("a line of %d bytes", len(line))
		}
		esValues(&all, object)
	}
	for _, text := range says {
		if !strings.Contains(all.String(), text) {
			t.Errorf("the log does not say %q", text)
		}
	}
}

func esValues(all *strings.Builder, v any) {
	switch v := v.(type) {
	case string:
		all.WriteString(v + "\x00")
	case []any:
		for _, one := range v {
			esValues(all, one)
		}
	case map[string]any:
		for _, one := range v {
			esValues(all, one)
		}
	}
}

// esExpectStderr wants one line where something failed, and nothing otherwise.
func esExpectStderr(t *testing.T, text string, exit int) {
	line, ended := strings.CutSuffix(text, "\n")
	if exit == 0 && text != "" || exit != 0 && (!ended || line == "" || strings.ContainsFunc(line, unicode.IsControl)) {
		t.Errorf("exit status %d, stderr %q", exit, text)
	}
}

// esSaidOnce wants one line of the log to hold both texts.
func esSaidOnce(text, other string) func(*testing.T, *esScene) {
	return func(t *testing.T, sc *esScene) {
		n := 0
		for line := range strings.Lines(sc.hook.stdout.String()) {
			if strings.Contains(line, text) && strings.Contains(line, other) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d lines say %q", n, text)
		}
	}
}

// esAsked bounds the requests, but for that of what the server is, which words an error.
func esAsked(most int) func(*testing.T, *esScene) {
	return func(t *testing.T, sc *esScene) {
		n := sc.Count(0) - sc.Count(fakees.Root)
		if n > most {
			t.Errorf("%d requests, want at most %d", n, most)
		}
	}
}

// esScene is a fake cluster, and a hook that is told of it.
type esScene struct {
	*fakees.Cluster
	t      *testing.T
	own    fakees.Node
	server *httptest.Server
	dir    string // of this hook's container
	env    []string
	begun  time.Time // the first delivery
	hook   *hooked
}

func newESScene(t *testing.T, row esRow) *esScene {
	version, nodes, at := row.version, row.nodes, row.at
	if version == "" {
		version = "9.4.0"
	}
	if nodes == nil {
		nodes = []string{"es-1", "es-2"}
	}
	if at == "" {
		at = nodes[0]
	}
	sc := &esScene{Cluster: fakees.New(version), t: t, dir: t.TempDir()}
	for i, name := range nodes {
		if n := sc.AddNode(fakees.Node{Name: name}); i == 0 {
			sc.own = n
		}
	}
	sc.server = httptest.NewServer(sc.NodeHandler(at))
	t.Cleanup(func() { sc.server.Close() })
	t.Cleanup(sc.Cluster.Close)
	sc.env = append(sc.env, "KUBERNETES_SERVICE_HOST=10.96.0.1", "POD_NAME=es-1", "POD_NAMESPACE=search", "TMPDIR="+sc.dir, "PRE_STOP_LOG_TO=stdout",
		"PRE_STOP_GRACE_PERIOD_SECONDS="+esGrace, "PRE_STOP_RESERVE_SECONDS="+esReserve, "PRE_STOP_ADDITIONAL_WAIT_SECONDS="+esWait.String(),
		"PRE_STOP_ELASTICSEARCH_URL="+sc.server.URL)
	sc.env = append(sc.env, row.env...)
	if row.prepare != nil {
		row.prepare(sc)
	}
	sc.env = append(sc.env, row.env...) // counts more than what prepare set
	return sc
}

// start begins the hook.
func (sc *esScene) start() *hooked {
	h := &hooked{cmd: exec.Command(builtBinary(sc.t)), ended: make(chan struct{})}
	h.cmd.Env = sc.env
	h.cmd.Stdout, h.cmd.Stderr = &h.stdout, &h.stderr
	if sc.begun.IsZero() {
		sc.begun = time.Now()
	}
	if err := h.cmd.Start(); err != nil {
		sc.t.Fatal(err)
	}
	go h.watch(sc.begun)
	sc.hook = h
	return h
}

// killAfterPut runs a first delivery, which is killed when it has registered the shutdown.
func (sc *esScene) killAfterPut() {
	registered := make(chan struct{}, 1)
	sc.OnAnswer(func(r fakees.Request) {
		if r.API == fakees.PutShutdown {
			registered <- struct{}{}
		}
	})
	h := sc.start()
	select {
	case <-registered:
	case <-h.ended:
		sc.t.Errorf("the first delivery registered nothing: %s", &h.stdout)
	}
	h.cmd.Process.Kill()
	<-h.ended
}

// secure makes it a server with TLS, which asks for credentials.
func (sc *esScene) secure() {
	sc.server.Close()
	sc.server = httptest.NewUnstartedServer(sc.NodeHandler("es-1"))
	sc.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	sc.server.StartTLS()
	sc.Auth("hook", "hush-hush")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: sc.server.Certificate().Raw})
	sc.env = append(sc.env, "PRE_STOP_ELASTICSEARCH_URL="+sc.server.URL, "PRE_STOP_ELASTICSEARCH_CA_FILE="+sc.write("ca.crt", certificate),
		"PRE_STOP_ELASTICSEARCH_USERNAME=hook", "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE="+sc.write("password", []byte("hush-hush\n")))
}

func (sc *esScene) write(name string, content []byte) string {
	path := filepath.Join(sc.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		sc.t.Fatal(err)
	}
	return path
}
