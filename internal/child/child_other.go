//go:build !linux

package child

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// Run fails. Hooks run on Linux alone: its kernel ends what a program leaves behind.
func (p Program) Run(context.Context, *slog.Logger) error {
	return fmt.Errorf("no program is run on this system: %w", errors.ErrUnsupported)
}
