package shutdown

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/jsonpath"
	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// CallVerbs are the steps that make one HTTP call: a verb for each method.
func CallVerbs() []*step.Verb {
	var all []*step.Verb
	for _, method := range []string{"get", "post", "put", "patch", "delete"} {
		all = append(all, &step.Verb{Name: method, Target: "URL", Options: slices.Concat([]string{"body"}, request.Options(), []string{"max", "json", "into"}), Often: request.Often, Late: request.LateOptions(),
			Does: "one HTTP call, tried again until it is sent; a 202 with Location is polled until it is done", Parse: parseCall})
	}
	return all
}

// callSpec is a Call as its step describes it.
type callSpec struct {
	request.Spec
	call Call   // without the client and the request
	into string // what the value is called; empty: none is read
}

func parseCall(l *grammar.Line) (*step.Spec, error) {
	w, err := l.Target("a URL", "http://localhost:8080/shutdown")
	if err != nil {
		return nil, err
	}
	var c callSpec
	if c.Spec, err = request.Parse(l, strings.ToUpper(l.Verb.Text), w); err != nil {
		return nil, err
	}
	c.call = Call{Expect: c.Expect, Timeout: c.Timeout, Once: l.Once}
	if o, ok := l.Option("body"); ok {
		if err := c.setBody(l, o); err != nil {
			return nil, err
		}
	}
	most, err := l.Most()
	if err != nil {
		return nil, err
	}
	err = c.give(l)
	n := step.CallNeeds(c.Timeout, most)
	n.Calls, n.Reads, n.Ends = c.Calls(), slices.Concat(c.Files(), request.Files(c.call.BodyFile)), endOf(c.URL)
	n.Gives, n.Takes = c.into, c.Takes()
	return n.Spec(&c), err
}

// give reads which part of the answer goes to later steps.
func (c *callSpec) give(l *grammar.Line) (err error) {
	path, hasPath := l.Option("json")
	into, hasInto := l.Option("into")
	switch {
	case hasPath && !hasInto:
		return path.Expected("json=PATH needs into=NAME")
	case hasInto && !hasPath:
		return into.Expected("into=NAME needs json=PATH, to know which value is meant")
	case !hasInto:
		return nil
	}
	if c.call.Value, err = request.Path(path); err != nil {
		return err
	}
	c.into, err = l.Gives()
	return err
}

// setBody takes text or @FILE. The file is read when the call is made. An @ from a variable's value is text: otherwise, whoever sets the
// variable could have any file sent.
func (c *callSpec) setBody(l *grammar.Line, o *grammar.Option) error {
	if o.Begins("@") {
		if c.call.BodyFile = o.Value[len("@"):]; c.call.BodyFile == "" {
			l.Doubt(grammar.OptionUnused, "body=@ has no effect: it names no file")
		}
		if late := o.Late(); len(late) > 0 {
			return o.Expected("body: expected $(%s) in the text of a body, got the name of a file", late[0])
		}
		return nil
	}
	l.HideBody(&o.Word)
	return c.Body(o.Part(len("body="), len(o.Text)))
}

func (c *callSpec) Bind(m *step.Means) (step.Deed, error) {
	call := c.call
	call.Client, call.Read = c.Client(m), m.Content
	if c.into != "" {
		call.Give = func(value any) error { return m.Values.Give(c.into, value) }
	}
	return c.Step(m, call.Client, c.Request, func(r web.Request) step.Deed {
		with := call
		with.Request = r
		return &with
	}), nil
}

// A Call is one HTTP call. It is done when an expected answer comes. After a 202 that names a Location, it asks there until the answer
// is no longer a 202. It has 30 s to send its request, and tries again after failures that may pass. Once the request is sent, it waits
// for the answer: many shutdown endpoints answer only when their work is done.
type Call struct {
	Client  *web.Client
	Request web.Request
	// BodyFile holds the body, read when the call is made; empty: the request's own body.
	BodyFile string
	Read     func(path string) ([]byte, error) // reads BodyFile
	Expect   web.Statuses
	Timeout  time.Duration // of one try, exactly as it is written; 0: as long as there is time
	Once     bool          // nothing is tried again once a byte was sent
	// Give gets the value that is at Value in the answer. Its error is the step's error. Nil: nothing is read.
	Give  func(value any) error
	Value jsonpath.Path

	body func() []byte // makes the body of each try anew; nil: it stays as it is
}

