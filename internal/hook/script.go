// Package hook makes a plan of a configuration, and says what is wrong with it.
//
// [Read] reads the steps, each line once. [Script.Plan] gives them times, and what they need from outside. Log, dry run
// and lint all show this one plan with its warnings. The package knows no verb: it reads what a step needs. It runs nothing and
// prints nothing. It is for cmd/prestop, internal/lint and internal/inject.
package hook

import (
	"slices"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/internal/setting"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/verbs"
)

// A Script is what a configuration asks for, before anything outside the configuration is known.
type Script struct {
	Steps []*Step

	config   *config.Config
	verbs    []*step.Verb
	secrets  *secret.Set
	problems []config.Problem
	warnings []Warning
}

// A Step is a step of a Script.
type Step struct {
	Line    string       // as it was written, without secrets
	Setting string       // the variable that it comes from; empty: it is an argument
	Index   int          // which argument, or which line of the variable, from 0
	Words   grammar.Line // as far as they are known; of a setting's step there are none
	Spec    *step.Spec   // nil: it cannot be read
	Needs   step.Needs
	Err     error // why it cannot be read

	Variables []string // the variables that it uses, set or not

	secrets *secret.Set
	doubts  []grammar.Doubt
}

// Names of the settings that are steps.
const (
	appSetting           = "PRE_STOP_APP_URL"
	elasticsearchSetting = "PRE_STOP_ELASTICSEARCH_URL"
	stepsSetting         = "PRE_STOP_STEPS"
)

// Read reads the steps: the app's call and Elasticsearch, if the settings name them, then each line. Secrets in them are
// added to secrets. A line that cannot be read becomes a step with an error.
func Read(c *config.Config, secrets *secret.Set) *Script {
	s := &Script{config: c, verbs: verbs.All(), secrets: secrets, problems: slices.Clone(c.Problems)}
	if c.ReportURL.V != nil {
		secrets.AddURL(c.ReportURL.V)
	}
	var lines []*Step
	named, words := false, verbs.Names() // named: one of the lines is an elasticsearch step
	var given []string                   // names of the values that earlier steps give
	for _, l := range c.Lines(s.verbs) {
		one, verb := s.read(l, given)
		if one.Needs.Gives != "" {
			given = append(given, one.Needs.Gives)
		}
		lines, named = append(lines, one), named || verb == "elasticsearch"
	}
	if u := c.AppURL.V; u != nil {
		secrets.AddURL(u)
		s.add(appSetting, "post "+setting.ShowURL(u), verbs.App(s.app()))
	}
	if es := s.elasticsearch(); len(es.URLs) > 0 {
		for _, u := range es.URLs {
			secrets.AddURL(u)
		}
		if !named {
			s.add(elasticsearchSetting, "elasticsearch "+setting.ShowURLs(es.URLs), verbs.Elasticsearch(es))
		}
	}
	s.Steps = append(s.Steps, lines...)
	for n, one := range s.Steps { // now that all secrets are known
		one.Line = secrets.Line(one.Line, words)
		if one.Err != nil {
			s.problems = append(s.problems, s.problem(n, one))
		}
	}
	s.warnSettings()
	return s
}

func (s *Script) add(setting, line string, spec *step.Spec) {
	s.Steps = append(s.Steps, &Step{Line: line, Setting: setting, Spec: spec, Needs: spec.Needs(), secrets: s.secrets})
}

func (s *Script) read(l config.Line, given []string) (one *Step, verb string) {
	one = &Step{Line: l.Text, Index: l.Index, secrets: s.secrets.Inside()}
	if !l.Argument {
		one.Setting = stepsSetting
	}
	lookup := func(name string) (string, bool) {
		one.Variables = append(one.Variables, name)
		value, ok := s.config.Env[name]
		if !grammar.Public(name, value) {
			one.secrets.AddVariable(name, value)
		}
		return value, ok
	}
	parsed, spec, declared, err := parse.LineIn(grammar.Scope{Lookup: lookup, Given: given}, s.verbs, l.Text)
	one.secrets.AddLine(declared)
	one.doubts = parsed.Doubts(func(name string) bool { _, ok := s.config.Env[name]; return ok })
	if one.Words = *parsed; err == nil {
		one.Line, one.Spec, one.Needs = parsed.Shown(l.Text), spec, spec.Needs()
		return one, parsed.Verb.Text
	}
	names, unreadable := verbs.Names(), one.secrets.Inside() // nobody knows what in the line is a secret
	for _, word := range grammar.PerhapsSecret(l.Text, names) {
		unreadable.Add(word)
	}
	one.Line = unreadable.Hide(grammar.ShownUnreadable(parsed.Shown(l.Text), names))
	one.Err, one.secrets = err, unreadable
	one.Needs.Gives, _ = parsed.Gives() // who takes it makes no mistake
	return one, parsed.Verb.Text
}

// app is what the settings say of the app.
func (s *Script) app() step.App {
	return step.App{URL: s.config.AppURL.V, TokenFile: s.config.AppTokenFile.V, CAFile: s.config.AppCAFile.V}
}

// elasticsearch is what the settings say of the cluster.
func (s *Script) elasticsearch() step.Elasticsearch {
	c := s.config
	return step.Elasticsearch{
		URLs: c.ElasticsearchURLs.V, Username: c.Username.V, PasswordFile: c.PasswordFile.V, TokenFile: c.TokenFile.V,
		CAFile: c.CAFile.V, CertFile: c.CertFile.V, KeyFile: c.KeyFile.V, LeafFile: c.ECK.LeafFile, Operator: c.ECK.Cluster != "",
		ServerName: c.ServerName.V, Insecure: c.Insecure.V, AllocationDelay: setting.Delay(c.AllocationDelay), TargetNode: c.TargetNode.V,
		Type: c.ShutdownType.V, AskAPI: c.AskAPI.V,
	}
}

// WantsAuto tells whether any step needs to know what the shutdown type auto stands for. The app's call does: it tells the app the type.
func (s *Script) WantsAuto() bool {
	return slices.ContainsFunc(s.Steps, func(one *Step) bool {
		return one.Needs.ShutdownType(s.config.ShutdownType.V) == step.TypeAuto || one.Setting == appSetting && s.config.ShutdownType.V == step.TypeAuto
	})
}

// hasLines tells whether steps were given, besides the calls that the settings ask for.
func (s *Script) hasLines() bool {
	return slices.ContainsFunc(s.Steps, func(one *Step) bool { return one.Setting == "" || one.Setting == stepsSetting })
}
