package flagset

import (
	"strings"
	"testing"
)

// What is wrong is said with the flag that was perhaps meant, and the argument is found.
func TestText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args  []string
		want  string
		place int
	}{
		{[]string{"--outptu=json"}, "unknown flag: --outptu; did you mean --output?", 0},
		{[]string{"--quiet", "--kubernetes"}, "unknown flag: --kubernetes; did you mean --kubernetes-version?", 1},
		{[]string{"--nothing-like-these"}, "unknown flag: --nothing-like-these", 0},
		{[]string{"--secre=1"}, "unknown flag: --secre", 0}, // which is hidden
		{[]string{"-quiet"}, "unknown flag: -q; did you mean --quiet?", 0},
		{[]string{"-kubernetes-version=1.37"}, "unknown flag: -k; did you mean --kubernetes-version?", 0},
		{[]string{"-x"}, "unknown flag: -x", 0},
		{[]string{"--quiet=yes"}, `--quiet: expected true or false, got "yes"`, 0},
		{[]string{"--quiet", "--output"}, "flag needs an argument: --output", 1},
		{[]string{"--=x"}, "bad flag syntax: --=x", 0},
		{[]string{"--" + strings.Repeat("x", 500)}, "unknown flag: --" + strings.Repeat("x", 104) + "…", 0},
	} {
		flags := New("test")
		flags.String("output", "", "")
		flags.Bool("quiet", false, "")
		flags.String("kubernetes-version", "", "")
		flags.Bool("secret", false, "")
		if err := flags.MarkHidden("secret"); err != nil {
			t.Fatal(err)
		}
		err := flags.Parse(test.args)
		if err == nil {
			t.Errorf("%q: no error", test.args)
			continue
		}
		if got := Text(flags, err); got != test.want {
			t.Errorf("%q: %q, want %q", test.args, got, test.want)
		}
		if got := Argument(test.args, err); got != test.place {
			t.Errorf("%q: argument %d, want %d", test.args, got, test.place)
		}
	}
}
