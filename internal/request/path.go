package request

import (
	"fmt"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/jsonpath"
	"github.com/prestop/prestop/internal/web"
)

// Path reads json=PATH. The value of a variable changes only its own place in the path.
func Path(o *grammar.Option) (jsonpath.Path, error) {
	o, err := o.With(grammar.InPath)
	if err != nil {
		return jsonpath.Path{}, err
	}
	p, err := jsonpath.Parse(o.Value)
	if err != nil {
		return p, o.Refused(fmt.Errorf("json: %w", err), "json: expected a path, as .status, got "+o.Got())
	}
	return p, nil
}

// Value is the value at that path of an answer.
func Value(p jsonpath.Path, a web.Answer) (any, error) {
	if a.Partial {
		return nil, fmt.Errorf("the answer is longer than %d MiB", web.MaxBody>>20)
	}
	return p.Of(a.Body)
}
