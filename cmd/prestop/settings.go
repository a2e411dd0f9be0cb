package main

import (
	"cmp"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/prestop/prestop/internal/podlog"
)

// settings is the whole configuration of a run. A flag beats its environment variable, which beats the default.
type settings struct {
	additionalWait seconds
	grace, reserve seconds
	maxDNSErrors   count
	shutdownType   choice
	askAPI         toggle
	ifNotDeleted   choice

	appURL                  urls
	appTokenFile, appCAFile word

	es struct {
		urls                              urls
		username, passwordFile, tokenFile word
		caFile, certFile, keyFile         word
		serverName                        word
		insecure                          toggle
		allocationDelay                   seconds
		targetNode                        word
	}

	steps    word // PRE_STOP_STEPS
	skipFile word
	report   urls
	logTo    word
	format   choice
	endLog   word // the container's termination message
	stateDir word
	dryRun   toggle
	output   choice // of the dry run

	outputSet bool

	args     []string // the steps given as arguments
	rows     []*setting
	problems []problem
	unknown  []string // variables that are no settings
	warnings []string
}

// A setting is a row of the table of settings.
type setting struct {
	group, env, flag string
	usage            string
	unset            string // what goes without it, where the value does not say
	value            pflag.Value
	source           string // the name that it was set by; empty: it has its default
}

// A problem is a mistake in the configuration.
type problem struct{ name, text string }

const together = "expected together with "

// missing is a setting that goes together with another, which is there.
func missing(name, with string) problem { return problem{name, together + with} }

// with is the setting that the missing one goes together with; empty: it is another mistake.
func (p problem) with() string {
	if with, ok := strings.CutPrefix(p.text, together); ok {
		return with
	}
	return ""
}

func (p problem) Error() string { return p.name + ": " + p.text }

func newSettings() *settings {
	s := &settings{additionalWait: seconds(50 * time.Second), maxDNSErrors: 2}
	s.shutdownType = choice{"restart", []string{restart, "remove", "replace", "sigterm", auto}}
	s.output = choice{outputText, []string{outputText, outputJSON}}
	s.ifNotDeleted = choice{"wait", []string{"wait", skipWaits}}
	s.format = choice{"auto", []string{"auto", "json", "text"}}
	s.logTo = word{text: podlog.Auto, kind: "where", check: podlog.Check}
	s.endLog = word{text: terminationOff, kind: "off|on|file", check: checkTermination}
	s.skipFile.kind = "file"
	s.es.urls.many = true
	for _, w := range []*word{&s.appTokenFile, &s.appCAFile, &s.es.passwordFile, &s.es.tokenFile, &s.es.caFile, &s.es.certFile, &s.es.keyFile} {
		w.kind = "file"
	}
	s.es.username.kind, s.es.serverName.kind, s.es.targetNode.kind, s.stateDir.kind, s.steps.kind = "name", "name", "name", "directory", "steps"
	s.rows = s.table()
	return s
}

