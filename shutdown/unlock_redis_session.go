package shutdown

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/gomodule/redigo/redis"

	"github.com/prestop/prestop/internal/web"
)

// redisSession is a connection to a Redis server, within one try.
type redisSession struct {
	*RedisLock
	ours, password string // secrets that are kept out of errors: the value that makes the lock ours, and the password
	conn           redis.Conn
}

var (
	errNotRedis    = errors.New("the answer is not Redis' protocol")
	errBigAnswer   = fmt.Errorf("an answer of more than %d bytes, or of many parts", maxRedisBytes)
	errHungUp      = errors.New("the connection was closed before the answer")
	errUserAlone   = errors.New("a user needs a password")
	errWrongLogin  = errors.New("the user or password is wrong")
	errNoLogin     = errors.New("a password is given, but the server has none for the default user")
	errAuth        = errors.New("AUTH is refused")
	errManyClients = errors.New("the server has as many clients as it takes")
)

// secure makes a TLS connection on top of conn if the lock uses TLS.
func (r *RedisLock) secure(ctx context.Context, conn net.Conn) (net.Conn, error) {
	if r.TLS == nil {
		return conn, nil
	}
	config, err := r.TLS()
	if err == nil && config.ServerName == "" {
		config = config.Clone()
		config.ServerName, _, err = net.SplitHostPort(r.Address)
	}
	if err != nil {
		return nil, web.Permanent(err)
	}
	secure := tls.Client(conn, config)
	return alerted{secure}, secure.HandshakeContext(ctx)
}

// alerted says why a server broke the connection off. With TLS 1.3 the server looks at our certificate while we are already sending. So
// we may meet the broken connection first, before we have read the alert that says why.
type alerted struct{ *tls.Conn }

func (a alerted) Write(p []byte) (int, error) {
	n, err := a.Conn.Write(p)
	if err != nil {
		if _, said := a.Read(make([]byte, 1)); web.Final(said) {
			err = said
		}
	}
	return n, err
}

const (
	maxRedisBytes = 1 << 20 // that one try reads
	maxRedisParts = 16      // arrays and their elements; we ask for arrays of one
)

// boundedRedis gives redigo at most maxRedisBytes. It also refuses an announced length that is more than can still come: for
// "$9999999999", redigo would make a buffer of that size.
type boundedRedis struct {
	net.Conn
	limit io.LimitedReader // of Conn
	from  *bufio.Reader    // of limit
	piece bytes.Buffer     // a line, with the string that the line announces
	parts int              // so far
}

func newBoundedRedis(conn net.Conn) *boundedRedis {
	b := &boundedRedis{Conn: conn, limit: io.LimitedReader{R: conn, N: maxRedisBytes}}
	b.from = bufio.NewReader(&b.limit)
	return b
}

func (b *boundedRedis) Read(p []byte) (int, error) {
	if b.piece.Len() == 0 {
		if err := b.next(); err != nil {
			return 0, err
		}
	}
	return b.piece.Read(p)
}

func (b *boundedRedis) next() error {
	line, err := b.from.ReadSlice('\n')
	switch {
	case len(line) > 0 && !bytes.ContainsAny(line[:1], "+-:$*"):
		return errNotRedis
	case errors.Is(err, bufio.ErrBufferFull):
		return errBigAnswer
	case err != nil:
		return err
	}
	b.piece.Write(line)
	length, errLength := strconv.Atoi(string(bytes.TrimSpace(line[1:]))) // what is no number is refused by redigo
	switch {
	case line[0] == '*':
		if b.parts += 1 + max(0, min(length, maxRedisParts)); b.parts > maxRedisParts {
			return errBigAnswer
		}
	case line[0] == '$' && length > int(b.limit.N)+b.from.Buffered():
		return errBigAnswer
	case line[0] == '$' && length >= 0 && errLength == nil:
		_, err = io.CopyN(&b.piece, b.from, int64(length)+2) // and its line end
	}
	return err
}

// do sends a command and returns the answer to it. If several commands were sent, the error is that of the first one that failed.
func (s *redisSession) do(command string, args ...any) (any, error) {
	reply, err := s.conn.Do(command, args...)
	refusal, isRefusal := errors.AsType[redis.Error](err)
	switch {
	case err == nil:
		return reply, nil
	case isRefusal:
		err = s.refused(command, string(refusal))
	case errors.Is(err, errBigAnswer):
		err = web.Permanent(fmt.Errorf("%s: %w", command, errBigAnswer))
	case errors.Is(err, errNotRedis), strings.HasPrefix(err.Error(), "redigo: "): // redigo's protocol errors have no name
		err = web.Permanent(errNotRedis)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errHungUp
	}
	return nil, err
}

// refused is the error for an answer that says -CODE rest. A code that nobody knows, such as proxies make, may pass by itself. So may a
// refusal because of the server's state. A refusal because of the user or the key does not pass.
func (s *redisSession) refused(command, text string) error {
	code, rest, _ := strings.Cut(text, " ")
	login := command == "AUTH" // then no error repeats the answer: a server that does not know AUTH says what we sent
	switch {
	case code == "WRONGPASS", login && rest == "invalid password": // since Redis 6; before it
		return web.Permanent(errWrongLogin)
	case code == "NOAUTH":
		return web.Permanent(errors.New("the server wants a user and password"))
	case code == "DENIED":
		return web.Permanent(errors.New("the server takes connections from its own host alone: it is in protected mode"))
	case strings.Contains(text, "max number of clients"):
		return errManyClients
	case login && strings.Contains(rest, "without any password configured"), login && strings.Contains(rest, "no password is set"):
		return web.Permanent(errNoLogin)
	case login && code == "ERR":
		return web.Permanent(errAuth)
	case login:
		return errAuth
	}
	err := fmt.Errorf("%s: %s", command, serverText(text, s.password, s.ours))
	switch {
	case code == "MOVED":
		return web.Permanent(fmt.Errorf("a cluster that has the key at another node: expected the name of that one (slot and node: %s)", serverText(rest, s.password, s.ours)))
	case code == "NOPERM", code == "WRONGTYPE", code == "ERR" && command == "SELECT", code == "ERR" && strings.HasPrefix(rest, "unknown command"):
		return web.Permanent(err)
	}
	return err
}
