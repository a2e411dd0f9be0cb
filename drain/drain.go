// Package drain watches traffic leave. It only looks.
//
// [URL] asks until an answer meets a condition, and [Exec] runs a program until it succeeds. [Quiet], [Empty] and [Closed] look at
// the sockets of ports, [Gone] at DNS, and [File] at a file that another container makes. Run returns nil once the wait is met.
// Check looks once and says what is the case now. An error, an empty answer or an unreadable answer never means that a wait is
// met: see [ErrUnseen].
//
// The package changes nothing outside of itself. Other packages tell the app to stop, read the settings and make the plans.
// The caller gives each wait the means to connect.
package drain

import "errors"

// ErrUnseen is in the error of a Run whose last look could not see whether the wait was met. Nobody knows then. If the last
// look saw that the wait was not met, the error wraps context.Cause(ctx) and not ErrUnseen.
var ErrUnseen = errors.New("could not see")
