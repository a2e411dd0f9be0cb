package lint

import (
	"slices"
	"testing"
)

// A key that stands twice has one meaning in all rules.
func TestKeysThatStandTwice(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"kind: Deployment\nspec:\n  template: {metadata: {labels: {app: web}}}\n  template: {spec: {containers: [{name: web, lifecycle: {preStop: {exec: {command: [/prestop, wait 5s]}}}}]}}\n",
			[]string{"4 warning duplicate-key"}},
		{"kind: Deployment\nspec:\n  template: {metadata: {labels: {app: web}}}\n  template: {spec: {containers: [{name: web, lifecycle: {preStop: {exec: {command: [curl, 'http://x/$(POD_IP)']}}}}]}}\n",
			nil},
		{"kind: Pod\nx: &a {command: [/prestop, wait 5s, wait 6s], command: [/prestop]}\nspec: {containers: [{name: web, lifecycle: {preStop: {exec: {<<: *a}}}}]}\n", nil},
	} {
		got := linted(t, test.text)
		if test.want != nil && !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.text, got, test.want)
		}
	}
}
