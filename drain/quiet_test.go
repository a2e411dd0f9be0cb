package drain

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

const ms = time.Millisecond

// echo answers each line after a while, "stream" with lines for ever, "large" with a lot, "beat" with as much, "bye" by the end and "never" not at all.
func echo(t *testing.T, network, address string, after time.Duration) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, func(c net.Conn) { serveLines(t.Context(), c, after) })
	return l
}

// serve calls do for each connection, and closes all when the test ends.
func serve(t *testing.T, l net.Listener, do func(net.Conn)) {
	var all sync.WaitGroup
	var open sync.Map
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(c, nil)
			all.Go(func() { defer open.Delete(c); defer c.Close(); do(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		open.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
		all.Wait()
	})
}

// answer is as long as HTTP's are at least.
var answer = strings.Repeat("answer ", 15) + "\n"

func serveLines(ctx context.Context, c net.Conn, after time.Duration) {
	for lines := bufio.NewScanner(c); lines.Scan(); {
		switch lines.Text() {
		case "never":
			continue
		case "stream":
			for ctx.Err() == nil {
				if _, err := io.WriteString(c, "line\n"); err != nil {
					return
				}
				pause(ctx, 100*ms)
			}
		case "beat":
			io.WriteString(c, "beat\n")
		case "bye":
			io.WriteString(c, "bye\n")
			return
		case "large":
			c.Write(make([]byte, 16<<20))
		default:
			pause(ctx, after)
			io.WriteString(c, answer)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func port(l net.Listener) uint16 { return netip.MustParseAddrPort(l.Addr().String()).Port() }

// ask sends a line and reads what comes back.
func ask(c net.Conn, line string) {
	io.WriteString(c, line+"\n")
	bufio.NewReader(c).ReadString('\n')
}

// dial is a connection; one that breaks off at once if ctx has ended.
func dial(ctx context.Context, l net.Listener) net.Conn {
	made := time.Now()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	if err != nil && !tooLate(ctx) && ctx.Err() == nil {
		panic(err)
	}
	if err != nil {
		broken, end := net.Pipe()
		end.Close()
		return broken
	}
	return onTape(ctx, c, c.LocalAddr(), made)
}

func once(ctx context.Context, l net.Listener) {
	c := dial(ctx, l)
	defer c.Close()
	ask(c, "request")
}

// every calls do again and again, until ctx ends.
func every(ctx context.Context, d time.Duration, do func()) {
	for ctx.Err() == nil {
		do()
		pause(ctx, d)
	}
}

// Silence counts once all of for= was watched, also if max= is over a moment before.
func TestQuietIsWatchedForAllOfItsFor(t *testing.T) {
	t.Parallel()
	l := echo(t, "tcp4", "127.0.0.1:0", 0)
	const whole = 800 * ms
	if took, err := runFor(t, whole-200*ms, Quiet{Ports: []uint16{port(l)}, For: whole}); err == nil && took < whole {
		t.Errorf("done after %s", took)
	}
}

func TestQuietWithoutAListener(t *testing.T) {
	if inside(t, asRoot, asUser, refused) == "" {
		return
	}
	l := echo(t, "tcp4", "127.0.0.1:0", 0)
	other := echo(t, "tcp6", "[::1]:0", 0)
	taken := port(l)
	l.Close()
	begin := time.Now()
	err := (&Quiet{Ports: []uint16{taken}}).Run(t.Context(), silent)
	endsSoon(t, begin, s)
	want := fmt.Sprintf("could not see: nothing listens on port %d; there are listeners on %d", taken, port(other))
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
