package recipes_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/prestop/prestop/internal/testserver"
)

// The addresses of the pod's own Redis, of its Sentinel, and of the Redis of another pod.
const ownRedis, otherRedis, sentinel = "127.0.0.1:6379", "127.0.0.3:6379", "127.0.0.2:26379"

// shortSentinel leaves out what is only there for the clients.
var shortSentinel = []string{"wait 5s", "wait 0s"}

// serveSentinel starts the pod's own Redis, another one and a real Sentinel, which knows both and which of them is the master.
func serveSentinel(t *testing.T, p *pod, master, replica string) *container {
	t.Helper()
	server := testserver.Program(t, "redis-server", "redis-server")
	p.host("redis-sentinel", "127.0.0.2")
	c := p.container(t)
	arguments := func(at string) []string {
		ip, port, _ := strings.Cut(at, ":")
		all := []string{"--bind", ip, "--port", port, "--save", "", "--replica-announce-ip", ip, "--repl-diskless-sync-delay", "0"}
		if at == replica {
			all = append(all, "--replicaof", strings.ReplaceAll(master, ":", " "))
		}
		return all
	}
	c.start(t, append([]string{server, "--dir", "/tmp"}, arguments(ownRedis)...)...)
	other := exec.Command(server, arguments(otherRedis)...)
	other.Dir = t.TempDir()
	testserver.Start(t, other, says(otherRedis, "PONG", "PING"))
	waitFor(t, says(replica, "master_link_status:up", "INFO", "replication"))

	config := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("bind 127.0.0.2\nport 26379\nprotected-mode no\nsentinel monitor mymaster %s 1\n", strings.ReplaceAll(master, ":", " "))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	testserver.Start(t, exec.Command(server, config, "--sentinel"), says(sentinel, "PONG", "PING"))
	waitFor(t, says(sentinel, "master-link-status ok", "SENTINEL", "REPLICAS", "mymaster"))
	return c
}

// says tells whether a Redis or a Sentinel answers a command with some text.
func says(address, text, command string, args ...any) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := redis.DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		defer conn.Close()
		answer, err := redis.DoContext(conn, ctx, command, args...)
		if got := words(answer); err == nil && !strings.Contains(got, text) {
			err = fmt.Errorf("%s %s: expected %s, got %s", address, command, text, got)
		}
		return err
	}
}

// words are an answer of any shape, one after the other.
func words(answer any) string {
	switch answer := answer.(type) {
	case []byte:
		return string(answer)
	case []any:
		var all []string
		for _, one := range answer {
			all = append(all, words(one))
		}
		return strings.Join(all, " ")
	}
	return fmt.Sprint(answer)
}

// waitFor asks ten times a second, for half a minute.
func waitFor(t *testing.T, ready func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.Tick(time.Second / 10)
	for {
		err := ready(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick:
		case <-ctx.Done():
			t.Fatal(errors.Join(ctx.Err(), err))
		}
	}
}

func TestRedisSentinel(t *testing.T) {
	t.Parallel()
	inPod(t, "redis-sentinel.yaml", func(t *testing.T, p *pod) {
		c := serveSentinel(t, p, ownRedis, otherRedis)
		if got := c.hook(t); got.status != 0 || strings.Contains(got.log, unmet) {
			t.Errorf("%s", got)
		}
		waitFor(t, says(otherRedis, "role:master", "INFO", "replication"))
		waitFor(t, says(ownRedis, "role:slave", "INFO", "replication"))
	}, shortSentinel...)
}

// A replica's pod asks for nothing.
func TestRedisSentinelReplica(t *testing.T) {
	t.Parallel()
	inPod(t, "redis-sentinel.yaml", func(t *testing.T, p *pod) {
		c := serveSentinel(t, p, otherRedis, ownRedis)
		if got := c.hook(t); got.status != 0 || got.took > 10*time.Second {
			t.Errorf("%s", got)
		}
		waitFor(t, says(otherRedis, "role:master", "INFO", "replication"))
	}, shortSentinel...)
}

// A failover that is not made is a failure, and the time for it is kept.
func TestRedisSentinelWithoutSentinel(t *testing.T) {
	t.Parallel()
	inPod(t, "redis-sentinel.yaml", func(t *testing.T, p *pod) {
		server := testserver.Program(t, "redis-server", "redis-server")
		p.host("redis-sentinel", "127.0.0.2")
		c := p.container(t)
		c.start(t, server, "--bind", "127.0.0.1", "--port", "6379", "--save", "", "--dir", "/tmp")
		waitFor(t, says(ownRedis, "PONG", "PING"))
		if got := c.hook(t); got.status != 1 || !got.hasHeld() || !strings.Contains(got.log, unmet) {
			t.Errorf("%s", got)
		}
	}, append([]string{"max=40s", "max=3s"}, shortSentinel...)...)
}

func TestRedisSentinelDryRun(t *testing.T) {
	t.Parallel()
	inPod(t, "redis-sentinel.yaml", func(t *testing.T, p *pod) {
		dryRun(t, "redis", p.container(t))
	})
}
