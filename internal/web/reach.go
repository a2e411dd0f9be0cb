package web

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Reach connects to the place of a URL, TLS handshake included, sends nothing, and says how it is
// reached: the address, and who signed the certificate until when.
func (c *Client) Reach(ctx context.Context, rawURL string) (string, error) {
	u, err := ParseURL(rawURL)
	if err != nil {
		return "", fmt.Errorf("the URL cannot be used: %w", err)
	}
	transport := c.http.Transport.(*http.Transport)
	conn, err := transport.DialContext(ctx, "tcp", address(u))
	if err != nil {
		return "", fmt.Errorf("%s: %w", Place(u), err)
	}
	defer conn.Close()
	found := "connected to " + conn.RemoteAddr().String()
	if u.Scheme != "https" {
		return found, nil
	}
	config := transport.TLSClientConfig.Clone()
	if config.ServerName == "" {
		config.ServerName = u.Hostname()
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return "", fmt.Errorf("%s: %w", Place(u), err)
	}
	leaf := secure.ConnectionState().PeerCertificates[0]
	return fmt.Sprintf("%s, certificate signed by %q until %s", found, leaf.Issuer, leaf.NotAfter.UTC().Format(time.DateOnly)), nil
}

func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", Unix: "80"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
