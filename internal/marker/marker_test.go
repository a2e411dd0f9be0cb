package marker

import "testing"

func TestMarker(t *testing.T) {
	first, err := Now()
	if err != nil || first.Boot == "" || first.Since <= 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	if m, ok := Parse(first.String()); !ok || m != first {
		t.Errorf("%q is read as %+v", first, m)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "prestop/1 boot=a since=1\n", "prestop/1 boot=a since=1", "prestop/2 boot=a since=1\n", "prestop/1 boot= since=-1\n", "true\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if m, ok := Parse(text); ok && m.String() != text {
			t.Errorf("%q is read as %q", text, m)
		}
	})
}
