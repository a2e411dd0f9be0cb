package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// broken are the promises that a result does not keep.
func (r result) broken() []error {
	var all []error
	add := func(format string, args ...any) {
		all = append(all, fmt.Errorf("seed %d, %s: %s", r.seed, r.name, fmt.Sprintf(format, args...)))
	}
	if failed := r.failed(); r.perfect && len(failed) > 0 {
		add("expected no failed request, got %d, the first to %s: %v", len(failed), r.whereTo(failed[0]), failed[0].err)
	}
	if r.careless && len(r.failed()) == 0 {
		add("expected failed requests, got none of %d: the demo shows nothing", len(r.requests))
	}
	for _, p := range r.old() {
		if p.hookErr != nil && p.hook > 0 && r.adaptive {
			add("the hook of %s: %v", p.name, p.hookErr)
		}
		if bound := r.bound(p); r.adaptive && p.hook > bound {
			add("the hook of %s took %s, expected %s at most", p.name, seconds(p.hook), seconds(bound))
		}
	}
	if mean := r.mean(hookTime); r.adaptive && 4*mean > wait {
		add("the hooks took %s, expected a fourth of %s at most", seconds(mean), seconds(wait))
	}
	return all
}

func (r result) whereTo(q request) string {
	if q.to == nil {
		return "nowhere"
	}
	return fmt.Sprintf("%s %+.2f s after its hook began", q.to.name, q.ended.Sub(q.to.termination.begun).Seconds())
}

func judge(results []result) error {
	var all []error
	for _, r := range results {
		all = append(all, r.broken()...)
	}
	return errors.Join(all...)
}

// atOnce is how many seeds are checked at the same time.
const atOnce = 4

// check plays the promising strategies with one seed after the other and says what came of each.
func check(ctx context.Context, o options, hook, dir string, stdout io.Writer) error {
	var errs []error
	for seed := range o.seeds {
		if seed%atOnce != 0 {
			continue
		}
		results, err := playSeeds(ctx, o.seed+seed, min(atOnce, o.seeds-seed), hook, dir)
		if err != nil {
			return err
		}
		if err := printRows(stdout, results, o.csv, seed == 0); err != nil {
			return err
		}
		errs = append(errs, judge(results))
	}
	return errors.Join(errs...)
}

func playSeeds(ctx context.Context, from, count uint64, hook, dir string) ([]result, error) {
	type outcome struct {
		results []result
		err     error
	}
	outcomes := make(chan outcome)
	for n := range count {
		go func() {
			results, err := playAll(ctx, promising(), from+n, hook, dir)
			outcomes <- outcome{results, err}
		}()
	}
	var results []result
	var errs []error
	for range count {
		o := <-outcomes
		results, errs = append(results, o.results...), append(errs, o.err)
	}
	slices.SortStableFunc(results, func(a, b result) int { return int(a.seed) - int(b.seed) })
	return results, errors.Join(errs...)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
