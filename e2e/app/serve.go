package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A server answers clients on one port, and its pod's owner on another.
type server struct {
	work     time.Duration
	onTerm   string
	draining atomic.Bool
	sick     atomic.Bool
	served   atomic.Int64
	busy     atomic.Int64
	memory   []byte
}

func serve(args []string) error {
	s := &server{}
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	port := f.Int("port", 8080, "for clients; the next one is for readiness, liveness and orders")
	f.DurationVar(&s.work, "work", 20*time.Millisecond, "that a request takes, unless it says ?work=")
	f.StringVar(&s.onTerm, "on-term", "exit", "what SIGTERM does: exit, drain, ignore")
	mib := f.Int("memory", 0, "MiB to use")
	hide := f.Bool("hide", false, "refuse others in the container to look at this process, as a setuid program does")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *hide {
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
			return err
		}
	}
	s.memory = make([]byte, *mib<<20)
	for i := range s.memory {
		s.memory[i] = byte(i) // or the kernel gives no page for it
	}
	clients := &http.Server{Addr: fmt.Sprintf(":%d", *port), Handler: http.HandlerFunc(s.answer)}
	ended := make(chan error, 2)
	go func() { ended <- clients.ListenAndServe() }()
	go func() { ended <- http.ListenAndServe(fmt.Sprintf(":%d", *port+1), s.orders()) }()
	term := told()
	fmt.Println("app: serves")
	for {
		select {
		case err := <-ended:
			return err
		case <-term:
			fmt.Printf("app: SIGTERM after %d requests, %d under way\n", s.served.Load(), s.busy.Load())
			if s.end(clients) {
				return nil
			}
		}
	}
}

// end does what SIGTERM shall do, and tells whether the app then ends.
func (s *server) end(clients *http.Server) bool {
	switch s.onTerm {
	case "ignore":
		go func() {
			for range time.Tick(100 * time.Millisecond) {
				fmt.Println("app: is still there") // the last one tells when SIGKILL came
			}
		}()
		return false
	case "drain":
		clients.Shutdown(context.Background())
		fmt.Printf("app: drained after %d requests\n", s.served.Load())
	}
	return true
}

func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	s.busy.Add(1)
	defer s.busy.Add(-1)
	defer s.served.Add(1)
	work := s.work
	if d, err := time.ParseDuration(r.URL.Query().Get("work")); err == nil {
		work = d
	}
	select {
	case <-time.After(work):
	case <-r.Context().Done():
	}
	if s.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	name, _ := os.Hostname()
	fmt.Fprintln(w, name)
}

func (s *server) orders() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /ready", func(http.ResponseWriter, *http.Request) {})
	m.HandleFunc("GET /live", func(w http.ResponseWriter, _ *http.Request) {
		if s.sick.Load() {
			http.Error(w, "sick", http.StatusServiceUnavailable)
		}
	})
	m.HandleFunc("GET /served", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, strconv.FormatInt(s.served.Load(), 10))
	})
	m.HandleFunc("POST /drain", func(_ http.ResponseWriter, r *http.Request) {
		s.draining.Store(true)
		fmt.Println("app: drains", r.URL.Query().Get("id"))
	})
	m.HandleFunc("POST /sick", func(http.ResponseWriter, *http.Request) {
		s.sick.Store(true)
		fmt.Println("app: is sick")
	})
	m.HandleFunc("POST /end", func(http.ResponseWriter, *http.Request) {
		fmt.Println("app: ends by itself")
		time.AfterFunc(100*time.Millisecond, func() { os.Exit(0) })
	})
	return m
}
