package version

import (
	"strings"
	"testing"
)

func TestName(t *testing.T) {
	t.Parallel()
	if got := Name("v1.2.3"); got != "v1.2.3" {
		t.Errorf("the linker's word is shown as %q", got)
	}
	if Name("") == "" || !strings.HasPrefix(Text("v1.2.3"), "v1.2.3") {
		t.Errorf("%q, %q", Name(""), Text("v1.2.3"))
	}
}
