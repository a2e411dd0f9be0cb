// Package jsonpath reads one value of a JSON document.
//
// A document that has a key twice is unreadable, since programs differ in which of the two they believe. Only the value is kept of a
// document, so that memory does not grow with the rest. The package is for the verbs in drain and shutdown.
package jsonpath

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"

	"github.com/prestop/prestop/internal/escape"
)

// A Path leads to a value in a JSON document: .status, .data.items[0].state, .["a key"].x, or . for the whole. In count(…) it
// leads to a list or an object, whose elements are counted.
type Path struct {
	text  string
	steps []any // a string is an object's key, an int a list's index
	count bool
}

// Parse reads a path. Its errors name the column, from 1 in bytes.
func Parse(text string) (Path, error) {
	p := Path{text: text}
	rest := text
	if counted, ok := strings.CutPrefix(text, "count("); ok {
		if rest, p.count = strings.CutSuffix(counted, ")"); !p.count {
			return Path{}, errors.New("expected a closing ) after count(")
		}
	}
	if rest == "." {
		return p, nil
	}
	end := strings.Index(text, rest) + len(rest)
	for rest != "" {
		step, after, err := pathStep(rest)
		if err != nil {
			return Path{}, fmt.Errorf("column %d: %w", end-len(rest)+1, err)
		}
		p.steps, rest = append(p.steps, step), after
	}
	if len(p.steps) == 0 {
		return Path{}, errors.New("expected a path such as .status or .items[0].state, got nothing")
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

// Of is the value at the path: nil, a bool, a string or a json.Number. A count is a json.Number too.
func (p Path) Of(body []byte) (any, error) {
	if !json.Valid(body) {
		return nil, fmt.Errorf("no JSON: %w", json.Unmarshal(body, new(json.RawMessage)))
	}
	r := reading{Decoder: json.NewDecoder(bytes.NewReader(body)), path: p.steps}
	r.UseNumber()
	if err := r.next(0); err != nil {
		return nil, fmt.Errorf("no JSON to go by: %w", err)
	}
	_, composite := r.value.(json.Delim)
	switch {
	case !r.found && len(p.steps) > 1:
		return nil, fmt.Errorf("no %s in the answer (its part %d is missing)", p, r.deepest+1)
	case !r.found:
		return nil, fmt.Errorf("no %s in the answer", p)
	case p.count && composite:
		return json.Number(strconv.Itoa(r.elements)), nil
	case p.count:
		return nil, fmt.Errorf("%s: it is %s, expected a list or an object", p, Short(r.value))
	case composite:
		return nil, fmt.Errorf("%s is a list or an object, expected a single value; count(%s) counts its elements", p, p)
	}
	return r.value, nil
}

// Short is a scalar of a document, or a text that a server chose, cut to the 80 letters that a person wants to read.
func Short(value any) string {
	if value == nil {
		return "null"
	}
	text := []rune(strings.ToValidUTF8(fmt.Sprint(value), "�"))
	if len(text) > 80 {
		return string(text[:80]) + escape.Cut
	}
	return string(text)
}

// A reading goes through a document once. It keeps only the value at a path, so that memory does not grow with the rest.
type reading struct {
	*json.Decoder
	path    []any
	deepest int // how many steps of the path were there

	found    bool
	value    any // at the path: a scalar, or the beginning of a list or an object
	elements int // of that
}

// next reads a value. at is how many steps of the path have led to it; -1: it is beside the path.
func (r *reading) next(at int) error {
	token, err := r.Token()
	if err != nil {
		return err
	}
	r.deepest = max(r.deepest, at)
	if at == len(r.path) {
		r.found, r.value = true, token
	}
	begin, composite := token.(json.Delim)
	if !composite {
		return nil
	}
	n, keys := 0, map[uint64]struct{}{}
	for ; r.More(); n++ {
		var step any = n
		if begin == '{' {
			if step, err = r.key(keys); err != nil {
				return err
			}
		}
		below := -1
		if at >= 0 && at < len(r.path) && r.path[at] == step {
			below = at + 1
		}
		if err := r.next(below); err != nil {
			return err
		}
	}
	if at == len(r.path) {
		r.elements = n
	}
	_, err = r.Token()
	return err
}

// seed makes the hashes of keys, which are kept in place of the keys.
var seed = maphash.MakeSeed()

// key reads an object's key.
func (r *reading) key(known map[uint64]struct{}) (string, error) {
	token, err := r.Token()
	key, _ := token.(string)
	hash := maphash.String(seed, key)
	if _, twice := known[hash]; err == nil && twice {
		err = fmt.Errorf("the key %q is there twice", Short(key))
	}
	known[hash] = struct{}{}
	return key, err
}
