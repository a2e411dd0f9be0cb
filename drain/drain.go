// Package drain waits until something is the case: the traffic has left, a program says that it is drained, another
// container has done its part.
//
// Each file holds one way to see it: [URL] by what an answer says ([Status], [JSON], [Metric]), [File] by a file. Their
// Run methods return nil once it is so, and their Check methods look once. What cannot be seen is never taken for what
// is waited for.
//
// The package only looks. Whatever changes something is another package's affair, and so are settings, plans and the
// connections: a caller gives each thing the means to connect.
package drain
