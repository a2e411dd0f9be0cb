package shutdown

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/prestop/prestop/internal/dns"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// A RedisLock is a lock in Redis: a key that SET key value NX PX makes. It holds a value of ours for as long as the lock is ours. Run
// deletes the key, but never a lock that somebody else has taken by now.
//
// The server must be the primary. A lock that a replica does not know yet looks like a lock that is gone.
type RedisLock struct {
	Dial     web.Dial
	Address  string                      // host and port
	TLS      func() (*tls.Config, error) // nil: plain TCP. Without a ServerName, the address' host is verified
	User     string                      // empty: the default user
	Password web.Secret                  // nil: none is given
	DB       int
	Key      string
	Value    web.Secret    // a line end at its end does not belong to it
	Timeout  time.Duration // of one try; 0: 10 s
}

// Run releases the lock. It is also done if the lock is gone, if somebody else holds it, or if it went while the connection broke.
func (r *RedisLock) Run(ctx context.Context, log *slog.Logger) error {
	var found string
	_, err := web.Policy{Timeout: r.Timeout}.Do(ctx, log, func(ctx context.Context) (web.Answer, error) {
		return web.Answer{}, r.with(ctx, func(s *redisSession) (err error) { found, err = s.release(); return err })
	})
	if err == nil {
		log.Info(found, "key", r.Key)
	}
	return err
}

// Check logs in and looks whose the lock is. It also asks to delete the lock in a transaction, and then discards the transaction. This
// shows missing rights and a replica.
func (r *RedisLock) Check(ctx context.Context) (all []step.Finding, err error) {
	err = r.with(dns.Looking(ctx, func(line string) { all = append(all, step.Found(line)) }), func(s *redisSession) error {
		if r.Password != nil {
			all = append(all, step.Found("logged in"))
		}
		found, err := s.look()
		if err == nil {
			_, err = s.transaction("DISCARD")
		}
		if err == nil {
			all = append(all, step.Found(found, "key", r.Key))
		}
		return err
	})
	return all, err
}

// with connects, logs in and calls do with the session. Its errors name the server.
func (r *RedisLock) with(ctx context.Context, do func(*redisSession) error) error {
	s := &redisSession{RedisLock: r}
	err := s.secrets()
	if err == nil {
		err = s.connected(ctx, do)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && !errors.Is(err, context.Cause(ctx)) {
		err = context.Cause(ctx)
	}
	scheme := "redis"
	if r.TLS != nil {
		scheme = "rediss"
	}
	return fmt.Errorf("%s://%s: %w", scheme, r.Address, err)
}

// secrets reads what the files hold now.
func (s *redisSession) secrets() (err error) {
	if s.Password != nil {
		if s.password, err = s.Password(); err != nil {
			return web.Permanent(fmt.Errorf("password: %w", err))
		}
	} else if s.User != "" {
		return web.Permanent(errUserAlone)
	}
	text, err := s.Value()
	if line, ended := strings.CutSuffix(text, "\n"); ended {
		text = strings.TrimSuffix(line, "\r")
	}
	if err == nil && text == "" {
		err = errors.New("expected the lock's value, got nothing")
	}
	if err != nil {
		return web.Permanent(fmt.Errorf("value: %w", err))
	}
	s.ours = text
	return nil
}

// connected connects, logs in, selects the database and calls do. When ctx ends, the connection is closed, so that nothing waits any
// longer.
func (s *redisSession) connected(ctx context.Context, do func(*redisSession) error) error {
	raw, err := s.Dial(ctx, "tcp", s.Address)
	if err != nil {
		return err
	}
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { raw.Close() })()
	conn, err := s.secure(ctx, raw)
	if err != nil {
		return err
	}
	s.conn = redis.NewConn(newBoundedRedis(conn), 0, 0)
	switch {
	case s.User != "":
		_, err = s.do("AUTH", s.User, s.password)
	case s.Password != nil:
		_, err = s.do("AUTH", s.password)
	}
	if err == nil && s.DB != 0 { // the servers of a cluster have only database 0, and no SELECT
		_, err = s.do("SELECT", s.DB)
	}
	if err != nil {
		return err
	}
	return do(s)
}

const maxLooks = 5

var errChanging = fmt.Errorf("the key is changed again and again: seen ours %d times, and never until it was deleted", maxLooks)

// release deletes the key if it holds our value, and says what became of it.
//
// It uses WATCH, GET, MULTI, DEL and EXEC. EXEC does nothing if anybody changed the key after WATCH. A script that compares and deletes
// would save a round trip, which nobody notices here. But many users may not run scripts, and some servers that speak Redis' protocol
// have none. And the value would be an argument of the script, which MONITOR and the slow log show.
func (s *redisSession) release() (string, error) {
	for range maxLooks {
		found, err := s.look()
		if err != nil || found != lockOurs {
			return found, err
		}
		reply, err := s.transaction("EXEC")
		switch {
		case err != nil:
			return "", err
		case reply == nil: // changed since we looked, perhaps because we prolong the lock ourselves
		case reflect.DeepEqual(reply, []any{int64(1)}):
			return lockReleased, nil
		case reflect.DeepEqual(reply, []any{int64(0)}): // expired since we looked; before Redis 6.0.9 that counted as no change
			return lockGone, nil
		default:
			return "", web.Permanent(errNotRedis)
		}
	}
	return "", errChanging
}

// look tells whose the lock is. From then on Redis watches the key for changes.
func (s *redisSession) look() (string, error) {
	watched, err := s.do("WATCH", s.Key)
	if err != nil {
		return "", err
	}
	held, err := s.do("GET", s.Key)
	if err != nil {
		return "", err
	}
	text, isText := held.([]byte)
	switch {
	case watched != "OK" || held != nil && !isText:
		return "", web.Permanent(errNotRedis)
	case held == nil:
		return lockGone, nil
	case string(text) != s.ours:
		return lockAnothers, nil
	}
	return lockOurs, nil
}

// transaction asks to delete the key, and ends with EXEC or DISCARD. Only EXEC deletes it.
func (s *redisSession) transaction(end string) (any, error) {
	_, _ = s.conn.Send("MULTI"), s.conn.Send("DEL", s.Key) // an error comes again at the next command
	return s.do(end)
}
