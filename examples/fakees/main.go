// Command fakees serves a fake Elasticsearch cluster on loopback, so that prestop can be tried without
// a real one. It prints a line for each request that it receives.
//
//	go run ./examples/fakees -busy 3
//
// and in another terminal, as the hook of the pod es-0 would do it:
//
//	POD_NAME=es-0 PRE_STOP_ELASTICSEARCH_URL=http://127.0.0.1:9200 \
//	PRE_STOP_GRACE_PERIOD_SECONDS=60 go run ./cmd/prestop
//
// The first of -nodes receives the requests, as the pod's own node does. With -service they go to
// all of them in turn, as through a Service. It ends on SIGINT and SIGTERM.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/prestop/prestop/internal/fakees"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "fakees:", err)
		os.Exit(1)
	}
}

type options struct {
	listen, version, nodes, user, password string
	busy, stall                            int
	service                                bool
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("fakees", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.listen, "listen", "127.0.0.1:9200", "address to serve on")
	f.StringVar(&o.version, "version", "9.4.0", `version of Elasticsearch, "opensearch 2.19.0" or "serverless"`)
	f.StringVar(&o.nodes, "nodes", "es-0,es-1,es-2", "names of the nodes")
	f.IntVar(&o.busy, "busy", 0, "polls that see a shutdown IN_PROGRESS")
	f.IntVar(&o.stall, "stall", 0, "polls that see it STALLED after that, -1 for ever")
	f.StringVar(&o.user, "user", "", "user to ask for")
	f.StringVar(&o.password, "password", "", "password of the user")
	f.BoolVar(&o.service, "service", false, "let the nodes answer in turn")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	_, err := fakees.ParseVersion(o.version)
	return o, err
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	cluster := newCluster(o, stdout)
	defer cluster.Close()
	fmt.Fprintf(stdout, "Elasticsearch %s on http://%s, nodes %s\n", o.version, listener.Addr(), o.nodes)
	return serve(ctx, listener, handler(cluster, o))
}

func newCluster(o options, stdout io.Writer) *fakees.Cluster {
	cluster := fakees.New(o.version)
	for name := range strings.SplitSeq(o.nodes, ",") {
		cluster.AddNode(fakees.Node{Name: name, IP: "127.0.0.1"})
	}
	if o.user != "" {
		cluster.Auth(o.user, o.password)
	}
	cluster.Script("", phases(o.busy, o.stall)...)
	lines := log.New(stdout, "", 0) // answers may overlap
	cluster.OnAnswer(func(r fakees.Request) {
		lines.Printf("%s %s %s %s %d %s",
			r.At.Format(time.TimeOnly), r.Node, r.Method, uri(r), r.Status, strings.Join(strings.Fields(r.Body), " "))
	})
	return cluster
}

func phases(busy, stall int) []fakees.Phase {
	var phases []fakees.Phase
	if busy > 0 {
		phases = append(phases, fakees.Phase{Polls: busy, Shards: fakees.InProgress, ShardsRemaining: 4})
	}
	if stall != 0 {
		phases = append(phases, fakees.Phase{Polls: max(stall, 0), Shards: fakees.Stalled, ShardsRemaining: 1})
	}
	return phases
}

func handler(cluster *fakees.Cluster, o options) http.Handler {
	if o.service {
		return cluster.ServiceHandler()
	}
	first, _, _ := strings.Cut(o.nodes, ",")
	return cluster.NodeHandler(first)
}

func uri(r fakees.Request) string {
	if r.Query == "" {
		return r.Path
	}
	return r.Path + "?" + r.Query
}

func serve(ctx context.Context, listener net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
