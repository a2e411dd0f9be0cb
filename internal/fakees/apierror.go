package fakees

import (
	"fmt"
	"net/http"
	"strings"
)

// An apiError is a refusal, as Elasticsearch words it.
type apiError struct {
	status   int
	kind     string // error.type
	reason   any    // a string, or nil for the null that some exceptions have
	causedBy *apiError
	header   []headerValues // in the error, and in the header of the answer
	more     object         // fields that only this kind has
	foreign  bool           // not one of Elasticsearch's own exceptions in Java
}

type headerValues struct {
	name   string
	values []string
}

func illegal(reason string) *apiError {
	return &apiError{status: 400, kind: "illegal_argument_exception", reason: reason, foreign: true}
}

// plainError is a refusal before a handler is found: error is a string.
func plainError(status int, message string) *apiError {
	return &apiError{status: status, reason: message}
}

// refuse is the answer that says e.
func (c *Cluster) refuse(r *call, e *apiError) Answer {
	c.mu.Lock()
	terse := c.terse
	extra := c.extra
	c.mu.Unlock()
	body := object{{"error", e.render(terse, c.version)}}
	// "no handler found" is the only error without a status.
	body = body.with("status", e.status, !(e.status == 400 && e.kind == ""))
	a := c.encode(r, e.status, append(body, extra...))
	for _, h := range e.header {
		for _, value := range h.values {
			a.Header.Add(h.name, value)
		}
	}
	if e.status == http.StatusUnauthorized || e.status == http.StatusForbidden {
		a.Header.Del(productHeader)
	}
	return a
}

func (e *apiError) render(terse bool, v Version) any {
	switch {
	case e.kind == "":
		return e.reason
	case terse && v.since(9, 0):
		return object{{"type", e.kind}, {"reason", e.reason}}
	case terse:
		return e.brief()
	}
	cause := object{{"root_cause", []any{e.root().fields()}}}
	cause = append(cause, e.fields()...)
	if e.causedBy != nil {
		cause = append(cause, member{"caused_by", e.causedBy.fields()})
	}
	return cause
}

// root is the innermost of Elasticsearch's own exceptions. root_cause shows it.
func (e *apiError) root() *apiError {
	if e.causedBy == nil || e.causedBy.foreign {
		return e
	}
	return e.causedBy.root()
}

func (e *apiError) fields() object {
	o := append(object{{"type", e.kind}, {"reason", e.reason}}, e.more...)
	if len(e.header) == 0 {
		return o
	}
	var header object
	for _, h := range e.header {
		header = append(header, member{h.name, oneOrAll(h.values)})
	}
	return append(o, member{"header", header})
}

func oneOrAll(values []string) any {
	if len(values) == 1 {
		return values[0]
	}
	return values
}

// brief is the error without details: the name of the Java class and the reason.
func (e *apiError) brief() string {
	if e.foreign {
		return "No ElasticsearchException found"
	}
	var class strings.Builder
	for word := range strings.SplitSeq(e.kind, "_") {
		class.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	name := class.String()
	if name == "SecurityException" || name == "ParseException" {
		name = "Elasticsearch" + name
	}
	reason := e.reason
	if reason == nil {
		reason = "null"
	}
	return fmt.Sprintf("%s[%v]", name, reason)
}
