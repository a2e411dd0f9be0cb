package request

import (
	"context"

	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
)

// Reach connects to the place of a URL, and reads the credentials for it. The findings say how, as far as it got.
func Reach(ctx context.Context, connect web.Connect, rawURL string) ([]prestop.Finding, error) {
	client, err := connect()
	if err != nil {
		return nil, err
	}
	route, err := client.Reach(ctx, rawURL)
	var all []prestop.Finding
	for _, line := range route.Lines {
		all = append(all, prestop.Found(line))
	}
	if route.Warning != "" {
		all = append(all, prestop.Warned(route.Warning))
	}
	return all, err
}
