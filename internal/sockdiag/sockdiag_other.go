//go:build !linux

package sockdiag

import "time"

// A Dump cannot be had on this system.
type Dump struct{}

// OpenDump fails with [ErrRefused].
func OpenDump(...uint16) (*Dump, error) { return nil, ErrRefused }

// Close does nothing.
func (*Dump) Close() error { return nil }

// Each fails with [ErrRefused].
func (*Dump) Each([]State, func(*Socket)) error { return ErrRefused }

func tick() time.Duration { return longestTick }

// A Watch cannot be had on this system.
type Watch struct{}

// OpenWatch fails with [ErrRefused].
func OpenWatch(...uint16) (*Watch, error) { return nil, ErrRefused }

// Close does nothing.
func (*Watch) Close() error { return nil }

// Drain fails with [ErrRefused].
func (*Watch) Drain(func(*Socket)) error { return ErrRefused }
