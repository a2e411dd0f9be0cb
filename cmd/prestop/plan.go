package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/dns"
	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
	"github.com/prestop/prestop/shutdown"
)

// builder makes a plan of settings: it joins steps with the means to connect and with who we are.
type builder struct {
	*settings
	env      map[string]string
	pod      pod
	eck      eck.Pod
	hide     *redactor
	clients  clients
	resolver *dns.Resolver // one for all steps, so that a host that is given up is given up for all
	// container is the one that we run in; finding it may mean a look at every process, so it is found once.
	container func() (proc.Container, error)
	asked     asked     // what the API server said
	start     time.Time // of the hook
	end       time.Time // its deadline
}

// plan is what the settings ask for, begun at start. Mistakes in steps are added to the settings' problems.
func (b *builder) plan(start time.Time) prestop.Plan {
	p := prestop.Plan{Start: start}
	for _, u := range b.report.list {
		b.hide.credentials(u)
		p.Aside = reportTime
	}
	lines := b.stepLines()
	p.Grace, p.Reserve = b.budget(b.explicitWait(lines))
	p.Floor = b.floor(lines, p.Budget())
	b.end = p.Deadline()
	if len(lines) == 0 {
		p.Entries = b.fromEnvironment()
	}
	for i, text := range lines {
		b.hide.written(text)
		entry, err := b.step(text)
		if err != nil {
			b.hide.unreadable(text)
			b.problems = append(b.problems, problem{fmt.Sprintf("step %d (%s)", i+1, text), err.Error()})
			entry = unreadable(err, time.Duration(b.additionalWait))
		}
		entry.Line = text
		p.Entries = append(p.Entries, entry)
	}
	for i := range p.Entries {
		p.Entries[i].Line = b.hide.hide(p.Entries[i].Line)
	}
	b.warnOf(p)
	return p
}

// fromEnvironment is the plan of a hook without steps: the app, then Elasticsearch. The wait is the floor.
func (b *builder) fromEnvironment() []prestop.Entry {
	var all []prestop.Entry
	if len(b.appURL.list) > 0 {
		all = append(all, b.app(b.appURL.list[0]))
	}
	if len(b.es.urls.list) > 0 {
		if b.lacksTarget(b.shutdownType.word) {
			b.problems = append(b.problems, missing("PRE_STOP_ELASTICSEARCH_TARGET_NODE", "--shutdown-type=replace"))
		}
		e := b.elasticsearchEntry(b.es.urls, b.shutdownType.word)
		e.Line = "elasticsearch " + b.es.urls.String()
		all = append(all, e)
	}
	return all
}

func (b *builder) app(u *url.URL) prestop.Entry {
	b.hide.credentials(u)
	var auth web.Auth
	if b.appTokenFile.text != "" {
		auth = web.Token(b.hide.file(b.appTokenFile.text))
	}
	e := callEntry(shutdown.App{
		Call: shutdown.Call{
			Connect: b.connect(web.TLS{CAFile: b.appCAFile.text}, auth),
			Request: web.Request{URL: u.String()},
		},
		Notice: shutdown.Notice{Type: b.kind(b.shutdownType.word), Reason: "preStop", Pod: b.pod.name},
		End:    b.end,
	})
	e.Line = "post " + shownURL(u)
	return e
}

// unreadable stands for a step with a mistake in it: others may rely on the time that it would have taken.
func unreadable(err error, wait time.Duration) prestop.Entry {
	return prestop.Entry{Step: mistake{err}, Guard: true, Most: wait}
}

type mistake struct{ error }

func (m mistake) Run(context.Context, *slog.Logger) error {
	return fmt.Errorf("cannot be read: %w", m.error)
}

// lookup gives a variable to a step. From then on its value is shown as its name, but for what everybody may know.
func (b *builder) lookup(name string) (string, bool) {
	value, ok := b.env[name]
	if !slices.Contains(podVariables, name) {
		b.hide.variable(name, value)
	}
	return value, ok
}

// warnOf adds what will probably not be what was meant.
func (b *builder) warnOf(p prestop.Plan) {
	b.warnings = append(b.warnings, p.Warnings()...)
	for _, slot := range p.Timeline() {
		if slot.FromStart && slot.Most > 0 && slot.Earliest >= slot.Most {
			b.warnings = append(b.warnings, fmt.Sprintf("%s: its max of %s counts from the hook's start and is over before it begins, after %s", b.hide.hide(slot.Line), slot.Most, slot.Earliest))
		}
	}
	waits := p.Floor
	for i := len(p.Entries) - 1; i >= 0; i-- {
		e := p.Entries[i]
		if e.Step == nil || e.Guard {
			waits += max(e.Least, e.Most)
		}
		if u := called(e.Step); u != nil && shutdown.Exits(u) && waits > 0 {
			b.warnings = append(b.warnings, fmt.Sprintf("%s ends the process that answers it, before the traffic has left: call something that starts draining and returns", b.hide.hide(e.Line)))
		}
		if es, ok := e.Step.(shutdown.Elasticsearch); ok && es.Type != restart && es.Type != b.asked.kind {
			b.warnings = append(b.warnings, fmt.Sprintf("Elasticsearch shutdown type %s moves the node's data away, which may take longer than any grace period, and nobody removes its record: restart is for pods that come back", es.Type))
		}
	}
}

// called is the URL of an HTTP call, or nil.
func called(s prestop.Step) *url.URL {
	var text string
	switch s := s.(type) {
	case shutdown.Call:
		text = s.Request.URL
	case shutdown.App:
		text = s.Call.Request.URL
	}
	if u, err := web.ParseURL(text); err == nil {
		return u
	}
	return nil
}

// planID is what two deliveries of one hook have in common. What the API server says is no part of it, since it may fail to
// answer one of them; but one that makes no waits is no other's beginning.
func (b *builder) planID(p prestop.Plan) string {
	var text strings.Builder
	for _, e := range p.Entries {
		fmt.Fprintf(&text, "%s\n", e.Line)
	}
	grace, reserve, wait := p.Grace, p.Reserve, p.Floor
	if b.askAPI {
		grace, reserve, wait = time.Duration(b.grace), time.Duration(b.reserve), time.Duration(b.additionalWait)
	}
	fmt.Fprintf(&text, "%s %s %s %t", grace, reserve, wait, b.asked.skip)
	return text.String()
}
