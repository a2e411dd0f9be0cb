package recipes_test

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A fakeVault is a server of Vault 1.x: 200 of /v1/sys/health is active, another status a standby; a step-down by PUT or
// POST (405), with a token that may (403), is answered 204 and takes a while.
type fakeVault struct {
	heard
	token    string
	active   atomic.Bool
	standby  int // status of a standby: 429, or 472, 473 and 474 of its other kinds
	takes    time.Duration
	standsBy atomic.Int64 // from when on, in nanoseconds
}

func (v *fakeVault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/v1/sys/health":
		if at := v.standsBy.Load(); !v.active.Load() || at != 0 && time.Now().UnixNano() > at {
			w.WriteHeader(v.standby)
		}
		io.WriteString(w, `{"initialized":true,"sealed":false}`)
	case "/v1/sys/step-down":
		switch {
		case r.Method != http.MethodPut && r.Method != http.MethodPost:
			w.WriteHeader(http.StatusMethodNotAllowed)
		case r.Header.Get("Authorization") != "Bearer "+v.token && r.Header.Get("X-Vault-Token") != v.token:
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"errors":["permission denied"]}`)
		default:
			v.add("step-down")
			v.standsBy.Store(time.Now().Add(v.takes).UnixNano())
			w.WriteHeader(http.StatusNoContent)
		}
	default:
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"errors":[]}`)
	}
}

// A fakePatroni is the REST API of Patroni 3.x and 4.x on a node: GET /leader is 200 on the leader and 503 elsewhere, and so is
// every other GET that it has no word for; POST /switchover needs the user (401), JSON (400) and the leader's name (412), and
// answers 200 when there is a new leader.
type fakePatroni struct {
	heard
	login, name string
	leads       atomic.Bool
	takes       time.Duration // until this node leads no longer
	elects      time.Duration // from then on, until there is a new leader
}

func (p *fakePatroni) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /leader", "GET /primary":
		if !p.leads.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	case "POST /switchover":
		p.switchover(w, r)
	case "GET /readiness":
	default:
		status := http.StatusNotImplemented // of Python's server, which knows no 405
		if r.Method == http.MethodGet {
			status = http.StatusServiceUnavailable
		}
		w.WriteHeader(status)
	}
}

func (p *fakePatroni) switchover(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != p.login {
		w.Header().Set("WWW-Authenticate", `Basic realm="patroni"`)
		answerText(w, http.StatusUnauthorized, "not authenticated")
		return
	}
	var body struct{ Leader string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Leader == "" {
		answerText(w, http.StatusBadRequest, "Switchover could be performed only from a specific leader")
		return
	}
	if body.Leader != p.name || !p.leads.Load() {
		answerText(w, http.StatusPreconditionFailed, "leader name does not match")
		return
	}
	p.add("switchover")
	time.AfterFunc(p.takes, func() { p.leads.Store(false) })
	select {
	case <-time.After(p.takes + p.elects):
	case <-r.Context().Done():
		panic(http.ErrAbortHandler) // who closes a connection may yet read an answer
	}
	answerText(w, http.StatusOK, "Successfully switched over")
}

// A fakeTrino is a worker: PUT /v1/info/state with a JSON text and a user who may. Told to shut down it closes its port some
// time later.
type fakeTrino struct {
	heard
	takes time.Duration
	close func()
}

func (f *fakeTrino) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/info/state" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if r.Method == http.MethodGet {
		io.WriteString(w, `"ACTIVE"`)
		return
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var state string
	err := json.NewDecoder(r.Body).Decode(&state)
	switch user := r.Header.Get("X-Trino-User"); {
	case r.Method != http.MethodPut:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case user == "":
		w.WriteHeader(http.StatusUnauthorized)
	case user != "admin":
		w.WriteHeader(http.StatusForbidden)
	case kind != "application/json":
		w.WriteHeader(http.StatusUnsupportedMediaType)
	case err != nil || state != "SHUTTING_DOWN":
		w.WriteHeader(http.StatusBadRequest)
	default:
		f.add(state)
		time.AfterFunc(f.takes, f.close)
	}
}

// A fakeRabbitMQ is the management API of RabbitMQ 3.x: the check is 503 while the node is critical, and 200 from then on.
type fakeRabbitMQ struct {
	heard
	login    string
	critical time.Duration // from the first check on
	first    sync.Once
	until    time.Time
}

// uncritical is from when on it is not critical.
func (f *fakeRabbitMQ) uncritical() time.Time {
	f.first.Do(func() { f.until = time.Now().Add(f.critical) })
	return f.until
}

func (f *fakeRabbitMQ) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.Header.Get("Authorization") != f.login:
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"error":"not_authorized","reason":"Not_Authorized"}`)
	case r.URL.Path != "/api/health/checks/node-is-quorum-critical":
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"error":"Object Not Found","reason":"Not Found"}`)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case time.Now().Before(f.uncritical()):
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `{"status":"failed","reason":"There are quorum queues that would lose their quorum"}`)
	default:
		f.add("checked")
		io.WriteString(w, `{"status":"ok"}`)
	}
}
