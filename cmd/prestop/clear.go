package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// clearTime is what elasticsearch-clear takes at most; a kubelet repeats a startup probe.
const clearTime = 5 * time.Second

var errClearTime = errors.New("no answer within 5s")

// clearElasticsearch removes the record that this pod's hook left, for a startup probe.
func clearElasticsearch(i invocation) int {
	exitZero := false
	s, err := load(cutFlag(i.args, "--exit-zero", &exitZero), i.env)
	if err != nil {
		return i.usage(err)
	}
	ctx, stop := withSignals(i.ctx)
	defer stop()
	i.ctx = ctx
	code := exitDone
	if err := i.clear(s); err != nil {
		code = exitFailed
		if _, wrong := errors.AsType[problem](err); wrong {
			code = exitConfiguration
		}
	}
	if exitZero {
		return exitDone
	}
	return code
}

func (i invocation) clear(s *settings) error {
	b := newBuilder(i, s)
	log := openLog(i, s, b.hide, i.start.Add(clearTime))
	defer log.Close()
	if b.eck.Cluster != "" {
		log.Info("this is an ECK pod: its operator removes the record", "cluster", b.eck.Cluster)
		return nil
	}
	err := b.clearable()
	if err == nil {
		ctx, cancel := context.WithTimeoutCause(i.ctx, clearTime, errClearTime)
		defer cancel()
		err = b.elasticsearch(s.es.urls, s.shutdownType.word).Clear(ctx, log.Logger)
	}
	if err != nil {
		log.Error("the record that the preStop hook left is not cleared yet", "error", err)
		log.complain(abridged(b.hide.hide(err.Error()))) // what a kubelet puts into the event of a probe that failed
	}
	return err
}

// clearable names what keeps us from asking at all.
func (b *builder) clearable() error {
	switch {
	case len(b.problems) > 0:
		return b.problems[0]
	case len(b.args) > 0:
		return problem{"arguments", fmt.Sprintf("elasticsearch-clear takes no steps, got %d", len(b.args))}
	case bool(b.dryRun):
		return problem{"--dry-run", "elasticsearch-clear has none"}
	case len(b.es.urls.list) == 0:
		return problem{"PRE_STOP_ELASTICSEARCH_URL", "expected a URL such as https://es-http:9200"}
	}
	return nil
}

// cutFlag takes a flag that only one subcommand has out of the arguments.
func cutFlag(args []string, flag string, found *bool) []string {
	var rest []string
	for _, arg := range args {
		if arg == flag {
			*found = true
		} else {
			rest = append(rest, arg)
		}
	}
	return rest
}
