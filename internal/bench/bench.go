package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// bench is what all runs have in common.
type bench struct {
	root, dir     string // the module's directory, and a directory for temporary files
	runs          int
	files         secrets
	prestop, bash hook
	plain         hook  // a Go program that makes one request over TLS
	noBash        error // why there is nothing to compare with
	noCgroup      error // why a container's memory cannot be measured
}

func prepare(ctx context.Context, dir string, runs int) (*bench, error) {
	b := &bench{dir: dir, runs: runs}
	var err error
	if b.files, err = newSecrets(dir); err != nil {
		return nil, err
	}
	if b.root, err = findRoot(ctx); err != nil {
		return nil, err
	}
	if err = b.buildHook(ctx); err != nil {
		return nil, err
	}
	b.bash, b.noBash = shellHook(dir)
	group, err := newCgroup()
	if b.noCgroup = err; err == nil {
		group.close()
	}
	return b, nil
}

// results are all that was measured.
type results struct {
	*bench
	sizes
	ours, theirs                 []sample // the runs for time
	oursInMemory, theirsInMemory []sample
	plainInMemory                []sample
	pastQuiet                    time.Duration
	deadlines                    []sample
	looks                        [len(ways)][len(crowds)]looks
	found                        [len(findings)][len(clusters)]int64 // bytes
	manifests                    [len(fleetCommands)]time.Duration
	rolled                       map[string]rollout
}

func (b *bench) results(ctx context.Context) (*results, error) {
	r := &results{bench: b}
	var err error
	steps := []func(context.Context) error{
		r.buildAll, r.warmUp, r.inTime, r.inMemory, r.atTheDeadline, r.inClusters, r.atCrowds, r.atTheEnd, r.ofManifests, r.rollOut,
	}
	for _, step := range steps {
		if err == nil {
			err = step(ctx)
		}
	}
	return r, err
}

func (r *results) buildAll(ctx context.Context) (err error) {
	r.sizes, err = r.measureSizes(ctx)
	return err
}

// warmUp makes sure that both hooks do the same. From then on, the files that they read are in the page cache.
func (r *results) warmUp(ctx context.Context) error {
	ours, err := r.measure(ctx, r.prestop, usual, inTime)
	if err != nil || r.noBash != nil {
		return err
	}
	theirs, err := r.measure(ctx, r.bash, usual, inTime)
	if err == nil && !slices.Equal(ours.calls, theirs.calls) {
		err = fmt.Errorf("the hooks do not make the same calls: %s %q, %s %q", r.prestop.name, ours.calls, r.bash.name, theirs.calls)
	}
	return err
}

// inTime runs the hooks in turn.
func (r *results) inTime(ctx context.Context) error {
	for range r.runs {
		if err := r.add(ctx, &r.ours, r.prestop, usual, inTime); err != nil {
			return err
		}
		if r.noBash != nil {
			continue
		}
		if err := r.add(ctx, &r.theirs, r.bash, usual, inTime); err != nil {
			return err
		}
	}
	return nil
}

// inMemory runs the hooks side by side, since memory does not depend on the time that they get.
func (r *results) inMemory(ctx context.Context) error {
	for range r.runs {
		var both sync.WaitGroup
		var ours, theirs, plain error
		both.Go(func() { ours = r.add(ctx, &r.oursInMemory, r.prestop, brief, inMemory) })
		if r.noBash == nil {
			both.Go(func() { theirs = r.add(ctx, &r.theirsInMemory, r.bash, brief, inMemory) })
		}
		both.Go(func() { plain = r.add(ctx, &r.plainInMemory, r.plain, brief, inMemory) })
		both.Wait()
		if err := errors.Join(ours, theirs, plain); err != nil {
			return err
		}
	}
	return nil
}

// atTheDeadline runs prestop while nothing answers and the wait is longer than the budget.
func (r *results) atTheDeadline(ctx context.Context) error {
	r.deadlines = make([]sample, r.runs)
	failed := make([]error, r.runs)
	apart := time.Tick(100 * time.Millisecond)
	var all sync.WaitGroup
	for i := range r.runs {
		all.Go(func() { r.deadlines[i], failed[i] = r.measure(ctx, r.prestop, hanging, inTime) })
		<-apart
	}
	all.Wait()
	return errors.Join(failed...)
}

func (r *results) add(ctx context.Context, to *[]sample, h hook, t task, look how) error {
	s, err := r.measure(ctx, h, t, look)
	*to = append(*to, s)
	return err
}
