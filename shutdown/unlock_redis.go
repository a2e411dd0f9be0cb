package shutdown

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/dns"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
)

// A RedisLock is a lock in Redis: a key that holds a value of ours for as long as the lock is ours, as
// SET key value NX PX makes it. Run deletes the key, but never one that somebody else has taken by now.
//
// The server must be the primary: what a replica does not know yet looks like a lock that is gone.
type RedisLock struct {
	Dial     web.Dial
	Address  string                      // host and port
	TLS      func() (*tls.Config, error) // nil: plain TCP. Without a ServerName, the address' host is verified
	User     string                      // empty: the default user
	Password web.Secret                  // nil: none is given
	DB       int
	Key      string
	Value    web.Secret    // a line end at its end is none of it
	Timeout  time.Duration // of one try; 0: 10 s
}

// Run releases the lock. A lock that is gone or another's is done, and so is one that went while the connection broke.
func (r RedisLock) Run(ctx context.Context, log *slog.Logger) error {
	value, err := r.value()
	if err != nil {
		return err
	}
	var found string
	_, err = web.Policy{Timeout: r.Timeout}.Do(ctx, log, func(ctx context.Context) (web.Answer, error) {
		err := r.with(ctx, value, func(s *redisSession) (err error) { found, err = s.release(r.Key, value); return err })
		return web.Answer{}, err
	})
	if err != nil {
		return err
	}
	log.Info(found, "key", r.Key)
	return nil
}

// Check logs in, looks whose the lock is, and asks to delete it in a transaction that it then discards: so that missing
// rights and a replica show.
func (r RedisLock) Check(ctx context.Context) (all []prestop.Finding, err error) {
	value, err := r.value()
	if err != nil {
		return nil, err
	}
	ctx = dns.Looking(ctx, func(line string) { all = append(all, prestop.Found(line)) })
	var ours bool
	var how string
	err = r.with(ctx, value, func(s *redisSession) (err error) {
		if s.hasPassword {
			all = append(all, prestop.Found("logged in"))
		}
		if ours, how, err = s.look(r.Key, value); err != nil {
			return err
		}
		return s.rehearse(r.Key)
	})
	if err != nil {
		return all, err
	}
	if ours {
		how = "held by us"
	}
	return append(all, prestop.Found(how, "key", r.Key)), nil
}

func (r RedisLock) value() (string, error) {
	text, err := r.Value()
	if err != nil {
		return "", fmt.Errorf("value: %w", err)
	}
	if line, ended := strings.CutSuffix(text, "\n"); ended {
		text = strings.TrimSuffix(line, "\r")
	}
	if text == "" {
		return "", errors.New("value: expected the lock's value, got nothing")
	}
	return text, nil
}

// with gives do a session with the server; its errors name the server.
func (r RedisLock) with(ctx context.Context, value string, do func(*redisSession) error) error {
	s, err := r.connect(ctx, value)
	if err == nil {
		defer s.close()
		err = s.login(r.DB)
	}
	if err == nil {
		err = do(s)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && !errors.Is(err, context.Cause(ctx)):
		err = context.Cause(ctx)
	}
	return fmt.Errorf("%s: %w", r.place(), err)
}

func (r RedisLock) place() string {
	if r.TLS != nil {
		return "rediss://" + r.Address
	}
	return "redis://" + r.Address
}

const maxLooks = 5

var errChanging = fmt.Errorf("the key is changed again and again: seen ours %d times, and never until it was deleted", maxLooks)

// release deletes the key if it holds value, and says what became of it.
//
// It does so by WATCH, GET, MULTI, DEL and EXEC, of which EXEC does nothing if anybody changed the key after WATCH. A
// script that compares and deletes would save a round trip, which nobody notices here; but scripts are forbidden to
// many users, not there in some of the servers that speak Redis' protocol, and their arguments, of which the value
// would be one, stand in MONITOR and the slow log.
func (s *redisSession) release(key, value string) (string, error) {
	for range maxLooks {
		ours, found, err := s.look(key, value)
		if err != nil || !ours {
			return found, err
		}
		reply, err := s.transaction(key, "EXEC")
		if err != nil {
			return "", err
		}
		if reply != nil { // nil: changed since we looked, be it by ourselves who prolong it
			return deleted(reply)
		}
	}
	return "", errChanging
}

// deleted reads what EXEC says: an array of DEL's number of keys.
func deleted(reply any) (string, error) {
	results, ok := reply.([]any)
	if !ok || len(results) != 1 {
		return "", web.Permanent(errNotRedis)
	}
	switch results[0] {
	case int64(1):
		return lockReleased, nil
	case int64(0): // expired since we looked, which before 6.0.9 was no change
		return lockGone, nil
	}
	return "", web.Permanent(errNotRedis)
}

// look tells whether the key holds value, and how it is with it if not. Changes are watched from then on.
func (s *redisSession) look(key, value string) (ours bool, found string, err error) {
	if reply, err := s.do("WATCH", key); err != nil {
		return false, "", err
	} else if reply != "OK" {
		return false, "", web.Permanent(errNotRedis)
	}
	held, err := s.do("GET", key)
	if err != nil {
		return false, "", err
	}
	switch held := held.(type) {
	case nil:
		return false, lockGone, nil
	case []byte:
		if string(held) == value {
			return true, "", nil
		}
		return false, lockAnothers, nil
	}
	return false, "", web.Permanent(errNotRedis)
}

// rehearse has the deletion accepted and does not do it.
func (s *redisSession) rehearse(key string) error {
	_, err := s.transaction(key, "DISCARD")
	return err
}

// transaction asks to delete the key, and ends with EXEC, which does it, or DISCARD, which does not.
func (s *redisSession) transaction(key, end string) (any, error) {
	if err := s.conn.Send("MULTI"); err != nil {
		return nil, s.explain("MULTI", err)
	}
	if err := s.conn.Send("DEL", key); err != nil {
		return nil, s.explain("DEL", err)
	}
	return s.do(end)
}
