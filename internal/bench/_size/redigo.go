package main

import (
	"context"
	"net"
	"net/http"

	"github.com/gomodule/redigo/redis"
)

func init() { uses = append(uses, transact) }

func transact(_ context.Context, _ *http.Client, args []string) error {
	conn := redis.NewConn(new(net.TCPConn), 0, 0)
	if err := conn.Send("WATCH", args[0]); err != nil {
		return err
	}
	reply, err := conn.Do("EXEC")
	if refused, ok := err.(redis.Error); ok {
		args[0] = string(refused)
	}
	_, _ = reply.([]any)
	return err
}
