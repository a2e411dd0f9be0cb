// Package config makes a [Config] from the hook's arguments, its environment, and what is mounted into its container.
//
// [Read] does all of it. Read writes a Config once, and nobody changes it afterwards. A mistake becomes one of its Problems.
// Whatever is right is kept, since a hook must keep its wait whatever somebody mistyped. The package knows which settings there
// are and which values they take. It does not know what they are for, and it knows no verb. It is for the hook and for lint.
package config

import (
	"cmp"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/setting"
	"github.com/prestop/prestop/internal/step"
)

// A Config is the whole configuration of a run. A flag beats its environment variable, which beats the default.
type Config struct {
	AppURL            setting.Value[*url.URL] // nil: none
	ElasticsearchURLs setting.Value[[]*url.URL]
	ShutdownType      setting.Value[string]
	Steps             setting.Value[string]

	AdditionalWait, GracePeriod, Reserve setting.Value[time.Duration] // GracePeriod and Reserve are 0 where they are not set
	MaxDNSErrors                         setting.Value[int]
	AskAPI                               setting.Value[bool]
	IfNotDeleted                         setting.Value[string]
	SkipFile                             setting.Value[string]

	AppTokenFile, AppCAFile setting.Value[string]

	Username, PasswordFile, TokenFile, CAFile, CertFile, KeyFile, ServerName, TargetNode setting.Value[string] // of Elasticsearch
	Insecure                                                                             setting.Value[bool]
	AllocationDelay                                                                      setting.Value[time.Duration]

	LogTo, LogFormat, TerminationLog, StateDir setting.Value[string]
	ReportURL                                  setting.Value[*url.URL]

	DryRun setting.Value[bool]
	Output setting.Value[string] // of the dry run

	ExitZero setting.Value[bool] // of elasticsearch-clear: its exit status is 0 whatever happens

	Arguments []string // the steps given as arguments
	Env       map[string]string
	Pod       Pod
	ECK       eck.Pod // its Cluster is empty outside of an ECK pod
	Settings  []setting.Setting
	Problems  []Problem
	Unknown   []setting.Unknown
}

// A Problem is a mistake in the configuration.
type Problem struct {
	Name string // a variable, a flag, a step, or arguments
	Text string // what was expected
	With string // the setting that is set and needs this one, which is not set; empty: it is another kind of mistake
}

// Error names the thing and says what was expected.
func (p Problem) Error() string { return p.Name + ": " + p.Text }

// A Pod says which pod we are, from the usual downward API variables. Everything except the name may be empty.
type Pod struct{ Name, Namespace, IP, UID string }

// Values of settings that other packages look for.
const (
	Skip = "skip" // of IfNotDeleted
	Text = "text" // of LogFormat and Output
	JSON = "json"
	Auto = "auto" // of LogFormat
	Off  = "off"  // of TerminationLog
	On   = "on"
)

// Read reads the arguments, the environment, and what ECK mounts below root. Root is empty except in tests. The error is
// [ErrHelp] or [ErrVersion].
func Read(args []string, env map[string]string, root string) (*Config, error) {
	return newReader(env).read(args, root)
}

// ReadClear is [Read] for elasticsearch-clear, which has another flag in place of those of the dry run.
func ReadClear(args []string, env map[string]string, root string) (*Config, error) {
	r := newReader(env)
	r.clear = true
	return r.read(args, root)
}

// ReadElsewhere is [Read] for another container than the one that we run in. mounted is what ECK mounts into that container. If it
// names no cluster, the pod is not an ECK pod.
func ReadElsewhere(args []string, env map[string]string, mounted eck.Pod) (*Config, error) {
	return newReader(env).readWith(args, func(string) (eck.Pod, bool) { return mounted, mounted.Cluster != "" })
}

func (r *reader) read(args []string, root string) (*Config, error) {
	return r.readWith(args, func(namespace string) (eck.Pod, bool) { return eck.Find(root, namespace) })
}

