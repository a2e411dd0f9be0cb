package setting

import (
	"maps"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/phrase"
)

// Prefix is what all variables of settings begin with.
const Prefix = "PRE_STOP_"

// An Unknown is a PRE_STOP_ variable that is no setting, or one that is almost a setting's, as PRESTOP_STEPS.
type Unknown struct {
	Name  string
	Meant string // the setting that it almost is; empty: it is almost none
}

// Unknowns are those of an environment, by their names. A Service called pre-stop makes Kubernetes inject PRE_STOP_PORT… and
// PRE_STOP_SERVICE_…, which are nobody's mistake.
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
