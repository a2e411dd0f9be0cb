package lint

import (
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prestop/prestop/drain"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
	"github.com/prestop/prestop/shutdown"
)

// A step is an entry of a plan, with what rules ask about.
type step struct {
	prestop.Slot
	index  int  // in the plan
	at     node // where it is written
	source Step
	deed   deed
}

// A deed is what a step does.
type deed struct {
	method  string   // of the call; empty: none
	url     *url.URL // what is called or looked at
	timeout time.Duration
	app     bool // the call tells the app that it stops
	looks   bool // the URL is looked at until it says something
	ours    bool // the URL is this pod's, whatever its host is

	quiet   *drain.Quiet
	closed  uint16 // the port that is waited for
	gone    string // the Service that is waited for
	awaited string // the file that is waited for
	written string // the file that is made
	program []string
	ends    bool   // it ends the container before it is done
	signals bool   // it ends whatever gets its signal
	others  bool   // it may take as long as something else does
	lock    string // the server of a lock, as a URL
	es      *shutdown.Elasticsearch
}

// readSteps takes the steps of the hook's plan apart.
func (h *hook) readSteps() {
	if !h.planned() {
		return
	}
	slots := h.reading.Plan.Timeline()
	for i := range h.reading.Plan.Entries {
		h.steps = append(h.steps, step{slots[i], i, h.stepNode(i), h.reading.Steps[i], deedOf(slots[i].Step)})
	}
}

// stepNode is where an entry of the plan is written.
func (h *hook) stepNode(i int) node {
	s := h.reading.Steps[i]
	if s.Setting != "" {
		return lineOf(h.setting(s.Setting), s.Index)
	}
	if h.script.shell == "" && s.Index+1 < len(h.places) {
		return h.places[s.Index+1]
	}
	return h.command()
}

func deedOf(s prestop.Step) deed {
	var d deed
	parsed := func(text string) *url.URL { u, _ := web.ParseURL(text); return u }
	switch s := s.(type) {
	case shutdown.Call:
		d.method, d.url, d.timeout = s.Request.Method, parsed(s.Request.URL), s.Timeout
	case shutdown.App:
		d.method, d.url, d.timeout, d.app = "POST", parsed(s.Call.Request.URL), s.Call.Timeout, true
	case shutdown.Elasticsearch:
		if d.es = &s; len(s.Other) > 0 {
			d.url, d.ours = parsed(s.Other[0].URL), true // the own node is asked with the same scheme and port
		}
	case shutdown.Exec:
		d.program, d.others = s.Program, true
	case shutdown.Signal:
		d.others, d.signals = true, slices.Contains([]syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL}, s.Signal)
		d.ends = d.signals && !s.NoWait
	case shutdown.Touch:
		d.written = s.Path
	case shutdown.RedisLock:
		d.lock = "redis://" + s.Address
	case shutdown.EtcdLease:
		d.lock = s.URL
	case drain.Quiet:
		d.quiet, d.others = &s, true
	case drain.Closed:
		d.closed, d.others = s.Port, true
	case drain.Gone:
		d.gone, d.others = s.Name, true
	case drain.File:
		d.awaited, d.others = s.Path, true
	case drain.URL:
		d.url, d.looks, d.others = parsed(s.Request.URL), true, true
	}
	return d
}

// outside is the other host that a step talks to. Elasticsearch's own node is here.
func (d deed) outside() string {
	text := d.lock
	if d.url != nil && !d.ours && d.url.Scheme != web.Unix {
		text = d.url.String()
	}
	if u, err := url.Parse(text); err == nil && !local(u.Hostname()) && !strings.HasPrefix(u.Hostname(), "/") {
		return u.Hostname()
	}
	return ""
}

// local tells whether a host is the pod itself.
func local(host string) bool {
	return host == "" || host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}

// calls tells whether the step is a call that may have the app do something.
func (s *step) calls() bool { return s.deed.method != "" && s.deed.url != nil }

// acts tells whether a step may close a port of the container.
func (s *step) acts() bool {
	return s.calls() || s.deed.program != nil || s.deed.signals || s.deed.ends
}

// lineOf is a line of a text, where it is written as it is.
func lineOf(n node, line int) node {
	const literal = 1 << 3
	if n.Node == nil || n.Style&literal == 0 {
		return n
	}
	moved := *n.Node
	moved.Line += 1 + line
	return node{&moved, n.file}
}
