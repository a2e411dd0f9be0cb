package testserver

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
)

// A RedisServer is a redis-server that keeps nothing on disk.
type RedisServer struct {
	*Process
	Address    string // speaks plain TCP
	TLSAddress string // set by RedisTLS
}

// Redis starts a redis-server; args are further words of its command line, as "--requirepass", "secret".
func Redis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	return startRedis(t, Address(t, IP()), args)
}

// RedisTLS starts a redis-server with a second address. This one speaks TLS and wants a client certificate of the
// authority in caFile. All files are PEM.
func RedisTLS(t testing.TB, caFile, certFile, keyFile string, args ...string) *RedisServer {
	t.Helper()
	at := Addresses(t, IP(), 2)
	_, port, _ := net.SplitHostPort(at[1])
	args = append([]string{"--tls-port", port, "--tls-ca-cert-file", caFile, "--tls-cert-file", certFile, "--tls-key-file", keyFile}, args...)
	r := startRedis(t, at[0], args)
	r.TLSAddress = at[1]
	return r
}

func startRedis(t testing.TB, address string, args []string) *RedisServer {
	t.Helper()
	program := Program(t, "redis-server", "redis-server")
	r := &RedisServer{Address: address}
	ip, port, _ := net.SplitHostPort(r.Address)
	cmd := exec.Command(program, append([]string{"--bind", ip, "--port", port, "--save", "", "--appendonly", "no"}, args...)...)
	cmd.Dir = t.TempDir()
	r.Process = Start(t, cmd, r.answers)
	return r
}

// answers sends a PING. A refusal to let us in is an answer too.
func (r *RedisServer) answers(ctx context.Context) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", r.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if _, err := fmt.Fprint(conn, "PING\r\n"); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && line != "+PONG\r\n" && !strings.HasPrefix(line, "-NOAUTH ") {
		err = fmt.Errorf("PING: %q", line)
	}
	return err
}
