package shutdown

import (
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
	request  request.Spec
	bodyFile string
	most     time.Duration // of the whole step; 0: no bound of its own
	once     bool
	value    jsonpath.Path
	into     string // what the value is called; empty: none is read
}

func parseCall(l *grammar.Line) (step.Spec, error) {
	w, err := l.Target("a URL", "http://localhost:8080/shutdown")
	if err != nil {
		return nil, err
	}
	c := &callSpec{once: l.Once}
	if c.request, err = request.Parse(l, strings.ToUpper(l.Verb.Text), w); err != nil {
		return nil, err
	}
	if o, ok := l.Option("body"); ok {
		if err := c.setBody(l, o); err != nil {
			return nil, err
		}
	}
	if c.most, err = l.Most(); err != nil {
		return nil, err
	}
	err = c.give(l)
	return c, err
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
	if c.value, err = request.Path(path); err != nil {
		return err
	}
	c.into, err = l.Gives()
	return err
}

// setBody takes text or @FILE. The file is read when the call is made. An @ from a variable's value is text: otherwise, whoever sets the
// variable could have any file sent.
func (c *callSpec) setBody(l *grammar.Line, o *grammar.Option) error {
	if o.Begins("@") {
		if c.bodyFile = o.Value[len("@"):]; c.bodyFile == "" {
			l.Doubt(grammar.OptionUnused, "body=@ has no effect: it names no file")
		}
		if late := o.Late(); len(late) > 0 {
			return o.Expected("body: expected $(%s) in the text of a body, got the name of a file", late[0])
		}
		return nil
	}
	l.HideBody(&o.Word)
	return c.request.Body(o.Part(len("body="), len(o.Text)))
}

func (c *callSpec) Needs() step.Needs {
	n := step.CallNeeds(c.request.Timeout, c.most)
	n.Calls, n.Reads, n.Ends = c.request.Calls(), slices.Concat(c.request.Files(), request.Files(c.bodyFile)), endOf(c.request.URL)
	n.Gives, n.Takes = c.into, c.request.Takes()
	return n
}

func (c *callSpec) Bind(m *step.Means) (step.Deed, error) {
	call := Call{Client: c.request.Client(m), BodyFile: c.bodyFile, Expect: c.request.Expect, Timeout: c.request.Timeout, Once: c.once, Read: m.Content}
	if c.into != "" {
		call.Value, call.Give = c.value, func(value any) error { return m.Values.Give(c.into, value) }
	}
	return c.request.Step(m, call.Client, c.request.Request, func(r web.Request) step.Deed {
		with := call
		with.Request = r
		return &with
	}), nil
}
