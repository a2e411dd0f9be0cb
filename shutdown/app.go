package shutdown

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"
)

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
