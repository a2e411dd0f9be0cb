package shutdown

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/prestop/prestop/internal/dns"
	"github.com/prestop/prestop/internal/web"
)

// Check says how each place is reached, who answers and as whom it knows us, and finds our own node and its record.
func (e Elasticsearch) Check(ctx context.Context, log *slog.Logger) error {
	c := newCluster(e, log)
	ctx = dns.Looking(ctx, func(string) {})
	for _, p := range slices.Concat(e.Own, e.Other) {
		c.reach(ctx, p)
	}
	ctx, cancel := briefly(ctx)
	defer cancel()
	node, err := c.find(ctx)
	if err != nil {
		return err
	}
	log.Info("own node found: " + node.Name + ", id " + shorten(node.ID))
	c.introduce(ctx)
	r, err := c.record(ctx, node.ID)
	switch {
	case err != nil:
		return err
	case r == nil:
		log.Info("no shutdown is registered for it")
	case c.mayRegister(r):
		log.Info("a shutdown is registered for it by an earlier hook, and would be replaced")
	default:
		c.keep(r)
	}
	return nil
}

// placeTime is how long it may take to reach a place.
const placeTime = 400 * time.Millisecond

func (c *cluster) reach(ctx context.Context, p Place) {
	ctx, cancel := context.WithTimeoutCause(ctx, placeTime, web.ErrTry)
	defer cancel()
	if err := reach(ctx, c.log, p.Connect, p.URL); err != nil {
		c.log.Warn("not reachable", "error", err)
	}
}

// introduce says who answers, and as whom it knows us, as far as we may know.
func (c *cluster) introduce(ctx context.Context) {
	if product := c.product(ctx); product != "" {
		c.log.Info("answered by " + product)
	}
	var us struct {
		Name string `json:"username"`
	}
	ask := request{method: http.MethodGet, path: "/_security/_authenticate"}
	_, err := c.askOnce(ctx, ask, func(body []byte) error { return json.Unmarshal(body, &us) })
	if err == nil && us.Name != "" {
		c.log.Info("logged in as " + shorten(us.Name))
	}
}
