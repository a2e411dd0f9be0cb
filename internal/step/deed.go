package step

import (
	"context"
	"errors"

	"github.com/prestop/prestop/prestop"
)

// What the packages with verbs need of package prestop, which they do not import.
type (
	Deed    = prestop.Step    // what runs
	Checker = prestop.Checker // a Deed that can be tried
	Finding = prestop.Finding // what a look finds out
	About   = prestop.About   // what that is about
)

// Found makes a Finding. about are names and values in turn.
func Found(text string, about ...string) Finding { return prestop.Found(text, about...) }

// Warned is [Found] for a warning.
func Warned(text string, about ...string) Finding { return prestop.Warned(text, about...) }

// AtMax tells whether a wait's own max has ended ctx. If an earlier delivery was cut in the wait, the wait has begun before ctx.
func AtMax(ctx context.Context) bool { return errors.Is(context.Cause(ctx), prestop.ErrMax) }
