package image

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build builds the programs of the test pods into tmp, and gives their images. The first has the test application, with prestop copied in.
// The second has prestop alone, as the Dockerfile makes it. The third has the test application alone. The fourth has it in the place of
// docs/fleet.md's nginx. e2e is the directory of the module e2e.
func Build(ctx context.Context, e2e, tmp string) ([]Image, error) {
	app := filepath.Join(tmp, "app")
	for _, cmd := range []*exec.Cmd{
		exec.CommandContext(ctx, "make", "--silent", "-C", "..", "build"), // as it is released
		exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w", "-o", app, "./app"),
	} {
		cmd.Dir = e2e
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
		}
	}
	prestop := filepath.Join(e2e, "..", "bin", "prestop")
	return []Image{
		{Ref: "e2e.test/app:1", Files: map[string]string{"/app": app, "/prestop": prestop}, Entrypoint: []string{"/app"}},
		{Ref: "e2e.test/prestop:1", Files: map[string]string{"/prestop": prestop}, Entrypoint: []string{"/prestop"}, User: "65532:65532"},
		{Ref: "e2e.test/plain:1", Files: map[string]string{"/app": app}, Entrypoint: []string{"/app"}},
		{Ref: "e2e.test/nginx:1", Files: map[string]string{"/app": app}, Entrypoint: []string{"/app", "serve", "-port", "80"}},
	}, nil
}