// table is the one list of settings: flags, environment, help and the log's first line come from it.
func (s *settings) table() []*setting {
	es := &s.es
	return []*setting{
		{"What to do", "PRE_STOP_APP_URL", "app-url", "POSTed first; must start draining and return, not exit", "", &s.appURL, ""},
		{"What to do", "PRE_STOP_ELASTICSEARCH_URL", "elasticsearch-url", "Elasticsearch base URLs; the pod's own node is tried before them; none turns off what is found in an ECK pod", "", &es.urls, ""},
		{"What to do", "PRE_STOP_SHUTDOWN_TYPE", "shutdown-type", "what the app and Elasticsearch are told; auto is remove where the StatefulSet was scaled down, else restart", "", &s.shutdownType, ""},
		{"What to do", "PRE_STOP_STEPS", "", "the steps, one a line, # begins a comment; the same as arguments", "", &s.steps, ""},

		{"Time", "PRE_STOP_ADDITIONAL_WAIT_SECONDS", "additional-wait", "the hook lasts at least this long, counted from its start", "", &s.additionalWait, ""},
		{"Time", "PRE_STOP_GRACE_PERIOD_SECONDS", "grace-period", "the pod's terminationGracePeriodSeconds", "30s; 3m0s in an ECK pod", &s.grace, ""},
		{"Time", "PRE_STOP_RESERVE_SECONDS", "reserve", "left to the container's own SIGTERM handling", "a sixth of the grace period, at least 5s, at most half of it", &s.reserve, ""},
		{"Time", "PRE_STOP_MAX_DNS_ERRORS", "max-dns-errors", "DNS failures in a row that are tolerated before a host is given up", "", &s.maxDNSErrors, ""},

		{"Time", "PRE_STOP_ASK_API", "ask-api", "read this pod from the API server: its grace period, why it stops, and its StatefulSet for the type auto", "", &s.askAPI, ""},
		{"Time", "PRE_STOP_IF_NOT_DELETED", "if-not-deleted", "with ask-api, where the pod is not being deleted: wait, or skip the waits and only make the calls", "", &s.ifNotDeleted, ""},
		{"Time", "PRE_STOP_SKIP_FILE", "skip-file", "while this file holds true, waits end at once", "", &s.skipFile, ""},

		{"The app URL alone", "PRE_STOP_APP_TOKEN_FILE", "app-token-file", "bearer token", "", &s.appTokenFile, ""},
		{"The app URL alone", "PRE_STOP_APP_CA_FILE", "app-ca-file", "CA certificates, instead of the system's", "", &s.appCAFile, ""},

		{"Elasticsearch alone", "PRE_STOP_ELASTICSEARCH_USERNAME", "elasticsearch-username", "user for basic authentication", "", &es.username, ""},
		{"Elasticsearch alone", "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE", "elasticsearch-password-file", "the user's password", "", &es.passwordFile, ""},
		{"Elasticsearch alone", "PRE_STOP_ELASTICSEARCH_TOKEN_FILE", "elasticsearch-token-file", "bearer token, or with its scheme as in: ApiKey abc", "", &es.tokenFile, ""},
		{"Elasticsearch alone", "PRE_STOP_ELASTICSEARCH_CA_FILE", "elasticsearch-ca-file", "CA certificates, instead of the system's", "", &es.caFile, ""},
		{"Elasticsearch alone", "PRE_STOP_ELASTICSEARCH_CERT_FILE", "elasticsearch-cert-file", "client certificate", "", &es.certFile, ""},
		{"Elasticsearch alone", "PRE_STOP_ELASTICSEARCH_KEY_FILE", "elasticsearch-key-file", "its key", "", &es.keyFile, ""},
		{"Elasticsearch alone", "PRE_STOP_ELASTICSEARCH_TLS_SERVER_NAME", "elasticsearch-tls-server-name", "verified instead of the URL's host", "", &es.serverName, ""},
		{"Elasticsearch alone", "PRE_STOP_ELASTICSEARCH_INSECURE_SKIP_VERIFY", "elasticsearch-insecure-skip-verify", "verify no certificate", "", &es.insecure, ""},
		{"Elasticsearch alone", "PRE_STOP_ELASTICSEARCH_ALLOCATION_DELAY", "elasticsearch-allocation-delay", "type restart: how long shards are not rebuilt elsewhere", "5m, Elasticsearch's", &es.allocationDelay, ""},
		{"Elasticsearch alone", "PRE_STOP_ELASTICSEARCH_TARGET_NODE", "elasticsearch-target-node", "type replace: the node that takes over", "", &es.targetNode, ""},

		{"Log and state", "PRE_STOP_LOG_TO", "log-to", "auto, container, stdout, stderr, or a file", "", &s.logTo, ""},
		{"Log and state", "PRE_STOP_LOG_FORMAT", "log-format", "auto is text on a terminal, else json", "", &s.format, ""},
		{"Log and state", "PRE_STOP_TERMINATION_LOG", "termination-log", "append the outcome to the container's termination message: off, on (/dev/termination-log) or its path", "", &s.endLog, ""},
		{"Log and state", "PRE_STOP_REPORT_URL", "report-url", "POST the outcome there, last, as far as there is time", "", &s.report, ""},
		{"Log and state", "PRE_STOP_STATE_DIR", "state-dir", "where a second delivery is recognised", "first writable of $TMPDIR, /tmp, /dev/shm", &s.stateDir, ""},
	}
}

