package shutdown

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/gomodule/redigo/redis"

	"github.com/prestop/prestop/internal/web"
)

// redisSession is a connection to a Redis server, within one try.
type redisSession struct {
	conn           redis.Conn
	close          func()
	user, password string
	hasPassword    bool
	value          string // of the lock, to be kept out of errors
}

var (
	errNotRedis    = errors.New("the answer is not Redis' protocol")
	errBigAnswer   = fmt.Errorf("an answer of more than %d bytes, or of many parts", maxRedisBytes)
	errHungUp      = errors.New("the connection was closed before the answer")
	errUserAlone   = errors.New("a user needs a password")
	errNeedsLogin  = errors.New("the server wants a user and password")
	errWrongLogin  = errors.New("the user or password is wrong")
	errNoLogin     = errors.New("a password is given, but the server has none for the default user")
	errAuth        = errors.New("AUTH is refused")
	errProtected   = errors.New("the server takes connections from its own host alone: it is in protected mode")
	errManyClients = errors.New("the server has as many clients as it takes")
)

// connect connects and hands the connection over to redigo. It is closed when ctx ends, which ends whatever waits.
func (r RedisLock) connect(ctx context.Context, value string) (*redisSession, error) {
	s := &redisSession{user: r.User, value: value}
	if r.Password != nil {
		password, err := r.Password()
		if err != nil {
			return nil, web.Permanent(fmt.Errorf("password: %w", err))
		}
		s.password, s.hasPassword = password, true
	}
	if s.user != "" && !s.hasPassword {
		return nil, web.Permanent(errUserAlone)
	}
	raw, err := r.Dial(ctx, "tcp", r.Address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	s.close = func() { stop(); raw.Close() }
	conn, err := r.secure(ctx, raw)
	if err != nil {
		s.close()
		return nil, err
	}
	s.conn = redis.NewConn(&boundedRedis{Conn: conn, left: maxRedisBytes}, 0, 0)
	return s, nil
}

// secure makes a TLS connection of conn if the lock says so.
func (r RedisLock) secure(ctx context.Context, conn net.Conn) (net.Conn, error) {
	if r.TLS == nil {
		return conn, nil
	}
	config, err := r.TLS()
	if err != nil {
		return nil, web.Permanent(err)
	}
	if config.ServerName == "" {
		config = config.Clone()
		if config.ServerName, _, err = net.SplitHostPort(r.Address); err != nil {
			return nil, web.Permanent(err)
		}
	}
	secure := tls.Client(conn, config)
	return alerted{secure}, secure.HandshakeContext(ctx)
}

// alerted says why a server broke a connection off: with TLS 1.3 it looks at our certificate when we send already, and
// what we then meet first may be the broken connection, with the alert that says why not read yet.
type alerted struct{ *tls.Conn }

func (a alerted) Write(p []byte) (int, error) {
	n, err := a.Conn.Write(p)
	if err == nil {
		return n, nil
	}
	if _, said := a.Read(make([]byte, 1)); web.Final(said) {
		return n, said
	}
	return n, err
}

// login is done with what was given. A database of 0 is not selected: servers of a cluster have no other, and no SELECT.
func (s *redisSession) login(db int) error {
	if s.hasPassword {
		args := []any{s.user, s.password}
		if s.user == "" {
			args = args[1:]
		}
		if _, err := s.do("AUTH", args...); err != nil {
			return err
		}
	}
	if db == 0 {
		return nil
	}
	_, err := s.do("SELECT", db)
	return err
}

// do sends a command and returns the answer to it; of several commands sent, the error is that of the first that failed.
func (s *redisSession) do(command string, args ...any) (any, error) {
	reply, err := s.conn.Do(command, args...)
	return reply, s.explain(command, err)
}

// explain says what went wrong, and whether it will be the same next time.
func (s *redisSession) explain(command string, err error) error {
	refused, isRefusal := errors.AsType[redis.Error](err)
	switch {
	case err == nil:
		return nil
	case isRefusal:
		return s.refused(command, string(refused))
	case errors.Is(err, errBigAnswer):
		return web.Permanent(fmt.Errorf("%s: %w", command, errBigAnswer))
	case errors.Is(err, errNotRedis) || strings.HasPrefix(err.Error(), "redigo: "): // its protocol errors have no name
		return web.Permanent(errNotRedis)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return errHungUp
	}
	return err
}

// refused is the error for an answer that says -CODE text.
func (s *redisSession) refused(command, text string) error {
	code, rest, _ := strings.Cut(text, " ")
	switch {
	case code == "WRONGPASS":
		return web.Permanent(errWrongLogin)
	case code == "NOAUTH":
		return web.Permanent(errNeedsLogin)
	case code == "DENIED":
		return web.Permanent(errProtected)
	case strings.Contains(text, "max number of clients"):
		return errManyClients
	case command == "AUTH":
		return refusedAuth(code, rest)
	case code == "MOVED":
		return web.Permanent(fmt.Errorf("a cluster that has the key at another node: expected the name of that one (slot and node: %s)", s.hide(rest)))
	}
	err := fmt.Errorf("%s: %s", command, s.hide(text))
	if lasts(command, code, rest) {
		return web.Permanent(err)
	}
	return err
}

func (s *redisSession) hide(text string) string { return serverText(text, s.password, s.value) }

// refusedAuth repeats nothing of the answer: a server that does not know AUTH says what we sent.
func refusedAuth(code, rest string) error {
	switch {
	case strings.Contains(rest, "without any password configured"), strings.Contains(rest, "no password is set"): // since 6, before
		return web.Permanent(errNoLogin)
	case rest == "invalid password": // before 6
		return web.Permanent(errWrongLogin)
	case code == "ERR":
		return web.Permanent(errAuth)
	}
	return errAuth
}

// lasts tells whether a refusal will be the same next time: what is the user's or the key's does not pass, what is the
// server's state does. A code that nobody knows, as proxies make them, may.
func lasts(command, code, rest string) bool {
	switch code {
	case "NOPERM", "WRONGTYPE":
		return true
	case "ERR":
		return command == "SELECT" || strings.HasPrefix(rest, "unknown command")
	}
	return false
}
