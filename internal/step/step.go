// Package step says what a step is: what the verb of a line makes of its words.
//
// A [Verb] gives its words a meaning. The result is a [Spec], which is data: [Spec.Needs] says what the step will take and touch. The
// schedule, the log, the dry run and lint read that and know no verb. [Spec.Bind] makes the step that runs.
//
// The package is pure: no environment, no files, no network. internal/grammar takes a line apart, internal/parse finds its verb,
// and internal/verbs has the table of verbs. It is for the packages that have verbs, and for those that read what a step needs.
package step

import (
	"net/url"
	"syscall"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/prestop"
)

// A Verb is a kind of step: its words and its meaning. Its name may have two words, as "until quiet".
type Verb struct {
	Name    string
	Target  string   // what stands after it, as help shows it
	Options []string // the keys of the key=value words that it takes
	Often   string   // the one option that may be given several times; empty: none
	Late    []string // keys of options whose value an earlier step may give when it runs; "" is the target
	Raw     bool     // all words after it are a program's; an option stands before them
	Does    string   // what it does, in half a sentence
	Parse   func(*grammar.Line) (*Spec, error)
}

// A Spec is a step that was understood: what it needs, and what makes it.
type Spec struct {
	needs *Needs
	Binder
}

// A Binder makes a step. Nil, without an error, is a wait for [Needs.Least]. The error is a mistake in the configuration: something is
// missing that the step needs.
type Binder interface{ Bind(*Means) (Deed, error) }

// Ready makes a deed that needs nothing of the world. Without a deed it makes a wait.
type Ready struct{ Deed Deed }

// Bind has nothing to add.
func (r Ready) Bind(*Means) (Deed, error) { return r.Deed, nil }

// Spec is the step that needs n, and that b makes. b is data too, without functions: a test compares steps by their options.
func (n *Needs) Spec(b Binder) *Spec { return &Spec{n, b} }

// Needs is the same each time that it is called.
func (s *Spec) Needs() Needs { return *s.needs }

// Needs is what a step takes and touches.
type Needs struct {
	// Least, Most, Want, Early, FromStart and Guard are those of [prestop.Entry]. Early leaves Looks out.
	Least, Most, Want, Early time.Duration
	FromStart, Guard         bool
	// Waits: the step is a wait for Least, and nothing else.
	Waits bool
	// Written: Most is what somebody wrote as max=.
	Written bool
	Looks   time.Duration // how long it must look to be met, whatever it sees; 0: one look may do
	// Default: a Guard has no bound of its own. The plan decides its Most.
	Default bool

	Calls   []Call   // in the order in which they are made
	Ports   []uint16 // of this pod that are looked at
	UDP     []uint16 // the last of Ports, whose datagrams count
	Closed  bool     // until nobody listens on them any more
	Reads   []string // files that are read
	Awaits  string   // a file that is waited for, which another container makes; empty: none
	Writes  []string // files that are made
	Removes []string // files that are removed
	Program []string // that is run, with its arguments; nil: none
	Ends    Ends
	Returns bool           // it only tells a process to end, and does not wait for the end
	Signal  syscall.Signal // that is sent to the main process; 0: none
	// Shutdown is the type of an Elasticsearch node's shutdown; empty: none. It may be [TypeAuto], or [TypeOfSettings]. Without
	// Calls, the settings' URLs are called.
	Shutdown string
	Quiet    *Quiet   // of a wait for silence; nil: it is none
	Gives    string   // the name of a value that it gives to later steps; empty: none
	Takes    []string // the names of values that earlier steps give to it
	Name     string   // of a DNS name that is watched; empty: none
}

// ShutdownType is the type of an Elasticsearch node's shutdown, where the settings have the given type. It is empty for any other step.
func (n *Needs) ShutdownType(settings string) string {
	if n.Shutdown == TypeOfSettings {
		return settings
	}
	return n.Shutdown
}

// A Call is a request to some server.
type Call struct {
	Method    string        // of HTTP; empty: it is no HTTP, or some calls of several methods
	URL       *url.URL      // never nil
	Timeout   time.Duration // of one try; 0: the default
	App       bool          // the app's own shutdown call
	Node      bool          // of an Elasticsearch: this pod's own node is called first, by the same scheme and port
	Condition bool          // the step is done only if the answer is as expected
	Repeats   bool          // the server is asked again and again, for as long as the step lasts
}

// Quiet is what a wait for silence counts.
type Quiet struct {
	For   time.Duration // how long there must be silence
	Allow int           // connections that do not count in each For
	New   bool          // only connections that are opened meanwhile count
	Peers bool          // some peers are ignored
}

// Ends is what a step ends.
type Ends int

const (
	EndsNothing   Ends = iota
	EndsProcess        // the process that answers the call, or gets the signal; the step does not wait for the end
	EndsListening      // the listeners of the process that answers the call
	EndsContainer      // the container's main process, whose end it waits for
)

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
