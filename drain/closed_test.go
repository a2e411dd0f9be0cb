package drain

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

func TestClosed(t *testing.T) {
	if inside(t, asRoot, asUser, refused) == "" {
		return
	}
	type family struct{ network, address string }
	together(t, []family{{"tcp4", "127.0.0.1:0"}, {"tcp6", "[::1]:0"}, {"tcp", "[::]:0"}}, func(t *testing.T, family family) {
		l, err := net.Listen(family.network, family.address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		kept, err := net.Dial(family.network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer kept.Close()
		log, done := &watched{lines: make(chan string, 100)}, make(chan error, 1)
		c := Closed{Port: port(l)}
		if _, err := c.Check(t.Context()); err != nil {
			t.Error(err)
		}
		go func() { done <- c.Run(t.Context(), log.logger()) }()
		log.await(t, "is listened on")
		select {
		case err := <-done:
			t.Fatalf("ended with a listener: %v", err)
		case <-time.After(600 * ms):
		}
		begin := time.Now()
		l.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		endsSoon(t, begin, s)
		if _, err := c.Check(t.Context()); err == nil {
			t.Error("its check passes without a listener")
		}
	})
}

func TestClosedMin(t *testing.T) {
	t.Parallel()
	l := echo(t, "tcp4", "127.0.0.1:0", 0)
	log, done := &watched{lines: make(chan string, 100)}, make(chan error, 1)
	begin := time.Now()
	go func() { done <- Closed{Port: port(l), Min: 900 * ms}.Run(t.Context(), log.logger()) }()
	log.await(t, "is listened on")
	l.Close()
	if err := <-done; err != nil || time.Since(begin) < 900*ms {
		t.Errorf("%v after %v, want its min", err, time.Since(begin))
	}
}

// A listener that stays is seen until the end; one that never was is not known to have gone.
func TestClosedEnded(t *testing.T) {
	if inside(t, asRoot, refused) == "" {
		return
	}
	stays := echo(t, "tcp4", "127.0.0.1:0", 0)
	never := echo(t, "tcp6", "[::1]:0", 0)
	never.Close()
	for _, test := range []struct {
		port uint16
		sees bool
		want string
	}{
		{port(stays), true, fmt.Sprintf("not met: port %d is listened on", port(stays))},
		{port(never), false, fmt.Sprintf("could not see: nothing has listened on port %d since the step began; there are listeners on %d", port(never), port(stays))},
	} {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 700*ms, errMax)
		err := Closed{Port: test.port}.Run(ctx, silent)
		cancel()
		if err == nil || errors.Is(err, errMax) != test.sees || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
}

// One that comes after the step began, and goes.
func TestClosedLate(t *testing.T) {
	if inside(t, asUser) == "" {
		return
	}
	l := echo(t, "tcp4", "127.0.0.1:0", 0)
	address := l.Addr().String()
	l.Close()
	log, done := &watched{lines: make(chan string, 100)}, make(chan error, 1)
	go func() { done <- Closed{Port: port(l)}.Run(t.Context(), log.logger()) }()
	log.await(t, "nothing has listened")
	again, err := net.Listen("tcp4", address)
	if err != nil {
		t.Fatal(err) // nobody else is in this network namespace who could have it
	}
	log.await(t, "is listened on")
	again.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
