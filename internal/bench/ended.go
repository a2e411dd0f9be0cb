package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	quietFor      = time.Second
	mostPastQuiet = 300 * time.Millisecond
	quietRuns     = 5
)

// atTheEnd runs until quiet with crowds that have just fallen silent. It notes by how much the longest run went on beyond its for=.
func (r *results) atTheEnd(ctx context.Context) error {
	var past [quietRuns]time.Duration
	var failed [quietRuns]error
	var all sync.WaitGroup
	for i := range quietRuns {
		all.Go(func() { past[i], failed[i] = r.untilQuiet(ctx) })
	}
	all.Wait()
	r.pastQuiet = slices.Max(past[:])
	return errors.Join(failed[:]...)
}

func (b *bench) untilQuiet(ctx context.Context) (time.Duration, error) {
	dir, err := os.MkdirTemp(b.dir, "state-")
	if err != nil {
		return 0, err
	}
	c, err := newCrowd(ctx, crowds[1])
	if err != nil {
		return 0, err
	}
	defer c.Close()
	silent := time.Now()
	cmd := b.quietHook(ctx, nil, fmt.Sprintf("until quiet %d for=%s min=0", c.port(), quietFor), dir)
	if text, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("until quiet after the last payload: %w\n%s", err, text)
	}
	return time.Since(silent) - quietFor, nil
}
