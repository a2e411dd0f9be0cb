// Package drain sees traffic leave; it only looks.
//
// Each file holds one way: [URL] asks until an answer says so, [File] looks for a file that another container makes.
// Their Run methods return nil once it is so; their Check methods look once and say what is the case. An error, an
// empty answer and an unreadable one are never taken for what is waited for: see [ErrUnseen].
//
// The package changes nothing outside of itself. What is told to stop is another package's affair, and so are
// settings, plans and the connections: a caller gives each thing the means to connect.
package drain

import "errors"

// ErrUnseen is in the error of a Run that could not see, at the last look before its time was over, whether it was met.
// Nobody knows then. The error for what was seen and is not met wraps context.Cause(ctx) and not ErrUnseen.
var ErrUnseen = errors.New("could not see")
