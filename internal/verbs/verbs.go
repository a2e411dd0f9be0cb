// Package verbs has the table of steps, in the order in which help shows them.
//
// A verb itself is a file beside its deed, in shutdown or drain, which this package alone imports: a new verb is such a file
// and a row here. It is for the hook and for lint, which read what a [step.Spec] needs and know no verb by its name.
package verbs

import (
	"context"
	"log/slog"
	"slices"

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

// App is the app's shutdown call, which the settings ask for without a line. The URL in a must not be nil.
func App(a step.App) step.Spec { return shutdown.AppSpec(a) }

// Elasticsearch is the node's shutdown that the settings ask for without a line. Its Bind fails without a URL, and for the type
// replace without a target node.
func Elasticsearch(e step.Elasticsearch) step.Spec { return shutdown.ElasticsearchSpec(e) }

// ClearElasticsearch removes the record that this pod's hook left, at the settings' URLs, of which there must be one. An error
// means that it is not removed yet, or cannot be known yet.
func ClearElasticsearch(ctx context.Context, m *step.Means, log *slog.Logger) error {
	return shutdown.NewElasticsearch(m).Clear(ctx, log)
}
