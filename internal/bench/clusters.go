package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"time"
)

// clusters are how many nodes Elasticsearch has.
var clusters = [...]int{10, 1000}

// A finding is a way to find the pod's own node in a cluster, and measures how many bytes have to be read for it.
type finding struct {
	name string
	goal float64 // for the ratio of the second of clusters to the first; 0: it is only there for comparison
	in   func(b *bench, ctx context.Context, nodes int) (int64, error)
}

var findings = [...]finding{
	{"prestop, the pod's own node answers", 1, func(b *bench, ctx context.Context, nodes int) (int64, error) { return b.findNode(ctx, nodes, false) }},
	{"prestop, another node answers", 1, func(b *bench, ctx context.Context, nodes int) (int64, error) { return b.findNode(ctx, nodes, true) }},
	{"_cat/nodes, as scripts do", 0, (*bench).listNodes},
}

func (r *results) inClusters(ctx context.Context) (err error) {
	for i, f := range findings {
		for j, nodes := range clusters {
			if r.found[i][j], err = f.in(r.bench, ctx, nodes); err == nil && r.found[i][j] == 0 {
				err = fmt.Errorf("%s: no byte was seen on the wire", f.name)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) findNode(ctx context.Context, nodes int, service bool) (int64, error) {
	at := brief
	at.nodes, at.service = nodes, service
	s, err := b.measure(ctx, b.prestop, at, inTime)
	return s.found, err
}

const catNodes = "/_cat/nodes"

// listNodes reads the ids and names of all nodes, as a script does to look for its own node.
func (b *bench) listNodes(ctx context.Context, nodes int) (int64, error) {
	s, err := surround(b.files.certificate, place{nodes: nodes})
	if err != nil {
		return 0, err
	}
	defer s.close()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, s.elasticsearchURL+catNodes+"?full_id=true&h=id,name", nil)
	if err != nil {
		return 0, err
	}
	q.SetBasicAuth(user, password)
	// Without compression, as curl does it. The certificate does not matter here.
	transport := &http.Transport{DisableCompression: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(q)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s: %s", catNodes, answer.Status)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return s.found(), err
}
