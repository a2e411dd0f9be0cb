package web

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/prestop/prestop/internal/dns"
)

// A Route is how a place is reached, in lines for a person.
type Route struct {
	Lines   []string
	Warning string // of a certificate that ends soon; empty: none
}

func (r *Route) add(line string) { r.Lines = append(r.Lines, line) }

// Reach connects to the place of a URL, TLS handshake included, and reads the credentials. It sends no request. The Route says how the
// host was resolved, which address answered, what certificate the server has, who signed it and until when it holds. After an error, the
// Route has what was found out before.
func (c *Client) Reach(ctx context.Context, rawURL string) (r Route, err error) {
	u, err := ParseURL(rawURL)
	if err != nil {
		return r, fmt.Errorf("the URL cannot be used: %w", err)
	}
	if err := c.open(u); err != nil {
		return r, err
	}
	req := &http.Request{Header: http.Header{}, URL: u}
	var unread error
	if c.auth != nil {
		unread = c.auth(req) // before the place says anything: from here on the secret is known as one
	}
	if err = r.reach(ctx, c, u); err == nil && c.auth != nil {
		if err = unread; err == nil {
			r.add("credentials read")
		}
	}
	if err != nil {
		err = c.explain(ctx, req, err)
	}
	return r, err
}

func (r *Route) reach(ctx context.Context, c *Client, u *url.URL) error {
	begin := time.Now()
	conn, err := c.transport.DialContext(dns.Looking(ctx, func(line string) {
		r.add(line)
		begin = time.Now()
	}), "tcp", address(u))
	if err != nil {
		return err
	}
	defer conn.Close()
	r.add("connected to " + conn.RemoteAddr().String() + " in " + time.Since(begin).Round(100*time.Microsecond).String())
	if u.Scheme != "https" {
		return nil
	}
	config := c.transport.TLSClientConfig
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = u.Hostname()
	}
	return r.shake(ctx, tls.Client(conn, config), config, c.alert)
}

// alertTime is how long a server has to refuse our certificate, or the lack of one. With TLS 1.3 it says so only after the handshake.
const alertTime = 100 * time.Millisecond

func (r *Route) shake(ctx context.Context, conn *tls.Conn, config *tls.Config, alert time.Duration) error {
	if err := conn.HandshakeContext(ctx); err != nil {
		return untrusted(config, err)
	}
	r.certificate(conn.ConnectionState(), config)
	conn.SetReadDeadline(time.Now().Add(alert))
	if _, err := conn.Read(make([]byte, 1)); Final(err) {
		return err
	}
	return nil
}

// soon is how long before a certificate's end the warnings begin.
const soon = 14 * 24 * time.Hour

// certificate says what the server's certificate is. It holds only as long as all certificates that it rests on.
func (r *Route) certificate(s tls.ConnectionState, config *tls.Config) {
	leaf, trusted := s.PeerCertificates[0], "trusted by "+authority(config)
	ends := leaf.NotAfter.Unix()
	if len(s.VerifiedChains) > 0 {
		for _, signer := range s.VerifiedChains[0] {
			ends = min(ends, signer.NotAfter.Unix())
		}
	} else if config.VerifyConnection == nil {
		trusted = "not verified"
	}
	end := time.Unix(ends, 0)
	r.add("certificate for " + config.ServerName + " until " + end.UTC().Format(time.DateOnly))
	r.add(fmt.Sprintf("signed by %q, %s", signerOf(leaf), trusted))
	if time.Until(end) < soon {
		r.Warning = "the certificate, or one that it rests on, ends in less than 14 days"
	}
}

// untrusted adds to the error of a refused certificate who signed it, and who should have signed it.
func untrusted(config *tls.Config, err error) error {
	if refused, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("%w; signed by %q, expected one for %s, trusted by %s", err,
			signerOf(refused.UnverifiedCertificates[0]), config.ServerName, authority(config))
	}
	return err
}

// signerOf says who signed a certificate. It gives more than the common name, since some signers have none.
func signerOf(c *x509.Certificate) string { return c.Issuer.String() }

func authority(config *tls.Config) string {
	if config.RootCAs == nil {
		return "the system's roots"
	}
	return "the CA file"
}

func address(u *url.URL) string {
	port := "80"
	if u.Scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))
}
