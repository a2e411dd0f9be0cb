// Package verbs has the table of steps, in the order in which help shows them.
//
// Each verb is a file beside its deed, in shutdown or drain. Only this package imports these two. A new verb is such a file and a row
// here. The package is for the hook, for lint and for inject. They read what a [step.Spec] needs, and know no verb by its name.
package verbs

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"syscall"

	"github.com/prestop/prestop/drain"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/shutdown"
)

// All are the verbs. Their names differ.
func All() []*step.Verb {
	return slices.Concat([]*step.Verb{step.WaitVerb()}, shutdown.CallVerbs(), []*step.Verb{
		shutdown.ElasticsearchVerb(),
		drain.URLVerb(),
		drain.QuietVerb(),
		drain.EmptyVerb(),
		drain.GoneVerb(),
		drain.ClosedVerb(),
		drain.FileVerb(),
		drain.ExecVerb(),
		shutdown.TouchVerb(),
		shutdown.RemoveVerb(),
		shutdown.ExecVerb(),
		shutdown.SignalVerb(),
		shutdown.UnlockVerb(),
	})
}

// Names are the words of the verbs and their options, each once.
func Names() (all []string) {
	for _, v := range All() {
		all = append(append(all, strings.Fields(v.Name)...), v.Options...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// App is the app's shutdown call, which the settings ask for without a line. The URL in a must not be nil.
func App(a step.App) *step.Spec { return shutdown.AppSpec(a) }

// Elasticsearch is the node's shutdown that the settings ask for without a line. Its Bind fails without a URL, and for the type
// replace without a target node.
func Elasticsearch(e step.Elasticsearch) *step.Spec { return shutdown.ElasticsearchSpec(e) }

// SignalEnds tells whether programs are told to end by a signal.
func SignalEnds(s syscall.Signal) bool { return shutdown.SignalEnds(s) }

// ClearElasticsearch removes the record that this pod's hook left, at the settings' URLs. There must be at least one URL. An error means
// that the record is not removed yet, or that this cannot be known yet.
func ClearElasticsearch(ctx context.Context, m *step.Means, log *slog.Logger) error {
	return shutdown.NewElasticsearch(m).Clear(ctx, log)
}