// load reads arguments and environment. Mistakes end up in problems, whatever is right is kept.
func load(args []string, env map[string]string) (*settings, error) {
	s := newSettings()
	if err := s.parse(args); err != nil {
		return nil, err
	}
	for _, row := range s.rows {
		if text := env[row.env]; text != "" && row.source == "" {
			s.set(row, row.env, text)
		}
	}
	s.warnUnknown(env)
	s.checkPairs()
	return s, nil
}

func (s *settings) set(row *setting, name, text string) {
	if err := row.value.Set(text); err != nil {
		s.problems = append(s.problems, problem{name, err.Error()})
		return
	}
	row.source = name
}

// given tells whether a setting was set, by its flag or its variable.
func (s *settings) given(env string) bool {
	i := slices.IndexFunc(s.rows, func(row *setting) bool { return row.env == env })
	return s.rows[i].source != ""
}

// parse reads flags up to the first step, since a step may have dashes of its own. The error is pflag.ErrHelp.
func (s *settings) parse(args []string) error {
	for {
		flags := s.flags()
		err := flags.Parse(args)
		if err == nil {
			s.args = flags.Args()
			return nil
		}
		if err == pflag.ErrHelp {
			return err
		}
		bad := badFlag(args, err)
		s.problems = append(s.problems, problem{"arguments", err.Error()})
		args = slices.Delete(slices.Clone(args), bad, bad+1)
	}
}

// badFlag is the place of the argument that pflag stumbled over.
func badFlag(args []string, err error) int {
	bad := slices.IndexFunc(args, func(arg string) bool { return isOf(err, arg) })
	if bad < 0 {
		bad = slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") })
	}
	return bad
}

func isOf(err error, arg string) bool {
	if e, ok := errors.AsType[*pflag.InvalidSyntaxError](err); ok {
		return arg == e.GetSpecifiedFlag()
	}
	named, ok := errors.AsType[interface {
		error
		GetSpecifiedName() string
		GetSpecifiedShortnames() string
	}](err)
	if !ok {
		return false
	}
	if short := named.GetSpecifiedShortnames(); short != "" {
		return arg == "-"+short
	}
	name, _, _ := strings.Cut(arg, "=")
	return name == "--"+named.GetSpecifiedName()
}

func (s *settings) flags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("prestop", pflag.ContinueOnError)
	flags.SetInterspersed(false)
	flags.Usage = func() {}
	for _, row := range s.rows {
		if row.flag != "" {
			f := flags.VarPF(flagValue{s, row}, row.flag, "", row.usage)
			if _, ok := row.value.(*toggle); ok {
				f.NoOptDefVal = "true"
			}
		}
	}
	flags.VarPF(dryRunFlag{s, &s.dryRun}, "dry-run", "", "").NoOptDefVal = "true"
	flags.Var(outputFlag{s, &s.output}, "output", "")
	return flags
}

// flagValue sets a row by its flag; a wrong value is one of the problems and does not keep others from being read.
type flagValue struct {
	s *settings
	*setting
}

func (f flagValue) Set(text string) error {
	f.s.set(f.setting, "--"+f.flag, text)
	return nil
}
func (f flagValue) String() string { return f.value.String() }
func (f flagValue) Type() string   { return f.value.Type() }

