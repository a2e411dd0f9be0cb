package shutdown

import (
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/grammar"
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
