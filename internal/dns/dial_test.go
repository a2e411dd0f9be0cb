package dns

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/testserver"
)

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		testserver.Lacks(t, "cannot listen on %s: %v", address, err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// listenOnIPv6Alone listens on a port of ::1 that on 127.0.0.1 is bound, lest another test listens there.
func listenOnIPv6Alone(t *testing.T) net.Listener {
	t.Helper()
	for range 100 {
		l := listen(t, "[::1]:0")
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Close(fd) })
		if syscall.Bind(fd, &syscall.SockaddrInet4{Port: l.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}) == nil {
			return l
		}
	}
	t.Fatal("no port is free on both 127.0.0.1 and ::1")
	return nil
}

func TestDial(t *testing.T) {
	t.Parallel()
	v4, v6 := listen(t, "127.0.0.1:0"), listenOnIPv6Alone(t)
	_, port4, _ := net.SplitHostPort(v4.Addr().String())
	_, port6, _ := net.SplitHostPort(v6.Addr().String())
	r := &Resolver{Hosts: file(t, "::1 six both\n127.0.0.1 four both\n"), exchange: unasked(t)}
	for _, c := range []struct{ network, address, want string }{
		{"tcp", "127.0.0.1:" + port4, v4.Addr().String()},
		{"tcp", "[::1]:" + port6, v6.Addr().String()},
		{"tcp", "[::1%lo]:" + port6, v6.Addr().String()},
		{"tcp", "four:" + port4, v4.Addr().String()},
		{"tcp", "both:" + port4, v4.Addr().String()},
		{"tcp", "both:" + port6, v6.Addr().String()}, // the second address
		{"tcp6", "both:" + port6, v6.Addr().String()},
		{"tcp4", "both:" + port4, v4.Addr().String()},
		{"tcp", "localhost:" + port6, v6.Addr().String()},
	} {
		conn, err := r.DialContext(within10s(t), c.network, c.address)
		if err != nil {
			t.Errorf("%s: %v", c.address, err)
			continue
		}
		if have := conn.RemoteAddr().String(); have != c.want {
			t.Errorf("%s: connected to %s, want %s", c.address, have, c.want)
		}
		conn.Close()
	}
}

func TestDialErrors(t *testing.T) {
	t.Parallel()
	port := strconv.Itoa(int(closed(t).Port()))
	text := func(s string) string { return strings.ReplaceAll(s, "PORT", port) }
	r := &Resolver{Hosts: file(t, "::1 both\n127.0.0.1 both\n"), exchange: unasked(t)}
	for _, c := range []struct{ network, address, want string }{
		{"tcp", "both:PORT", "dial tcp both:PORT: 127.0.0.1: connect: connection refused; ::1: connect: connection refused"},
		{"tcp", "127.0.0.1:PORT", "dial tcp 127.0.0.1:PORT: connect: connection refused"},
		{"tcp", "[::1]:PORT", "dial tcp [::1]:PORT: connect: connection refused"},
		{"tcp4", "[::1]:PORT", "dial tcp4 [::1]:PORT: tcp4: the host has no address of this family"},
		{"tcp", "a..b:PORT", "lookup a..b: invalid name: a label is empty"},
		{"tcp", ":PORT", "lookup : invalid name: it is empty"},
		{"tcp", "both", "address both: missing port in address"},
	} {
		_, err := r.DialContext(within10s(t), c.network, text(c.address))
		if err == nil || err.Error() != text(c.want) {
			t.Errorf("%s: have %v\nwant %s", c.address, err, text(c.want))
		}
		if strings.HasSuffix(c.want, "refused") && !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%v is not ECONNREFUSED", err)
		}
	}
}

// Addresses that swallow everything share the time that is left; the last has what the others left.
func TestDialSharesTheTime(t *testing.T) {
	t.Parallel()
	hosts := "10.0.0.1 es\n10.0.0.2 es\n10.0.0.3 es\n"
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("i/o timeout")}
	}
	synctest.Test(t, func(t *testing.T) {
		r := &Resolver{Hosts: file(t, hosts)}
		begin := time.Now()
		var at []time.Duration
		var tried []string
		r.connect = func(ctx context.Context, network, address string) (net.Conn, error) {
			at, tried = append(at, time.Since(begin)), append(tried, address)
			if address == "10.0.0.2:80" {
				return nil, syscall.ECONNREFUSED
			}
			return hang(ctx, network, address)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 9200*ms)
		defer cancel()
		_, err := r.DialContext(ctx, "tcp", "es:80")
		if took := time.Since(begin); took != 9*sec || !slices.Equal(at, []time.Duration{0, 3 * sec, 3 * sec}) {
			t.Errorf("tried %v at %v, ended after %s", tried, at, took)
		}
		if want := "dial tcp es:80: 10.0.0.1: i/o timeout; 10.0.0.2: connection refused; 10.0.0.3: i/o timeout"; err.Error() != want || ctx.Err() != nil {
			t.Errorf("have %v\nwant %s", err, want)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r := &Resolver{Hosts: file(t, hosts), connect: hang}
		begin := time.Now()
		_, err := r.DialContext(t.Context(), "tcp", "es:80")
		if took := time.Since(begin); took != 9800*ms || !strings.HasPrefix(err.Error(), "dial tcp es:80: 10.0.0.1: i/o timeout;") {
			t.Errorf("without a deadline: %v after %s", err, took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		tried := 0
		cause := errors.New("stopped by hand")
		ctx, cancel := context.WithCancelCause(t.Context())
		r := &Resolver{Hosts: file(t, hosts), connect: func(context.Context, string, string) (net.Conn, error) {
			tried++
			cancel(cause)
			return nil, errors.New("no")
		}}
		if _, err := r.DialContext(ctx, "tcp", "es:80"); !errors.Is(err, cause) || tried != 1 || err.Error() != "dial tcp es:80: 10.0.0.1: no; cut: stopped by hand" {
			t.Errorf("cancelled: %d addresses tried, %v", tried, err)
		}
	})
}

func TestDialErrorIsShort(t *testing.T) {
	t.Parallel()
	var hosts strings.Builder
	for i := range 100 {
		hosts.WriteString(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}).String() + " es\n")
	}
	r := &Resolver{Hosts: file(t, hosts.String()), connect: func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }}
	_, err := r.DialContext(within10s(t), "tcp", "es:80")
	if s := err.Error(); len(s) > 500 || !strings.HasSuffix(s, "; and 92 more") {
		t.Errorf("have %s", s)
	}
}

func TestHTTPThroughResolver(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) }))
	defer web.Close()
	s := serve(t, zone{"es.default.svc.": {"es.default.svc. 5 IN A 127.0.0.1"}}.handle)
	r := resolver(t, "search default.svc\noptions ndots:5", s.addr)
	transport := &http.Transport{DialContext: r.DialContext}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	_, port, _ := net.SplitHostPort(web.Listener.Addr().String())
	resp, err := client.Get("http://es:" + port)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); string(body) != "es:"+port {
		t.Errorf("have %s, %v", body, err)
	}
	_, err = client.Get("http://none:" + port)
	if e, ok := errors.AsType[*Error](err); !ok || e.Outcome != GivenUp || !e.Final() {
		t.Errorf("have %v, want the host given up", err)
	}
}
