package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const password = "correct horse battery staple"

// secrets are the files that a pod mounts, and the certificate that goes with them.
type secrets struct {
	certificate          tls.Certificate
	caFile, passwordFile string
}

// newSecrets makes a private CA, has it sign a certificate for loopback, and writes the CA and the password to dir.
func newSecrets(dir string) (secrets, error) {
	ca, caKey, err := sign(&x509.Certificate{Subject: pkix.Name{CommonName: "a private CA"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	if err != nil {
		return secrets{}, err
	}
	leaf, leafKey, err := sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: podName},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 2)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, caKey)
	if err != nil {
		return secrets{}, err
	}
	s := secrets{
		certificate: tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: leafKey},
		caFile:      filepath.Join(dir, "ca.crt"), passwordFile: filepath.Join(dir, "password"),
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})
	if err := os.WriteFile(s.caFile, text, 0o600); err != nil {
		return secrets{}, err
	}
	return s, os.WriteFile(s.passwordFile, []byte(password+"\n"), 0o600)
}

// sign makes a certificate that lasts for an hour; without a parent it signs itself.
func sign(c, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if parent == nil {
		parent, parentKey = c, key
	}
	c.SerialNumber, c.BasicConstraintsValid = big.NewInt(time.Now().UnixNano()), true
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey)
	if err != nil {
		return nil, nil, err
	}
	c, err = x509.ParseCertificate(der)
	return c, key, err
}
