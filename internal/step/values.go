package step

import (
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/prestop/prestop/prestop"
)

// mostValue is how long a value may be, in bytes, that a step gives to later steps.
const mostValue = 256

// Values are what steps of a plan have given to later ones by into=.
type Values struct {
	givers map[string]string // the line that gives a name, as it is shown
	given  func(name, text string)

	mu  sync.Mutex
	all map[string]string
}

// NewValues makes Values without any value yet. givers are the lines that give values, by the value's name. given is told each value.
func NewValues(givers map[string]string, given func(name, text string)) *Values {
	return &Values{givers: givers, given: given, all: map[string]string{}}
}

// Give takes a scalar of a JSON document. Its error says why the value cannot stand in a line.
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
	v.given(name, text)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all[name] = text
	return nil
}

// Get is a value that was given. Without one the error names the step that should have given it.
func (v *Values) Get(name string) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	text, ok := v.all[name]
	if !ok {
		return "", fmt.Errorf("$(%s) has no value, which this step should have given: %s: %w", name, v.givers[name], prestop.ErrKeepsWait)
	}
	return text, nil
}
