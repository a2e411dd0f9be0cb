package drain

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// runProc is Run without netlink, by /proc/net/tcp. It takes every connection that is there, that is new or that has
// closed lately for traffic, since it cannot see whether one carries payload: it may hold longer, and never shorter.
func (q Quiet) runProc(ctx context.Context, log *slog.Logger, why error) error {
	log.Warn("looking at /proc/net/tcp instead: idle connections and health checks count as traffic, and connections shorter than a quarter of a second may not be seen", "error", why)
	return q.withDefaults().pollProc(ctx, log, procTable)
}

func (q Quiet) pollProc(ctx context.Context, log *slog.Logger, dir string) error {
	w := procWatch{Quiet: q, dir: dir, known: make(map[procSocket]bool)}
	if err := w.listens(); err != nil {
		return err
	}
	p := poll{every: quietEvery, min: max(q.Min, q.For), rarely: 5 * time.Second, look: w.look}
	return p.run(ctx, log)
}

// procWatch is what is remembered from look to look.
type procWatch struct {
	Quiet
	dir   string
	last  time.Time           // when there was traffic
	known map[procSocket]bool // connections that have closed, or were there in the beginning, and whether they still are
	begun bool
}

func (w *procWatch) listens() error {
	var found []uint16
	err := procSockets(w.dir, func(s procSocket) {
		if s.state == sockdiag.Listen {
			found = append(found, s.local.Port())
		}
	})
	if err != nil {
		return err
	}
	for _, port := range w.Ports {
		if !slices.Contains(found, port) {
			slices.Sort(found)
			return fmt.Errorf("could not see: nothing listens on port %d; there are listeners on %v", port, slices.Compact(found))
		}
	}
	return nil
}

func (w *procWatch) look(context.Context) (sight, error) {
	active := 0
	still := make(map[procSocket]bool)
	err := procSockets(w.dir, func(s procSocket) {
		if s.state == sockdiag.Listen || !slices.Contains(w.Ports, s.local.Port()) || w.ignores(s.remote.Addr()) {
			return
		}
		who := procSocket{local: s.local, remote: s.remote}
		still[who] = true
		closed := s.state == sockdiag.TimeWait
		old := w.known[who] || !w.begun && (closed || w.New)
		switch {
		case closed && old, w.New && old:
			w.known[who] = true
			return
		case closed:
			w.known[who] = true // it came and went since the last look
		}
		active++
	})
	if err != nil {
		return sight{}, err
	}
	w.begun = true
	for who := range w.known {
		if !still[who] {
			delete(w.known, who)
		}
	}
	now := time.Now()
	if active > w.Allow {
		w.last = now
	}
	says := fmt.Sprintf("%d connections that may carry traffic", active)
	return sight{now.Sub(w.last) >= w.For, says}, nil
}
