package hook

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/testpipe"
	"github.com/prestop/prestop/prestop"
)

// A shutdown endpoint that answers when its work is done, after 45 s, is asked once and waited for. What later steps need is kept
// from it, and an until begins when it has answered.
func TestAnsweredWhenDone(t *testing.T) {
	t.Parallel()
	const s, work = time.Second, 45 * time.Second
	for _, test := range []struct {
		steps   []string
		outcome prestop.Outcome
		took    time.Duration
		err     string
	}{
		{[]string{"post http://app/drain"}, prestop.Done, work, ""},
		{[]string{"post http://app/drain once"}, prestop.Done, work, ""},
		{[]string{"post http://app/drain timeout=60s"}, prestop.Done, work, ""},
		{[]string{"post http://app/drain max=60s"}, prestop.Done, work, ""},
		{[]string{"post http://app/drain max=20s timeout=60s"}, prestop.Cut, 20 * s, "the request was sent, and no complete answer in time"},
		{[]string{"post http://app/drain timeout=20s"}, prestop.Failed, 20 * s, "no complete answer in time (20s)"},
		{[]string{"post http://app/drain timeout=20s once"}, prestop.Failed, 20 * s, "no complete answer in time (20s)"},
		{[]string{"post http://app/drain", "wait 30s"}, prestop.Done, work, ""},
		{[]string{"post http://app/drain", "wait 70s"}, prestop.Cut, 29950 * time.Millisecond, "the request was sent"},
		// a later call has its timeout, its max, or 5 s set aside; open-ended ones share the rest
		{[]string{"post http://app/drain", "wait 40s", "get http://app/end timeout=12s max=13s"}, prestop.Done, work, ""},
		{[]string{"post http://app/drain", "wait 40s", "get http://app/end max=20s"}, prestop.Cut, 39950 * time.Millisecond, "the request was sent"},
		{[]string{"post http://app/drain", "wait 54950ms", "get http://app/end"}, prestop.Cut, 22500 * time.Millisecond, "the request was sent"},
		{[]string{"post http://app/drain", "wait 98s", "get http://app/end max=20s"}, prestop.Cut, s, "the request was sent"},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			w := world()
			w.Dial = testpipe.Serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/drain" {
					return
				}
				asked++
				select {
				case <-time.After(work):
				case <-r.Context().Done():
				}
			})).Dial
			script := read(t, env{graceEnv: "120"}, test.steps...)
			p := script.Plan(w)
			report := p.Run(t.Context(), slog.New(slog.DiscardHandler))
			p.means.release()
			synctest.Wait()
			first := report.Steps[0]
			if first.Outcome != test.outcome || time.Duration(first.Took).Round(time.Millisecond) != test.took || !strings.Contains(first.Error, test.err) || asked != 1 {
				t.Errorf("%q: %+v, asked %d times; want %s in %s, %q, once", test.steps, first, asked, test.outcome, test.took, test.err)
			}
			for _, later := range report.Steps[1:] {
				if later.Outcome != prestop.Done {
					t.Errorf("%q: %+v", test.steps, later)
				}
			}
		})
	}
}

// Loopback has no network that may come back: nobody listens there for 3 s, and the step fails. Elsewhere it is tried on.
func TestRefusedByLoopback(t *testing.T) {
	t.Parallel()
	for ip, want := range map[string][2]time.Duration{"127.0.0.1": {3 * time.Second, 3 * time.Second}, "10.0.0.1": {20 * time.Second, 30 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			w := world()
			w.Dial = func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.ParseIP(ip), Port: 8080}, Err: syscall.ECONNREFUSED}
			}
			p := read(t, env{graceEnv: "120", appEnv: "http://localhost:8080/shutdown"}).Plan(w)
			report := p.Run(t.Context(), slog.New(slog.DiscardHandler))
			took := time.Duration(report.Steps[0].Took)
			if report.Steps[0].Outcome != prestop.Failed || took < want[0] || took > want[1] {
				t.Errorf("%s: %+v, want it to fail after %s", ip, report.Steps[0], want)
			}
			if report.Elapsed < prestop.Seconds(50*time.Second) {
				t.Errorf("%s: over after %s, before the wait", ip, time.Duration(report.Elapsed))
			}
		})
	}
}
