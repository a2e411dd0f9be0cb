package shutdown

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/fakees"
	"github.com/prestop/prestop/internal/testexpect"
	"github.com/prestop/prestop/internal/web"
)

func TestCheckChangesNothing(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]string{
		"":         "no shutdown is registered for it",
		"operator": "a shutdown is registered by somebody else: it is left as it is and waited for",
		"prestop: pod ns/es-0 is stopping, id uid-0": "a shutdown is registered for it by an earlier hook, and would be replaced",
		"prestop: pod ns/es-0 is stopping, id uid-1": "our shutdown is registered already: going on from there",
	} {
		inWorld(t, "8.17.0", func(t *testing.T, w *world) {
			if reason != "" {
				w.Put(fakees.Record{NodeID: w.own.ID, Reason: reason})
			}
			w.net.close(serviceAddress)
			_, err := w.within(t, 3*s, checking(w.es))
			testexpect.Error(t, err, "")
			if n := w.Count(fakees.PutShutdown | fakees.DeleteShutdown); n > 0 {
				t.Errorf("%d changes", n)
			}
			for _, want := range []string{want, "own node found: es-0, id " + w.own.ID, "not reachable", "connected to", "answered by Elasticsearch 8.17.0"} {
				if w.log.Count(want) != 1 {
					t.Errorf("not once %q: the log is\n%s", want, w.log)
				}
			}
		})
	}
}

// The first URL may be an address of our own node. The two are one place.
func TestCheckReachesAPlaceOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, "8.17.0", func(t *testing.T, w *world) {
		w.es.Other = append(w.es.Other[:0], w.es.Own[0])
		_, err := w.within(t, 3*s, checking(w.es))
		testexpect.Error(t, err, "")
		if n := w.log.Count("connected to"); n != 1 {
			t.Errorf("reached %d times, want once: the log is\n%s", n, w.log)
		}
	})
}

// A place that hangs leaves time for the others, and one that is dead is asked once.
func TestCheckIsBrief(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		set func(*testing.T, *world)
		err string
	}{
		"all answer":         {func(*testing.T, *world) {}, ""},
		"our own node hangs": {func(_ *testing.T, w *world) { w.net.swallow(ownAddress) }, ""},
		"the service hangs":  {func(_ *testing.T, w *world) { w.net.swallow(serviceAddress) }, ""},
		"two hang": {func(t *testing.T, w *world) {
			w.net.swallow(ownAddress)
			w.net.swallow(podAddress)
			w.es.Own = append(w.es.Own, w.place(t, podAddress))
		}, ""},
		"nobody answers":         {func(_ *testing.T, w *world) { w.net.close(ownAddress); w.net.close(serviceAddress) }, "connection refused"},
		"all hang":               {func(_ *testing.T, w *world) { w.net.swallow(ownAddress); w.net.swallow(serviceAddress) }, "http://es:9200: dial tcp: i/o timeout"},
		"a name that nobody has": {func(_ *testing.T, w *world) { w.es.Node = "es-9" }, "no node called es-9 is in the cluster"},
		"without credentials":    {func(_ *testing.T, w *world) { w.Auth("hook", "hush") }, "the credentials are missing or wrong"},
		"OpenSearch":             {nil, "it has no node shutdown API"},
	} {
		version := "8.17.0"
		if test.set == nil {
			version, test.set = "opensearch 2.19.0", func(*testing.T, *world) {}
		}
		inWorld(t, version, func(t *testing.T, w *world) {
			test.set(t, w)
			took, err := w.within(t, 3*s, checking(w.es))
			if err == nil && test.err != "" {
				t.Errorf("%s: no error", name)
			}
			testexpect.Error(t, err, test.err)
			if took > 2900*time.Millisecond || w.log.Count("trying again") > 0 {
				t.Errorf("%s: took %v\n%s", name, took, w.log)
			}
		})
	}
}

// Whom the cluster takes us for is said, where it tells; that it does not is no failure.
func TestCheckSaysWhoWeAre(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]int{`{"username": "elastic-hook", "roles": ["x"]}`: 1, `{}`: 0, `elastic-hook`: 0, `{"username": {"elastic-hook": 1}}`: 0} {
		inWorld(t, "8.17.0", func(t *testing.T, w *world) {
			const address = "10.244.0.1:9200"
			es := w.NodeHandler("es-0")
			w.net.serve(t, address, http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
				if r.Method+r.URL.Path != "GET/_security/_authenticate" {
					es.ServeHTTP(out, r)
					return
				}
				io.WriteString(out, answer)
			}))
			password := func() (string, error) { return "hush-hush", nil }
			w.es.Own = []Place{{URL: "http://" + address, Client: w.net.client(t, web.Basic("hook", password))}}
			_, err := w.within(t, 3*s, checking(w.es))
			testexpect.Error(t, err, "")
			if w.log.Count("logged in") != want || w.log.Count("logged in as elastic-hook") != want || w.log.Count("hush") > 0 || w.log.Count("credentials read") != 1 {
				t.Errorf("%s: the log is\n%s", answer, w.log)
			}
		})
	}
}
