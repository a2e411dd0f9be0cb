//go:build !linux

package shutdown

import "errors"

// access fails: hooks run on Linux alone.
func access(string) error { return errors.ErrUnsupported }
