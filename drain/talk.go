package drain

import (
	"fmt"
	"net/netip"
	"sort"
	"strings"
	"time"
)

// talk is what goes on at the moment, and with whom.
type talk struct {
	connections int       // that are there
	active      int       // those of them that have carried payload lately or are owed an answer
	owed, old   int       // of the active
	ended       int       // connections that have carried payload lately and are no more
	lost        bool      // more have ended than was told
	last        time.Time // payload; zero: none yet
	peers       map[netip.Addr]peer
}

type peer struct {
	connections, ended int
	last               time.Time
}

func newTalk() talk { return talk{peers: make(map[netip.Addr]peer)} }

// begin makes it ready for another look, which peers that have talked since still matter to.
func (t *talk) begin(since time.Time) {
	for ip, p := range t.peers {
		p.connections = 0
		if p.ended == 0 || p.last.Before(since) {
			delete(t.peers, ip)
			continue
		}
		t.peers[ip] = p
	}
	*t = talk{last: t.last, peers: t.peers}
}

// carried takes note of payload.
func (t *talk) carried(at time.Time) {
	if at.After(t.last) {
		t.last = at
	}
}

// add takes an active connection into account.
func (t *talk) add(ip netip.Addr, at time.Time, owed, old bool) {
	t.active++
	if owed {
		t.owed++
	}
	if old {
		t.old++
	}
	p := t.peers[ip]
	p.connections++
	t.peers[ip] = p.carried(at)
}

// left takes a connection into account that is no more.
func (t *talk) left(ip netip.Addr, at time.Time) {
	p := t.peers[ip]
	p.ended++
	t.peers[ip] = p.carried(at)
}

func (p peer) carried(at time.Time) peer {
	if at.After(p.last) {
		p.last = at
	}
	return p
}

func (t *talk) says(now time.Time) string {
	text := fmt.Sprintf("%d of %d connections carry traffic", t.active, t.connections)
	if t.owed > 0 {
		text += fmt.Sprintf(", %d of them wait for an answer", t.owed)
	}
	if t.ended > 0 {
		text += fmt.Sprintf(", and %d did that have ended", t.ended)
	}
	if t.lost {
		text += ", and more have ended than the kernel could tell of"
	}
	if !t.last.IsZero() {
		text += fmt.Sprintf("; last payload %.1fs ago", now.Sub(t.last).Seconds())
	}
	if len(t.peers) > 0 {
		text += "; " + t.who()
	}
	return text
}

// who names the peers with most connections.
func (t *talk) who() string {
	const most = 3
	peers := make([]netip.Addr, 0, len(t.peers))
	for ip := range t.peers {
		peers = append(peers, ip)
	}
	sort.Slice(peers, func(i, j int) bool {
		a, b := peers[i], peers[j]
		if x, y := t.peers[a].all(), t.peers[b].all(); x != y {
			return x > y
		}
		return a.Less(b)
	})
	var names []string
	for _, ip := range peers[:min(len(peers), most)] {
		names = append(names, fmt.Sprintf("%s (%d)", ip, t.peers[ip].all()))
	}
	if len(peers) > most {
		names = append(names, fmt.Sprintf("%d more", len(peers)-most))
	}
	noun := "peers"
	if len(peers) == 1 {
		noun = "peer"
	}
	return fmt.Sprintf("%d %s: %s", len(peers), noun, strings.Join(names, ", "))
}

func (p peer) all() int { return p.connections + p.ended }

// advice is what can be done about those that still talk.
func (t *talk) advice() string {
	var all []string
	if t.old > 0 {
		all = append(all, "connections from before carry traffic on: once told to shut down, the app must answer with Connection: close (HTTP/1) or send GOAWAY (HTTP/2)")
	}
	if t.active-t.old+t.ended > 0 {
		all = append(all, "new connections are still made: these peers have not learned that the pod is to go, or do not ask")
	}
	return strings.Join(all, "; ")
}
