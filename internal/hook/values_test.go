package hook

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/prestop"
)

// broker is a server that says who it is, and fails for /refuse with what it was asked.
func broker(t *testing.T, body string) (url string, asked func() []string) {
	requests := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r.Method + " " + r.RequestURI
		switch {
		case r.RequestURI == "/id":
			io.WriteString(w, body)
		case strings.HasPrefix(r.RequestURI, "/refuse"):
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, "no %s here", r.URL.Path)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, func() (all []string) {
		for range len(requests) {
			all = append(all, <-requests)
		}
		return all
	}
}

// A value that one step is given stands in the ones after it, and nowhere in what is said.
func TestInto(t *testing.T) {
	t.Parallel()
	url, asked := broker(t, `{"node": {"id": "n/1-secretive"}}`)
	s := read(t, env{graceEnv: "20", reserveEnv: "10", waitEnv: "0"}, "get "+url+"/id json=.node.id into=NODE_ID", "post "+url+"/stop/$(NODE_ID)", "until "+url+"/gone?id=$NODE_ID", "post "+url+"/refuse/${NODE_ID} body=$$(NODE_ID)")
	p := s.Plan(world())
	if len(p.Problems) > 0 || p.Steps[0].Needs.Gives != "NODE_ID" || !slices.Equal(p.Steps[2].Needs.Takes, []string{"NODE_ID"}) {
		t.Fatalf("%v, %+v", p.Problems, p.Steps)
	}
	log := &bytes.Buffer{}
	report := p.Run(t.Context(), slog.New(slog.NewTextHandler(log, nil)))
	want := []string{"GET /id", "POST /stop/n%2F1-secretive", "GET /gone?id=n%2F1-secretive", "POST /refuse/n%2F1-secretive"}
	if got := asked(); !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
	if last := report.Steps[3]; last.Outcome != prestop.Failed || !strings.Contains(last.Error, "no /refuse/$(NODE_ID) here") || last.Line != "post "+url+"/refuse/${NODE_ID} body=$$(NODE_ID)" {
		t.Errorf("%+v", report)
	}
	if strings.Contains(log.String(), "secretive") {
		t.Errorf("the log has the value:\n%s", log)
	}
}

