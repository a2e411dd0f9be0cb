package drain

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/sockdiag"
)

// procWatch looks without netlink, by /proc/net/tcp. It cannot see whether a connection carries payload. So it takes every connection
// for traffic that is open, new or lately closed. A wait may last longer than with netlink, but never shorter.
type procWatch struct {
	Quiet
	dir   string
	last  time.Time // when there may have been traffic
	busy  bool      // the look before saw traffic
	known map[procSocket]procMet
	round uint32 // number of the look
	talk  talk
	udp   datagrams
}

// procMet is what is remembered of a connection.
type procMet struct {
	round  uint32 // number of the last look that met it
	closed bool   // it has closed: the app's side of it lingers
	old    bool   // it was there in the beginning, and only new ones count
}

func newProcWatch(q *Quiet, dir string) *procWatch {
	return &procWatch{Quiet: *q, dir: dir, known: make(map[procSocket]procMet), talk: newTalk(), udp: datagrams{dir: dir}}
}

func (w *procWatch) advice() string {
	return "without netlink, the app must close its connections once told to shut down"
}

func (w *procWatch) close() {}

func (w *procWatch) listens() error {
	var all, connected []uint16
	err := procSockets(w.dir, func(s procSocket) {
		switch s.state {
		case sockdiag.Listen:
			all = withPort(all, s.local.Port())
		case sockdiag.TimeWait:
		default:
			connected = withPort(connected, s.local.Port())
		}
	})
	if err != nil {
		return err
	}
	if err := w.bound(); err != nil {
		return err
	}
	if port := missing(w.Ports, slices.Concat(all, connected, w.Noted.tcp())); port != 0 {
		return fmt.Errorf("%w: nothing listens on port %d; there are listeners on %s", ErrUnseen, port, strings.Trim(fmt.Sprint(all), "[]"))
	}
	return nil
}

func (w *procWatch) look(context.Context) (sight, error) {
	now := time.Now()
	w.talk.begin(now)
	w.round++
	err := procSockets(w.dir, func(s procSocket) {
		if s.state != sockdiag.Listen && slices.Contains(w.Ports, s.local.Port()) && !within(w.Ignore, s.remote.Addr()) {
			w.meet(now, s)
		}
	})
	if err != nil {
		return sight{}, err
	}
	for who, met := range w.known {
		if met.round != w.round {
			delete(w.known, who)
		}
	}
	busy := w.talk.active > w.Allow
	if busy || w.busy { // the traffic has ended since the look before, which may be long ago if processor time is short
		w.last = now
	}
	w.busy = busy
	met := now.Sub(w.last) >= w.For
	if len(w.UDPPorts) > 0 {
		silent, err := w.udp.silent(now, w.For, &w.talk)
		if err != nil {
			return sight{}, err
		}
		met = met && silent
	}
	return w.sight(met), nil
}

// meet takes a connection into account, unless it has closed and was known before, or it is old and only new ones count. If other
// connections come and go meanwhile, the kernel shows some twice.
func (w *procWatch) meet(now time.Time, s procSocket) {
	who := procSocket{local: s.local, remote: s.remote}
	before := w.known[who]
	if before.round == w.round {
		return
	}
	closed := s.state == sockdiag.TimeWait
	over := closed && (before.closed || w.round == 1)
	old := w.New && (before.old || w.round == 1)
	w.known[who] = procMet{w.round, closed, old && !closed}
	if !over && !old {
		w.talk.add(s.remote.Addr(), now, false, false)
	}
}

func (w *procWatch) sight(met bool) sight {
	s := sight{met: met, says: phrase.Count(w.talk.active, "connection") + " that may carry traffic" + w.talk.udp}
	if len(w.talk.peers) > 0 {
		s.more = []string{w.talk.who()}
	}
	return s
}
