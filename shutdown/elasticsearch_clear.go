package shutdown

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/prestop/prestop/internal/web"
)

// Clear removes the record that a hook of this pod, or of an earlier pod of its name, left. Nobody else removes it, and while it is
// there the node opens no readiness port and gets no tasks. But it must not go before the node is back: otherwise the node's shards are
// rebuilt elsewhere. So Clear asks only our own node, and that answers only once it has joined a cluster with a master. Records that
// other actors registered stay.
//
// It returns nil if there is no such record, or no longer. An error means that the record is not removed yet, or that this cannot be
// known yet.
func (e *Elasticsearch) Clear(ctx context.Context, log *slog.Logger) error {
	c := newCluster(e, log)
	own, err := c.findOwn(ctx)
	if err != nil {
		return err
	}
	all, err := c.records(ctx)
	if errors.Is(err, errNoAPI) {
		log.Info("nothing to clear: the cluster has no node shutdown API")
		return nil
	}
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := c.clear(ctx, own, r); err != nil {
			return err
		}
	}
	return nil
}

// findOwn asks only the addresses of our own node.
func (c *cluster) findOwn(ctx context.Context) (own member, err error) {
	if err := nameable(c.Node); err != nil {
		return member{}, err
	}
	_, err = c.sweep(ctx, c.Own, func(ctx context.Context, p Place) (web.Answer, error) {
		own, err = c.askOwn(ctx, p)
		c.places = []Place{p}
		return web.Answer{}, err
	})
	return own, err
}

func (c *cluster) records(ctx context.Context) (all []record, err error) {
	get := &apiCall{method: http.MethodGet, path: "/_nodes/shutdown", master: true}
	_, err = c.askOnce(ctx, get, func(body []byte) (err error) {
		all, err = readRecords(body)
		return err
	})
	return all, err
}

// clear removes r if a hook of a pod of our name registered it, for our own node or for a node that is no longer in the cluster. A pod
// that loses its data loses its node id too, and becomes another node.
func (c *cluster) clear(ctx context.Context, own member, r record) error {
	if named, _ := c.Pod.marked(r.Reason); !named {
		if r.NodeID == own.ID {
			c.log.Info("the record is somebody else's and stays", "type", r.Type, "reason", r.Reason)
		}
		return nil
	}
	if r.NodeID != own.ID {
		if there, _, err := c.members(ctx, c.places[0], url.PathEscape(r.NodeID)); err != nil || len(there) > 0 {
			return err
		}
	}
	again, err := c.record(ctx, r.NodeID)
	if err != nil || again == nil || again.Reason != r.Reason {
		return err
	}
	if err := c.remove(ctx, r.NodeID); err != nil {
		return fmt.Errorf("the record was not removed: %w", err)
	}
	c.log.Info("record removed", "node", r.NodeID, "type", r.Type)
	return nil
}