// Run makes the call.
func (c *Call) Run(ctx context.Context, log *slog.Logger) error {
	request, err := c.request()
	if err != nil {
		return err
	}
	answer, err := c.send(ctx, log, request, web.Policy{Timeout: c.Timeout, Again: c.again, Open: true, Once: c.Once})
	if err != nil {
		return err
	}
	if to := answer.Header.Get("Location"); to != "" && answer.Status == http.StatusAccepted {
		return c.poll(ctx, log, answer.URL, to)
	}
	return c.judge(log, answer)
}

// request is the request with its body. A JSON body gets the content type of JSON unless a header sets another one.
func (c *Call) request() (web.Request, error) {
	r := c.Request.Own()
	r.Expect = c.Expect
	if c.BodyFile != "" {
		body, err := c.Read(c.BodyFile)
		if err != nil {
			return r, fmt.Errorf("body: %w", err)
		}
		r.Body = body
	}
	if r.Header.Get("Content-Type") == "" && json.Valid(r.Body) {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}

// send keeps no connection: a later step may wait until there are none.
func (c *Call) send(ctx context.Context, log *slog.Logger, r web.Request, policy web.Policy) (web.Answer, error) {
	answer, err := policy.Do(ctx, log, func(ctx context.Context) (web.Answer, error) {
		if c.body != nil && r.Body != nil {
			r.Body = c.body()
		}
		return c.Client.Send(ctx, r)
	})
	c.Client.Close()
	return answer, err
}

func (c *Call) again(a web.Answer) bool { return web.Transient(a) && !c.Expect.Has(a.Status) }

func (c *Call) judge(log *slog.Logger, a web.Answer) error {
	if !c.Expect.Has(a.Status) {
		expected := "" // everybody knows the default, 2xx
		if len(c.Expect) > 0 {
			expected = ", expected " + strings.Join(c.Expect, ",")
		}
		return a.Tried(fmt.Errorf("%s: %s%s", web.Place(a.URL), a, expected))
	}
	log.Info("answered", "status", a.Status, "tries", a.Tries)
	if c.Give == nil {
		return nil
	}
	value, err := request.Value(c.Value, a)
	if err == nil {
		err = c.Give(value)
	}
	return of(a, err)
}

// poll asks at the Location that a 202 of the given URL named. A step that expects 202 but not 200 means the 202 of the call itself. It
// has not said which outcome it expects, so any 2xx is fine too.
func (c *Call) poll(ctx context.Context, log *slog.Logger, from *url.URL, location string) error {
	if c.Expect.Has(http.StatusAccepted) && !c.Expect.Has(http.StatusOK) {
		polled := *c
		polled.Expect = append(slices.Clip(c.Expect), "2xx")
		c = &polled
	}
	at, err := from.Parse(location)
	if err != nil {
		return errors.New("the 202 names a Location that cannot be read")
	}
	if !web.SamePlace(at, from) {
		return fmt.Errorf("the 202 names a Location at another place, where it is not followed: %s", web.Named(at))
	}
	at.User = cmp.Or(at.User, from.User)
	log.Info("accepted; asking until it is done")
	r := web.Request{Method: http.MethodGet, URL: at.String(), Header: c.Request.Header, Expect: c.Expect}
	answer, err := c.send(ctx, log, r, web.Policy{Timeout: c.Timeout, Again: func(a web.Answer) bool { return a.Status == http.StatusAccepted || c.again(a) }})
	switch {
	case err != nil:
		return err
	case answer.Status == http.StatusAccepted:
		return answer.Tried(fmt.Errorf("%s: not done in time: %s", web.Place(answer.URL), answer))
	}
	return c.judge(log, answer)
}

// Check connects, and reads the credentials and the body's file.
func (c *Call) Check(ctx context.Context) (all []step.Finding, err error) {
	if _, err := c.request(); err != nil {
		return all, err
	}
	if c.BodyFile != "" {
		all = append(all, step.Found("body read"))
	}
	reached, err := request.Reach(ctx, c.Client, c.Request.URL)
	return append(all, reached...), err
}

// endOf is what the endpoint at u is known to end. If it is called before a wait, the traffic that the wait protects loses its process
// or its listeners.
func endOf(u *url.URL) step.Ends {
	path, query := strings.TrimSuffix(u.Path, "/"), u.Query()
	switch {
	case strings.HasSuffix(path, "/actuator/shutdown"), strings.HasSuffix(path, "/quitquitquit"):
		return step.EndsProcess
	case path == "/stop" && u.Port() == "2019": // the admin API of Caddy, and of FrankenPHP, which is built on it
		return step.EndsProcess
	case strings.HasSuffix(path, "/drain_listeners") && !(query.Has("graceful") && query.Has("skip_exit")): // Envoy (listeners_handler.cc)
		return step.EndsListening
	}
	return step.EndsNothing
}
