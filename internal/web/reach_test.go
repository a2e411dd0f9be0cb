package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/dns"
)

// signer is a CA.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newSigner(t *testing.T, name string, ends time.Time) *signer {
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name, Organization: []string{"Acme"}}, NotBefore: time.Now().Add(-time.Hour), NotAfter: ends,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	s := &signer{key: newKey(t), file: filepath.Join(t.TempDir(), "ca.crt")}
	der, err := x509.CreateCertificate(rand.Reader, form, form, s.key.Public(), s.key)
	if err != nil {
		t.Fatal(err)
	}
	s.cert, _ = x509.ParseCertificate(der)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(s.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (s *signer) sign(t *testing.T, ends time.Time, names ...string) tls.Certificate {
	key := newKey(t)
	form := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, DNSNames: names, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, form, s.cert, key.Public(), s.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der, s.cert.Raw}, PrivateKey: key}
}

func TestReach(t *testing.T) {
	t.Parallel()
	year := time.Now().Add(365 * 24 * time.Hour)
	week := time.Now().Add(7 * 24 * time.Hour)
	ca := newSigner(t, "our CA", year)
	dying := newSigner(t, "our \x1b[31mdying\nCA", week)
	other := newSigner(t, "another CA", year)
	org := newSigner(t, "", year)
	until := func(d time.Time) string { return d.UTC().Format(time.DateOnly) }
	trust := func(s *signer) TLS { return TLS{CAFile: s.file, ServerName: "app.test"} }
	mutual := func(version uint16) *tls.Config {
		clients := x509.NewCertPool()
		clients.AddCert(ca.cert)
		return &tls.Config{Certificates: []tls.Certificate{ca.sign(t, year, "app.test")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MaxVersion: version}
	}
	serves := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	good := []string{"connected to ADDRESS in TIME", "certificate for app.test until " + until(year), `signed by "CN=our CA,O=Acme", trusted by the CA file`}
	unread := func(*http.Request) error { return errors.New("open /token: permission denied") }
	for name, test := range map[string]struct {
		config  *tls.Config // nil: http
		tls     TLS
		auth    Auth
		scheme  string
		lines   []string
		warning string
		err     string
	}{
		"http":                              {scheme: "http", lines: good[:1]},
		"with credentials":                  {scheme: "http", auth: Token("/token", secret("hush")), lines: append(good[:1:1], "credentials read")},
		"credentials unreadable":            {scheme: "http", auth: unread, lines: good[:1], err: "PLACE: open /token: permission denied"},
		"an empty token":                    {scheme: "http", auth: Token("/token", secret("")), err: "PLACE: /token: the token is no single line of text"},
		"our CA":                            {config: serves(ca.sign(t, year, "app.test")), tls: trust(ca), lines: good},
		"ends soon":                         {config: serves(ca.sign(t, week, "app.test")), tls: trust(ca), lines: []string{good[0], "certificate for app.test until " + until(week), good[2]}, warning: "ends in less than 14 days"},
		"its CA ends soon, and has a name":  {config: serves(dying.sign(t, year, "app.test")), tls: trust(dying), lines: []string{good[0], "certificate for app.test until " + until(week), `signed by "CN=our \x1b[31mdying\nCA,O=Acme", trusted by the CA file`}, warning: "ends in less than 14 days"},
		"signed by an organization":         {config: serves(org.sign(t, year, "app.test")), tls: trust(org), lines: []string{good[0], good[1], `signed by "O=Acme", trusted by the CA file`}},
		"has ended":                         {config: serves(ca.sign(t, time.Now().Add(-time.Hour), "app.test")), tls: trust(ca), err: `has expired.*signed by "CN=our CA,O=Acme", expected one for app.test, trusted by the CA file`},
		"of another name":                   {config: serves(ca.sign(t, year, "es.test", "es2.test")), tls: trust(ca), err: "valid for es.test, es2.test, not app.test.*expected one for app.test"},
		"of another CA":                     {config: serves(other.sign(t, year, "app.test")), tls: trust(ca), err: `unknown authority.*signed by "CN=another CA,O=Acme", expected one for app.test, trusted by the CA file`},
		"the system does not know the CA":   {config: serves(ca.sign(t, year, "app.test")), tls: TLS{ServerName: "app.test"}, err: `signed by "CN=our CA,O=Acme", expected one for app.test, trusted by the system's roots`},
		"not verified":                      {config: serves(other.sign(t, time.Now().Add(-time.Hour), "x")), tls: TLS{Insecure: true, ServerName: "app.test"}, lines: []string{good[0], "certificate for app.test until " + until(time.Now().Add(-time.Hour)), `signed by "CN=another CA,O=Acme", not verified`}, warning: "ends in less than 14 days"},
		"asks for our certificate":          {config: mutual(0), tls: trust(ca), err: "PLACE: remote error: tls: certificate required"},
		"asks for our certificate, TLS 1.2": {config: mutual(tls.VersionTLS12), tls: trust(ca), err: "PLACE: remote error: tls: "},
		"http where TLS is expected":        {scheme: "https", tls: trust(ca), err: "PLACE: tls: first record does not look like a TLS handshake"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			scheme := "http"
			if test.config != nil {
				server.TLS, scheme = test.config, "https"
				server.StartTLS()
			} else {
				server.Start()
			}
			t.Cleanup(server.Close)
			if test.scheme != "" {
				scheme = test.scheme
			}
			c := New(dial, test.tls, test.auth)
			if test.err != "" {
				c.alert = time.Minute // it comes
			}
			address := server.Listener.Addr().String()
			route, err := c.Reach(t.Context(), scheme+"://user:hush@"+address+"/drain?token=hush")
			lines := strings.NewReplacer(address, "ADDRESS").Replace(strings.Join(route.Lines, "\n"))
			lines = regexp.MustCompile(` in [0-9.µm]+s`).ReplaceAllString(lines, " in TIME")
			if want := strings.Join(test.lines, "\n"); (test.err == "" || test.lines != nil) && lines != want {
				t.Errorf("lines\n%s\nwant\n%s", lines, want)
			}
			for _, line := range route.Lines {
				if len(line) > 75 {
					t.Errorf("%d columns: %s", len(line), line)
				}
			}
			if !strings.Contains(route.Warning, test.warning) || test.warning == "" && route.Warning != "" {
				t.Errorf("warning %q, want %q", route.Warning, test.warning)
			}
			if want := regexp.MustCompile(strings.ReplaceAll(test.err, "PLACE", scheme+"://"+address)); (err == nil) != (test.err == "") || err != nil && (!want.MatchString(err.Error()) || strings.Contains(err.Error(), "hush")) {
				t.Errorf("error %v, want %s", err, want)
			}
			if asked.Load() > 0 {
				t.Error("something was sent")
			}
		})
	}
}

