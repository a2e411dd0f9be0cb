package step

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/prestop/prestop/prestop"
)

// mostValue is how long a value may be that a step gives to later ones, in bytes.
const mostValue = 256

// Values are what steps of a plan have given to later ones by into=. A nil *Values has none.
type Values struct {
	givers map[string]string // the line that gives a name, as it is shown
	given  func(name, text string)

	mu  sync.Mutex
	all map[string]string
}

// NewValues has none yet. givers are the lines that give them, by name. given is told each.
func NewValues(givers map[string]string, given func(name, text string)) *Values {
	return &Values{givers: givers, given: given, all: map[string]string{}}
}

// Give takes a scalar of a JSON document. Its error says what it is instead of one that may stand in a line.
func (v *Values) Give(name string, value any) error {
	text := fmt.Sprint(value)
	switch {
	case value == nil || text == "":
		return fmt.Errorf("into: expected a value for %s, got nothing", name)
	case len(text) > mostValue:
		return fmt.Errorf("into: expected at most %d bytes for %s, got %d", mostValue, name, len(text))
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("into: expected text without control characters for %s", name)
	}
	if v != nil {
		v.given(name, text)
		v.mu.Lock()
		defer v.mu.Unlock()
		v.all[name] = text
	}
	return nil
}

// Get is a value that was given. Without one the error names the step that should have given it.
func (v *Values) Get(name string) (string, error) {
	if v == nil {
		return "", fmt.Errorf("$(%s) has no value: %w", name, prestop.ErrKeepsWait)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	text, ok := v.all[name]
	if !ok {
		return "", fmt.Errorf("$(%s) has no value, which this step should have given: %s: %w", name, v.givers[name], prestop.ErrKeepsWait)
	}
	return text, nil
}

// Gives reads into=NAME. The name must mean nothing else yet.
func (l *Line) Gives() (string, error) {
	o, ok := l.Option("into")
	if !ok {
		return "", nil
	}
	_, set := l.scope.Lookup(o.Value)
	switch {
	case o.Value == "" || !o.Bare() || identifier(o.Value) < len(o.Value):
		return "", o.Expected("into: expected a name of letters, digits and _, got %s", o.Got())
	case set:
		return "", o.Expected("into: %s is an environment variable: expected another name", o.Value)
	case slices.Contains(l.scope.Given, o.Value):
		return "", o.Expected("into: %s is given by an earlier step: expected another name", o.Value)
	case l.Once:
		return "", o.Expected("into= does not go with once: a second delivery of the hook asks again")
	}
	return o.Value, nil
}

// Late are the names in the word whose values are given only when steps run.
func (w *Word) Late() []string {
	var all []string
	for _, v := range w.variables {
		if v.late {
			all = append(all, v.name)
		}
	}
	return all
}

// Fill is the word's text with the values of its late names.
func (w *Word) Fill(value func(name string) (string, error)) (string, error) {
	var text strings.Builder
	at := 0
	for _, v := range w.variables {
		if !v.late {
			continue
		}
		filled, err := value(v.name)
		if err != nil {
			return "", err
		}
		text.WriteString(w.Text[at:v.from])
		text.WriteString(filled)
		at = v.to
	}
	return text.String() + w.Text[at:], nil
}

// early refuses late names where the verb cannot wait for their values.
func (v *Verb) early(named []Word, l *Line) error {
	refuse := func(w *Word) error {
		if late := w.Late(); len(late) > 0 {
			return w.Expected("$(%s) has its value only when the steps run: it may stand in the URL's path, in the values of its query, in header= and in body= of a call, and in URL and header= of until", late[0])
		}
		return nil
	}
	for _, w := range named {
		if err := refuse(&w); err != nil {
			return err
		}
	}
	for _, w := range l.Targets {
		if err := refuse(&w); err != nil && !slices.Contains(v.Late, "") {
			return err
		}
	}
	for _, o := range l.Options {
		if err := refuse(&o.Word); err != nil && !slices.Contains(v.Late, o.Key) {
			return err
		}
	}
	return nil
}
