package request

import (
	"context"

	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// Reach connects to the place of a URL, and reads the credentials for it. The findings say how, as far as it got.
func Reach(ctx context.Context, client *web.Client, rawURL string) ([]step.Finding, error) {
	route, err := client.Reach(ctx, rawURL)
	var all []step.Finding
	for _, line := range route.Lines {
		all = append(all, step.Found(line))
	}
	if route.Warning != "" {
		all = append(all, step.Warned(route.Warning))
	}
	return all, err
}
