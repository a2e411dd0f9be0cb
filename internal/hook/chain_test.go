package hook

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prestop/prestop/prestop"
)

// A value that a step needs to give its own value is asked for again as well.
func TestValuesInAChainAreAskedForAgain(t *testing.T) {
	t.Parallel()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.RequestURI)
		io.WriteString(w, `{"id": 7}`)
	}))
	t.Cleanup(server.Close)
	p := read(t, env{graceEnv: "20", reserveEnv: "10", waitEnv: "0"}, "get "+server.URL+"/a json=.id into=A", "get "+server.URL+"/b/$(A) json=.id into=B", "post "+server.URL+"/c/$(B)").Plan(world())
	var earlier prestop.Report
	for n := range 2 {
		earlier.Note(n, prestop.StepReport{Line: p.Entries[n].Line, Outcome: prestop.Done})
	}
	p.GoOn(earlier, 0)
	report := p.Run(t.Context(), slog.New(slog.DiscardHandler))
	if got := strings.Join(asked, ","); got != "/a,/b/7,/c/7" || !report.OK() {
		t.Errorf("asked %s; %+v", got, report)
	}
}
