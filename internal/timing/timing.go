// Package timing tells tests whether they may judge how much time passed on the wall's clock.
//
// They may in `make timing` alone, which has the machine for itself. Elsewhere a busy machine can make everything late, so a test
// asserts on what the program has on record: when it meant to end, and how long it lasted by its own clock. That nothing came too
// early holds on any machine, and is always judged.
//
// It is for tests alone.
package timing