// dryRunFlag is on where its value is wrong: whoever mistypes it wants nothing to be done.
type dryRunFlag struct {
	s *settings
	*toggle
}

func (f dryRunFlag) Set(text string) error {
	if err := f.toggle.Set(text); err != nil {
		*f.toggle = true
		f.s.problems = append(f.s.problems, problem{"--dry-run", err.Error()})
	}
	return nil
}

// outputFlag is of the dry run alone.
type outputFlag struct {
	s *settings
	*choice
}

func (f outputFlag) Set(text string) error {
	if err := f.choice.Set(text); err != nil {
		f.s.problems = append(f.s.problems, problem{"--output", err.Error()})
	}
	f.s.outputSet = true
	return nil
}

const prefix = "PRE_STOP_"

// warnUnknown finds misspelt variables. A Service called pre-stop makes Kubernetes inject PRE_STOP_PORT… and
// PRE_STOP_SERVICE_…, which are nobody's mistake.
func (s *settings) warnUnknown(env map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		known := slices.ContainsFunc(s.rows, func(row *setting) bool { return row.env == name })
		injected := name == prefix+"PORT" || strings.HasPrefix(name, prefix+"PORT_") || strings.HasPrefix(name, prefix+"SERVICE_")
		if strings.HasPrefix(name, prefix) && !known && !injected {
			s.unknown = append(s.unknown, name)
			s.warnings = append(s.warnings, name+" is set, and no setting of this version")
		}
	}
}

// checkPairs finds settings that need another one.
func (s *settings) checkPairs() {
	need := func(has bool, with, name string) {
		if has {
			s.problems = append(s.problems, missing(name, with))
		}
	}
	es := &s.es
	need(es.username.text != "" && es.passwordFile.text == "", "PRE_STOP_ELASTICSEARCH_USERNAME", "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE")
	need(es.username.text == "" && es.passwordFile.text != "", "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE", "PRE_STOP_ELASTICSEARCH_USERNAME")
	need(es.certFile.text != "" && es.keyFile.text == "", "PRE_STOP_ELASTICSEARCH_CERT_FILE", "PRE_STOP_ELASTICSEARCH_KEY_FILE")
	need(es.certFile.text == "" && es.keyFile.text != "", "PRE_STOP_ELASTICSEARCH_KEY_FILE", "PRE_STOP_ELASTICSEARCH_CERT_FILE")
	need(s.shutdownType.word == auto && !bool(s.askAPI), "--shutdown-type=auto", "PRE_STOP_ASK_API=true")
	need(s.ifNotDeleted.word == skipWaits && !bool(s.askAPI), "--if-not-deleted=skip", "PRE_STOP_ASK_API=true")
	need(s.outputSet && !bool(s.dryRun), "--output", "--dry-run")
}

// effective is the configuration for the log's first line: what each setting is, without secrets.
func (s *settings) effective() []any {
	var all []any
	for _, row := range s.rows {
		text := row.value.String()
		if row.source == "" && row.unset != "" {
			continue
		}
		if text != "" {
			name := strings.ToLower(strings.TrimPrefix(row.env, prefix))
			all = append(all, name, text)
		}
	}
	return all
}

// podVariables are the usual downward API variables, which are no secrets.
var podVariables = []string{"POD_NAME", "POD_IP", "POD_UID", "POD_NAMESPACE", "NAMESPACE", "HOSTNAME", "NODE_NAME"}

// pod says who we are.
type pod struct{ name, namespace, ip, uid string }

func podOf(env map[string]string) pod {
	host, _ := os.Hostname()
	return pod{
		name:      cmp.Or(env["POD_NAME"], env["HOSTNAME"], host),
		namespace: cmp.Or(env["POD_NAMESPACE"], env["NAMESPACE"]),
		ip:        env["POD_IP"],
		uid:       env["POD_UID"],
	}
}
