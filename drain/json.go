package drain

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/prestop/prestop/internal/jsonpath"
	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/web"
)

// JSON is met by an answer in which the value at Path is one of In, is none of NotIn, or is a number within Bounds. A number in
// quotes is a number. An answer with another status, without that value, with a key that is there twice, or that is not JSON
// counts as no answer.
type JSON struct {
	Path      jsonpath.Path
	In, NotIn []string // texts, numbers as the answer writes them, true, false or null
	Bounds             // in place of In and NotIn
	Expect    web.Statuses
}

func (c JSON) judging(*web.Request) func(web.Answer) (sight, error) {
	return func(a web.Answer) (sight, error) {
		if !c.Expect.Has(a.Status) {
			return sight{}, errors.New(a.String())
		}
		value, err := request.Value(c.Path, a)
		if err != nil {
			return sight{}, err
		}
		return c.judge(value)
	}
}

func (c JSON) judge(value any) (sight, error) {
	text := "null"
	if value != nil {
		text = fmt.Sprint(value)
	}
	s := sight{says: fmt.Sprintf("%s is %s", c.Path, jsonpath.Short(value))}
	switch {
	case c.In != nil:
		s.met = listed(c.In, text)
	case c.NotIn != nil && value == nil && !listed(c.NotIn, text): // null is as good as absent
		return sight{}, fmt.Errorf("%s, expected a value", s.says)
	case c.NotIn != nil:
		s.met = !listed(c.NotIn, text)
	default:
		n, ok := numberOf(value)
		if !ok {
			return sight{}, fmt.Errorf("%s, expected a number", s.says)
		}
		s.met = c.hold(n)
	}
	return s, nil
}

// listed tells whether a value is in a list. Blanks do not count: there may be some around an entry, as in 'running, pending', and
// around the value, which may end in a newline.
func listed(all []string, text string) bool {
	text = strings.TrimSpace(text)
	return slices.ContainsFunc(all, func(one string) bool { return strings.TrimSpace(one) == text })
}

// numberOf reads a number, or a text that is one in decimals.
func numberOf(value any) (float64, bool) {
	text := fmt.Sprint(value)
	switch value.(type) {
	case json.Number, string:
	default:
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && strings.Trim(text, "0123456789+-.eE") == ""
}
