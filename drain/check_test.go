package drain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/testbuffer"
	"github.com/prestop/prestop/internal/timing"
	"github.com/prestop/prestop/internal/web"
)

// checked runs a Check as a dry run does, and gives its lines without their times.
func checked(t *testing.T, check func(context.Context, *testbuffer.Buffer) error) (lines string, err error) {
	t.Helper()
	most := 3 * s // as much as three looks; a dry run gives it one second, which a busy machine may use up
	if timing.Judged {
		most = s
	}
	begin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	log := &testbuffer.Buffer{}
	err = check(ctx, log)
	endsSoon(t, begin, most+100*ms)
	for line := range strings.Lines(log.String()) {
		if len(line) > 100 { // with level=INFO msg="" around it
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	return log.String(), err
}

func TestQuietCheck(t *testing.T) {
	way := inside(t, asRoot, asUser, refused)
	if way == "" {
		return
	}
	l := echo(t, "tcp4", "127.0.0.1:0", 0)
	talks := dial(t.Context(), l)
	defer talks.Close()
	ask(talks, "request")
	idle := dial(t.Context(), l)
	defer idle.Close()
	waits := dial(t.Context(), l)
	defer waits.Close()
	io.WriteString(waits, "never\n")
	want := "level=INFO msg=\"each port is listened on, or has connections\"\n" +
		"level=INFO msg=\"2 of 3 connections carry traffic, 1 of them wait for an answer\"\n" +
		"level=INFO msg=\"last payload N ago\"\nlevel=INFO msg=\"1 peer: 127.0.0.1 (2)\"\n"
	if way == refused {
		want = "level=INFO msg=\"each port is listened on, or has connections\"\n" +
			"level=INFO msg=\"3 connections that may carry traffic\"\nlevel=INFO msg=\"1 peer: 127.0.0.1 (3)\"\n"
	}
	var got string
	for late := time.After(10 * s); ; { // until the kernel has delivered it
		lines, err := checked(t, func(ctx context.Context, log *testbuffer.Buffer) error {
			return check(ctx, &Quiet{Ports: []uint16{port(l)}}, log)
		})
		got = regexp.MustCompile("payload .* ago").ReplaceAllString(lines, "payload N ago")
		got, warned := strings.CutPrefix(got, "level=WARN msg=\"the kernel gives no socket diagnostics: operation not permitted\"\n"+
			"level=WARN msg=\"so idle connections and health checks would count as traffic\"\n")
		if err == nil && got == want && warned == (way == refused) {
			break
		}
		select {
		case <-late:
			t.Fatalf("%v:\n%swant\n%s", err, got, want)
		default:
		}
	}
	free := echo(t, "tcp4", "127.0.0.1:0", 0)
	free.Close()
	_, err := checked(t, func(ctx context.Context, log *testbuffer.Buffer) error {
		return check(ctx, &Quiet{Ports: []uint16{port(l), port(free)}}, log)
	})
	if want := fmt.Sprintf("could not see: nothing listens on port %d; there are listeners on %d", port(free), port(l)); !errors.Is(err, ErrUnseen) || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	lines, err := checked(t, func(ctx context.Context, log *testbuffer.Buffer) error {
		return check(ctx, &Quiet{Ports: []uint16{port(free)}, Min: s, Max: s}, log)
	})
	if want := "level=INFO msg=\"waiting without looking, since min= is not less than max=\" wait=1s\n"; err != nil || lines != want {
		t.Errorf("a plain wait: %v, %s, want %s", err, lines, want)
	}
}

func TestGoneCheck(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ says, ask, lines, err string }{
		{own.String() + ":ttl=5", "web", "10.0.0.7 is in the answer of SERVER, with a TTL of 5s", ""},
		{other + ":ttl=5", "web", "", "web has never had this pod's address, 10.0.0.7: its answer is [10.0.0.8]; expected the name of a headless Service that selects this pod"},
		{"gone", "web", "lookup web: NXDOMAIN from SERVER (3 names tried)", "its answer is empty"},
		{"servfail", "web", "lookup web: SERVFAIL from SERVER (3 names tried)", "SERVFAIL from SERVER"},
		{"drop", "web", "lookup web: ", "timeout, asked SERVER"},
		{own.String() + ":ttl=5", "localhost", "", "no nameserver is asked for localhost"},
	} {
		f := newFakeNameserver(t)
		f.now.Store(test.says)
		server := strings.NewReplacer("SERVER", f.addr.String())
		lines, err := checked(t, func(ctx context.Context, log *testbuffer.Buffer) error {
			return check(ctx, &Gone{Name: test.ask, Address: own, Resolver: resolverOf(t, f.addr)}, log)
		})
		want := ""
		if test.lines != "" {
			want = fmt.Sprintf("msg=%q\n", server.Replace(test.lines))
		}
		if lines = strings.TrimPrefix(strings.TrimPrefix(lines, "level=INFO "), "level=WARN "); lines != want && test.says != "drop" || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), server.Replace(test.err)) {
			t.Errorf("%s for %s: %v, want %s\n%swant\n%s", test.says, test.ask, err, test.err, lines, want)
		}
	}
}

// The URL's host is resolved by the hook's resolver, and its answer is said though it is not what is waited for.
func TestURLCheck(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method
		io.WriteString(w, `{"state": "serving"}`)
	}))
	t.Cleanup(server.Close)
	f := newFakeNameserver(t)
	f.now.Store("127.0.0.1:ttl=7")
	dead := netip.MustParseAddrPort("127.0.0.1:1") // a free port might be taken by another test
	for _, test := range []struct {
		server     netip.AddrPort
		port       uint16
		lines, err string
	}{
		{f.addr, port(server.Listener), `level=INFO msg="resolved to 127.0.0.1 by SERVER, ttl 7s"
level=INFO msg="connected to 127.0.0.1:PORT in TIME"
level=INFO msg=asked now=".state is serving" met=false
`, ""},
		{f.addr, dead.Port(), "level=INFO msg=\"resolved to 127.0.0.1 by SERVER, ttl 7s\"\n", "connection refused"},
		{dead, port(server.Listener), "", "lookup web: no nameserver reachable, asked SERVER"},
	} {
		r := resolverOf(t, test.server)
		c := web.New(r.DialContext, web.TLS{}, nil)
		t.Cleanup(c.Close)
		u := &URL{Client: c, Until: JSON{Path: path(t, ".state"), In: []string{"drained"}},
			Request: web.Request{Method: "GET", URL: fmt.Sprintf("http://web:%d/state", test.port)}}
		lines, err := checked(t, func(ctx context.Context, log *testbuffer.Buffer) error { return check(ctx, u, log) })
		filled := strings.NewReplacer("SERVER", test.server.String(), "PORT", fmt.Sprint(test.port))
		lines = regexp.MustCompile(`in [0-9.µm]+s"`).ReplaceAllString(lines, `in TIME"`)
		if want := filled.Replace(test.lines); lines != want {
			t.Errorf("lines\n%swant\n%s", lines, want)
		}
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), filled.Replace(test.err)) {
			t.Errorf("%v, want %s", err, test.err)
		}
	}
	if len(asked) != 1 || <-asked != "GET" {
		t.Errorf("asked %d times more", len(asked))
	}
}
