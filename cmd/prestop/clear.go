package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/hooklog"
	"github.com/prestop/prestop/internal/outcome"
	"github.com/prestop/prestop/internal/verbs"
)

// clearTime is the longest that elasticsearch-clear may take. A kubelet repeats a startup probe that failed.
const clearTime = 5 * time.Second

// clearElasticsearch removes the record that this pod's hook left, for a startup probe.
func clearElasticsearch(i *invocation) int {
	r, err := newRun(i, config.ReadClear)
	if err != nil {
		return i.usage(err)
	}
	ctx, stop := withSignals(i.ctx)
	defer stop()
	r.ctx = ctx
	if code := r.clear(); !r.config.ExitZero.V {
		return code
	}
	return exitDone
}

func (r *hookRun) clear() int {
	log := hooklog.Open(r.config, r.secrets, r.inPod(), r.start, r.start.Add(clearTime))
	defer log.Close()
	if cluster := r.config.ECK.Cluster; cluster != "" {
		log.Info("this is an ECK pod: its operator removes the record", "cluster", cluster)
		return exitDone
	}
	if wrong := r.notClearable(); len(wrong) > 0 {
		log.Mistakes(wrong)
		log.Complain(r.secrets.Hide(outcome.Joined(wrong)))
		return exitConfiguration
	}
	ctx, cancel := context.WithTimeoutCause(r.ctx, clearTime, errors.New("no answer within 5s"))
	defer cancel()
	if err := verbs.ClearElasticsearch(ctx, r.script.Means(r.world), log.Logger); err != nil {
		log.Error("the record that the preStop hook left is not cleared yet", "event.code", "not-cleared-yet", "error", err)
		log.Complain(r.secrets.Hide(err.Error())) // a kubelet puts it into the event of the probe that failed
		return orSignal(r.ctx, exitFailed)
	}
	return exitDone
}

// notClearable are the mistakes that keep us from asking at all.
func (r *hookRun) notClearable() []config.Problem {
	all := slices.Clone(r.config.Problems)
	switch steps := len(r.config.Arguments); {
	case steps > 0:
		all = append(all, config.Problem{Name: config.OfArguments, Text: fmt.Sprintf("elasticsearch-clear takes no steps, got %d", steps)})
	case len(all) == 0 && len(r.config.ElasticsearchURLs.V) == 0:
		all = append(all, config.Problem{Name: "PRE_STOP_ELASTICSEARCH_URL", Text: "expected a URL such as https://es-http:9200"})
	}
	return all
}
