// Package testterminal gives tests a terminal of their own.
//
// There is one on Linux alone. Elsewhere [Open] fails.
package testterminal
