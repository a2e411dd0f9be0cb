package config

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/prestop/prestop/internal/podlog"
)

// A Setting is a row of the table of settings: flags, environment, help and the log's first line come from it.
type Setting struct {
	value
	Group, Env, Flag string // Flag may be empty
	Usage            string
	Unset            string // what goes without it, where Shown does not say
}

// value is a setting's, of whatever type.
type value interface {
	By() string                // the flag or the variable that it was set by, or empty
	Shown() string             // without secrets
	Kind() string              // what its values are
	Check(text string) error   // what is wrong with a value
	set(text, by string) error // from what somebody wrote; by stays as it was where that is wrong
	setBy(by string)
}

// typed is a value of the type T.
type typed[T any] struct {
	of *Value[T]
	kind[T]
}

func (t *typed[T]) By() string      { return t.of.By }
func (t *typed[T]) Shown() string   { return t.show(t.of.V) }
func (t *typed[T]) Kind() string    { return t.name }
func (t *typed[T]) setBy(by string) { t.of.By = by }

func (t *typed[T]) Check(text string) error {
	_, err := t.parse(text)
	return err
}

func (t *typed[T]) set(text, by string) error {
	v, err := t.parse(text)
	if err == nil {
		t.of.V, t.of.By = v, by
	}
	return err
}

// Groups of settings that are for one call.
const (
	AppAlone           = "The app URL alone"
	ElasticsearchAlone = "Elasticsearch alone"
)

// A reader writes a Config.
type reader struct {
	*Config
	table []*Setting
}

