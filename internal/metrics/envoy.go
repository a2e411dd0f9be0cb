package metrics

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep JSON may be nested.
const maxDepth = 100

// envoy reads Envoy's stats: {"stats": [{"name": "…", "value": 1}, {"histograms": …}]}.
func (t *total) envoy(r io.Reader) error {
	in := &bounded{from: r}
	s := statsReader{t, json.NewDecoder(in)}
	in.at = s.InputOffset
	err := s.all()
	switch _, large := errors.AsType[*json.UnmarshalTypeError](err); {
	case err == nil:
		return nil
	case err == io.EOF && in.read == 0:
		return errors.New("the answer is empty")
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		err = fmt.Errorf("the JSON breaks off: %w", io.ErrUnexpectedEOF)
	case large: // its own text repeats the whole number
		err = errors.New("expected a number that 64 bits can hold")
	}
	return fmt.Errorf("byte %d: %w", s.InputOffset()+1, err)
}

// bounded fails if a part is longer than maxPart. Without it, the decoder would keep a string or blanks of any length.
type bounded struct {
	from io.Reader
	read int64
	at   func() int64 // where the decoder is
}

func (b *bounded) Read(p []byte) (int, error) {
	left := maxPart - (b.read - b.at())
	if left <= 0 {
		return 0, fmt.Errorf("a part is longer than %d KiB", maxPart>>10)
	}
	n, err := b.from.Read(p[:min(int64(len(p)), left)])
	b.read += int64(n)
	return n, err
}

type statsReader struct {
	*total
	*json.Decoder
}

func (s statsReader) all() error {
	found, err := s.object(map[string]func() error{"stats": func() error { return s.each('[', "a list", s.stat) }})
	if err == nil && found == 0 {
		err = errors.New(`no "stats" in the JSON`)
	}
	if err != nil {
		return err
	}
	switch _, err = s.Token(); err {
	case nil:
		return errors.New("something follows the JSON")
	case io.EOF:
		return nil
	}
	return err
}

// object reads the members that are asked for, and skips all others. found is how many of them are there. None may be there twice.
func (s statsReader) object(read map[string]func() error) (found int, err error) {
	seen := map[string]bool{}
	err = s.each('{', "an object", func() error {
		token, err := s.Token()
		if err != nil {
			return err
		}
		key := token.(string) // the decoder accepts nothing else
		switch {
		case read[key] == nil:
			_, err = s.value()
			return err
		case seen[key]:
			return fmt.Errorf("%q is there twice", key)
		}
		seen[key] = true
		return read[key]()
	})
	return len(seen), err
}

// each calls item for each element of a list or each key of an object, to read it.
func (s statsReader) each(begin json.Delim, what string, item func() error) error {
	got, err := s.Token()
	if err == nil && got != begin {
		err = fmt.Errorf("expected %s, got %q", what, excerpt(fmt.Sprint(got)))
	}
	for err == nil && s.More() {
		err = item()
	}
	if err == nil {
		_, err = s.Token()
	}
	return err
}

// stat reads one element of the list. The element without a name is the object with the histograms.
func (s statsReader) stat() error {
	var name, value any
	found, err := s.object(map[string]func() error{
		"name":  func() (err error) { name, err = s.value(); return err },
		"value": func() (err error) { value, err = s.value(); return err },
	})
	if err != nil || found == 0 {
		return err
	}
	text, named := name.(string)
	number, valued := value.(float64)
	switch {
	case !named:
		return errors.New("expected a name in quotes")
	case strings.ContainsRune(text, utf8.RuneError): // the decoder puts it in place of invalid UTF-8
		return errors.New("expected UTF-8")
	case !s.selects(map[string]string{"": text}):
		return nil
	case !valued:
		return fmt.Errorf("the value of %q is no number", excerpt(text))
	}
	return s.count(number)
}

// value reads any value. For an object or a list it returns only the opening bracket.
func (s statsReader) value() (first json.Token, err error) {
	first, err = s.Token()
	got, depth := first, 0
	for err == nil {
		switch got {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		switch {
		case depth == 0:
			return first, nil
		case depth > maxDepth:
			return nil, fmt.Errorf("the JSON is nested deeper than %d", maxDepth)
		}
		got, err = s.Token()
	}
	return nil, err
}
