package drain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/testpipe"
)

// answers says what is answered: "404 gone;200" is that to the first request and this to all others.
func answers(text string) http.HandlerFunc {
	all := strings.Split(text, ";")
	return func(w http.ResponseWriter, _ *http.Request) {
		var status int
		now := all[0]
		if len(all) > 1 {
			all = all[1:]
		}
		code, body, _ := strings.Cut(now, " ")
		if fmt.Sscan(code, &status); status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// lasts runs a line's step in a bubble, where all requests are answered by h, for at most 20 s.
func lasts(t *testing.T, line string, h http.HandlerFunc) (took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		_, bound, errLine := bound(line, step.Means{Dial: testpipe.Serve(t, h).Dial, Keep: func(end func()) { t.Cleanup(end) }})
		if errLine != nil {
			t.Fatal(errLine)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 20*s, errMax)
		defer cancel()
		begin := time.Now()
		err = bound.Run(ctx, silent)
		took = time.Since(begin)
	})
	return took, err
}

func TestUntilURL(t *testing.T) {
	t.Parallel()
	const unmet = "not met: "
	for _, test := range []struct {
		options, answers string
		took             time.Duration
		err              string
	}{
		{"", "503;503;200", 2 * s, ""},
		{"", "503 3 sessions left", 20 * s, unmet + "503 Service Unavailable: 3 sessions left: its max is reached"},
		{"", "404", 20 * s, unmet + "404 Not Found: its max is reached"},
		{"expect=503", "200 ready", 20 * s, unmet + "200 OK: ready: its max is reached"},
		{"json=.n at-most=0", `200 {"n":3}`, 20 * s, unmet + ".n is 3: its max is reached"},
		{"metric=a at-most=0", "200 a 3\n", 20 * s, unmet + "3 in 1 series: its max is reached"},
		{"", "503;500 no", 20 * s, "could not see: http://app: 500 Internal Server Error: no"},

		{"only-if=http://other/", "404;503", 0, ""},
		{"only-if=http://other/", "200;503;200", 1 * s, ""},
		{"only-if=http://other/", "403", 0, "only-if: http://other: 403 Forbidden"},
		{"only-if=http://app/ready min=5s", "503", 0, ""},

		{"met-by=404", "503;503;404", 2 * s, ""},
		{"met-by=404", "503;200", 1 * s, ""},
		{"met-by=404", "503;410", 20 * s, unmet + "410 Gone"},
		{"met-by=404,410", "503;410", 1 * s, ""},
		{"met-by=4xx", "403", 0, ""},
		{"met-by=404 min=5s", "404", 5 * s, ""},
		{"met-by=404 stable=3", "404;503;404", 4 * s, ""},
		{"met-by=404 json=.n at-most=0", `200 {"n":3};404 {"n":3}`, 1 * s, ""},
		{"met-by=404 json=.n at-most=0", `200 {"n":3};500;200 {"n":0}`, 2 * s, ""},
		{"met-by=404 metric=a at-most=0", "200 a 3\n;404", 1 * s, ""},
		{"met-by=404 metric=a at-most=0", "200 b 3\n", 20 * s, "could not see: http://app: no series a among the 1 in the answer"},
		{"met-by=404 metric=a at-most=0 absent=0", "200 b 3\n", 0, ""},
		{"met-by=404", "drop", 20 * s, "could not see: http://app: "},
		{"met-by=404", "302", 20 * s, "could not see: http://app: 302 Found"},
	} {
		took, err := lasts(t, "until http://app/x "+test.options, answers(test.answers))
		if took != test.took || (err == nil) != (test.err == "") || err != nil && !strings.HasPrefix(err.Error(), test.err) {
			t.Errorf("%s, %s: %v after %v; want %q after %v", test.options, test.answers, err, took, test.err, test.took)
		}
		if strings.HasPrefix(test.err, unmet) != errors.Is(err, errMax) {
			t.Errorf("%s, %s: %v is of the wrong kind", test.options, test.answers, err)
		}
	}
}

// A server takes 12 s for an answer. timeout= holds as it is written, however long the step has.
func TestUntilURLSlow(t *testing.T) {
	t.Parallel()
	slow := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(12 * s):
		case <-r.Context().Done():
		}
	}
	for _, test := range []struct {
		options string
		took    time.Duration
		err     string
	}{
		{"timeout=15s", 12 * s, ""},
		{"timeout=1h", 12 * s, ""},
		{"timeout=11s", 20 * s, "could not see: http://app: no complete answer in time (its max is reached)"},
		{"", 20 * s, "could not see: http://app: no complete answer in time (its max is reached)"},
		{"timeout=15s only-if=http://other/", 20 * s, "could not see: http://app: "},
	} {
		took, err := lasts(t, "until http://app/x "+test.options, slow)
		if took != test.took || (err == nil) != (test.err == "") || err != nil && !strings.HasPrefix(err.Error(), test.err) {
			t.Errorf("%s: %v after %v; want %q after %v", test.options, err, took, test.err, test.took)
		}
	}
}
