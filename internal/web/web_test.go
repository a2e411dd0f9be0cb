package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

var dial Dial = (&net.Dialer{}).DialContext

func client(t *testing.T, auth Auth) *Client {
	t.Helper()
	c := New(dial, TLS{}, auth)
	t.Cleanup(c.Close)
	return c
}

func secret(text string) Secret { return func() (string, error) { return text, nil } }

func TestSend(t *testing.T) {
	var other *httptest.Server
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.Header.Get("X-A"), r.Header.Get("Authorization"), body)
	})
	mux.HandleFunc("/host", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host) })
	mux.HandleFunc("/307", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/echo", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/302", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/echo?token=hush", http.StatusFound)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/loop", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/echo", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/unreadable", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://u:hush@h/%zz?token=hush")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/nowhere", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusFound) })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/reset", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/hugeheader", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X", strings.Repeat("x", MaxHeader+1))
	})
	mux.HandleFunc("/html", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(502)
		fmt.Fprint(w, "<html>")
	})
	mux.HandleFunc("/json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.x+json; charset=utf-8")
		w.WriteHeader(400)
		fmt.Fprint(w, "{\"a\":\n\x1b[31m \"b\"}")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	other = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other host was asked, with Authorization %q", r.Header.Get("Authorization"))
	}))
	t.Cleanup(other.Close)

	tests := []struct{ method, path, want string }{
		{"POST", "/echo", "200 OK: POST b Basic dTpw text"},
		{"POST", "/307", "200 OK: POST b Basic dTpw text"},
		{"POST", "/302", "302 Found, a redirect to " + server.URL + "/echo… that is not followed, since it changes the method, or is one too many: give that URL instead, if it is right"},
		{"GET", "/302", "200 OK: GET b Basic dTpw"},
		{"POST", "/loop", "307 Temporary Redirect, a redirect to " + server.URL + "/loop that is not followed, since it changes the method, or is one too many: give that URL instead, if it is right"},
		{"POST", "/away", "307 Temporary Redirect, a redirect to " + other.URL + "/echo that is not followed, since it leads to another place: give that URL instead, if it is right"},
		{"POST", "/nowhere", "302 Found"},
		{"POST", "/unreadable", "302 Found"},
		{"POST", "/html", "502 Bad Gateway"},
		{"POST", "/json", `400 Bad Request: {"a": [31m "b"}`},
		{"GET", "/reset", "error " + server.URL + ": the answer (200) broke off: unexpected EOF"},
		{"GET", "/hugeheader", "error " + server.URL + ": net/http: HTTP/1.x transport connection broken: net/http: server response headers exceeded 65536 bytes; aborted"},
	}
	c := client(t, Basic("u", secret("p")))
	for _, test := range tests {
		a, err := c.Send(t.Context(), Request{Method: test.method, URL: server.URL + test.path, Header: http.Header{"X-A": {"b"}}, Body: []byte("text")})
		got := a.String()
		if err != nil {
			got = "error " + err.Error()
		}
		if got != test.want {
			t.Errorf("%s %s:\n got %s\nwant %s", test.method, test.path, got, test.want)
		}
	}

	a, err := c.Send(t.Context(), Request{Method: "GET", URL: server.URL + "/host", Header: http.Header{"Host": {"app.example"}}})
	if err != nil || string(a.Body) != "app.example" {
		t.Errorf("Host: %q, %v", a.Body, err)
	}
	a, err = c.Send(t.Context(), Request{Method: "GET", URL: server.URL + "/endless"})
	if err != nil || !a.Partial || len(a.Body) == 0 || len(a.Body) > MaxBody {
		t.Errorf("endless body: %v, %d bytes", err, len(a.Body))
	}
}

// Bodies of every size, in answers that do not say how long they are, are whole up to the bound and partial beyond it.
func TestBodies(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 4096, 4097, 12288, 100_000, MaxBody - 1, MaxBody, MaxBody + 1, MaxBody + 100_000} {
		text := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		for _, from := range []io.Reader{bytes.NewReader(text), iotest.HalfReader(bytes.NewReader(text)), iotest.DataErrReader(bytes.NewReader(text))} {
			got, partial, err := whole(from, -1)
			if err != nil || partial != (size > MaxBody) || !partial && !bytes.Equal(got, text) || !bytes.HasPrefix(text, got) {
				t.Errorf("%d bytes: %d, partial %v, %v", size, len(got), partial, err)
			}
		}
	}
	if _, _, err := whole(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(io.ErrUnexpectedEOF)), -1); err == nil {
		t.Error("a body that breaks off is taken for whole")
	}
}

