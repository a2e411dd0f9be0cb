package verbs

import (
	"context"
	"log/slog"

	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/shutdown"
)

func All() []step.Verb { return append([]step.Verb{step.WaitVerb()}, shutdown.CallVerbs()...) }
func App(step.App) step.Spec { return nil }
func Elasticsearch(step.Elasticsearch) step.Spec { return nil }
func ClearElasticsearch(context.Context, step.Means, *slog.Logger) error { return nil }
