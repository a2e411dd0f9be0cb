package cluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// An authority issues the cluster's certificates. They are good for a day.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  crypto.Signer
}

// newAuthority makes an authority. Its own certificate is dir/ca.crt.
func newAuthority(dir string) (*authority, error) {
	a := &authority{dir: dir}
	a.cert = &x509.Certificate{
		Subject: pkix.Name{CommonName: "e2e-ca"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key, err := a.issue("ca", a.cert)
	if err != nil {
		return nil, err
	}
	a.key = key
	return a, nil
}

// client issues a certificate for a user of the API server.
func (a *authority) client(file, user string, groups ...string) error {
	_, err := a.issue(file, &x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}

func (a *authority) server(file string, names []string, ips ...net.IP) error {
	_, err := a.issue(file, &x509.Certificate{
		Subject: pkix.Name{CommonName: file}, DNSNames: names, IPAddresses: ips,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err
}

// issue writes dir/file.crt and dir/file.key.
func (a *authority) issue(file string, cert *x509.Certificate) (crypto.Signer, error) {
	key, err := writeKey(filepath.Join(a.dir, file+".key"))
	if err != nil {
		return nil, err
	}
	signer := crypto.Signer(key)
	if a.key != nil {
		signer = a.key
	}
	cert.SerialNumber = big.NewInt(time.Now().UnixNano())
	cert.NotBefore, cert.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	return key, writePEM(filepath.Join(a.dir, file+".crt"), "CERTIFICATE", der)
}

// writeKey makes a private key and writes it.
func writeKey(file string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(file, "EC PRIVATE KEY", der)
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
