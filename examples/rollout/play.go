package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	replicas = 3
	// before is how long there is traffic before the rollout. after is how long it goes on after the last node has learned of everything.
	before = time.Second
	after  = time.Second / 2
)

// A result is what one strategy has come to.
type result struct {
	strategy
	seed     uint64
	begun    time.Time
	over     time.Time // the last of the old pods has ended
	pods     []*pod    // the old ones first
	requests []request
}

// playAll plays all strategies at the same time.
func playAll(ctx context.Context, all []strategy, seed uint64, hook, dir string) ([]result, error) {
	results, errs := make([]result, len(all)), make([]error, len(all))
	var playing sync.WaitGroup
	for n, s := range all {
		playing.Go(func() { results[n], errs[n] = play(ctx, s, seed, hook, dir) })
	}
	playing.Wait()
	return results, errors.Join(errs...)
}

// play replaces all replicas once, as a Deployment does with maxSurge 1 and maxUnavailable 0: a new one is started, and when
// it is ready an old one is deleted, without waiting for its end.
func play(ctx context.Context, s strategy, seed uint64, hook, dir string) (result, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &rollout{strategy: s, hook: hook, dir: dir, proxies: newProxies(random(seed, 0))}
	defer func() { cancel(); r.end() }()
	if err := r.deploy(ctx); err != nil {
		return result{}, err
	}
	var clients sync.WaitGroup
	sending, stop := context.WithCancel(ctx)
	defer clients.Wait()
	defer stop()
	var sent records
	for _, c := range newClients(r.proxies, seed) {
		clients.Go(func() { c.run(sending, &sent) })
	}
	if err := pause(ctx, before); err != nil {
		return result{}, err
	}
	begun := time.Now()
	if err := r.replaceAll(ctx); err != nil {
		return result{}, err
	}
	over := time.Now()
	if err := pause(ctx, max(0, time.Until(r.settled()))+after); err != nil {
		return result{}, err
	}
	stop()
	clients.Wait()
	return result{s, seed, begun, over, r.pods, sent.all}, nil
}

// A rollout is one that is under way.
type rollout struct {
	strategy
	hook, dir string
	proxies   []*proxy
	pods      []*pod
	serving   []*pod
	changed   time.Time // when the endpoints changed last
}

// deploy starts the replicas that are to be replaced. All nodes know of all of them, as they would after a while.
func (r *rollout) deploy(ctx context.Context) error {
	for range replicas {
		if _, err := r.start(ctx); err != nil {
			return err
		}
	}
	r.publish(slices.Clone(r.pods))
	return nil
}

// start adds a pod and waits until it is ready.
func (r *rollout) start(ctx context.Context) (*pod, error) {
	p, err := startPod(len(r.pods)+1, r.strategy, r.hook, r.dir)
	if err != nil {
		return nil, err
	}
	r.pods = append(r.pods, p)
	return p, p.probe(ctx)
}

// publish tells the proxies which pods serve, as EndpointSlices do.
func (r *rollout) publish(serving []*pod) {
	r.serving, r.changed = serving, time.Now()
	for _, p := range r.proxies {
		p.publish(r.changed, serving)
	}
}

func (r *rollout) replaceAll(ctx context.Context) error {
	old := slices.Clone(r.pods)
	for _, p := range old {
		fresh, err := r.start(ctx)
		if err != nil {
			return err
		}
		r.publish(append(slices.Clone(r.serving), fresh))
		r.publish(slices.Clone(r.serving[1:]))
		p.delete(ctx, r.strategy)
	}
	var errs []error
	for _, p := range old {
		<-p.finished
		errs = append(errs, p.failure)
	}
	return errors.Join(errs...)
}

// settled is when the last proxy has learned of the last change.
func (r *rollout) settled() time.Time {
	latest := r.changed
	for _, p := range r.proxies {
		if at := r.changed.Add(p.lag); at.After(latest) {
			latest = at
		}
	}
	return latest
}

// end leaves no process behind.
func (r *rollout) end() {
	for _, p := range r.pods {
		if p.deleted {
			<-p.finished
		}
		p.app.kill()
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
