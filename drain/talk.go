package drain

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/phrase"
)

// talk is what goes on at the moment, and with whom.
type talk struct {
	connections int       // that are there
	active      int       // those of them that have carried payload lately or are owed an answer
	owed, old   int       // of the active
	ended       int       // connections that have carried payload lately and have ended
	lost        bool      // more have ended than the kernel announced
	full        bool      // clients could not connect a while ago, and may try again
	last        time.Time // payload; zero: none yet
	peers       map[netip.Addr]peer

	oldOwed  int                // of the owed
	little   int                // of the old that are not owed, those whose last payload was no longer than a heartbeat
	newEnded int                // of the ended, those that were not there when the step began
	udp      string             // what is said of datagrams
	given    map[netip.Addr]int // who was given up and is not in the log yet
	told     time.Time          // when the log last said who was given up
}

type peer struct {
	connections, ended int
	last               time.Time
}

func newTalk() talk { return talk{peers: make(map[netip.Addr]peer), given: make(map[netip.Addr]int)} }

// begin prepares another look. Of the peers, it keeps those with ended connections that have talked since then.
func (t *talk) begin(since time.Time) {
	for ip, p := range t.peers {
		p.connections = 0
		if p.ended == 0 || p.last.Before(since) {
			delete(t.peers, ip)
			continue
		}
		t.peers[ip] = p
	}
	*t = talk{last: t.last, peers: t.peers, newEnded: t.newEnded, given: t.given, told: t.told}
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
	if owed && old {
		t.oldOwed++
	}
	p := t.peers[ip]
	p.connections++
	t.peers[ip] = p.carried(at)
}

// left takes a connection into account that has ended.
func (t *talk) left(ip netip.Addr, at time.Time, old bool) {
	if !old {
		t.newEnded++
	}
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

// says is what goes on, and more about that.
func (t *talk) says() (text string, more []string) {
	text = fmt.Sprintf("%d of %d connections carry traffic", t.active, t.connections)
	if t.owed > 0 {
		text += fmt.Sprintf(", %d of them wait for an answer", t.owed)
	}
	if t.ended > 0 {
		text += fmt.Sprintf(", and %d did that have ended", t.ended)
	}
	if t.lost {
		text += ", and more have ended than the kernel could tell of"
	}
	if t.full {
		text += ", and clients may try again that could not connect, because too many waited to be accepted"
	}
	text += t.udp
	if !t.last.IsZero() {
		more = append(more, fmt.Sprintf("last payload %.1fs ago", time.Since(t.last).Seconds()))
	}
	if len(t.peers) > 0 {
		more = append(more, t.who())
	}
	return text, more
}

// givenUp says who was given up.
func (t *talk) givenUp(after time.Duration) string {
	n := 0
	for _, some := range t.given {
		n += some
	}
	return fmt.Sprintf("gave up on %d connections that may still wait for an answer, after %s: %s; unanswered= sets how long they count", n, after, names(t.given))
}

// who names the peers with most connections.
func (t *talk) who() string {
	all := make(map[netip.Addr]int, len(t.peers))
	for ip, p := range t.peers {
		all[ip] = p.connections + p.ended
	}
	return names(all)
}

// names names the peers with the highest numbers, and takes these peers out of the map.
func names(numbers map[netip.Addr]int) string {
	const most = 3
	all := len(numbers)
	var names []string
	for len(numbers) > 0 && len(names) < most {
		top := highest(numbers)
		names = append(names, fmt.Sprintf("%s (%d)", top, numbers[top]))
		delete(numbers, top)
	}
	if len(numbers) > 0 {
		names = append(names, fmt.Sprintf("%d more", len(numbers)))
	}
	return phrase.Count(all, "peer") + ": " + strings.Join(names, ", ")
}

// highest is the peer with the highest number. If several have that number, it is the first of them in the order of addresses.
func highest(numbers map[netip.Addr]int) (top netip.Addr) {
	for ip, n := range numbers {
		if n > numbers[top] || n == numbers[top] && ip.Less(top) {
			top = ip
		}
	}
	return top
}

// advice is what can be done about those that still talk.
func (t *talk) advice(spoken Protocol) string {
	var all []string
	if t.owed > 0 {
		all = append(all, "clients wait for an answer on "+phrase.Count(t.owed, "connection")+": a larger max= gives them time, and unanswered= gives them up sooner")
	}
	if old := t.old - t.oldOwed; old > 0 {
		text := "connections from before carry traffic on: once told to shut down, the app must answer with Connection: close (HTTP/1), send GOAWAY (HTTP/2), or close its WebSockets and streams"
		if t.little > 0 && spoken == "" {
			text += fmt.Sprintf("; %d of them carry nothing longer than a heartbeat: if these are heartbeats, add the word http2, websocket or sse to the step", t.little)
		}
		all = append(all, text)
	}
	if t.active-t.owed-(t.old-t.oldOwed) > 0 || t.newEnded > 0 && t.ended > 0 {
		all = append(all, "new connections are still made: these peers have not learned that the pod is to go, or do not ask; where they are probes or health checks, allow= leaves so many of them out")
	}
	return strings.Join(all, "; ")
}
