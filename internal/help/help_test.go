package help

import (
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/verbs"
)

func TestTheWholeConfigurationIsShown(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	Write(&out)
	text := out.String()
	for _, row := range config.Table() {
		if !strings.Contains(text, row.Env) || !strings.Contains(text, row.Usage) || row.Default() != "" && !strings.Contains(text, row.Usage+" (default "+row.Default()+")") || row.Flag != "" && !strings.Contains(text, "--"+row.Flag+" ") {
			t.Errorf("--help lacks %s, its flag, its usage or its default", row.Env)
		}
	}
	for _, v := range verbs.All() {
		if !strings.Contains(text, v.Name) {
			t.Errorf("--help lacks the verb %s", v.Name)
		}
	}
}
