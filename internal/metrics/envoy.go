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
	s := &statsReader{t, json.NewDecoder(in), nil}
	in.at = s.InputOffset
	s.all()
	err := s.err
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

// statsReader reads the JSON up to the first error.
type statsReader struct {
	*total
	*json.Decoder
	err error
}

// token is the next token; nil after an error.
func (s *statsReader) token() (next json.Token) {
	if s.err == nil {
		next, s.err = s.Token()
	}
	return next
}

func (s *statsReader) failf(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

func (s *statsReader) all() {
	if s.object(map[string]func(){"stats": func() { s.each('[', "a list", s.stat) }}) == 0 {
		s.failf(`no "stats" in the JSON, as Envoy's has; json= reads any other JSON`)
	}
	if s.err != nil {
		return
	}
	if s.token(); s.err == io.EOF {
		s.err = nil
	} else {
		s.failf("something follows the JSON")
	}
}

// object reads the members that are asked for, and skips all others. found is how many of them are there. None may be there twice.
func (s *statsReader) object(read map[string]func()) (found int) {
	seen := map[string]bool{}
	s.each('{', "an object", func() {
		key, _ := s.token().(string) // the decoder accepts nothing else
		switch {
		case read[key] == nil:
			s.value()
		case seen[key]:
			s.failf("%q is there twice", key)
		default:
			seen[key] = true
			read[key]()
		}
	})
	return len(seen)
}

// each calls item for each element of a list or each key of an object, to read it.
func (s *statsReader) each(begin json.Delim, what string, item func()) {
	if got := s.token(); got != begin {
		s.failf("expected %s, got %q", what, excerpt(fmt.Sprint(got)))
	}
	for s.err == nil && s.More() {
		item()
	}
	s.token()
}

// stat reads one element of the list. The element without a name is the object with the histograms.
func (s *statsReader) stat() {
	var name, value json.Token
	found := s.object(map[string]func(){
		"name":  func() { name = s.value() },
		"value": func() { value = s.value() },
	})
	text, named := name.(string)
	number, valued := value.(float64)
	switch {
	case s.err != nil || found == 0:
	case !named:
		s.failf("expected a name in quotes")
	case strings.ContainsRune(text, utf8.RuneError): // the decoder puts it in place of invalid UTF-8
		s.failf("expected UTF-8")
	case !s.selects(map[string]string{"": text}):
	case !valued:
		s.failf("the value of %q is no number", excerpt(text))
	default:
		s.err = s.count(number)
	}
}

// value reads any value. For an object or a list it returns only the opening bracket.
func (s *statsReader) value() (first json.Token) {
	first = s.token()
	for got, depth := first, 0; s.err == nil; got = s.token() {
		switch got {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			break
		} else if depth > maxDepth {
			s.failf("the JSON is nested deeper than %d", maxDepth)
		}
	}
	return first
}