// A place that cannot be reached may still name a secret, in its certificate for one. It is known as a secret by then.
func TestCredentialsAreReadFirst(t *testing.T) {
	t.Parallel()
	read := false
	c := New(func(context.Context, string, string) (net.Conn, error) {
		return nil, fmt.Errorf("the secret was read: %t", read)
	}, TLS{}, func(*http.Request) error { read = true; return errors.New("unreadable") })
	if route, err := c.Reach(t.Context(), "http://app.test"); err == nil || !strings.HasSuffix(err.Error(), "the secret was read: true") || len(route.Lines) > 0 {
		t.Errorf("%q, %v", route.Lines, err)
	}
}

// Our certificate is taken, and nothing is waited for that does not come.
func TestReachWithACertificate(t *testing.T) {
	t.Parallel()
	ca := newSigner(t, "our CA", time.Now().Add(time.Hour*1000))
	clients := x509.NewCertPool()
	clients.AddCert(ca.cert)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{ca.sign(t, ca.cert.NotAfter, "app.test")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	server.StartTLS()
	t.Cleanup(server.Close)
	for _, by := range []*signer{ca, newSigner(t, "our CA", ca.cert.NotAfter)} { // the second is refused
		c := client(t, nil)
		if err := c.open(&url.URL{Scheme: "https"}); err != nil {
			t.Fatal(err)
		}
		config := c.transport.TLSClientConfig
		config.ServerName, config.RootCAs, config.Certificates = "app.test", clients, []tls.Certificate{by.sign(t, ca.cert.NotAfter)}
		if by != ca {
			c.alert = time.Minute // it comes
		}
		if _, err := c.Reach(t.Context(), server.URL); (err == nil) != (by == ca) {
			t.Error(err)
		}
	}
}

// What connects and says nothing ends with its time, and what was found until then is there.
func TestReachSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := New(swallow, TLS{}, nil)
		ctx, cancel := context.WithTimeoutCause(t.Context(), s, errors.New("no time"))
		defer cancel()
		begin := time.Now()
		route, err := c.Reach(ctx, "https://app.test")
		if took := time.Since(begin); err == nil || err.Error() != "https://app.test: no time" || took != s || len(route.Lines) != 1 {
			t.Errorf("%v after %v, %q", err, took, route.Lines)
		}
	})
}

// swallow connects to somebody who says nothing.
func swallow(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go io.Copy(io.Discard, theirs)
	return ours, nil
}

// Where nobody is, that is said.
func TestReachNobody(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		url, lines, err string
	}{
		{"http://127.0.0.1:1", "", "connection refused"},
		{"http://localhost:1", "resolved to 127.0.0.1 ::1 by nobody: localhost is never asked for", "connection refused"},
		{"http://[::1", "", "the URL cannot be used"},
	} {
		c := New((&dns.Resolver{}).DialContext, TLS{}, nil)
		route, err := c.Reach(t.Context(), test.url)
		if err == nil || !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %v, want %s", test.url, err, test.err)
		}
		if got := strings.Join(route.Lines, "; "); !strings.HasPrefix(got, test.lines) || test.lines == "" && got != "" {
			t.Errorf("%s: %q, want %q", test.url, got, test.lines)
		}
	}
}
