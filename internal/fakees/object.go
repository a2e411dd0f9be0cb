package fakees

import (
	"bytes"
	"encoding/json"
)

// An object is a JSON object that keeps the order of its fields: the order in which Elasticsearch writes them.
type object []member

type member struct {
	name  string
	value any // of JSON: objects as object, arrays as []any
}

// with returns o with one more field, if the field is wanted.
func (o object) with(name string, value any, wanted bool) object {
	if !wanted {
		return o
	}
	return append(o, member{name, value})
}

// MarshalJSON leaves <, > and & as they are.
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := encode(m.name)
		if err != nil {
			return nil, err
		}
		value, err := encode(m.value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	return append(b, '}'), nil
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
