package shutdown

import (
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/step"
)

// CallVerbs are the steps that make one HTTP call: a verb for each method.
func CallVerbs() []step.Verb {
	var all []step.Verb
	for _, method := range []string{"get", "post", "put", "patch", "delete"} {
		all = append(all, step.Verb{Name: method, Target: "URL", Options: slices.Concat([]string{"body"}, request.Options(), []string{"max"}),
			Does: "one HTTP call, tried again until it is sent; a 202 with Location is polled until it is done", Parse: parseCall})
	}
	return all
}

// callSpec is a Call as its step describes it.
type callSpec struct {
	request  request.Spec
	body     []byte
	bodyFile string
	most     time.Duration // of the whole step; 0: no bound of its own
	once     bool
}

func parseCall(l step.Line) (step.Spec, error) {
	w, err := l.Target("a URL")
	if err != nil {
		return nil, err
	}
	c := callSpec{once: l.Once}
	if c.request, err = request.Parse(l, strings.ToUpper(l.Verb.Text), w); err != nil {
		return nil, err
	}
	if o, ok := l.Option("body"); ok {
		c.setBody(l, o)
	}
	c.most, err = l.Most()
	return c, err
}

// setBody takes text, or @FILE, which is read when the call is made, unless the @ is a variable's: whoever sets that might
// have any file sent.
func (c *callSpec) setBody(l step.Line, o step.Option) {
	if o.Begins("@") {
		c.bodyFile = o.Value[len("@"):]
		return
	}
	l.HideBody(o.Word)
	c.body = []byte(o.Value)
}

func (c callSpec) Needs() step.Needs {
	n := step.CallNeeds(c.request.Timeout, c.most)
	n.Calls, n.Reads, n.Ends = c.request.Calls(), slices.Concat(c.request.Files(), files(c.bodyFile)), endOf(c.request.URL)
	return n
}

// files leaves out those that are not named.
func files(names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

func (c callSpec) Bind(m step.Means) (step.Deed, error) {
	call := Call{Connect: c.request.Connect(m), Request: c.request.Request, BodyFile: c.bodyFile, Expect: c.request.Expect, Timeout: c.request.Timeout, Once: c.once}
	call.Request.Body, call.Read = c.body, m.Content
	return c.request.Conditional(m, call.Connect, call), nil
}
