package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// The strategies of examples/rollout that are compared, and by how much the adaptive hook has to be shorter.
const (
	fixedStrategy    = "fixed wait"
	adaptiveStrategy = "app call + until quiet"
	leastShorter     = 4
	mostBeyondBest   = 3.5 // seconds
)

// A rollout is what examples/rollout says about a strategy.
type rollout struct {
	failed int
	hook   float64 // seconds, the mean
	best   float64 // seconds, of a hook that knows when the last request has ended
}

// rollOut plays the demo once, which takes a minute. If a promise is broken there, its figures show it.
func (r *results) rollOut(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "run", "./examples/rollout", "-csv")
	cmd.Dir, cmd.Stderr = r.root, os.Stderr
	text, err := cmd.Output()
	if _, broken := errors.AsType[*exec.ExitError](err); err != nil && !broken {
		return err
	}
	r.rolled, err = readRollouts(string(text))
	return err
}

func readRollouts(text string) (map[string]rollout, error) {
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("examples/rollout: %w", err)
	}
	all := make(map[string]rollout)
	for _, row := range rows[min(1, len(rows)):] {
		failed, err := strconv.Atoi(row[3])
		hook, err2 := strconv.ParseFloat(row[4], 64)
		best, err3 := strconv.ParseFloat(row[5], 64)
		if err := errors.Join(err, err2, err3); err != nil {
			return nil, fmt.Errorf("examples/rollout: %w", err)
		}
		all[row[1]] = rollout{failed, hook, best}
	}
	for _, name := range []string{fixedStrategy, adaptiveStrategy} {
		if _, ok := all[name]; !ok {
			return nil, fmt.Errorf("examples/rollout did not play %q", name)
		}
	}
	return all, nil
}

func (r *results) rollouts() table {
	fixed, adaptive := r.rolled[fixedStrategy], r.rolled[adaptiveStrategy]
	t := table{header: []string{"a rollout", fixedStrategy, adaptiveStrategy, "ratio", "goal", ""}}
	t.add("failed requests", strconv.Itoa(fixed.failed), strconv.Itoa(adaptive.failed), "", "none", verdict(fixed.failed+adaptive.failed == 0))
	t.add(append([]string{"hook", fmt.Sprintf("%.1f s", fixed.hook), fmt.Sprintf("%.1f s", adaptive.hook)}, judge(adaptive.hook, fixed.hook, 1.0/leastShorter)...)...)
	beyond := adaptive.hook - adaptive.best
	t.add("hook, beyond an all-knowing one", fmt.Sprintf("%.1f s", fixed.hook-fixed.best), fmt.Sprintf("%.1f s", beyond), "", fmt.Sprintf("≤ %g s", mostBeyondBest), verdict(beyond <= mostBeyondBest))
	return t
}
