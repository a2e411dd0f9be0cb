// Command app is what the test pods run: an application, its clients, and a fake Elasticsearch.
//
//	app serve           an HTTP server that can be told to drain, to end, to fall ill
//	app load URL        clients that count what fails
//	app tail FILE       shows what comes into a file
//	app elasticsearch   a fake Elasticsearch cluster
//	app member URL      a node of that cluster
//	app lower SECONDS   an admission webhook that lowers grace periods
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	roles := map[string]func([]string) error{"serve": serve, "load": load, "tail": tail, "elasticsearch": elasticsearch, "member": member, "lower": lower}
	var role func([]string) error
	if len(os.Args) > 1 {
		role = roles[os.Args[1]]
	}
	if role == nil {
		fmt.Fprintf(os.Stderr, "app: expected serve, load, tail, elasticsearch, member or lower, got %q\n", os.Args[1:])
		os.Exit(2)
	}
	if err := role(os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

// told gives a channel that says when Kubernetes wants the process to end.
func told() <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	return c
}
