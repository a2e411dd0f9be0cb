package main

import (
	"crypto/tls"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/line"
	"github.com/prestop/prestop/internal/regular"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
	"github.com/prestop/prestop/shutdown"
)

// lock is an unlock step, taken apart.
type lock struct {
	parsed
	url     *url.URL
	host    string // with its port
	secure  bool
	tls     web.TLS
	user    string
	timeout time.Duration
}

func (b *builder) unlock(p parsed) (prestop.Entry, error) {
	w, err := p.target("redis://HOST or etcd://HOST")
	if err != nil {
		return prestop.Entry{}, err
	}
	l, err := p.lock(w)
	if err != nil {
		return prestop.Entry{}, err
	}
	var step prestop.Step
	if strings.HasPrefix(l.url.Scheme, "redis") {
		step, err = b.redisLock(w, l)
	} else {
		step, err = b.etcdLease(w, l)
	}
	return callEntry(step), err
}

// leaseFile reads a lease's id, which is no secret: the log names it.
func leaseFile(path string) web.Secret {
	return func() (string, error) {
		text, err := regular.Read(path)
		return string(text), err
	}
}

// lockPorts are the schemes, and the port where the URL has none.
var lockPorts = map[string]string{"redis": "6379", "rediss": "6379", "etcd": "2379", "etcds": "2379"}

func (p parsed) lock(w line.Word) (l lock, err error) {
	const expected = "expected redis://HOST, rediss://HOST, etcd://HOST or etcds://HOST (with an s: TLS)"
	u, err := url.Parse(w.Text)
	switch {
	case err != nil:
		return l, w.Expected("%s; this one cannot be read", expected)
	case lockPorts[u.Scheme] == "" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		return l, w.Expected("%s", expected)
	}
	if _, inURL := u.User.Password(); inURL {
		return l, w.Expected("expected no password in the URL: password-file=FILE keeps it out of the pod's spec")
	}
	port := u.Port()
	if port == "" {
		port = lockPorts[u.Scheme]
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return l, w.Expected("expected a port from 1 to 65535, got %s", port)
	}
	l = lock{parsed: p, url: u, host: net.JoinHostPort(u.Hostname(), port), secure: u.Scheme == "rediss" || u.Scheme == "etcds", user: u.User.Username()}
	return l, l.readOptions()
}

func (l *lock) readOptions() (err error) {
	for _, o := range l.options {
		switch o.Key {
		case "user":
			l.user = o.Value
		case "ca-file":
			l.tls.CAFile = o.Value
		case "cert-file":
			l.tls.CertFile = o.Value
		case "key-file":
			l.tls.KeyFile = o.Value
		case "timeout":
			if l.timeout, err = positive(o); err != nil {
				return err
			}
		}
		if !l.secure && slices.Contains([]string{"ca-file", "cert-file", "key-file"}, o.Key) {
			return o.Expected("%s= goes with TLS, %ss://%s", o.Key, l.url.Scheme, l.url.Host)
		}
	}
	cert, hasCert := l.option("cert-file")
	key, hasKey := l.option("key-file")
	switch {
	case hasCert && !hasKey:
		return cert.Expected("cert-file= needs key-file=")
	case hasKey && !hasCert:
		return key.Expected("key-file= needs cert-file=")
	}
	return nil
}

// file is the option that must be there, and the one of the other kind of server that must not.
func (l lock) file(w line.Word, name, purpose string, others ...string) (line.Option, error) {
	for _, other := range others {
		if o, ok := l.option(other); ok {
			return o, o.Expected("%s= does not go with %s://", other, l.url.Scheme)
		}
	}
	o, ok := l.option(name)
	if !ok || o.Value == "" {
		return o, w.Expected("expected %s=, %s", name, purpose)
	}
	return o, nil
}

func (b *builder) password(l lock) web.Secret {
	o, ok := l.option("password-file")
	if !ok {
		return nil
	}
	return b.hide.password(l.user, o.Value)
}

func (b *builder) redisLock(w line.Word, l lock) (prestop.Step, error) {
	key, err := l.file(w, "key", "the lock's key", "lease-file")
	if err != nil {
		return nil, err
	}
	value, err := l.file(w, "value-file", "a file that holds the lock's value")
	if err != nil {
		return nil, err
	}
	r := shutdown.RedisLock{Dial: b.resolver.DialContext, Address: l.host, User: l.user, Password: b.password(l), Key: key.Value, Value: b.hide.file(value.Value), Timeout: l.timeout}
	if l.secure {
		r.TLS = func() (*tls.Config, error) { return l.tls.Config() }
	}
	if database := strings.Trim(l.url.Path, "/"); database != "" {
		n, err := strconv.ParseUint(database, 10, 16)
		if err != nil {
			return nil, w.Expected("expected the number of a database, as in redis://HOST/1, got %q", database)
		}
		r.DB = int(n)
	}
	return r, nil
}

func (b *builder) etcdLease(w line.Word, l lock) (prestop.Step, error) {
	lease, err := l.file(w, "lease-file", "a file that holds the lease's id", "key", "value-file")
	if err != nil {
		return nil, err
	}
	if strings.Trim(l.url.Path, "/") != "" {
		return nil, w.Expected("expected no path, as in etcd://HOST, got %q", l.url.Path)
	}
	scheme := "http://"
	if l.secure {
		scheme = "https://"
	}
	return shutdown.EtcdLease{Connect: b.connect(l.tls, nil), URL: scheme + l.host, User: l.user, Password: b.password(l), Lease: leaseFile(lease.Value), Timeout: l.timeout}, nil
}
