package shutdown

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/testbuffer"
	"github.com/prestop/prestop/internal/testexpect"
	"github.com/prestop/prestop/internal/web"
)

// lockHost is whom certificates are for; lockDial finds it.
const lockHost = "lock.test"

// lockDial connects to address, whatever host is asked for.
func lockDial(address string) web.Dial {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}

// endsWithItsShare checks steps that a server leaves without an answer: they end with their share of the time, which is shorter than
// what one try may take. When exactly is shown in a bubble, by [TestUnlockEndsInTime].
func endsWithItsShare(t *testing.T, steps ...stepFunc) {
	t.Helper()
	const share = 300 * time.Millisecond
	for n, do := range steps {
		begin := time.Now()
		if err := inTime(t, share, &testbuffer.Buffer{}, do); !errors.Is(err, errShare) {
			t.Errorf("step %d: %v", n, err)
		}
		testexpect.Took(t, time.Since(begin), share/2, soon/2)
	}
}

// A server that takes connections and says nothing holds nobody longer than his share.
func TestUnlockEndsInTime(t *testing.T) {
	for name, steps := range map[string]func(*testing.T) []stepFunc{
		"etcd": func(t *testing.T) []stepFunc {
			n := newNetwork()
			n.serve(t, "etcd:2379", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body) // only then it is seen that the client has gone
				<-r.Context().Done()
			}))
			lease := &EtcdLease{Client: n.client(t, nil), URL: "http://etcd:2379", Lease: secretText("5")}
			return []stepFunc{lease.Run, checking(lease)}
		},
		"redis": func(*testing.T) []stepFunc {
			lock := lockAt("redis:6379")
			lock.Dial = func(context.Context, string, string) (net.Conn, error) {
				here, there := net.Pipe()
				go io.Copy(io.Discard, there)
				return here, nil
			}
			return []stepFunc{lock.Run, checking(lock)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const share = 300 * time.Millisecond
				for n, do := range steps(t) {
					begin := time.Now()
					if err := inTime(t, share, &testbuffer.Buffer{}, do); !errors.Is(err, errShare) {
						t.Errorf("step %d: %v", n, err)
					}
					testexpect.Took(t, time.Since(begin), share, share)
				}
			})
		})
	}
}

func secretText(s string) web.Secret { return func() (string, error) { return s, nil } }

// lockCA is a certificate authority whose certificates are files.
type lockCA struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newLockCA(t *testing.T) *lockCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &lockCA{t: t, dir: t.TempDir(), key: key, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}}
	ca.file, _ = ca.sign("ca", ca.cert, key)
	return ca
}

// issue makes a certificate that is fit for servers and clients.
func (ca *lockCA) issue(name string) (certFile, keyFile string) {
	ca.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		ca.t.Fatal(err)
	}
	return ca.sign(name, &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, key)
}

func (ca *lockCA) sign(name string, cert *x509.Certificate, key *ecdsa.PrivateKey) (certFile, keyFile string) {
	ca.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, ca.cert, key.Public(), ca.key)
	if err != nil {
		ca.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		ca.t.Fatal(err)
	}
	return ca.write(name+".crt", "CERTIFICATE", der), ca.write(name+".key", "PRIVATE KEY", secret)
}

func (ca *lockCA) write(name, kind string, der []byte) string {
	ca.t.Helper()
	path := filepath.Join(ca.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		ca.t.Fatal(err)
	}
	return path
}

// lockOutcome looks at what came of a Run or Check.
func lockOutcome(t *testing.T, err error, log *testbuffer.Buffer, wantErr, wantLog string, secrets ...string) {
	t.Helper()
	switch {
	case wantErr == "" && err != nil, wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr)):
		t.Errorf("error %v, expected %q", err, wantErr)
	case wantLog != "" && log.Count(wantLog) != 1:
		t.Errorf("the log has not %q once:\n%s", wantLog, log)
	}
	for _, secret := range secrets {
		if err != nil && strings.Contains(err.Error(), secret) || strings.Contains(log.String(), secret) {
			t.Errorf("%q is said: %v\n%s", secret, err, log)
		}
	}
}

func TestServerText(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"ERR no":                             "ERR no",
		"a\r\nb\x00c\xff":                    "a b c",
		"it is hush-hush":                    "a text that holds a secret, not shown",
		strings.Repeat("x", maxServerText+1): "a text of 301 bytes, not shown",
		"":                                   "",
		string(bytes.Repeat([]byte{0}, 1000)) + "a": "a",
	} {
		if got := serverText(given, "", "hush"); got != want {
			t.Errorf("%q: %q, expected %q", given, got, want)
		}
	}
}
