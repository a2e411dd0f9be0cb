package fakees

import (
	"context"
	"time"
)

// defaultMasterTimeout is how long a call waits for a master if it does not say.
const defaultMasterTimeout = 30 * time.Second

// LoseMaster leaves the cluster without a master until elect is called. Calls that need a master are
// held for their master_timeout, and then refused with 503 master_not_discovered_exception and a
// null reason. Calls that are held when a master is elected are answered as if nothing had happened.
func (c *Cluster) LoseMaster() (elect func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.elected == nil {
		c.elected = make(chan struct{})
	}
	election := c.elected
	return func() { c.elect(election) }
}

func (c *Cluster) elect(election chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.elected == election {
		close(election)
		c.elected = nil
	}
}

func (c *Cluster) awaitMaster(ctx context.Context, call *call) *apiError {
	patience, refusal := call.duration("master_timeout", defaultMasterTimeout)
	if refusal != nil {
		return refusal
	}
	c.mu.Lock()
	elected := c.elected
	c.mu.Unlock()
	if elected == nil {
		return nil
	}
	var over <-chan time.Time
	if patience >= 0 { // -1: wait for ever
		over = time.After(patience)
	}
	select {
	case <-elected:
		return nil
	case <-over:
	case <-ctx.Done():
	}
	return noMaster()
}

func noMaster() *apiError {
	return &apiError{status: 503, kind: "master_not_discovered_exception", reason: nil}
}
