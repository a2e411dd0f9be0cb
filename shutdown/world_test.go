package shutdown

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/fakees"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/testbuffer"
)

const s = time.Second

// soon is when a machine that is busy with other things must have come to it.
const soon = 10 * s

var errShare = errors.New("share used up")

const (
	ownAddress     = "127.0.0.1:9200"
	podAddress     = "10.244.0.1:9200"
	serviceAddress = "es:9200"
)

// world is a fake cluster of es-0, es-1 and es-2, and what the hook of es-0 is given. All of it lives in a bubble.
type world struct {
	*fakees.Cluster
	es  *Elasticsearch
	own fakees.Node
	net *network
	log *testbuffer.Buffer
}

// inWorld runs f in a bubble with a world of that version: es-0 answers at 127.0.0.1, the others at a Service.
func inWorld(t *testing.T, version string, f func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := emptyWorld(t, version)
		w.own = w.AddNode(fakees.Node{})
		w.AddNode(fakees.Node{})
		w.AddNode(fakees.Node{})
		w.net.serve(t, ownAddress, w.NodeHandler("es-0"))
		w.net.serve(t, serviceAddress, w.ServiceHandler("es-1", "es-2"))
		f(t, w)
	})
}

func emptyWorld(t *testing.T, version string) *world {
	w := &world{Cluster: fakees.New(version), net: newNetwork(), log: &testbuffer.Buffer{}}
	w.es = &Elasticsearch{
		Own: []Place{w.place(t, ownAddress)}, Other: []Place{w.place(t, serviceAddress)},
		Node: "es-0", IP: "10.244.0.1", Pod: Pod{"ns", "es-0", "uid-1"},
		Type: "restart", End: time.Now().Add(60 * s),
	}
	t.Cleanup(w.Cluster.Close)
	return w
}

func (w *world) place(t *testing.T, address string) Place {
	return Place{URL: "http://" + address, Client: w.net.client(t, nil)}
}

type stepFunc func(context.Context, *slog.Logger) error

// checking is c's Check as a step that logs what it finds.
func checking(c step.Checker) stepFunc {
	return func(ctx context.Context, log *slog.Logger) error {
		all, err := c.Check(ctx)
		for _, f := range all {
			level := slog.LevelInfo
			if f.Warning {
				level = slog.LevelWarn
			}
			log.LogAttrs(ctx, level, f.Text, f.About...)
		}
		return err
	}
}

// run runs the hook's step within a share of 60 s.
func (w *world) run(t *testing.T) (took time.Duration, err error) {
	t.Helper()
	return w.within(t, 60*s, w.es.Run)
}

func (w *world) within(t *testing.T, share time.Duration, do stepFunc) (took time.Duration, err error) {
	t.Helper()
	begin := time.Now()
	ctx, cancel := context.WithDeadlineCause(t.Context(), begin.Add(share), errShare)
	defer cancel()
	err = do(ctx, w.log.Logger())
	took = time.Since(begin)
	if took > share {
		t.Errorf("took %v of %v", took, share)
	}
	return took, err
}

// expectPuts wants so many registrations, all of them for es-0 as it is now.
func (w *world) expectPuts(t *testing.T, want int) {
	t.Helper()
	n := 0
	for _, r := range w.Requests() {
		if r.API == fakees.PutShutdown {
			n++
			if r.Path != recordPath(w.own.ID) {
				t.Errorf("PUT %s, which is not our own node's", r.Path)
			}
		}
	}
	if n != want {
		t.Errorf("%d PUTs, want %d", n, want)
	}
}

// answered tells how many requests of these APIs were answered with a status.
func (w *world) answered(api fakees.API, status int) int {
	n := 0
	for _, r := range w.Requests() {
		if r.API&api != 0 && r.Status == status {
			n++
		}
	}
	return n
}
