package shutdown

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/regular"
	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// UnlockVerb is the step that releases a lock in Redis or a lease in etcd.
func UnlockVerb() *step.Verb {
	return &step.Verb{Name: "unlock", Target: "URL",
		Options: []string{"key", "value-file", "lease-file", "user", "password-file", "ca-file", "cert-file", "key-file", "timeout"},
		Does:    "releases a lock in Redis (redis://HOST) or a lease in etcd (etcd://HOST), only if it is still ours", Parse: parseUnlock}
}

// lockSpec is a RedisLock or an EtcdLease as its step describes it.
type lockSpec struct {
	url                *url.URL // its scheme is one of lockPorts, and it has a port
	secure             bool
	tls                web.TLS
	user, passwordFile string
	timeout            time.Duration

	key, valueFile string // of Redis
	db             int
	leaseFile      string // of etcd
}

// lockPorts has the schemes, each with its default port.
var lockPorts = map[string]string{"redis": "6379", "rediss": "6379", "etcd": "2379", "etcds": "2379"}

func parseUnlock(l *grammar.Line) (*step.Spec, error) {
	w, err := l.Target("redis://HOST or etcd://HOST", "")
	if err != nil {
		return nil, err
	}
	s, path, err := parseLock(l, w)
	if err == nil {
		err = s.options(l)
	}
	switch {
	case err != nil:
		return nil, err
	case s.redis():
		err = s.redisLock(l, w, path)
	default:
		err = s.etcdLease(l, w, path)
	}
	n := step.Needs{Least: step.CallTime, Most: step.CallMost, Calls: []step.Call{{URL: s.url, Timeout: s.timeout}},
		Reads: request.Files(s.valueFile, s.leaseFile, s.passwordFile, s.tls.CAFile, s.tls.CertFile, s.tls.KeyFile)}
	return n.Spec(s), err
}

// parseLock reads the URL, and gives its path without slashes.
func parseLock(l *grammar.Line, w *grammar.Word) (s *lockSpec, path string, err error) {
	const expected = "expected redis://HOST, rediss://HOST, etcd://HOST or etcds://HOST (with an s: TLS)"
	if w, err = w.With(grammar.InURL); err != nil {
		return nil, "", err
	}
	u, err := url.Parse(w.Text)
	switch {
	case err != nil && web.WrongPort(w.Text):
		return nil, "", w.Expected("expected a port from 1 to 65535 after the host, as in redis://HOST:6379")
	case err != nil:
		return nil, "", w.Expected("%s; this one cannot be read", expected)
	}
	port, known := lockPorts[u.Scheme]
	_, password := u.User.Password()
	switch {
	case !known || u.Hostname() == "" || strings.Contains(u.Host, ",") || u.RawQuery != "" || u.Fragment != "":
		l.HideURL(w, u)
		return nil, "", w.Expected("%s", expected)
	case password:
		l.HideURL(w, u)
		return nil, "", w.Expected("expected no password in the URL: password-file=FILE keeps it out of the pod's spec")
	case u.Port() != "" || strings.HasSuffix(u.Host, ":"):
		port = u.Port()
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, "", w.Expected("expected a port from 1 to 65535, got %s", w.Got())
	}
	s = &lockSpec{secure: u.Scheme == "rediss" || u.Scheme == "etcds", user: u.User.Username()}
	s.url = &url.URL{Scheme: u.Scheme, Host: net.JoinHostPort(u.Hostname(), port)}
	return s, strings.Trim(u.Path, "/"), nil
}

func (s *lockSpec) redis() bool { return strings.HasPrefix(s.url.Scheme, "redis") }

func (s *lockSpec) options(l *grammar.Line) (err error) {
	instead := ""
	if !s.secure {
		instead = fmt.Sprintf("TLS, %ss://HOST", s.url.Scheme)
	}
	for n := range l.Options {
		o := &l.Options[n]
		switch o.Key {
		case "user":
			if s.user != "" {
				return o.Expected("expected the user once: in the URL, or in user=")
			}
			s.user = o.Value
		case "password-file":
			s.passwordFile, err = o.File()
		case "timeout":
			s.timeout, err = o.Positive()
		default:
			err = request.TLSOption(l, o, &s.tls, instead)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// need is the value of an option that must be there. others are options for the other kind of server, and must not be there.
func (s *lockSpec) need(l *grammar.Line, w *grammar.Word, name, purpose string, others ...string) (string, error) {
	for _, other := range others {
		if o, ok := l.Option(other); ok {
			return "", o.Expected("%s= does not go with %s://", other, s.url.Scheme)
		}
	}
	o, ok := l.Option(name)
	if !ok || o.Value == "" {
		return "", w.Expected("expected %s=, %s", name, purpose)
	}
	return o.Value, nil
}

func (s *lockSpec) redisLock(l *grammar.Line, w *grammar.Word, database string) (err error) {
	if s.key, err = s.need(l, w, "key", "the lock's key", "lease-file"); err != nil {
		return err
	}
	if s.valueFile, err = s.need(l, w, "value-file", "a file that holds the lock's value"); err != nil || database == "" {
		return err
	}
	n, err := strconv.ParseUint(database, 10, 16)
	if err != nil {
		return w.Expected("expected the number of a database, as in redis://HOST/1, got %s", w.Got())
	}
	s.db = int(n)
	return nil
}

func (s *lockSpec) etcdLease(l *grammar.Line, w *grammar.Word, path string) (err error) {
	if s.leaseFile, err = s.need(l, w, "lease-file", "a file that holds the lease's id", "key", "value-file"); err != nil {
		return err
	}
	if path != "" {
		return w.Expected("expected no path, as in etcd://HOST, got %s", w.Got())
	}
	return nil
}

func (s *lockSpec) Bind(m *step.Means) (step.Deed, error) {
	var password web.Secret
	if s.passwordFile != "" {
		password = m.Password(s.user, s.passwordFile)
	}
	if s.redis() {
		r := &RedisLock{Dial: m.Dial, Address: s.url.Host, User: s.user, Password: password, DB: s.db, Key: s.key, Value: m.Secret(s.valueFile), Timeout: s.timeout}
		if s.secure {
			r.TLS = s.tls.Config
		}
		return r, nil
	}
	at := url.URL{Scheme: "http", Host: s.url.Host}
	if s.secure {
		at.Scheme = "https"
	}
	return &EtcdLease{Client: request.Client(m, s.tls, nil), URL: at.String(), User: s.user, Password: password, Lease: leaseFile(s.leaseFile), Timeout: s.timeout}, nil
}

// leaseFile reads a lease's id, which is no secret: the log names it.
func leaseFile(path string) web.Secret {
	return func() (string, error) {
		text, err := regular.Read(path)
		return string(text), err
	}
}

// What the log and the dry run say of a lock or a lease.
const (
	lockReleased = "released"
	lockOurs     = "held by us"
	lockGone     = "no longer held"
	lockAnothers = "held by another by now: left alone"
)

const maxServerText = 300

// serverText is what a server said, for an error. It is on one line, and whole or not at all: the server may repeat a secret, and nobody
// recognises half of one.
func serverText(text string, secrets ...string) string {
	text = web.OneLine(text)
	if len(text) > maxServerText {
		return fmt.Sprintf("a text of %d bytes, not shown", len(text))
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			return "a text that holds a secret, not shown"
		}
	}
	return text
}
