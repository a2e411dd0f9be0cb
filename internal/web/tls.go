package web

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/prestop/prestop/internal/regular"
)

// TLS says how a place is verified and how we identify ourselves to it. All files are PEM.
type TLS struct {
	// CAFile replaces the system's roots, which cost 4 MB of memory to read.
	CAFile string
	// CertFile and KeyFile are our client certificate.
	CertFile, KeyFile string
	// ServerName is verified instead of the URL's host.
	ServerName string
	// LeafFile is a certificate that is accepted as it is, whoever signed it and whatever name it bears.
	LeafFile string
	// Insecure verifies nothing.
	Insecure bool
}

// Config is t as crypto/tls takes it. A place that does not speak HTTP needs it too. It fails if a file cannot be read.
func (t TLS) Config() (*tls.Config, error) {
	config := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.Insecure, MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		roots, err := certificates(t.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		for _, c := range roots {
			config.RootCAs.AddCert(c)
		}
	}
	if t.CertFile != "" {
		pair, err := keyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("client certificate %s with key %s: %w", t.CertFile, t.KeyFile, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if t.LeafFile != "" && !t.Insecure {
		return config, acceptLeaf(config, t.LeafFile)
	}
	return config, nil
}

// keyPair reads regular files alone: a device has no end, and a FIFO may never be written to.
func keyPair(certFile, keyFile string) (pair tls.Certificate, err error) {
	cert, errCert := regular.Read(certFile)
	key, errKey := regular.Read(keyFile)
	if err := cmp.Or(errCert, errKey); err != nil {
		return pair, err
	}
	return tls.X509KeyPair(cert, key)
}

// acceptLeaf accepts the certificate in file. It does the standard verification itself for all other certificates.
func acceptLeaf(config *tls.Config, file string) error {
	chain, err := certificates(file)
	if err != nil {
		return err
	}
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(s tls.ConnectionState) error {
		leaf := s.PeerCertificates[0]
		if bytes.Equal(leaf.Raw, chain[0].Raw) {
			return nil
		}
		name := cmp.Or(config.ServerName, s.ServerName) // the connection's is empty for an IP address
		if name == "" {
			return errors.New("no server name to verify the certificate for")
		}
		options := x509.VerifyOptions{Roots: config.RootCAs, DNSName: name, Intermediates: x509.NewCertPool()}
		for _, c := range s.PeerCertificates[1:] {
			options.Intermediates.AddCert(c)
		}
		if _, err := leaf.Verify(options); err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
		}
		return nil
	}
	return nil
}

// certificates reads a file that has one certificate at least.
func certificates(file string) ([]*x509.Certificate, error) {
	text, err := regular.Read(file)
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: expected a certificate in PEM, found none", file)
	}
	return all, nil
}
