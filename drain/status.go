package drain

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/prestop/prestop/internal/jsonpath"
	"github.com/prestop/prestop/internal/web"
)

// Status is met by an answer with one of these statuses. None given: 2xx. Redirects, 401, 403, 407 and server errors other than
// 503 do not answer the question, unless they are among the given statuses.
type Status struct{ web.Statuses }

func (c Status) judging(*web.Request) func(web.Answer) (sight, error) {
	return func(a web.Answer) (sight, error) {
		met := c.Has(a.Status)
		if !met && evasive(a.Status) {
			return sight{}, errors.New(a.String())
		}
		return sight{met: met, says: answered(a)}, nil
	}
}

// answered is an answer's status, and the beginning of what the server says.
func answered(a web.Answer) string {
	says := fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))
	if text := a.Text(); text != "" {
		says += ": " + jsonpath.Short(text)
	}
	return says
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
