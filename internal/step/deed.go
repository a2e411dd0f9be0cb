package step

import "github.com/prestop/prestop/prestop"

// What the packages with verbs need of package prestop, which they do not import.
type (
	Deed    = prestop.Step    // what runs
	Checker = prestop.Checker // a Deed that can be tried
	Finding = prestop.Finding // what a look finds out
)

// ErrMax is the cause of a wait's context whose own max is over. An earlier delivery may have begun the wait.
var ErrMax = prestop.ErrMax

// Found makes a Finding. about are names and values in turn.
func Found(text string, about ...string) Finding { return prestop.Found(text, about...) }

// Warned is [Found] for a warning.
func Warned(text string, about ...string) Finding { return prestop.Warned(text, about...) }
