package fakees

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serve puts a cluster on a real connection, with or without TLS.
func serve(t *testing.T, c *Cluster, secure bool) (*http.Client, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(c.NodeHandler("es-0"))
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(func() {
		c.Close()
		server.Close()
	})
	return server.Client(), server.URL
}

func put(ctx context.Context, client *http.Client, url string) (*http.Response, string, error) {
	r, err := http.NewRequestWithContext(ctx, "PUT", url+"/_nodes/x/shutdown", strings.NewReader(restart))
	if err != nil {
		return nil, "", err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response, string(body), err
}

func TestTransportFaults(t *testing.T) {
	t.Parallel()
	const acknowledged = `{"acknowledged":true}`
	ended := func(err error) bool {
		return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	}
	slow := func(err error) bool { return errors.Is(err, context.Canceled) }
	none := func(err error) bool { return err == nil }
	for _, test := range []struct {
		name    string
		effect  Effect
		is      func(error) bool
		body    string // what was read of it
		applied bool
		patient bool
	}{
		{"reset", Reset(), ended, "", false, true},
		{"lost answer", LoseAnswer(), ended, "", true, true},
		{"cut body", CutBody(), ended, acknowledged[:10], true, true},
		{"hang", Hang(), slow, "", false, false},
		{"hang in body", HangInBody(), slow, acknowledged[:10], true, false},
		{"slow body", DripBody(time.Hour), slow, "", true, false},
		{"slow head", DripHead(time.Hour), slow, "", true, false},
		{"dripping body", DripBody(time.Microsecond), none, acknowledged, true, true},
		{"dripping head", DripHead(time.Microsecond), none, acknowledged, true, true},
		{"endless body", EndlessBody(), none, strings.Repeat("x", 1<<20), false, true},
		{"chunked", Chunked(), none, acknowledged, true, true},
		{"close", CloseConnection(), none, acknowledged, true, true},
		{"dropped when idle", DropIdle(), none, acknowledged, true, true},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(test.name+map[bool]string{true: " over TLS"}[secure], func(t *testing.T) {
				t.Parallel()
				c, _, _ := cluster(t, "9.4.0")
				client, url := serve(t, c, secure)
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				c.Fail(Fault{Effect: func(x *Exchange) {
					if !test.patient {
						time.AfterFunc(300*time.Millisecond, cancel)
					}
					test.effect(x)
				}})
				_, body, err := put(ctx, client, url)
				if !test.is(err) {
					t.Errorf("error is %v", err)
				}
				if len(body) != len(test.body) || err != nil && body != test.body {
					t.Errorf("body is %.40q (%d bytes), want %.40q", body, len(body), test.body)
				}
				if _, ok := c.Record("x"); ok != test.applied {
					t.Errorf("applied: have %v, want %v", ok, test.applied)
				}
			})
		}
	}
}

func TestAnswerHead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		effect           Effect
		chunked, closing bool
	}{
		{nil, false, false},
		{Chunked(), true, false},
		{CloseConnection(), false, true},
		{DropIdle(), false, false},
	} {
		c, _, _ := cluster(t, "9.4.0")
		client, url := serve(t, c, false)
		if test.effect != nil {
			c.Fail(Fault{Effect: test.effect})
		}
		response, _, err := put(t.Context(), client, url)
		if err != nil {
			t.Fatal(err)
		}
		if (len(response.TransferEncoding) > 0) != test.chunked || response.Close != test.closing {
			t.Errorf("chunked %v, closing %v, want %+v", response.TransferEncoding, response.Close, test)
		}
		if have := response.Header.Get("X-Elastic-Product"); have != "Elasticsearch" {
			t.Errorf("product header: have %q", have)
		}
		if have := c.Requests()[0].Status; have != 200 {
			t.Errorf("noted status %d, want 200", have)
		}
	}
}

// A connection that was closed while idle is noticed by the next request at the latest.
func TestDropIdleClosesTheConnection(t *testing.T) {
	t.Parallel()
	c, _, _ := cluster(t, "9.4.0")
	_, url := serve(t, c, false)
	c.Fail(Fault{Times: 1, Effect: DropIdle()})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(conn) // ends only when the other side closes
	if err != nil || !strings.HasPrefix(string(all), "HTTP/1.1 200 OK\r\n") || strings.Contains(string(all), "Connection:") {
		t.Errorf("have %q, %v", all, err)
	}
}

func TestCertificateIsNoted(t *testing.T) {
	t.Parallel()
	c, _, _ := cluster(t, "9.4.0")
	server := httptest.NewUnstartedServer(c.NodeHandler("es-0"))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	client := server.Client()
	client.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{certificate(t, "hook")}
	if _, _, err := put(t.Context(), client, server.URL); err != nil {
		t.Fatal(err)
	}
	if have := c.Requests()[0].Certificate; have != "hook" {
		t.Errorf("have %q, want hook", have)
	}
}

func certificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