// What a URL holds beyond its host stays out of every error.
func TestSendErrorsHideTheURL(t *testing.T) {
	c := client(t, nil)
	for _, u := range []string{
		"http://user:hush@127.0.0.1:1/hush?token=hush", "http://user:hush@127.0.0.1:bad/hush", "http://user:hush@[::1/hush",
		"hush://user:hush@127.0.0.1/hush", "http://user:hush@/hush", ":hush",
	} {
		_, err := c.Send(t.Context(), Request{Method: "GET", URL: u})
		if err == nil || strings.Contains(strings.TrimPrefix(err.Error(), "hush://127.0.0.1"), "hush@") || strings.Contains(err.Error(), "/hush") || strings.Contains(err.Error(), "token") {
			t.Errorf("%s: error %v", u, err)
		}
	}
}

func TestSendEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(swallow, TLS{}, nil)
		ctx, cancel := context.WithTimeoutCause(t.Context(), s, ErrTry)
		defer cancel()
		begin := time.Now()
		_, err := c.Send(ctx, Request{Method: "GET", URL: "http://app.test"})
		if took, want := time.Since(begin), "http://app.test: "+ErrTry.Error(); err == nil || err.Error() != want || took != s {
			t.Errorf("error %v after %v, want %s", err, took, want)
		}
	})
}

// What a dial says of its end is not lost on a machine that is late by less than the period of a CPU limit.
func TestDialEndsBeforeItsTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			<-time.After(99 * time.Millisecond)
			return nil, errors.New("lookup app.test: NXDOMAIN")
		}, TLS{}, nil)
		ctx, cancel := context.WithTimeoutCause(t.Context(), s, ErrTry)
		defer cancel()
		if _, err := c.Send(ctx, Request{Method: "GET", URL: "http://app.test"}); err == nil || err.Error() != "http://app.test: lookup app.test: NXDOMAIN" {
			t.Errorf("error %v, want what the dial says", err)
		}
	})
}

func TestToken(t *testing.T) {
	tests := []struct{ token, want string }{
		{"abc", "Bearer abc"}, {"abc ", "Bearer abc"}, {" ", ""}, {"ApiKey abc", "ApiKey abc"}, {"", ""}, {"a\nb", ""},
	}
	for _, test := range tests {
		r := &http.Request{Header: http.Header{}, URL: &url.URL{}}
		err := Token("/token", secret(test.token))(r)
		if got := r.Header.Get("Authorization"); got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%q: %q, %v", test.token, got, err)
		}
	}
}

// A file that nothing needs may be missing.
func TestFilesOfTLSAreReadForHTTPSAlone(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	for scheme, needed := range map[string]bool{"http": false, "https": true, "HTTPS": true} {
		c := New(dial, TLS{CAFile: filepath.Join(t.TempDir(), "missing")}, nil)
		t.Cleanup(c.Close)
		at := scheme + strings.TrimPrefix(server.URL, "http")
		_, err := c.Send(t.Context(), Request{Method: "GET", URL: at})
		_, errReach := c.Reach(t.Context(), at)
		if errors.Is(err, fs.ErrNotExist) != needed || errors.Is(errReach, fs.ErrNotExist) != needed || !needed && (err != nil || errReach != nil) {
			t.Errorf("%s: %v, %v", scheme, err, errReach)
		}
	}
}

// The body of a 101 is the connection, which net/http does not take away from its reader when the context ends.
func TestSendSwitchingProtocols(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
		t.Cleanup(func() { conn.Close() })
	}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, ErrTry)
	defer cancel()
	a, err := client(t, nil).Send(ctx, Request{Method: "GET", URL: server.URL})
	if err != nil || a.Status != http.StatusSwitchingProtocols || ctx.Err() != nil {
		t.Errorf("%v, %v, context %v", a, err, ctx.Err())
	}
}
