package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/line"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
	"github.com/prestop/prestop/shutdown"
)

// A verb is a row of the table of steps: parsing, help and the README's table come from it.
type verb struct {
	name, target string
	options      []string // the key=value words that it takes
	does         string
	build        func(*builder, parsed) (prestop.Entry, error)
}

func verbs() []verb {
	all := []verb{{"wait", "DURATION", nil, "waits", (*builder).wait}}
	for _, method := range []string{"get", "post", "put", "patch", "delete"} {
		all = append(all, verb{method, "URL", []string{"body", "header", "expect", "timeout", "token-file", "ca-file", "only-if"},
			"one HTTP call, tried again while there is time; a 202 with Location is polled until it is done", (*builder).call})
	}
	return append(all, verb{"elasticsearch", "[URL]", []string{"type"}, "the node shutdown API, from registering to COMPLETE", (*builder).elasticsearchStep})
}

// onceWord at the end of any step forbids to do it again where an earlier delivery of the hook had begun it.
const onceWord = "once"

// parsed is a line taken apart.
type parsed struct {
	verb    line.Word
	targets []line.Word
	options []line.Option
}

// option is the value of the last option of that key.
func (p parsed) option(key string) (line.Option, bool) {
	for _, o := range slices.Backward(p.options) {
		if o.Key == key {
			return o, true
		}
	}
	return line.Option{}, false
}

// stepLines are the steps, from the arguments or from PRE_STOP_STEPS. One step may be written as several
// arguments, as in ["/prestop", "wait", "20s"].
func (s *settings) stepLines() []string {
	if len(s.args) > 0 {
		if isVerb(s.args[0]) && !slices.ContainsFunc(s.args, func(arg string) bool { return strings.ContainsAny(arg, " \t\n") }) {
			return []string{strings.Join(s.args, " ")}
		}
		return s.args
	}
	var lines []string
	for text := range strings.Lines(s.steps.text) {
		if text = strings.TrimSpace(text); text != "" && !strings.HasPrefix(text, "#") {
			lines = append(lines, text)
		}
	}
	return lines
}

func isVerb(name string) bool {
	return slices.ContainsFunc(verbs(), func(v verb) bool { return v.name == name })
}

// step makes an entry of a line. The error names the column, and what was expected there.
func (b *builder) step(text string) (prestop.Entry, error) {
	words, err := line.Split(text, b.lookup)
	if err != nil {
		return prestop.Entry{}, err
	}
	if len(words) == 0 {
		return prestop.Entry{}, &line.Error{Column: 1, Text: "expected a step, got nothing"}
	}
	last := len(words) - 1
	once := last > 0 && words[last].Text == onceWord
	if once {
		words = words[:last]
	}
	v, err := verbOf(words[0])
	if err != nil {
		return prestop.Entry{}, err
	}
	targets, options := line.Options(words[1:])
	for _, o := range options {
		if !slices.Contains(v.options, o.Key) {
			return prestop.Entry{}, o.Expected("%s", expectedOption(v, o.Key))
		}
	}
	entry, err := v.build(b, parsed{words[0], targets, options})
	entry.Once = once
	return entry, err
}

func verbOf(w line.Word) (verb, error) {
	var names []string
	for _, v := range verbs() {
		if v.name == w.Text {
			return v, nil
		}
		names = append(names, v.name)
	}
	if strings.HasPrefix(w.Text, "-") {
		return verb{}, w.Expected("expected a step, got %q: flags go before the steps", w.Text)
	}
	return verb{}, w.Expected("expected %s, got %q", oneOf(names), w.Text)
}

func expectedOption(v verb, key string) string {
	if len(v.options) == 0 {
		return fmt.Sprintf("%s takes no options, got %s=", v.name, key)
	}
	return fmt.Sprintf("expected an option of %s (%s), got %s=", v.name, strings.Join(v.options, " "), key)
}

// target is the one thing that a verb is about.
func (p parsed) target(expected string) (line.Word, error) {
	switch {
	case len(p.targets) == 0:
		end := p.verb
		end.Column += len(p.verb.Text)
		return line.Word{}, end.Expected("expected %s after %s", expected, p.verb.Text)
	case len(p.targets) > 1:
		return line.Word{}, p.targets[1].Expected("expected an option or the end of the step, got %q", p.targets[1].Text)
	}
	return p.targets[0], nil
}

