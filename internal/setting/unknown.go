package setting

import (
	"maps"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/phrase"
)

// Prefix is the beginning of all variables of settings.
const Prefix = "PRE_STOP_"

// An Unknown is a PRE_STOP_ variable that is no setting, or a variable that is almost the name of a setting, as PRESTOP_STEPS.
type Unknown struct {
	Name  string
	Meant string // the setting that it resembles; empty: it resembles none
}

// Unknowns are the unknown variables of an environment, sorted by name. If there is a Service called pre-stop, Kubernetes injects
// PRE_STOP_PORT… and PRE_STOP_SERVICE_…. These are nobody's mistake.
func Unknowns(env map[string]string, table []*Setting) (all []Unknown) {
	names := make(map[string]string)
	var among []string
	for _, s := range table {
		p := phrase.Plain(s.Env)
		among = append(among, p)
		names[p] = s.Env
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		p := phrase.Plain(name)
		injected := name == Prefix+"PORT" || strings.HasPrefix(name, Prefix+"PORT_") || strings.HasPrefix(name, Prefix+"SERVICE_")
		if !strings.HasPrefix(p, phrase.Plain(Prefix)) || names[p] == name || injected {
			continue
		}
		if meant := names[phrase.Nearest(p, among)]; meant != "" || strings.HasPrefix(name, Prefix) {
			all = append(all, Unknown{name, meant})
		}
	}
	return all
}
