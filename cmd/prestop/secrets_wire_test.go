package main

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// brokenAnswers are what is no HTTP, at each place where net/http says what it has read. SECRET is what the server repeats.
var brokenAnswers = []string{
	"SECRET\r\n\r\n",
	"HTTP/1.1 SECRET\r\n\r\n",
	"HTTP/1.1 20SECRET OK\r\n\r\n",
	"SECRET 200 OK\r\n\r\n",
	"HTTP/1.1 200 OK\r\nSECRET\r\n\r\n",
	"HTTP/1.1 200 OK\r\n SECRET: x\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX SECRET: x\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX-A: \x00SECRET\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: SECRET\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: SECRET\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: SECRET\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: SECRET\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nSECRET\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nSECRET\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length, SECRET\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 302 Found\r\nLocation: http://SECRET/\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 302 Found\r\nLocation: http://other/SECRET%zz\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 307 SECRET\r\nLocation: //other/SECRET?SECRET#SECRET\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 202 Accepted\r\nLocation: http://SECRET/\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 202 Accepted\r\nLocation: http://joe:SECRET@other/\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 400 SECRET\r\nContent-Type: SECRET\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 101 SECRET\r\nUpgrade: SECRET\r\nConnection: upgrade\r\n\r\n",
	"HTTP/1.1 401 SECRET\r\nWWW-Authenticate: Basic realm=\"SECRET\"\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 103 SECRET\r\nLink: SECRET\r\n\r\nSECRET\r\n\r\n",
	"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x00\x1f\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02SECRET\n", // HTTP/2: settings, and GOAWAY with a text
	"-ERR SECRET\r\n", // Redis
}

// wire answers with the broken answer, and in the encoding, that the path of the request names, or the user who logs in to Redis. With TLS
// the encoding of the names in its certificate is that of the name it is asked for.
func wire(t *testing.T, secret string) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	names := slices.Sorted(maps.Keys(encodings()))
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	secure := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		var e int
		if _, err := fmt.Sscanf(hello.ServerName, "e%d.test", &e); err != nil {
			return nil, err
		}
		text := encodings()[names[e]](secret)
		c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: text}, DNSNames: []string{text}, NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
		if err != nil { // names are of ASCII
			c.DNSNames = nil
			der, err = x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
		}
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
	}}
	answer := func(conn net.Conn) {
		defer conn.Close()
		from := bufio.NewReader(conn)
		switch first, _ := from.Peek(1); string(first) {
		case "\x16":
			_ = tls.Server(peeked{conn, from}, secure).Handshake()
			return
		case "*":
			login := make([]byte, 1<<10)
			n, _ := from.Read(login)
			e, _ := strconv.Atoi(string(regexp.MustCompile(`user(\d+)`).FindSubmatch(login[:n])[1]))
			_, _ = io.WriteString(conn, "-ERR "+encodings()[names[e]](secret)+"\r\n")
			return
		}
		r, err := http.ReadRequest(from)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		var n, e int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d/%d", &n, &e); err != nil {
			return
		}
		_, _ = io.WriteString(conn, strings.ReplaceAll(brokenAnswers[n], "SECRET", encodings()[names[e]](secret)))
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answer(conn)
		}
	}()
	return l.Addr().String()
}

// peeked is a connection whose beginning has been read.
type peeked struct {
	net.Conn
	from io.Reader
}

func (p peeked) Read(to []byte) (int, error) { return p.from.Read(to) }

// What is no HTTP, a certificate for another name, and a refusal of Redis: whatever of it is named, a secret in it is seen by nobody, and
// nothing of it acts on a terminal.
func TestSecretsAreSeenInNoBrokenAnswer(t *testing.T) {
	t.Parallel()
	all := map[string]string{}
	for _, name := range []string{"a password", "a line with blank", "a key in lines", "letters", "a document", "escapes of a URL"} {
		all[name] = secretKinds()[name]
	}
	all["an address"] = secretHead + "a@b" + secretTail
	all["control characters"] = secretHead + "\x1b]0;owned\a\x1b[2J\u009b31m\u202egnp\u2066\x7f\b" + secretTail
	for name, secret := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := sow(t, secret)
			at, user := wire(t, secret), "http://"+url.UserPassword("joe", secret).String()+"@"
			for e := range len(encodings()) {
				lines := []string{fmt.Sprintf("post https://%s/ body=$(VALUE) tls-server-name=e%d.test", at, e),
					fmt.Sprintf("unlock redis://%s key=k value-file=%s/password user=user%d password-file=%[2]s/password", at, g.dir, e)}
				var again []string // steps that try again while there is time
				for n := range brokenAnswers {
					path := fmt.Sprintf("/%d/%d", n, e)
					switch n % 8 {
					case (e + 1) % 8:
						again = append(again, "until http://"+at+path+" max=1ms")
					case (e + 2) % 8:
						again = append(again, "elasticsearch "+user+at+path)
					case (e + 3) % 8:
						again = append(again, "post http://"+at+"/ only-if="+user+at+path)
					default:
						lines = append(lines, "post http://"+at+path+" body=$(VALUE) once")
					}
				}
				env := []string{"VALUE=" + secret}
				g.inProcess(env, lines...)
				g.inProcess(append(env, "PRE_STOP_GRACE_PERIOD_SECONDS=2", fmt.Sprintf("PRE_STOP_REPORT_URL=%s%s/%d/%d", user, at, e, e)), again...)
				if e == 0 {
					g.inProcess(env, append([]string{"--dry-run"}, append(lines, again...)...)...)
				}
			}
			text := unescaped(g.seen.String())
			for _, said := range []string{"malformed HTTP response", "malformed HTTP status code", "malformed HTTP version", "Content-Length", "unsupported transfer encoding", "302 Found", "x509: ", "AUTH is refused", "$(VALUE)"} {
				if !strings.Contains(text, said) {
					t.Errorf("no step says %s: %.3000s", said, text)
				}
			}
			g.searchIn(text)
			for _, r := range g.seen.String() {
				if !strconv.IsPrint(r) && r != '\n' {
					t.Errorf("%q is printed", r)
				}
			}
		})
	}
}

// Who takes the outcome may repeat the path of its URL, which may be the secret of a webhook. That path is in no log.
func TestReportPathIsHidden(t *testing.T) {
	t.Parallel()
	const hidden = "Zx9QwertyA"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/away/"):
			http.Redirect(w, r, "https://"+r.Host+r.URL.Path, http.StatusTemporaryRedirect)
		default:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error": "no channel at %s"}`, r.URL.Path)
		}
	}))
	t.Cleanup(server.Close)
	for _, path := range []string{"/away/T0/", "/T0/"} {
		cmd := exec.Command(builtBinary(t), "wait 10ms")
		cmd.Env = []string{"PRE_STOP_GRACE_PERIOD_SECONDS=6", "PRE_STOP_LOG_TO=stdout", "TMPDIR=" + t.TempDir(), "PRE_STOP_REPORT_URL=" + server.URL + path + hidden}
		out, err := cmd.CombinedOutput()
		if text := string(out); err != nil || strings.Contains(text, hidden) || !strings.Contains(text, "outcome-not-reported") {
			t.Errorf("%s: %v\n%s", path, err, text)
		}
	}
}
