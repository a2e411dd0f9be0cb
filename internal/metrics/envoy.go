package metrics

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxDepth is how deep JSON may be nested that is not looked at.
const maxDepth = 100

// json reads Envoy's stats: {"stats": [{"name": "…", "value": 1}, {"histograms": …}]}. Token by token, since the
// histograms alone may be megabytes.
func (t *total) json(r io.Reader) error {
	e := envoy{total: t, tokens: json.NewDecoder(r)}
	e.tokens.UseNumber()
	if err := e.document(); err != nil {
		return fmt.Errorf("Envoy's stats: %w", bare(err))
	}
	return nil
}

// bare names the end of the text for what it is here.
func bare(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the JSON breaks off")
	}
	return err
}

type envoy struct {
	*total
	tokens *json.Decoder
}

func (e envoy) document() error {
	if err := e.delimiter('{'); err != nil {
		return err
	}
	found := false
	err := e.members(func(key string) error {
		if key != "stats" || found {
			return e.skip()
		}
		found = true
		return e.list()
	})
	switch {
	case err != nil:
		return err
	case !found:
		return errors.New(`no "stats" in the JSON`)
	}
	if _, err := e.tokens.Token(); err != io.EOF {
		return errors.New("something follows the JSON")
	}
	return nil
}

func (e envoy) delimiter(want json.Delim) error {
	token, err := e.tokens.Token()
	if err == nil && token != want {
		err = fmt.Errorf("expected %s in the JSON, got %s", want, excerpt(fmt.Sprint(token)))
	}
	return err
}

// members calls do for each key of an object that has been begun, to read its value.
func (e envoy) members(do func(key string) error) error {
	for e.tokens.More() {
		token, err := e.tokens.Token()
		if err != nil {
			return err
		}
		key, ok := token.(string)
		if !ok {
			return fmt.Errorf("expected a key in the JSON, got %s", excerpt(fmt.Sprint(token)))
		}
		if err := do(key); err != nil {
			return err
		}
	}
	return e.delimiter('}')
}

func (e envoy) list() error {
	if err := e.delimiter('['); err != nil {
		return err
	}
	for e.tokens.More() {
		if err := e.stat(); err != nil {
			return err
		}
	}
	return e.delimiter(']')
}

// stat reads one element: a stat, or an object of histograms, which has no name.
func (e envoy) stat() error {
	if err := e.delimiter('{'); err != nil {
		return err
	}
	var name, value json.Token
	err := e.members(func(key string) (err error) {
		switch key {
		case "name":
			name, err = e.scalar()
		case "value":
			value, err = e.scalar()
		default:
			err = e.skip()
		}
		return err
	})
	text, named := name.(string)
	if err != nil || !named || !e.selects([]byte(text), nil) {
		return err
	}
	number, ok := value.(json.Number)
	if !ok {
		return fmt.Errorf("%s is no number", excerpt(text))
	}
	n, err := strconv.ParseFloat(string(number), 64)
	if err != nil {
		return fmt.Errorf("%s is no number of a size that can be added", excerpt(text))
	}
	return e.add(n)
}

// scalar reads a value; of one that is an object or a list nothing is kept.
func (e envoy) scalar() (json.Token, error) {
	token, err := e.tokens.Token()
	if _, nested := token.(json.Delim); nested && err == nil {
		return nil, e.leave()
	}
	return token, err
}

func (e envoy) skip() error {
	_, err := e.scalar()
	return err
}

// leave reads to the end of what has been begun.
func (e envoy) leave() error {
	for depth := 1; depth > 0; {
		token, err := e.tokens.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth > maxDepth {
			return fmt.Errorf("the JSON is nested deeper than %d", maxDepth)
		}
	}
	return nil
}
