package drain

import (
	"fmt"
	"strconv"
	"strings"
)

// A Path leads to a value in a JSON document: .status, .data.items[0].state, .["a key"].x, or . for the whole.
type Path struct {
	text  string
	steps []any // a string is an object's key, an int a list's index
}

// ParsePath reads a path. Its errors name the column, from 1 in bytes.
func ParsePath(text string) (Path, error) {
	p := Path{text: text}
	if text == "." {
		return p, nil
	}
	rest := text
	for rest != "" {
		step, after, err := pathStep(rest)
		if err != nil {
			return Path{}, fmt.Errorf("column %d: %w", len(text)-len(rest)+1, err)
		}
		p.steps, rest = append(p.steps, step), after
	}
	if len(p.steps) == 0 {
		return Path{}, fmt.Errorf("expected a path such as .status or .items[0].state, got nothing")
	}
	return p, nil
}

func pathStep(text string) (step any, rest string, err error) {
	inner, bracketed := strings.CutPrefix(strings.TrimPrefix(text, "."), "[")
	if !bracketed {
		key := strings.TrimPrefix(text, ".")
		if end := strings.IndexAny(key, ".["); end >= 0 {
			key, rest = key[:end], key[end:]
		}
		if key == "" || text[0] != '.' || strings.ContainsAny(key, `]"`) {
			return nil, "", fmt.Errorf("expected a key after a dot, as in .status, got %q", text)
		}
		return key, rest, nil
	}
	if strings.HasPrefix(inner, `"`) {
		quoted, err := strconv.QuotedPrefix(inner)
		rest, closed := strings.CutPrefix(inner[len(quoted):], "]")
		if err != nil || !closed {
			return nil, "", fmt.Errorf(`expected ["key"], got %q`, text)
		}
		key, err := strconv.Unquote(quoted)
		return key, rest, err
	}
	number, rest, closed := strings.Cut(inner, "]")
	n, err := strconv.ParseUint(number, 10, 31)
	if err != nil || !closed {
		return nil, "", fmt.Errorf(`expected [0] or ["key"], got %q`, text)
	}
	return int(n), rest, nil
}

func (p Path) String() string { return p.text }

// of is the value at the path.
func (p Path) of(doc any) (any, error) {
	for n, step := range p.steps {
		var ok bool
		switch at := step.(type) {
		case string:
			var object map[string]any
			if object, ok = doc.(map[string]any); ok {
				doc, ok = object[at]
			}
		case int:
			var list []any
			if list, ok = doc.([]any); ok && at < len(list) {
				doc = list[at]
			} else {
				ok = false
			}
		}
		if !ok {
			return nil, fmt.Errorf("no %s in the answer%s", p, p.until(n))
		}
	}
	return doc, nil
}

// until says how far the path leads.
func (p Path) until(n int) string {
	if len(p.steps) == 1 {
		return ""
	}
	return fmt.Sprintf(" (its part %d is missing)", n+1)
}
