package shutdown

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/prestop/prestop/internal/web"
)

func recordPath(id string) string { return "/_nodes/" + url.PathEscape(id) + "/shutdown" }

// record reads a node's record; nil: there is none.
func (c *cluster) record(ctx context.Context, id string) (*record, error) {
	var found *record
	err := c.persist(ctx, func(ctx context.Context) (web.Answer, error) {
		return c.askOnce(ctx, getRecord(id), readInto(&found, id))
	})
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	return found, nil
}

func getRecord(id string) *apiCall {
	return &apiCall{method: http.MethodGet, path: recordPath(id), master: true}
}

func readInto(found **record, id string) func([]byte) error {
	return func(body []byte) error {
		all, err := readRecords(body)
		*found = nil
		for _, r := range all {
			if r.NodeID == id {
				*found = &r
			}
		}
		return err
	}
}

// registration is the body of the PUT. The server refuses any field that it does not know or that does not fit the type.
type registration struct {
	Type            string `json:"type"`
	Reason          string `json:"reason"`
	AllocationDelay string `json:"allocation_delay,omitempty"`
	TargetNode      string `json:"target_node_name,omitempty"`
	GracePeriod     string `json:"grace_period,omitempty"`
}

func (c *cluster) registration() registration {
	r := registration{Type: c.Type, Reason: c.Pod.reason()}
	switch c.Type {
	case "restart":
		if c.AllocationDelay > 0 {
			r.AllocationDelay = timeValue(c.AllocationDelay)
		}
	case "replace":
		r.TargetNode = c.TargetNode
	case "sigterm":
		r.GracePeriod = timeValue(max(time.Second, time.Until(c.End).Truncate(time.Second)))
	}
	return r
}

// timeValue is how Elasticsearch writes a duration: an integer and one unit. The server refuses Go's 5m0s.
func timeValue(d time.Duration) string {
	if d%time.Second != 0 {
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
	return fmt.Sprintf("%ds", int(d.Seconds()))
}

// register writes the record. Before another try, also at another place, it reads the record again: the first try may have worked
// although its answer was lost, or somebody else may have been faster.
func (c *cluster) register(ctx context.Context, id string) error {
	body, _ := json.Marshal(c.registration()) // texts alone
	c.log.Info("registering the shutdown", "type", c.Type)
	put := &apiCall{method: http.MethodPut, path: recordPath(id), body: body, master: true}
	again := false
	err := c.persist(ctx, func(ctx context.Context) (web.Answer, error) {
		return c.sweep(ctx, c.places, func(ctx context.Context, p Place) (web.Answer, error) {
			if again {
				return c.registerAgain(ctx, p, id, put)
			}
			again = true
			return c.askAt(ctx, p, put, readAcknowledged)
		})
	})
	if err != nil {
		return fmt.Errorf("the shutdown of type %s was not registered: %w", c.Type, c.explain(ctx, err))
	}
	return nil
}

func (c *cluster) registerAgain(ctx context.Context, p Place, id string, put *apiCall) (web.Answer, error) {
	var r *record
	a, err := c.askAt(ctx, p, getRecord(id), readInto(&r, id))
	if err != nil {
		return a, err
	}
	if !c.mayRegister(r) {
		c.keep(r)
		return a, nil
	}
	return c.askAt(ctx, p, put, readAcknowledged)
}

// remove deletes a record. It makes one try: before a second one, somebody else may have registered a record. A record that is not there
// counts as deleted.
func (c *cluster) remove(ctx context.Context, id string) error {
	del := &apiCall{method: http.MethodDelete, path: recordPath(id), master: true}
	_, err := c.askOnce(ctx, del, readAcknowledged)
	if r, ok := errors.AsType[*refusal](err); ok && r.Status == http.StatusNotFound {
		return nil
	}
	return err
}