// Without a value the step that needs it says who should have given it, and the hook lasts as long as the additional wait.
func TestIntoWithoutAValue(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"id": null}`, `{"id": ""}`, `{"id": {}}`, `{"id": "a\nb"}`, `{"id": "` + strings.Repeat("x", 257) + `"}`, `{"id": 1, "id": 1}`, "", "<html>"} {
		t.Run(body[:min(len(body), 20)], func(t *testing.T) {
			t.Parallel()
			url, asked := broker(t, body)
			get := "get " + url + "/id json=.id into=ID"
			p := read(t, env{graceEnv: "20", reserveEnv: "10", waitEnv: "1s"}, get, "post "+url+"/stop/$(ID)").Plan(world())
			report := p.Run(t.Context(), slog.New(slog.DiscardHandler))
			if got := asked(); !slices.Equal(got, []string{"GET /id"}) {
				t.Errorf("asked %q", got)
			}
			if first, second := report.Steps[0], report.Steps[1]; first.Outcome != prestop.Failed || second.Outcome != prestop.Failed || !strings.Contains(second.Error, get) {
				t.Errorf("%+v", report)
			}
			if lasted := time.Duration(report.Elapsed); lasted < time.Second {
				t.Errorf("lasted %s", lasted)
			}
		})
	}
	url, _ := broker(t, `{"id": 7}`)
	p := read(t, env{graceEnv: "20", reserveEnv: "10"}, "get "+url+"/id json=.id into=ID", "post "+url+"/stop/$(ID)").Plan(world())
	if report := p.Run(t.Context(), slog.New(slog.DiscardHandler)); !report.OK() || time.Duration(report.Elapsed) > 5*time.Second {
		t.Errorf("%+v", report)
	}
}

// A second delivery asks again where the value is needed, and only there.
func TestIntoAgain(t *testing.T) {
	t.Parallel()
	url, asked := broker(t, `{"id": 7}`)
	for _, test := range []struct {
		outcomes []prestop.Outcome
		want     string
		floor    time.Duration
	}{
		{[]prestop.Outcome{prestop.Running}, "GET /id,POST /a/7,POST /b,POST /c/7", 0},
		{[]prestop.Outcome{prestop.Done}, "GET /id,POST /a/7,POST /b,POST /c/7", 0},
		{[]prestop.Outcome{prestop.Done, prestop.Running}, "GET /id,POST /a/7,POST /b,POST /c/7", 0},
		{[]prestop.Outcome{prestop.Done, prestop.Done}, "GET /id,POST /b,POST /c/7", 0},
		{[]prestop.Outcome{prestop.Done, prestop.Done, prestop.Done, prestop.Running}, "GET /id,POST /c/7", 0},
		{[]prestop.Outcome{prestop.Done, prestop.Done, prestop.Done, prestop.Done}, "", 0},
		{[]prestop.Outcome{prestop.Failed, prestop.Failed, prestop.Done, prestop.Done}, "", 3 * time.Second},
	} {
		p := read(t, env{graceEnv: "20", reserveEnv: "10"}, "get "+url+"/id json=.id into=ID", "post "+url+"/a/$(ID)", "post "+url+"/b", "post "+url+"/c/$(ID)").Plan(world())
		p.Fallback = 3 * time.Second
		var earlier prestop.Report
		for n, outcome := range test.outcomes {
			earlier.Note(n, prestop.StepReport{Line: p.Entries[n].Line, Outcome: outcome})
		}
		p.GoOn(earlier, 2*time.Second)
		if p.Floor != test.floor {
			t.Errorf("%v: floor %s", test.outcomes, p.Floor)
		}
		report := p.Run(t.Context(), slog.New(slog.DiscardHandler))
		if got := strings.Join(asked(), ","); got != test.want || len(report.Steps) != 4 || report.Steps[3].Outcome != prestop.Done {
			t.Errorf("%v: asked %s, want %s; %+v", test.outcomes, got, test.want, report)
		}
	}
}

// A step that cannot be read is not tried again for its value.
func TestIntoAgainAfterAMistake(t *testing.T) {
	t.Parallel()
	p := read(t, env{graceEnv: "20", reserveEnv: "10"}, "get http://a/ json=id into=ID", "post http://a/$(ID)").Plan(world())
	p.GoOn(prestop.Report{Steps: []prestop.StepReport{{Line: p.Entries[0].Line, Outcome: prestop.Failed}}}, 2*time.Second)
	if got := p.Earlier.Steps[0].Outcome; got != prestop.Failed {
		t.Errorf("%s", got)
	}
}

func TestIntoMistakes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		steps []string
		want  string
	}{
		{[]string{"get http://a/ json=.id into=ID", "post http://a/$(ID)"}, ""},
		{[]string{"post http://a/$(ID)", "get http://a/ json=.id into=ID"}, "the variable ID is not set"},
		{[]string{"get http://a/$(ID) json=.id into=ID"}, "the variable ID is not set"},
		{[]string{"get http://a/ json=.id into=HOST"}, "HOST is an environment variable"},
		{[]string{"get http://a/ json=.id into=ID", "get http://a/ json=.id into=ID"}, "ID is given by an earlier step"},
		{[]string{"get http://a/ json=.id into=ID once"}, "into= does not go with once"},
		{[]string{"get http://a/ into=ID"}, "into=NAME needs json=PATH"},
		{[]string{"get http://a/ json=.id"}, "json=PATH needs into=NAME"},
		{[]string{"get http://a/ json=id into=ID"}, "json: column 1"},
		{[]string{"get http://a/ json=id into=ID", "post http://a/$(ID)"}, "json: column 1"},
		{[]string{"get http://a/ max=x json=.id into=ID", "post http://a/$(ID)", "until http://a/?x=$(ID)"}, "expected seconds"},
		{[]string{"get http://a/ json=.id into=ID", "wait $(ID)"}, "has its value only when the steps run"},
		{[]string{"get http://a/ json=.id into=ID", "post http://a/ body=@/x/$(ID)"}, "got the name of a file"},
		{[]string{"until http://a/ json=.id in=x into=ID"}, "expected an option of until"},
	} {
		problems := read(t, env{graceEnv: "20", "HOST": "x"}, test.steps...).Plan(world()).Problems
		if (len(problems) == 0) != (test.want == "") || len(problems) > 1 || len(problems) > 0 && !strings.Contains(problems[0].Text, test.want) {
			t.Errorf("%q: %v, want %q", test.steps, problems, test.want)
		}
	}
}
