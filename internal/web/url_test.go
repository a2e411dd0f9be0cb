package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	tests := []struct{ text, place, path, err string }{
		{"http://localhost:8080/a?b=c", "http://localhost:8080", "/a?b=c", ""},
		{"https://[::1]:9200", "https://[::1]:9200", "", ""},
		{"http+unix:/run/admin.sock:/healthcheck/fail", "http+unix:/run/admin.sock", "/healthcheck/fail", ""},
		{"http+unix:/run/admin.sock:/stats?filter=^a%24", "http+unix:/run/admin.sock", "/stats?filter=^a%24", ""},
		{"http+unix://%2Frun%2Fadmin.sock/drain?a=b", "http+unix:/run/admin.sock", "/drain?a=b", ""},
		{"http+unix://%2frun%2fadmin.sock", "http+unix:/run/admin.sock", "/", ""},
		{"http+unix://%2frun%2fadmin.sock?a", "http+unix:/run/admin.sock", "/?a", ""},
		{"http+unix:/run/admin.sock:/drain?a=b#c", "http+unix:/run/admin.sock", "/drain?a=b", ""},
		{"http+unix:/run/admin.sock:/drain#c", "http+unix:/run/admin.sock", "/drain", ""},
		{"http+unix:/run/admin.sock://drain", "http+unix:/run/admin.sock", "//drain", ""},
		{"http+unix://%2Frun%2Fadmin.sock#c", "http+unix:/run/admin.sock", "/", ""},
		{"http+unix:/run/admin.sock", "", "", errUnix.Error()},
		{"http+unix:/run/admin.sock:drain", "", "", errUnix.Error()},
		{"http+unix:run/admin.sock:/drain", "", "", errUnix.Error()},
		{"http+unix:///run/admin.sock:/drain", "", "", errUnix.Error()},
		{"http+unix://localhost/drain", "", "", errUnix.Error()},
		{"http+unix://%2", "", "", errUnix.Error()},
		{"http+unix:/run/ü.sock:/drain", "", "", errUnix.Error()},
		{"http+unix:/run/a b.sock:/drain", "", "", errUnix.Error()},
		{"http+unix:/run/a.sock:/drain?a b", "", "", errUnix.Error()},
		{"http+unix:/run/a.sock:/%zz", "", "", errUnix.Error()},
		{"http+unix:", "", "", errUnix.Error()},
		{"unix:/run/a.sock", "", "", `expected a URL that begins with http://, https:// or http+unix:, got the scheme "unix"`},
		{"http:///path", "", "", "expected a URL with a host, as in http://localhost:8080/path"},
		{"http://[::%25\x98]/", "", "", "expected an IPv6 address and a zone of plain letters, as in http://[fe80::1%25eth0]:8080/path"},
		{"http://bücher.example:8080/a", "", "", "expected a host's name in the letters of DNS, as in http://xn--bcher-kva.example/path for bücher.example"},
		{"https://b%C3%BCcher.example/", "", "", "expected a host's name in the letters of DNS, as in http://xn--bcher-kva.example/path for bücher.example"},
		{"http://[fe80::1%25eth0]:8080/a", "http://[fe80::1%eth0]:8080", "/a", ""},
		{"http://a:0/", "", "", "expected a port from 1 to 65535, got 0"},
		{"http://localhost:808O/a", "", "", "expected a port from 1 to 65535 after the host, as in http://localhost:8080/path"},
		{"http://[::1]:http?a", "", "", "expected a port from 1 to 65535 after the host, as in http://localhost:8080/path"},
		{"http://localhost:8080:8081/a", "", "", "expected a port from 1 to 65535 after the host, as in http://localhost:8080/path"},
		{"http://[::zz/a", "", "", "expected a URL such as http://localhost:8080/path; this one cannot be read"},
		{"http://user:pass#word@a/", "", "", "expected a URL such as http://localhost:8080/path; this one cannot be read"},
		{"localhost/a", "", "", "expected a URL that begins with http://, https:// or http+unix:, got none of them"},
		{"http://a:/", "", "", "expected a port after the colon, as in http://localhost:8080/path"},
		{"http://[::1]:", "", "", "expected a port after the colon, as in http://localhost:8080/path"},
		{"http://u:pass word@a/", "", "", "expected a URL such as http://localhost:8080/path; this one cannot be read"},
	}
	for _, test := range tests {
		u, err := ParseURL(test.text)
		switch {
		case test.err != "":
			if err == nil || err.Error() != test.err {
				t.Errorf("%s: error %v, want %s", test.text, err, test.err)
			}
		case err != nil:
			t.Errorf("%s: %v", test.text, err)
		case Place(u) != test.place || u.RequestURI() != test.path && test.path != "":
			t.Errorf("%s: %s %s, want %s %s", test.text, Place(u), u.RequestURI(), test.place, test.path)
		}
	}
	if _, err := ParseHTTP("http+unix:/a:/b"); err == nil {
		t.Error("ParseHTTP takes a socket")
	}
}

func FuzzParseURL(f *testing.F) {
	for _, seed := range []string{"http://a/", "http+unix:/a.sock:/b?c", "http+unix://%2Fa/b", "http+unix:/a:/\x00", "http+unix:/a#b:/c#d", "http+unix://%2Fa#b", "http+unix:/a://b", "https://[::1%25a]:1/", "http://[::%25\x98]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURL(text)
		if err != nil {
			return
		}
		again, err := ParseURL(u.String())
		if err != nil || !SamePlace(u, again) || again.RequestURI() != u.RequestURI() {
			t.Errorf("%q is %q, which is %v (%v)", text, u, again, err)
		}
	})
}

