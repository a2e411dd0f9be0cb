// Package timing tells tests whether they may judge how much time passed on the wall's clock.
//
// They may only do so in `make timing`, which has the machine for itself. Elsewhere a busy machine can make everything late. So a test
// checks what the program has on record: when it meant to end, and how long it lasted by its own clock. Nothing may come too
// early on any machine, so that is always judged.
//
// It is for tests alone.
package timing
