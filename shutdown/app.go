package shutdown

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// AppSpec is the app's shutdown call. It has no line, since the settings ask for it. The URL in a must not be nil.
func AppSpec(a step.App) *step.Spec {
	n := step.CallNeeds(0, 0)
	n.Calls, n.Reads, n.Ends = []step.Call{{Method: "POST", URL: a.URL, App: true}}, request.Files(a.TokenFile, a.CAFile), endOf(a.URL)
	return n.Spec(&appSpec{a})
}

type appSpec struct{ step.App }

func (a *appSpec) Bind(m *step.Means) (step.Deed, error) {
	place := request.Spec{TLS: web.TLS{CAFile: a.CAFile}, TokenFile: a.TokenFile}
	return &App{
		Call:   Call{Client: place.Client(m), Request: web.Request{URL: a.URL.String()}},
		Notice: Notice{Type: m.Type(m.Elasticsearch.Type), Reason: "preStop", Pod: m.Pod.Name},
		End:    m.Deadline,
	}, nil
}

// A Notice is what an application is told. Its JSON is a contract: fields may be added, none changes.
type Notice struct {
	Type             string `json:"type"`             // of the shutdown: restart, remove, replace or sigterm
	Reason           string `json:"reason"`           // why, for a person to read
	Pod              string `json:"pod"`              // its name
	RemainingSeconds int    `json:"remainingSeconds"` // until SIGTERM at the latest, rounded down
}

// An App is an application that is told to begin draining, by a POST of a Notice. It must answer and go on
// serving, not exit.
type App struct {
	Call
	Notice Notice
	End    time.Time // when the hook ends at the latest
}

// Run makes the call.
func (a *App) Run(ctx context.Context, log *slog.Logger) error {
	call := a.Call
	call.body = func() []byte {
		n := a.Notice
		n.RemainingSeconds = int(max(0, time.Until(a.End)).Seconds())
		body, _ := json.Marshal(n) // texts and a number
		return body
	}
	call.Request.Method, call.Request.Body = http.MethodPost, call.body()
	return call.Run(ctx, log)
}
