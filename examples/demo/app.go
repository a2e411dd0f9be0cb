package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"
)

// notified is what the app prints, followed by the notice, when it is told to begin draining.
const notified = "POST /shutdown"

// A runningApp is the example app as a process.
type runningApp struct {
	*process
	url string
}

// startApp starts this program a second time, as the app, and hands it a listener.
func startApp(ctx context.Context, out *timeline) (*runningApp, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	cmd := exec.CommandContext(ctx, self, appArgument)
	cmd.ExtraFiles = []*os.File{file}
	p, err := start(cmd, out.appSays, out.appSays)
	if err != nil {
		return nil, fmt.Errorf("failed to start the app: %w", err)
	}
	return &runningApp{p, "http://" + listener.Addr().String()}, nil
}

// appSays prints a line of the app's log.
func (t *timeline) appSays(line string) {
	if notice, ok := strings.CutPrefix(line, notified); ok {
		t.called(isApp, notified, strings.TrimSpace(notice))
		return
	}
	t.say(isApp, "%s", line)
}

// runApp is the app itself: it serves until ctx ends, finishes the requests that it has, and returns. It never outlives the
// demo by much.
func runApp(ctx context.Context, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 2*limit)
	defer cancel()
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	a := &app{log: stdout}
	server := &http.Server{Handler: a.handler(), ReadHeaderTimeout: time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	fmt.Fprintf(stdout, "listens on %s\n", listener.Addr())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	fmt.Fprintln(stdout, "takes the signal and finishes what it has begun")
	err = server.Shutdown(context.WithoutCancel(ctx))
	fmt.Fprintf(stdout, "has served %d requests and exits\n", a.served.Load())
	return errors.Join(err, ignore(<-ended, http.ErrServerClosed))
}

func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// An app serves, and knows when it is to be left alone.
type app struct {
	log      io.Writer
	draining atomic.Bool
	served   atomic.Int64
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /shutdown", a.shutdown)
	mux.HandleFunc("GET /ready", a.ready)
	mux.HandleFunc("GET /work", a.work)
	return mux
}

// shutdown begins draining: the app refuses readiness and goes on serving, since requests still come.
func (a *app) shutdown(w http.ResponseWriter, r *http.Request) {
	notice, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err != nil {
		return
	}
	fmt.Fprintln(a.log, notified, string(notice))
	if a.draining.CompareAndSwap(false, true) {
		fmt.Fprintln(a.log, "refuses readiness from now on, and goes on serving")
	}
	w.WriteHeader(http.StatusNoContent)
}

func (a *app) ready(w http.ResponseWriter, _ *http.Request) {
	if a.draining.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (a *app) work(w http.ResponseWriter, r *http.Request) {
	t := time.NewTimer(20 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
	a.served.Add(1)
	fmt.Fprintln(w, "done")
}
