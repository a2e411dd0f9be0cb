package dns

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// An Outcome is how a look-up without addresses ended. A value that is none of these constants is the name of another
// response code, such as SERVFAIL or REFUSED.
type Outcome string

const (
	NotFound  Outcome = "NXDOMAIN" // there is no such name
	NoAddress Outcome = "NODATA"   // the name exists and has no address of either family

	Timeout     Outcome = "timeout"
	Unreachable Outcome = "no nameserver reachable"
	Malformed   Outcome = "malformed answer" // what came, by UDP or by TCP, was no answer to the question

	GivenUp Outcome = "given up"     // too many failures in a row; final
	Invalid Outcome = "invalid name" // the name cannot be asked for; final
	Cut     Outcome = "cut"          // the caller's context ended first: no failure
)

// An Error is a look-up that gave no address. If several names, families or nameservers were asked, one error stands for all: a failure
// before an empty answer, NODATA before NXDOMAIN.
type Error struct {
	Host    string
	Outcome Outcome
	// Servers are the nameservers that gave this answer, or did not answer: addresses and ports, and
	// " over TCP" where that failed.
	Servers []string
	// Names is how many names were tried because of the search list.
	Names int
	// Failures is how many there were in a row, if the host is given up.
	Failures int
	// Err is the cause, if there is more to say. If the host is given up, it is the last failure's Error. If the context ended, it wraps
	// context.Cause.
	Err error
}

// Error is one line, such as "lookup es-http.default.svc: NXDOMAIN from 10.96.0.10:53 (4 names tried)".
func (e *Error) Error() string { return "lookup " + e.Host + ": " + e.reason() }

func (e *Error) Unwrap() error { return e.Err }

// Final tells whether another try is useless: the host is given up, or is no name.
func (e *Error) Final() bool { return e.Outcome == GivenUp || e.Outcome == Invalid }

func (e *Error) reason() string {
	s := string(e.Outcome)
	switch {
	case e.Failures == 1:
		s += " after 1 failure"
	case e.Failures > 1:
		s += fmt.Sprintf(" after %d failures in a row", e.Failures)
	}
	if len(e.Servers) > 0 {
		asked := " from "
		if e.Outcome == Timeout || e.Outcome == Unreachable {
			asked = ", asked "
		}
		s += asked + strings.Join(e.Servers, ", ")
	}
	if e.Names > 1 {
		s += fmt.Sprintf(" (%d names tried)", e.Names)
	}
	switch cause := e.Err.(type) {
	case nil:
	case *Error:
		s += ": " + cause.reason()
	default:
		s += ": " + cause.Error()
	}
	return s
}

// lightness orders errors by how little they say: an empty answer says least, then silence. All others are the reason of a failure.
func (e *Error) lightness() int {
	return slices.Index([]Outcome{Malformed, Timeout, Unreachable, NoAddress, NotFound}, e.Outcome)
}

// empty tells whether e is an answer about the name, and not a failure to get one.
func (e *Error) empty() bool { return e.Outcome == NotFound || e.Outcome == NoAddress }

// answered tells whether a nameserver said something, so that asking it for another name makes sense.
func (e *Error) answered() bool {
	return e.Outcome != Timeout && e.Outcome != Unreachable && e.Outcome != Malformed
}

// heavier is the one of two errors that says more; a may be nil.
func heavier(a, b *Error) *Error {
	switch {
	case a == nil || b.lightness() < a.lightness():
		return b
	case a.Outcome == b.Outcome:
		for _, server := range b.Servers {
			if !slices.Contains(a.Servers, server) {
				a.Servers = append(a.Servers, server)
			}
		}
	}
	return a
}

func cut(ctx context.Context, host string) *Error {
	return &Error{Host: host, Outcome: Cut, Err: context.Cause(ctx)}
}
