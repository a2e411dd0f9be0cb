package request

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/step"
)

// asking is a verb of a request, whose URL is the line's target.
func asking(read *Spec) *step.Verb {
	return &step.Verb{Name: "ask", Target: "URL", Options: Options(), Parse: func(l *grammar.Line) (*step.Spec, error) {
		w, err := l.Target("a URL", "")
		if err == nil {
			*read, err = Parse(l, http.MethodGet, w)
		}
		return nil, err
	}}
}

func understand(line string) (Spec, error) {
	var read Spec
	_, _, _, err := parse.Line([]*step.Verb{asking(&read)}, line, func(string) (string, bool) { return "", false })
	return read, err
}

// means connects for real, and reads no secrets.
func means(t *testing.T) *step.Means {
	return &step.Means{Dial: new(net.Dialer).DialContext, Keep: func(end func()) { t.Cleanup(end) }}
}

// authority writes ca.pem, and signs what is written as NAME.pem and NAME.key for one name, valid for a day.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.issue(t, "ca", nil, nil)
	return a
}

func (a *authority) issue(t *testing.T, name string, by *x509.Certificate, with *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(24 * time.Hour), IsCA: by == nil, BasicConstraintsValid: true}
	if by == nil {
		by, with = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, with)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, a.file(name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, a.file(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}))
	return cert, key
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A server that wants client certificates gets ours, and its own is verified for the name that the step gives.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	a.issue(t, "service", a.cert, a.key)
	a.issue(t, "web-0", a.cert, a.key)
	own, err := tls.LoadX509KeyPair(a.file("service.pem"), a.file("service.key"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.TLS.PeerCertificates[0].Subject.CommonName, " ", r.TLS.ServerName)
	}))
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots}
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := " ca-file=" + a.file("ca.pem")
	ours := " cert-file=" + a.file("web-0.pem") + " key-file=" + a.file("web-0.key")
	for _, test := range []struct{ options, want, err string }{
		{ca + ours + " tls-server-name=service", "web-0 service", ""},
		{ca + " tls-server-name=service", "", "certificate required"},
		{ca + ours, "", "cannot validate certificate for 127.0.0.1"},
		{ca + ours + " tls-server-name=other", "", "not other"},
		{ours + " tls-server-name=service", "", "unknown authority"},
		{ca + " tls-server-name=service cert-file=" + a.file("web-0.pem") + " key-file=" + a.file("service.key"), "", "private key does not match"},
		{ca + " tls-server-name=service cert-file=/nowhere key-file=/nowhere", "", "/nowhere"},
	} {
		s, err := understand("ask " + server.URL + test.options)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := s.Client(means(t)).Send(t.Context(), s.Request)
		got := string(answer.Body)
		if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %q, %v; want %q, %q", test.options, got, err, test.want, test.err)
		}
	}
}

func TestTLSOptions(t *testing.T) {
	t.Parallel()
	s, err := understand("ask https://app/ ca-file=/c cert-file=/d key-file=/e tls-server-name=n token-file=/t")
	if err != nil || !slices.Equal(s.Files(), []string{"/t", "/c", "/d", "/e"}) || s.TLS.ServerName != "n" {
		t.Errorf("%+v, %v", s, err)
	}
	for line, want := range map[string]string{
		"ask https://app/ cert-file=/d":                "column 18: cert-file= needs key-file=",
		"ask https://app/ key-file=/d":                 "column 18: key-file= needs cert-file=",
		"ask https://app/ ca-file=":                    "column 18: ca-file: expected a file's path, got nothing",
		"ask https://app/ cert-file= key-file=/d":      "column 18: cert-file: expected a file's path, got nothing",
		"ask https://app/ tls-server-name=":            "column 18: tls-server-name: expected a host's name, got nothing",
		"ask http://app/ tls-server-name=n":            "column 17: tls-server-name= goes with https://",
		"ask http+unix:/a:/b cert-file=/d key-file=/e": "column 21: cert-file= goes with https://",
		"ask http://app/ key-file=/e cert-file=/d":     "column 17: key-file= goes with https://",
		"ask https://app/ cert_file=/d":                "column 18: expected an option or the end of the step, got \"cert_file=/d\"; did you mean cert-file=?",
	} {
		if _, err := understand(line); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}
