// Command pool is an example of a web service that is stopped in two phases. First it is told that it will stop, and
// goes on serving what still comes. When nothing comes any more, it is told to give back its database connections.
//
//	GET  /query               asks the database; ?seconds=5 makes it take that long
//	GET  /ready               503 from the first phase on
//	POST /shutdown            the first phase
//	POST /drain-connections   the second phase: 202, and its Location tells when it is over
//
// None of these calls ends the process: only SIGTERM does. See ../recipes/database-pool.yaml for the hook that makes the calls.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	_ "github.com/lib/pq"
)

func main() {
	listen := flag.String("listen", ":8080", "address to serve on")
	database := flag.String("database", "", "PostgreSQL connection `URL`; a password is taken from PGPASSWORD")
	flag.Parse()
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, log, *listen, *database); err != nil {
		log.Error("failed", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then finishes the requests that it has begun.
func run(ctx context.Context, log *slog.Logger, listen, database string) error {
	pool, err := sql.Open("postgres", database)
	if err != nil {
		return err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(10)
	pool.SetMaxIdleConns(10)

	server := &http.Server{Addr: listen, Handler: (&app{pool: pool, log: log}).handler(), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	log.Info("stops")
	err = server.Shutdown(context.WithoutCancel(ctx))
	if ended := <-ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
