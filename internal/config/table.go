package config

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/prestop/prestop/internal/podlog"
)

// A Setting is a row of the table of settings: flags, environment, help and the log's first line come from it.
type Setting struct {
	Group, Env, Flag string // Flag may be empty
	Usage            string
	Unset            string // what goes without it, where Shown does not say
	Kind             string // what its values are
	Shown            func() string
	Check            func(text string) error // what is wrong with a value

	set func(text string) error
	by  *string
}

// By is how it was set: a flag, a variable, or empty.
func (s Setting) By() string { return *s.by }

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

	const do = "What to do"
	add(r, do, &c.AppURL, oneURL(ShowURL), "PRE_STOP_APP_URL", "app-url", "POSTed first; must start draining and return, not exit", "")
	add(r, do, &c.ElasticsearchURLs, manyURLs(), "PRE_STOP_ELASTICSEARCH_URL", "elasticsearch-url", "Elasticsearch base URLs; the pod's own node is tried before them; none turns off what is found in an ECK pod", "")
	add(r, do, &c.ShutdownType, shutdownType(), "PRE_STOP_SHUTDOWN_TYPE", "shutdown-type", "what the app and Elasticsearch are told; auto is remove where the StatefulSet was scaled down, else restart", "")
	add(r, do, &c.Steps, word("steps"), "PRE_STOP_STEPS", "", "the steps, one a line, # begins a comment; the same as arguments", "")

	const times = "Time"
	add(r, times, &c.AdditionalWait, duration(), "PRE_STOP_ADDITIONAL_WAIT_SECONDS", "additional-wait", "the hook lasts at least this long, counted from its start", "")
	add(r, times, &c.GracePeriod, duration(), "PRE_STOP_GRACE_PERIOD_SECONDS", "grace-period", "the pod's terminationGracePeriodSeconds", "30s; 3m0s in an ECK pod")
	add(r, times, &c.Reserve, duration(), "PRE_STOP_RESERVE_SECONDS", "reserve", "left to the container's own SIGTERM handling", "a sixth of the grace period, at least 5s, at most half of it")
	add(r, times, &c.MaxDNSErrors, count(), "PRE_STOP_MAX_DNS_ERRORS", "max-dns-errors", "DNS failures in a row that are tolerated before a host is given up", "")
	add(r, times, &c.AskAPI, toggle(), "PRE_STOP_ASK_API", "ask-api", "read this pod from the API server: its grace period, why it stops, and its StatefulSet for the type auto", "")
	add(r, times, &c.IfNotDeleted, choice("wait", Skip), "PRE_STOP_IF_NOT_DELETED", "if-not-deleted", "with ask-api, where the pod is not being deleted: wait, or skip the waits and only make the calls", "")
	add(r, times, &c.SkipFile, file, "PRE_STOP_SKIP_FILE", "skip-file", "while this file holds true, waits end at once", "")

	add(r, AppAlone, &c.AppTokenFile, file, "PRE_STOP_APP_TOKEN_FILE", "app-token-file", "bearer token", "")
	add(r, AppAlone, &c.AppCAFile, file, "PRE_STOP_APP_CA_FILE", "app-ca-file", "CA certificates, instead of the system's", "")

	add(r, ElasticsearchAlone, &c.Username, name, "PRE_STOP_ELASTICSEARCH_USERNAME", "elasticsearch-username", "user for basic authentication", "")
	add(r, ElasticsearchAlone, &c.PasswordFile, file, "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE", "elasticsearch-password-file", "the user's password", "")
	add(r, ElasticsearchAlone, &c.TokenFile, file, "PRE_STOP_ELASTICSEARCH_TOKEN_FILE", "elasticsearch-token-file", "bearer token, or with its scheme as in: ApiKey abc", "")
	add(r, ElasticsearchAlone, &c.CAFile, file, "PRE_STOP_ELASTICSEARCH_CA_FILE", "elasticsearch-ca-file", "CA certificates, instead of the system's", "")
	add(r, ElasticsearchAlone, &c.CertFile, file, "PRE_STOP_ELASTICSEARCH_CERT_FILE", "elasticsearch-cert-file", "client certificate", "")
	add(r, ElasticsearchAlone, &c.KeyFile, file, "PRE_STOP_ELASTICSEARCH_KEY_FILE", "elasticsearch-key-file", "its key", "")
	add(r, ElasticsearchAlone, &c.ServerName, name, "PRE_STOP_ELASTICSEARCH_TLS_SERVER_NAME", "elasticsearch-tls-server-name", "verified instead of the URL's host", "")
	add(r, ElasticsearchAlone, &c.Insecure, toggle(), "PRE_STOP_ELASTICSEARCH_INSECURE_SKIP_VERIFY", "elasticsearch-insecure-skip-verify", "verify no certificate", "")
	add(r, ElasticsearchAlone, &c.AllocationDelay, duration(), "PRE_STOP_ELASTICSEARCH_ALLOCATION_DELAY", "elasticsearch-allocation-delay", "type restart: how long shards are not rebuilt elsewhere", "5m, Elasticsearch's")
	add(r, ElasticsearchAlone, &c.TargetNode, name, "PRE_STOP_ELASTICSEARCH_TARGET_NODE", "elasticsearch-target-node", "type replace: the node that takes over", "")

	const state = "Log and state"
	add(r, state, &c.LogTo, checked("where", podlog.Check), "PRE_STOP_LOG_TO", "log-to", "auto, container, stdout, stderr, or a file", "")
	add(r, state, &c.LogFormat, choice(Auto, JSON, Text), "PRE_STOP_LOG_FORMAT", "log-format", "auto is text on a terminal, else json", "")
	add(r, state, &c.TerminationLog, checked("off|on|file", checkTermination), "PRE_STOP_TERMINATION_LOG", "termination-log", "append the outcome to the container's termination message: off, on (/dev/termination-log) or its path", "")
	add(r, state, &c.ReportURL, oneURL(ShowPlace), "PRE_STOP_REPORT_URL", "report-url", "POST the outcome there, last, as far as there is time", "")
	add(r, state, &c.StateDir, word("directory"), "PRE_STOP_STATE_DIR", "state-dir", "where a second delivery is recognised", "first writable of $TMPDIR, /tmp, /dev/shm")
	return r
}

func add[T any](r *reader, group string, v *Value[T], k kind[T], env, flag, usage, unset string) {
	r.table = append(r.table, &Setting{
		Group: group, Env: env, Flag: flag, Usage: usage, Unset: unset, Kind: k.name, by: &v.By,
		Shown: func() string { return k.show(v.V) },
		Check: func(text string) error { _, err := k.parse(text); return err },
		set: func(text string) error {
			value, err := k.parse(text)
			if err == nil {
				v.V = value
			}
			return err
		},
	})
}

// Table is the list of settings with their defaults.
func Table() []Setting {
	var all []Setting
	for _, s := range newReader(nil).table {
		all = append(all, *s)
	}
	return all
}

func (r *reader) set(s *Setting, name, text string) {
	if err := s.set(text); err != nil {
		r.Problems = append(r.Problems, Problem{Name: name, Text: err.Error()})
		return
	}
	*s.by = name
}

func checkTermination(text string) error {
	if text != Off && text != On && !filepath.IsAbs(text) {
		return fmt.Errorf("expected off, on, or the absolute path that is the container's terminationMessagePath, got %s", got(text))
	}
	return nil
}
