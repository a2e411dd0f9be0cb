package lint

import (
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// What charts commonly have, and is right.
func TestRightCharts(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile("testdata/charts.txtar")
	if err != nil || len(archive.Files) == 0 {
		t.Fatal("no charts: ", err)
	}
	for _, f := range archive.Files {
		if got := linted(t, string(f.Data)); len(got) > 0 {
			t.Errorf("%s: found %q", f.Name, got)
		}
	}
}
