package fakees

import (
	"context"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// begin asks in a goroutine of its own; the result has arrived when the channel is closed.
func begin(c *Cluster, method, target, body string) (*httptest.ResponseRecorder, context.CancelFunc, <-chan struct{}) {
	w := httptest.NewRecorder()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.NodeHandler("es-0").ServeHTTP(w, request(method, target, body).WithContext(ctx))
	}()
	return w, cancel, done
}

func TestNoMasterHoldsAndRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, version, method, target, body string
		held                                time.Duration
		status                              int
	}{
		{"PUT", "9.4.0", "PUT", "/_nodes/x/shutdown?master_timeout=5s", restart, 5 * time.Second, 503},
		{"GET", "9.4.0", "GET", "/_nodes/x/shutdown?master_timeout=1m", "", time.Minute, 503},
		{"DELETE", "9.4.0", "DELETE", "/_nodes/x/shutdown?master_timeout=100ms", "", 100 * time.Millisecond, 503},
		{"at once", "9.4.0", "GET", "/_nodes/x/shutdown?master_timeout=0", "", 0, 503},
		{"without a timeout", "9.4.0", "GET", "/_nodes/x/shutdown", "", 30 * time.Second, 503},
		{"of a version that takes none", "7.17.0", "PUT", "/_nodes/x/shutdown", restart, 30 * time.Second, 503},
		{"state", "9.4.0", "GET", "/_cluster/state/nodes?master_timeout=2s", "", 2 * time.Second, 503},
		{"cat", "9.4.0", "GET", "/_cat/nodes", "", 30 * time.Second, 503},
		{"root needs none", "9.4.0", "GET", "/", "", 0, 200},
		{"nodes-info needs none", "9.4.0", "GET", "/_nodes/_local/http", "", 0, 200},
		{"a mistake is told at once", "9.4.0", "PUT", "/_nodes/x/shutdown", "{}", 0, 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, _, _ := cluster(t, test.version)
				c.LoseMaster()
				start := time.Now()
				w, _, done := begin(c, test.method, test.target, test.body)
				<-done
				if held := time.Since(start); held != test.held {
					t.Errorf("held for %s, want %s", held, test.held)
				}
				body := want(t, w, test.status)
				if test.status != 503 {
					return
				}
				wantAt(t, body, "error.type", "master_not_discovered_exception")
				if reason, ok := at(t, body, "error").(map[string]any)["reason"]; !ok || reason != nil {
					t.Errorf("reason: have %v, want null", reason)
				}
				if len(c.Records()) != 0 {
					t.Error("it was stored all the same")
				}
			})
		})
	}
}

func TestElectionInTheMiddle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, n, _ := cluster(t, "9.4.0")
		elect := c.LoseMaster()
		w, _, done := begin(c, "PUT", "/_nodes/"+n.ID+"/shutdown?master_timeout=10s", restart)
		time.AfterFunc(4*time.Second, elect)
		start := time.Now()
		<-done
		if held := time.Since(start); held != 4*time.Second {
			t.Errorf("held for %s, want 4s", held)
		}
		wantAt(t, want(t, w, 200), "acknowledged", true)
		elect() // once more does nothing
	})
}

func TestPutIsAppliedThoughTheClientHasGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, n, _ := cluster(t, "9.4.0")
		elect := c.LoseMaster()
		_, cancel, done := begin(c, "PUT", "/_nodes/"+n.ID+"/shutdown", restart)
		_, cancelGet, doneGet := begin(c, "GET", "/_nodes/"+n.ID+"/shutdown", "")
		synctest.Wait()
		cancel()
		cancelGet()
		<-doneGet // a GET is cancelled with its client
		elect()
		<-done
		if _, ok := c.Record(n.ID); !ok {
			t.Error("the PUT was forgotten with its client")
		}
		for _, r := range c.Requests() {
			if r.Status != 0 {
				t.Errorf("%s was answered with %d", r.Method, r.Status)
			}
		}
	})
}

func TestCloseEndsWhatIsHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := cluster(t, "9.4.0")
		c.LoseMaster()
		c.Silence("es-1", true)
		_, _, put := begin(c, "PUT", "/_nodes/x/shutdown?master_timeout=-1", restart)
		_, _, get := begin(c, "GET", "/_nodes/shutdown?master_timeout=1d", "")
		synctest.Wait()
		start := time.Now()
		c.Close()
		<-put
		<-get
		if held := time.Since(start); held != 0 {
			t.Errorf("held for %s after Close", held)
		}
	})
}

func TestCatWaitsForASilentNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := cluster(t, "9.4.0")
		c.Silence("es-1", true)
		w, cancel, done := begin(c, "GET", "/_cat/nodes?master_timeout=1s", "")
		synctest.Wait()
		select {
		case <-done:
			t.Errorf("answered with %d %s", w.Code, w.Body)
		case <-time.After(time.Hour):
		}
		cancel()
		<-done
	})
}
