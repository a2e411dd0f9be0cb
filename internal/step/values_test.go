package step

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/prestop/prestop/prestop"
)

func TestValues(t *testing.T) {
	t.Parallel()
	v := NewValues(map[string]string{"ID": "get http://app/ json=.id into=ID"}, nil)
	if _, err := v.Get("ID"); !errors.Is(err, prestop.ErrKeepsWait) || !strings.Contains(err.Error(), "get http://app/ json=.id into=ID") {
		t.Error(err)
	}
	for _, test := range []struct {
		value any
		want  string // empty: refused
	}{
		{"abc", "abc"}, {json.Number("12"), "12"}, {true, "true"}, {"ü x", "ü x"}, {strings.Repeat("x", 256), strings.Repeat("x", 256)},
		{nil, ""}, {"", ""}, {strings.Repeat("x", 257), ""}, {"a\nb", ""}, {"a\x00", ""}, {"a\u0085", ""}, {"\xff", ""}, {"\x7f", ""},
	} {
		told := ""
		v := NewValues(nil, func(name, text string) { told = text })
		err := v.Give("ID", test.value)
		got, _ := v.Get("ID")
		if got != test.want || told != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%q: %q, %v", test.value, got, err)
		}
		if err != nil && test.value != nil && len(test.value.(string)) > 2 && strings.Contains(err.Error(), test.value.(string)) {
			t.Errorf("%v has the value", err)
		}
	}
}