func (r *reader) readWith(args []string, mounted func(namespace string) (eck.Pod, bool)) (*Config, error) {
	env := r.Env
	if err := r.arguments(args); err != nil {
		return nil, err
	}
	for _, s := range r.table {
		if text := env[s.Env]; text != "" && !s.Beats(text, s.Env) {
			r.set(s, s.Env, text)
		}
	}
	r.Unknown = setting.Unknowns(env, r.table)
	r.pairs()
	host, _ := os.Hostname()
	r.Pod = Pod{
		Name:      cmp.Or(env["POD_NAME"], env["HOSTNAME"], host),
		Namespace: cmp.Or(env["POD_NAMESPACE"], env["NAMESPACE"]),
		IP:        env["POD_IP"],
		UID:       env["POD_UID"],
	}
	if found, ok := mounted(r.Pod.Namespace); ok {
		r.eck(found)
	}
	for _, s := range r.table {
		r.Settings = append(r.Settings, *s)
	}
	return r.Config, nil
}

// pairs finds settings that need another setting which is missing.
func (r *reader) pairs() {
	const username, password = "PRE_STOP_ELASTICSEARCH_USERNAME", "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE"
	const cert, key = "PRE_STOP_ELASTICSEARCH_CERT_FILE", "PRE_STOP_ELASTICSEARCH_KEY_FILE"
	for _, pair := range []struct {
		lacks      bool
		name, with string
	}{
		{r.Username.V == "" && r.PasswordFile.V != "", username, password},
		{r.Username.V != "" && r.PasswordFile.V == "", password, username},
		{r.CertFile.V == "" && r.KeyFile.V != "", cert, key},
		{r.CertFile.V != "" && r.KeyFile.V == "", key, cert},
		{r.ShutdownType.V == step.TypeAuto && !r.AskAPI.V, "PRE_STOP_ASK_API=true", "--shutdown-type=auto"},
		{r.IfNotDeleted.V == Skip && !r.AskAPI.V, "PRE_STOP_ASK_API=true", "--if-not-deleted=skip"},
		{r.Output.IsSet() && !r.DryRun.V, "--dry-run", "--output"},
	} {
		if pair.lacks {
			r.Problems = append(r.Problems, Problem{pair.name, "expected together with " + pair.with, pair.with})
		}
	}
}

// eck takes settings that are not set from the mounts of an ECK pod.
func (r *reader) eck(found eck.Pod) {
	if r.ElasticsearchURLs.IsSet() {
		return
	}
	urls, err := setting.ParseURLs(strings.Join(found.URLs, " "))
	if err != nil {
		return
	}
	r.ECK, r.ElasticsearchURLs.V = found, urls
	if r.Username.V == "" && r.TokenFile.V == "" {
		r.Username.V, r.PasswordFile.V = eck.User, found.PasswordFile
	}
	if r.CertFile.V == "" {
		r.CertFile.V, r.KeyFile.V = found.CertFile, found.KeyFile
	}
	r.CAFile.V = cmp.Or(r.CAFile.V, found.CAFile)
}

// A Line is a step's text, and where it stands.
type Line struct {
	Text     string
	Argument bool // else it is in PRE_STOP_STEPS
	Index    int  // which argument, or which line of the variable, from 0
}

// Lines are the steps. Arguments replace PRE_STOP_STEPS. In PRE_STOP_STEPS, a line that begins with # is a comment. One step may be
// written as several arguments, as in ["wait", "20s"].
func (c *Config) Lines(verbs []*step.Verb) []Line {
	if text, ok := parse.OneStep(verbs, c.Arguments); ok {
		return []Line{{Text: text, Argument: true}}
	}
	var all []Line
	for n, text := range c.Arguments {
		all = append(all, Line{Text: text, Argument: true, Index: n})
	}
	if len(all) > 0 {
		return all
	}
	n := 0
	for text := range strings.Lines(strings.TrimPrefix(c.Steps.V, "\ufeff")) { // some editors write a byte order mark
		if text = strings.TrimSpace(text); text != "" && !strings.HasPrefix(text, "#") {
			all = append(all, Line{Text: text, Index: n})
		}
		n++
	}
	return all
}

// WaitMistaken tells whether somebody may have tried to set the additional wait: its value cannot be read, or a flag is
// unknown.
func (c *Config) WaitMistaken() bool {
	return slices.ContainsFunc(c.Problems, func(p Problem) bool {
		return p.Name == "PRE_STOP_ADDITIONAL_WAIT_SECONDS" || p.Name == "--additional-wait" || p.Name == OfArguments
	})
}