func (b *builder) wait(p parsed) (prestop.Entry, error) {
	w, err := p.target("a duration, as in wait 20s")
	if err != nil {
		return prestop.Entry{}, err
	}
	d, err := parseSeconds(w.Text)
	if err != nil {
		return prestop.Entry{}, w.Expected("%s", err)
	}
	return prestop.Entry{Least: d, Most: d}, nil
}

func (b *builder) call(p parsed) (prestop.Entry, error) {
	w, err := p.target("a URL")
	if err != nil {
		return prestop.Entry{}, err
	}
	call, err := b.request(strings.ToUpper(p.verb.Text), w, p)
	return callEntry(call), err
}

// callEntry has the times of every HTTP call.
func callEntry(s prestop.Step) prestop.Entry {
	return prestop.Entry{Step: s, Least: time.Second, Most: 30 * time.Second}
}

func (b *builder) request(method string, w line.Word, p parsed) (shutdown.Call, error) {
	u, err := web.ParseURL(w.Text)
	if err != nil {
		return shutdown.Call{}, w.Expected("%s", err)
	}
	b.hide.credentials(u)
	call := shutdown.Call{Request: web.Request{Method: method, URL: w.Text, Header: http.Header{}}}
	var t web.TLS
	var auth web.Auth
	for _, o := range p.options {
		switch o.Key {
		case "body":
			setBody(&call, o.Value)
		case "header":
			err = b.setHeader(call.Request.Header, o)
		case "expect":
			call.Expect, err = web.ParseStatuses(o.Value)
		case "timeout":
			call.Timeout, err = parseSeconds(o.Value)
		case "token-file":
			auth = web.Token(b.hide.file(o.Value))
		case "ca-file":
			t.CAFile = o.Value
		}
		if err != nil {
			return shutdown.Call{}, o.Expected("%s: %s", o.Key, err)
		}
	}
	call.Connect = b.connect(t, auth)
	if o, ok := p.option("only-if"); ok {
		condition, err := web.ParseURL(o.Value)
		if err != nil {
			return shutdown.Call{}, o.Expected("only-if: %s", err)
		}
		b.hide.credentials(condition)
		connect := call.Connect
		if !web.SamePlace(u, condition) {
			connect = b.connect(web.TLS{}, nil)
		}
		call.OnlyIf = &shutdown.Call{Connect: connect, Request: web.Request{Method: http.MethodGet, URL: o.Value}}
	}
	return call, nil
}

// setBody takes text, or @FILE, which is read when the call is made. JSON is sent as such.
func setBody(call *shutdown.Call, text string) {
	if file, ok := strings.CutPrefix(text, "@"); ok {
		call.BodyFile = file
		return
	}
	call.Request.Body = []byte(text)
}

func (b *builder) setHeader(h http.Header, o line.Option) error {
	name, value, ok := strings.Cut(o.Value, ":")
	if !ok || strings.TrimSpace(name) == "" || strings.ContainsAny(name, " \t\r\n") || strings.ContainsAny(value, "\r\n") {
		return fmt.Errorf("expected Name:value")
	}
	b.hide.named(name, strings.TrimSpace(value))
	h.Add(name, strings.TrimSpace(value))
	return nil
}

func (b *builder) elasticsearchStep(p parsed) (prestop.Entry, error) {
	kind := b.shutdownType
	if o, ok := p.option("type"); ok {
		if err := kind.Set(o.Value); err != nil {
			return prestop.Entry{}, o.Expected("type: %s", err)
		}
	}
	places := b.es.urls
	if len(p.targets) > 0 {
		w, err := p.target("a URL")
		if err != nil {
			return prestop.Entry{}, err
		}
		places = urls{many: true}
		if err := places.Set(w.Text); err != nil {
			return prestop.Entry{}, w.Expected("%s", err)
		}
	}
	if o, ok := p.option("type"); ok && kind.word == "replace" && b.es.targetNode.text == "" {
		return prestop.Entry{}, o.Expected("type: replace needs the name of the node that takes over in PRE_STOP_ELASTICSEARCH_TARGET_NODE")
	}
	if len(places.list) == 0 {
		return prestop.Entry{}, p.verb.Expected("expected a URL after elasticsearch, or in PRE_STOP_ELASTICSEARCH_URL")
	}
	return b.elasticsearchEntry(places, kind.word), nil
}
