package shutdown

import (
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
