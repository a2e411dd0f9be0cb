package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/line"
	"github.com/prestop/prestop/prestop"
)

// A verb is a row of the table of steps: parsing, help and the README's table come from it.
type verb struct {
	name, target string   // a name of two words is one of two things that are done by the first
	options      []string // the key=value words that it takes
	raw          bool     // its words are a program's: none is an option
	does         string
	build        func(*builder, parsed) (prestop.Entry, error)
}

func verbs() []verb {
	all := []verb{{name: "wait", target: "DURATION", does: "waits", build: (*builder).wait}}
	for _, method := range []string{"get", "post", "put", "patch", "delete"} {
		all = append(all, verb{name: method, target: "URL", options: slices.Concat([]string{"body"}, httpOptions(), []string{"only-if"}),
			does: "one HTTP call, tried again while there is time; a 202 with Location is polled until it is done", build: (*builder).call})
	}
	return append(all,
		verb{name: "elasticsearch", target: "[URL]", options: []string{"type"},
			does: "the node shutdown API, from registering to COMPLETE", build: (*builder).elasticsearchStep},
		verb{name: "until", target: "URL", options: append(httpOptions(), "json", "in", "metric", "at-most", "stable", "min", "max"),
			does: "asks every second until the answer is 2xx, or says what json= or metric= wants", build: (*builder).untilURL},
		verb{name: "until quiet", target: "PORT[,PORT]", options: []string{"for", "min", "max", "traffic", "allow", "unanswered", "ignore"},
			does: "waits until no payload has gone over these ports for 3s, and nobody waits for an answer; seen in the kernel", build: (*builder).untilQuiet},
		verb{name: "until gone", target: "NAME", options: []string{"min", "max"},
			does: "waits until this pod's address has left the DNS answer of NAME, and for its TTL after that", build: (*builder).untilGone},
		verb{name: "until closed", target: "PORT", options: []string{"min", "max"},
			does: "waits until nothing listens there any more, for a sidecar that must outlive the app", build: (*builder).untilClosed},
		verb{name: "until file", target: "PATH", options: []string{"min", "max"},
			does: "waits for a file that another container of the pod makes now, not one that is left from before", build: (*builder).untilFile},
		verb{name: "touch", target: "PATH", does: "makes a file for the other containers of the pod", build: (*builder).touch},
		verb{name: "exec", target: "PROGRAM [ARG…]", raw: true,
			does: "runs a program, without a shell; it is killed with its children at its deadline", build: (*builder).exec},
		verb{name: "signal", target: "NAME", options: []string{"wait"},
			does: "signals the container's main process and waits for its end, or with wait=false does not", build: (*builder).signal},
		verb{name: "unlock", target: "URL", options: []string{"key", "value-file", "lease-file", "user", "password-file", "ca-file", "cert-file", "key-file", "timeout"},
			does: "releases a lock in Redis (redis://HOST) or a lease in etcd (etcd://HOST), only if it is still ours", build: (*builder).unlock},
	)
}

// httpOptions are those of every step that sends a request.
func httpOptions() []string { return []string{"header", "expect", "timeout", "token-file", "ca-file"} }

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

// positive reads a duration of which nothing is no use.
func positive(o line.Option) (time.Duration, error) {
	d, err := parseSeconds(o.Value)
	if err == nil && d == 0 {
		return 0, o.Expected("%s: expected more than 0s", o.Key)
	}
	if err != nil {
		return 0, o.Expected("%s: %s", o.Key, err)
	}
	return d, nil
}

// stepLines are the steps, from the arguments or from PRE_STOP_STEPS. One step may be written as several
// arguments, as in ["/prestop", "wait", "20s"].
func (s *settings) stepLines() []string {
	if len(s.args) > 0 {
		if !isOneStep(s.args) {
			return s.args
		}
		var words []string
		for _, arg := range s.args {
			words = append(words, line.Quote(arg))
		}
		return []string{strings.Join(words, " ")}
	}
	var lines []string
	for text := range strings.Lines(s.steps.text) {
		if text = strings.TrimSpace(text); text != "" && !strings.HasPrefix(text, "#") {
			lines = append(lines, text)
		}
	}
	return lines
}

// isOneStep tells whether arguments are the words of one step: they begin with a bare verb and hold no blank, as those
// of a program may.
func isOneStep(args []string) bool {
	blank := func(arg string) bool { return strings.ContainsAny(arg, " \t\n") }
	return isVerb(args[0]) && (isRaw(args[0]) || !slices.ContainsFunc(args, blank))
}

func isRaw(name string) bool {
	return slices.ContainsFunc(verbs(), func(v verb) bool { return v.name == name && v.raw })
}

// isVerb tells whether a step may begin with the word.
func isVerb(word string) bool {
	return slices.ContainsFunc(verbs(), func(v verb) bool { first, _, _ := strings.Cut(v.name, " "); return first == word })
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
	once := last > 0 && words[last].Text == onceWord && words[last].Bare()
	if once {
		words = words[:last]
	}
	v, rest, err := verbOf(words)
	if err != nil {
		return prestop.Entry{}, err
	}
	p := parsed{verb: line.Word{Text: v.name, Column: words[0].Column}, targets: rest}
	if !v.raw {
		p.targets, p.options = line.Options(rest)
	}
	for _, o := range p.options {
		if !slices.Contains(v.options, o.Key) {
			return prestop.Entry{}, o.Expected("%s", expectedOption(v, o.Key))
		}
	}
	entry, err := v.build(b, p)
	entry.Once = once
	return entry, err
}

// verbOf finds the verb that words begin with, and the words after it.
func verbOf(words []line.Word) (verb, []line.Word, error) {
	var names []string
	all, first := verbs(), words[0]
	for _, v := range slices.Backward(all) { // until file before until
		name, second, two := strings.Cut(v.name, " ")
		if name == first.Text && (!two || len(words) > 1 && words[1].Text == second) {
			return v, words[1+strings.Count(v.name, " "):], nil
		}
	}
	for _, v := range all {
		if !strings.Contains(v.name, " ") {
			names = append(names, v.name)
		}
	}
	if strings.HasPrefix(first.Text, "-") {
		return verb{}, nil, first.Expected("expected a step, got %q: flags go before the steps", first.Text)
	}
	return verb{}, nil, first.Expected("expected %s, got %q", oneOf(names), first.Text)
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
