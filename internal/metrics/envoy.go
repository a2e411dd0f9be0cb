package metrics

import (
	"errors"
	"io"
)

// envoy reads Envoy's stats: {"stats": [{"name": "…", "value": 1}, {"histograms": …}]}.
func (t *total) envoy(r io.Reader) error {
	s := newScanner(r)
	found := false
	err := s.object(func(key []byte) error {
		switch {
		case string(key) != "stats":
			return s.skip()
		case found:
			return s.errorf(`"stats" is there twice`)
		}
		found = true
		return s.array(func() error { return t.stat(s) })
	})
	switch {
	case err != nil:
		return err
	case !found:
		return errors.New(`no "stats" in the JSON`)
	}
	return s.end()
}

// stat is one element of the list. One without a name is the object of histograms.
type stat struct {
	name          []byte
	value         float64
	named, valued bool
	number        bool
	*scanner
}

func (t *total) stat(s *scanner) error {
	v := stat{name: s.name[:0], scanner: s}
	err := s.object(v.member)
	s.name = v.name
	switch {
	case err != nil:
		return err
	case !v.named && v.valued:
		return s.errorf("a value has no name")
	case !v.named || !t.selects(v.name, nil):
		return nil
	case !v.number:
		return s.errorf("the value of %q is no number", excerpt(string(v.name)))
	}
	return t.count(v.value)
}

func (v *stat) member(key []byte) (err error) {
	switch string(key) {
	case "name":
		return v.readName()
	case "value":
		return v.readValue()
	}
	return v.skip()
}

func (v *stat) readName() error {
	if v.named {
		return v.errorf(`"name" is there twice`)
	}
	name, err := v.string()
	v.name, v.named = append(v.name, name...), true
	return err
}

func (v *stat) readValue() error {
	if v.valued {
		return v.errorf(`"value" is there twice`)
	}
	v.valued = true
	c, err := v.peek()
	if err != nil {
		return err
	}
	if v.number = c == '-' || isDigit(c); !v.number {
		return v.skip()
	}
	v.value, err = v.scanner.number()
	return err
}
