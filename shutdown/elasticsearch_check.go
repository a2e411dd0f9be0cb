package shutdown

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/prestop/prestop/internal/dns"
	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// Check says how each place is reached, who answers and which user we are there. It also finds our own node and its record.
func (e *Elasticsearch) Check(ctx context.Context) (all []step.Finding, err error) {
	c := newCluster(e, slog.New(slog.DiscardHandler))
	ctx = dns.Looking(ctx, func(string) {})
	for n, p := range e.all() {
		if n == len(e.Own) && slices.ContainsFunc(e.Own, func(own Place) bool { return own.URL == p.URL }) {
			continue // the first URL, whose client our own places have as well
		}
		all = append(all, p.reach(ctx)...)
	}
	ctx, cancel := web.Briefly(ctx)
	defer cancel()
	node, err := c.find(ctx)
	if err != nil {
		return all, err
	}
	all = append(all, step.Found("own node found: "+node.Name+", id "+shorten(node.ID)))
	all = append(all, c.introduction(ctx)...)
	r, err := c.record(ctx, node.ID)
	switch {
	case err != nil:
		return all, err
	case r == nil:
		return append(all, step.Found("no shutdown is registered for it")), nil
	case c.mayRegister(r):
		return append(all, step.Found("a shutdown is registered for it by an earlier hook, and would be replaced")), nil
	}
	return append(all, c.kept(r)), nil
}

// placeTime is how long it may take to reach a place.
const placeTime = 400 * time.Millisecond

func (p Place) reach(ctx context.Context) []step.Finding {
	ctx, cancel := context.WithTimeoutCause(ctx, placeTime, web.ErrTry)
	defer cancel()
	all, err := request.Reach(ctx, p.Client, p.URL)
	if err != nil {
		all = append(all, step.Warned("not reachable: "+err.Error()))
	}
	return all
}

// introduction says who answers and which user we are there, as far as we may know.
func (c *cluster) introduction(ctx context.Context) (all []step.Finding) {
	if product := c.product(ctx); product != "" {
		all = append(all, step.Found("answered by "+product))
	}
	var us struct {
		Name string `json:"username"`
	}
	ask := &apiCall{method: http.MethodGet, path: "/_security/_authenticate"}
	_, err := c.askOnce(ctx, ask, func(body []byte) error { return json.Unmarshal(body, &us) })
	if err == nil && us.Name != "" {
		all = append(all, step.Found("logged in as "+shorten(us.Name)))
	}
	return all
}
