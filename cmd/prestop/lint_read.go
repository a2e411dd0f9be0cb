package main

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/dns"
	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/line"
	"github.com/prestop/prestop/internal/lint"
	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/prestop"
)

// readHook is what the hook itself makes of a command: the same settings, steps and schedule. It looks at nothing outside of it.
func readHook(c lint.Command) lint.Reading {
	if len(c.Args) > 0 {
		if _, ok := subcommands()[c.Args[0]]; ok {
			return lint.Reading{Subcommand: c.Args[0]}
		}
	}
	env := standIns(c.Env)
	s, err := load(c.Args, env)
	switch {
	case err != nil:
		return lint.Reading{Subcommand: "--help"}
	case bool(s.dryRun):
		return lint.Reading{Subcommand: "--dry-run"}
	}
	r := lint.Reading{Settings: setOf(s), Unknown: slices.Concat(s.unknown, almost(s, env))}
	b := elsewhere(s, env, c.Cluster)
	r.Plan = b.plan(time.Time{})
	r.Steps = b.sources(c, r.Plan)
	for n, e := range r.Plan.Entries {
		if wrapped, ok := e.Step.(signalStep); ok {
			r.Plan.Entries[n].Step = wrapped.Signal
		}
	}
	r.Mistakes = b.mistakes(c.Env.Open, r.Steps)
	return r
}

// standIns is an environment in which what is not known is something that its setting takes, or not set.
func standIns(e lint.Environment) map[string]string {
	env := maps.Clone(e.Known)
	maps.Copy(env, e.Guess)
	for _, row := range newSettings().rows {
		guess, ok := e.Guess[row.env]
		if !ok || row.value.Set(guess) == nil {
			continue
		}
		delete(env, row.env)
		if url := "http://" + strings.ToLower(guess) + ".invalid/"; row.value.Set(url) == nil {
			env[row.env] = url
		}
	}
	env["KUBERNETES_SERVICE_HOST"] = "192.0.2.1" // as in every pod
	return env
}

// almost are variables that would be settings but for case, _ and -.
func almost(s *settings, env map[string]string) []string {
	var all []string
	for name := range env {
		if !strings.HasPrefix(name, "PRE_STOP_") && slices.ContainsFunc(s.rows, func(r *setting) bool { return lint.Plain(r.env) == lint.Plain(name) }) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

func setOf(s *settings) map[string]lint.Setting {
	all := make(map[string]lint.Setting)
	for _, row := range s.rows {
		if row.source == "" {
			continue
		}
		set := lint.Setting{Value: row.value.String()}
		if strings.HasPrefix(row.source, "-") {
			set.Flag = row.source
		}
		all[row.env] = set
	}
	return all
}

var errElsewhere = errors.New("the container is elsewhere")

// elsewhere makes a builder for a container that is not the one that we run in.
func elsewhere(s *settings, env map[string]string, cluster string) *builder {
	b := &builder{settings: s, env: env, pod: podOf(env), hide: &redactor{}, resolver: dns.System(int(s.maxDNSErrors))}
	b.container = func() (proc.Container, error) { return proc.Container{}, errElsewhere }
	if cluster != "" && !s.es.urls.none && len(s.es.urls.list) == 0 && s.es.urls.Set("https://"+cluster+"-es-internal-http:9200") == nil {
		b.eck = eck.Pod{Cluster: cluster}
	}
	return b
}

// sources says of each entry of the plan where it is from.
func (b *builder) sources(c lint.Command, p prestop.Plan) []lint.Step {
	lines := b.stepLines()
	all := make([]lint.Step, len(p.Entries))
	numbers := b.stepNumbers()
	for n := range all {
		s := &all[n]
		switch {
		case len(lines) == 0 && n == 0 && len(b.appURL.list) > 0:
			s.Setting = "PRE_STOP_APP_URL"
		case len(lines) == 0:
			s.Setting = "PRE_STOP_ELASTICSEARCH_URL"
		case len(b.args) > 0:
			s.Index = len(c.Args) - len(b.args) + n
		default:
			s.Setting, s.Index = "PRE_STOP_STEPS", numbers[n]
		}
		if len(lines) == 0 {
			continue
		}
		s.Unset, s.Guess = variables(lines[n], c.Env, b.env)
		if wrong, ok := p.Entries[n].Step.(mistake); ok {
			s.Guess = s.Guess && b.mayBeReadable(lines[n], c.Env)
			s.Err = b.hide.hide(wrong.Error())
			for name, value := range c.Env.Guess {
				s.Err = strings.ReplaceAll(s.Err, strconv.Quote(value), "$("+name+")")
			}
		}
	}
	return all
}

// mayBeReadable tries a step with values of several kinds for the variables whose value is not known.
func (b *builder) mayBeReadable(text string, e lint.Environment) bool {
	for _, value := range []string{"", "1", "1s", "true", "new", "x", "/x", "http://x/", "redis://x", "TERM", "10.0.0.0/8", "2xx", "x:x", ".x", "restart"} {
		env := maps.Clone(b.env)
		for name := range e.Guess {
			env[name] = value
		}
		if _, err := elsewhere(b.settings, env, "").step(text); err == nil {
			return true
		}
	}
	return false
}

// stepNumbers are the lines of PRE_STOP_STEPS that are steps.
func (b *builder) stepNumbers() []int {
	var all []int
	n := 0
	for text := range strings.Lines(b.steps.text) {
		if text = strings.TrimSpace(text); text != "" && !strings.HasPrefix(text, "#") {
			all = append(all, n)
		}
		n++
	}
	return all
}

// variables are those of a step that are not set; guess: it has some whose value is not known.
func variables(text string, e lint.Environment, env map[string]string) (unset []string, guess bool) {
	line.Split(text, func(name string) (string, bool) {
		if _, ok := e.Guess[name]; ok {
			guess = true
		}
		value, ok := env[name]
		if !ok && !slices.Contains(unset, name) {
			unset = append(unset, name)
		}
		return value, true
	})
	return unset, guess
}

// mistakes are those of settings; those of steps come after them. Where there may be more variables than are known, nothing is
// said to be missing.
func (b *builder) mistakes(open bool, steps []lint.Step) []lint.Mistake {
	var all []lint.Mistake
	unreadable := 0
	for _, s := range steps {
		if s.Err != "" {
			unreadable++
		}
	}
	for _, p := range b.problems[:len(b.problems)-unreadable] {
		if with := p.with(); !open || with == "" {
			all = append(all, lint.Mistake{Setting: p.name, Text: b.hide.hide(p.text), With: with})
		}
	}
	return all
}