// overSocket serves on a unix socket, and returns the URL of its root.
func overSocket(t *testing.T, serve http.HandlerFunc) string {
	t.Helper()
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	path := fmt.Sprintf("/proc/self/fd/%d/admin.sock", dir.Fd()) // a socket's path may not be as long as its directory's
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: serve}}
	s.Start()
	t.Cleanup(s.Close)
	return Unix + ":" + path + ":"
}

func TestSendOverSocket(t *testing.T) {
	base := overSocket(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/307":
			w.Header().Set("Location", "/echo")
			w.WriteHeader(307)
		case "/away":
			w.Header().Set("Location", "http://localhost/echo")
			w.WriteHeader(307)
		default:
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, r.Method+" "+r.Host+" "+r.RequestURI+" "+string(body))
		}
	})
	c := client(t, nil)
	tests := []struct{ path, want string }{
		{"/drain?graceful", "200 OK: POST localhost /drain?graceful text"},
		{"/307", "200 OK: POST localhost /echo text"},
		{"/away", "307 Temporary Redirect, a redirect to http://localhost/echo that is not followed, since it leads to another place: give that URL instead, if it is right"},
	}
	for _, test := range tests {
		a, err := c.Send(t.Context(), Request{Method: "POST", URL: base + test.path, Body: []byte("text")})
		if err != nil || a.String() != test.want || a.URL.Scheme != Unix {
			t.Errorf("%s: %v %v (%v), want %s", test.path, a.URL, a, err, test.want)
		}
	}
	if route, err := c.Reach(t.Context(), base+"/drain"); err != nil || len(route.Lines) != 1 || !strings.Contains(route.Lines[0], "/admin.sock in ") {
		t.Errorf("reach: %q %v", route, err)
	}
	_, err := c.Send(t.Context(), Request{Method: "POST", URL: "http+unix:/nowhere/admin.sock:/drain"})
	if want := "http+unix:/nowhere/admin.sock: dial unix /nowhere/admin.sock: connect: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestStream(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		switch r.URL.Path {
		case "/503":
			w.WriteHeader(503)
			io.WriteString(w, "no")
		case "/cut":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
		case "/connection":
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				io.WriteString(conn, "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\r\nperhaps whole")
				conn.Close()
			}
		case "/chunks":
			io.WriteString(w, "wh")
			http.NewResponseController(w).Flush()
			io.WriteString(w, "ole")
		case "/endless":
			block := strings.Repeat("x", 1<<20)
			for err := error(nil); err == nil; {
				_, err = io.WriteString(w, block)
			}
		default:
			io.WriteString(w, "whole")
		}
	}))
	t.Cleanup(server.Close)
	tests := []struct{ path, read, err string }{
		{"/", "whole", ""},
		{"/503", "", ""},
		{"/chunks", "whole", ""},
		{"/connection", "perhaps whole", ""}, // not framed: nothing says where the answer ends
		{"/cut", "half", ": unexpected EOF"},
		{"/endless", "", ": the answer is longer than 16 MiB"},
		{"/bad", "whole", ": line 1: expected a name"},
	}
	for _, test := range tests {
		var read string
		a, err := client(t, nil).Send(t.Context(), Request{Method: "GET", URL: server.URL + test.path, Stream: func(r io.Reader, kind string, framed bool) error {
			if framed != (test.path != "/connection") {
				t.Errorf("%s: framed %t", test.path, framed)
			}
			if kind != "text/plain; version=0.0.4" {
				t.Errorf("kind %q", kind)
			}
			text, err := io.ReadAll(r)
			read = string(text)
			if test.path == "/bad" {
				return errors.New("line 1: expected a name")
			}
			return err
		}})
		if test.path != "/endless" && read != test.read {
			t.Errorf("%s: read %q, want %q", test.path, read, test.read)
		}
		if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.HasSuffix(err.Error(), test.err)) {
			t.Errorf("%s: error %v, want …%s", test.path, err, test.err)
		}
		if test.path == "/503" && (a.Status != 503 || string(a.Body) != "no") {
			t.Errorf("503: %v", a)
		}
	}
}

// Of a URL that a server has sent no part is shown by which half a secret could be read.
func TestNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http://a/x%20y":   "http://a/x%20y",
		"http://a/x?y":     "http://a/x…",
		"http://a#y":       "http://a…",
		"http://u:p@a/x":   "a URL with a user",
		"http://half@rest": "a URL with a user",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Named(u); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// A word of a status line is cut at its blank, which the error says.
func TestBrokenStatusLine(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		if _, err := http.ReadRequest(bufio.NewReader(server)); err == nil {
			_, _ = io.WriteString(server, "HTTP/1.1 half of it\r\n\r\n")
		}
	}()
	c := New(func(context.Context, string, string) (net.Conn, error) { return client, nil }, TLS{}, nil)
	_, err := c.Send(t.Context(), Request{Method: http.MethodGet, URL: "http://a/"})
	if err == nil || !strings.HasSuffix(err.Error(), `"half…"`) || errors.Unwrap(errors.Unwrap(err)) == nil {
		t.Errorf("error %v", err)
	}
}
