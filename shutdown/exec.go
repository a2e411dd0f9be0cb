package shutdown

import (
	"context"

	"github.com/prestop/prestop/internal/child"
	"github.com/prestop/prestop/internal/step"
)

// An Exec runs a program, without a shell, and waits for its end. It is done if the exit status is 0. What the program prints is logged
// line by line, and nothing that it started outlives it: see [child.Program].
type Exec struct{ child.Program }

// Check looks the program up.
func (e Exec) Check(context.Context) ([]step.Finding, error) {
	path, err := e.Find()
	if err != nil {
		return nil, err
	}
	return []step.Finding{step.Found("found " + path)}, nil
}
