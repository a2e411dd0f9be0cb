package config

import (
	"errors"
	"path/filepath"
	"time"

	"github.com/prestop/prestop/internal/podlog"
	"github.com/prestop/prestop/internal/setting"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// Groups of settings that are for one call.
const (
	AppAlone           = "The app URL alone"
	ElasticsearchAlone = "Elasticsearch alone"
)

// A reader writes a Config.
type reader struct {
	*Config
	table []*setting.Setting
	clear bool // for elasticsearch-clear
}

func newReader(env map[string]string) *reader {
	r := &reader{Config: &Config{Env: env, AdditionalWait: setting.Value[time.Duration]{V: 50 * time.Second}, MaxDNSErrors: setting.Value[int]{V: 2},
		ShutdownType: setting.Value[string]{V: "restart"}, IfNotDeleted: setting.Value[string]{V: "wait"},
		LogTo: setting.Value[string]{V: podlog.Auto}, LogFormat: setting.Value[string]{V: Auto}, TerminationLog: setting.Value[string]{V: Off}, Output: setting.Value[string]{V: Text}}}
	c := r.Config
	file, name := setting.Word("file"), setting.Word("name")

	const do, times, state = "What to do", "Time", "Log and state"
	add := func(h setting.Holder, group, env, flag, usage, unset string) {
		r.table = append(r.table, &setting.Setting{Holder: h, Group: group, Env: env, Flag: flag, Usage: usage, Unset: unset})
	}
	add(setting.Of(&c.AppURL, setting.OneURL(setting.ShowURL)), do, "PRE_STOP_APP_URL", "app-url", "POSTed first; must start draining and return, not exit", "")
	add(setting.Of(&c.ElasticsearchURLs, setting.ManyURLs()), do, "PRE_STOP_ELASTICSEARCH_URL", "elasticsearch-url", "Elasticsearch base URLs; the pod's own node is tried before them; none turns off what is found in an ECK pod", "")
	add(setting.Of(&c.ShutdownType, setting.AnyCase(step.Types()...)), do, "PRE_STOP_SHUTDOWN_TYPE", "shutdown-type", "what the app and Elasticsearch are told; auto is remove where the StatefulSet was scaled down, else restart", "")
	add(setting.Of(&c.Steps, setting.Word("steps")), do, "PRE_STOP_STEPS", "", "the steps, one a line, # begins a comment; the same as arguments", "")

	add(setting.Of(&c.AdditionalWait, setting.Duration()), times, "PRE_STOP_ADDITIONAL_WAIT_SECONDS", "additional-wait", "the hook lasts at least this long, counted from its start", "")
	add(setting.Of(&c.GracePeriod, setting.Duration()), times, "PRE_STOP_GRACE_PERIOD_SECONDS", "grace-period", "the pod's terminationGracePeriodSeconds", "30s; 3m0s in an ECK pod")
	add(setting.Of(&c.Reserve, setting.Duration()), times, "PRE_STOP_RESERVE_SECONDS", "reserve", "left to the container's own SIGTERM handling", "a sixth of the grace period, at least 5s, at most half of it")
	add(setting.Of(&c.MaxDNSErrors, setting.Count()), times, "PRE_STOP_MAX_DNS_ERRORS", "max-dns-errors", "DNS failures in a row that are tolerated before a host is given up", "")
	add(setting.Of(&c.AskAPI, setting.Toggle()), times, "PRE_STOP_ASK_API", "ask-api", "read this pod from the API server: its grace period, why it stops, and its StatefulSet for the type auto", "")
	add(setting.Of(&c.IfNotDeleted, setting.Choice("wait", Skip)), times, "PRE_STOP_IF_NOT_DELETED", "if-not-deleted", "with ask-api, where the pod is not being deleted: wait, or skip the waits and only make the calls", "")
	add(setting.Of(&c.SkipFile, file), times, "PRE_STOP_SKIP_FILE", "skip-file", "while this file holds true, waits end at once", "")

	add(setting.Of(&c.AppTokenFile, file), AppAlone, "PRE_STOP_APP_TOKEN_FILE", "app-token-file", "bearer token", "")
	add(setting.Of(&c.AppCAFile, file), AppAlone, "PRE_STOP_APP_CA_FILE", "app-ca-file", "CA certificates, instead of the system's", "")

	add(setting.Of(&c.Username, name), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_USERNAME", "elasticsearch-username", "user for basic authentication", "")
	add(setting.Of(&c.PasswordFile, file), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE", "elasticsearch-password-file", "the user's password", "")
	add(setting.Of(&c.TokenFile, file), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_TOKEN_FILE", "elasticsearch-token-file", "bearer token, or with its scheme as in: ApiKey abc", "")
	add(setting.Of(&c.CAFile, file), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_CA_FILE", "elasticsearch-ca-file", "CA certificates, instead of the system's", "")
	add(setting.Of(&c.CertFile, file), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_CERT_FILE", "elasticsearch-cert-file", "client certificate", "")
	add(setting.Of(&c.KeyFile, file), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_KEY_FILE", "elasticsearch-key-file", "its key", "")
	add(setting.Of(&c.ServerName, name), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_TLS_SERVER_NAME", "elasticsearch-tls-server-name", "verified instead of the URL's host", "")
	add(setting.Of(&c.Insecure, setting.Toggle()), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_INSECURE_SKIP_VERIFY", "elasticsearch-insecure-skip-verify", "verify no certificate", "")
	add(setting.Of(&c.AllocationDelay, setting.Duration()), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_ALLOCATION_DELAY", "elasticsearch-allocation-delay", "type restart: how long shards are not rebuilt elsewhere", "5m, Elasticsearch's")
	add(setting.Of(&c.TargetNode, name), ElasticsearchAlone, "PRE_STOP_ELASTICSEARCH_TARGET_NODE", "elasticsearch-target-node", "type replace: the node that takes over", "")

	add(setting.Of(&c.LogTo, setting.Checked("where", podlog.Check)), state, "PRE_STOP_LOG_TO", "log-to", "auto, container, stdout, stderr, or a file", "")
	add(setting.Of(&c.LogFormat, setting.Choice(Auto, JSON, Text)), state, "PRE_STOP_LOG_FORMAT", "log-format", "auto is text on a terminal, else json", "")
	add(setting.Of(&c.TerminationLog, setting.Checked("off|on|file", checkTermination)), state, "PRE_STOP_TERMINATION_LOG", "termination-log", "append the outcome to the container's termination message: off, on (/dev/termination-log) or its path", "")
	add(setting.Of(&c.ReportURL, setting.OneURL(web.Place)), state, "PRE_STOP_REPORT_URL", "report-url", "POST the outcome there, last, as far as there is time", "") // in many webhooks the path is a secret
	add(setting.Of(&c.StateDir, setting.Word("directory")), state, "PRE_STOP_STATE_DIR", "state-dir", "where a second delivery is recognised", "first writable of $TMPDIR, /tmp, /dev/shm")
	return r
}

// Table is the list of settings with their defaults.
func Table() []setting.Setting {
	var all []setting.Setting
	for _, s := range newReader(nil).table {
		all = append(all, *s)
	}
	return all
}

func (r *reader) set(s *setting.Setting, name, text string) {
	if err := s.Set(text, name); err != nil {
		r.Problems = append(r.Problems, Problem{Name: name, Text: err.Error()})
	}
}

func checkTermination(text string) error {
	if text != Off && text != On && !filepath.IsAbs(text) {
		return errors.New("expected off, on, or the absolute path that is the container's terminationMessagePath")
	}
	return nil
}
