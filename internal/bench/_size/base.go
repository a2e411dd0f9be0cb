// This program uses what prestop uses of the standard library anyway. So if a build has one more file of this folder, it grows
// by the cost of the library in that file. "_" keeps the folder out of ./...
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
)

var uses []func(context.Context, *http.Client, []string) error

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	uses = append(uses, get)
	for _, use := range uses {
		if err := use(ctx, client, os.Args); err != nil {
			log.Error("failed", "error", err)
		}
	}
	_ = tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0).Flush()
}

func get(ctx context.Context, client *http.Client, args []string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, args[0], nil)
	if err != nil {
		return err
	}
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct{ Nodes map[string]json.RawMessage }
	return json.NewDecoder(response.Body).Decode(&answer)
}
