package drain

import (
	"context"
	"fmt"
	"net/http"

	"github.com/prestop/prestop/internal/web"
)

// Status is met by an answer of one of these statuses; none given: 2xx. Redirects, 401, 403 and 407, and errors of the
// server other than 503 are no answer to the question.
type Status struct{ web.Statuses }

func (c Status) look(ctx context.Context, client *web.Client, r web.Request) (sight, error) {
	a, err := client.Send(ctx, r)
	if err != nil {
		return sight{}, err
	}
	if !c.Has(a.Status) && evasive(a.Status) {
		return sight{}, fmt.Errorf("%s: %s", web.Place(a.URL), a)
	}
	return sight{c.Has(a.Status), fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))}, nil
}

func evasive(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return true
	case http.StatusServiceUnavailable:
		return false
	}
	return status/100 == 3 || status/100 == 5
}