func newReader(env map[string]string) *reader {
	r := &reader{Config: &Config{Env: env, AdditionalWait: Value[time.Duration]{V: 50 * time.Second}, MaxDNSErrors: Value[int]{V: 2},
		ShutdownType: Value[string]{V: "restart"}, IfNotDeleted: Value[string]{V: "wait"},
		LogTo: Value[string]{V: podlog.Auto}, LogFormat: Value[string]{V: Auto}, TerminationLog: Value[string]{V: Off}, Output: Value[string]{V: Text}}}
	c := r.Config
	file, name := word("file"), word("name")

	const do, times, state = "What to do", "Time", "Log and state"
	r.table = []*Setting{
		{is(&c.AppURL, oneURL(ShowURL)), do, "PRE_STOP_APP_URL", "app-url", "POSTed first; must start draining and return, not exit", ""},
		{is(&c.ElasticsearchURLs, manyURLs()), do, "PRE_STOP_ELASTICSEARCH_URL", "elasticsearch-url", "Elasticsearch base URLs; the pod's own node is tried before them; none turns off what is found in an ECK pod", ""},
		{is(&c.ShutdownType, shutdownType()), do, "PRE_STOP_SHUTDOWN_TYPE", "shutdown-type", "what the app and Elasticsearch are told; auto is remove where the StatefulSet was scaled down, else restart", ""},
		{is(&c.Steps, word("steps")), do, "PRE_STOP_STEPS", "", "the steps, one a line, # begins a comment; the same as arguments", ""},

		{is(&c.AdditionalWait, duration()), times, "PRE_STOP_ADDITIONAL_WAIT_SECONDS", "additional-wait", "the hook lasts at least this long, counted from its start", ""},
		{is(&c.GracePeriod, duration()), times, "PRE_STOP_GRACE_PERIOD_SECONDS", "grace-period", "the pod's terminationGracePeriodSeconds", "30s; 3m0s in an ECK pod"},
		{is(&c.Reserve, duration()), times, "PRE_STOP_RESERVE_SECONDS", "reserve", "left to the container's own SIGTERM handling", "a sixth of the grace period, at least 5s, at most half of it"},
		{is(&c.MaxDNSErrors, count()), times, "PRE_STOP_MAX_DNS_ERRORS", "max-dns-errors", "DNS failures in a row that are tolerated before a host is given up", ""},
		{is(&c.AskAPI, toggle()), times, "PRE_STOP_ASK_API", "ask-api", "read this pod from the API server: its grace period, why it stops, and its StatefulSet for the type auto", ""},
		{is(&c.IfNotDeleted, choice("wait", Skip)), times, "PRE_STOP_IF_NOT_DELETED", "if-not-deleted", "with ask-api, where the pod is not being deleted: wait, or skip the waits and only make the calls", ""},
		{is(&c.SkipFile, file), times, "PRE_STOP_SKIP_FILE", "skip-file", "while this file holds true, waits end at once", ""},

		{is(&c.AppTokenFile, file), AppAlone, "PRE_STOP_APP_TOKEN_FILE", "app-token-file", "bearer token", ""},
		{is(&c.AppCAFile, file), AppAlone, "PRE_STOP_APP_CA_FILE", "app-ca-file", "CA certificates, instead of the system's", ""},

		{is(&c.Username, name), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_USERNAME", "elasticsearch-username", "user for basic authentication", ""},
		{is(&c.PasswordFile, file), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE", "elasticsearch-password-file", "the user's password", ""},
		{is(&c.TokenFile, file), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_TOKEN_FILE", "elasticsearch-token-file", "bearer token, or with its scheme as in: ApiKey abc", ""},
		{is(&c.CAFile, file), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_CA_FILE", "elasticsearch-ca-file", "CA certificates, instead of the system's", ""},
		{is(&c.CertFile, file), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_CERT_FILE", "elasticsearch-cert-file", "client certificate", ""},
		{is(&c.KeyFile, file), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_KEY_FILE", "elasticsearch-key-file", "its key", ""},
		{is(&c.ServerName, name), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_TLS_SERVER_NAME", "elasticsearch-tls-server-name", "verified instead of the URL's host", ""},
		{is(&c.Insecure, toggle()), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_INSECURE_SKIP_VERIFY", "elasticsearch-insecure-skip-verify", "verify no certificate", ""},
		{is(&c.AllocationDelay, duration()), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_ALLOCATION_DELAY", "elasticsearch-allocation-delay", "type restart: how long shards are not rebuilt elsewhere", "5m, Elasticsearch's"},
		{is(&c.TargetNode, name), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_TARGET_NODE", "elasticsearch-target-node", "type replace: the node that takes over", ""},

		{is(&c.LogTo, checked("where", podlog.Check)), state, "PRE_STOP_LOG_TO", "log-to", "auto, container, stdout, stderr, or a file", ""},
		{is(&c.LogFormat, choice(Auto, JSON, Text)), state, "PRE_STOP_LOG_FORMAT", "log-format", "auto is text on a terminal, else json", ""},
		{is(&c.TerminationLog, checked("off|on|file", checkTermination)), state, "PRE_STOP_TERMINATION_LOG", "termination-log", "append the outcome to the container's termination message: off, on (/dev/termination-log) or its path", ""},
		{is(&c.ReportURL, oneURL(ShowPlace)), state, "PRE_STOP_REPORT_URL", "report-url", "POST the outcome there, last, as far as there is time", ""},
		{is(&c.StateDir, word("directory")), state, "PRE_STOP_STATE_DIR", "state-dir", "where a second delivery is recognised", "first writable of $TMPDIR, /tmp, /dev/shm"},
	}
	return r
}

func is[T any](v *Value[T], k kind[T]) value { return &typed[T]{v, k} }

// Table is the list of settings with their defaults.
func Table() []Setting {
	var all []Setting
	for _, s := range newReader(nil).table {
		all = append(all, *s)
	}
	return all
}

func (r *reader) set(s *Setting, name, text string) {
	if err := s.set(text, name); err != nil {
		r.Problems = append(r.Problems, Problem{Name: name, Text: err.Error()})
	}
}

func checkTermination(text string) error {
	if text != Off && text != On && !filepath.IsAbs(text) {
		return fmt.Errorf("expected off, on, or the absolute path that is the container's terminationMessagePath, got %s", got(text))
	}
	return nil
}
