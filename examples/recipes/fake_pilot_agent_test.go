package recipes_test

import (
	"io"
	"net"
	"net/http"
)

// pilotAgent is port 15020 of Istio 1.24's pilot-agent, which drains its Envoy: /drain and /quitquitquit are for the pod
// itself (403) and take POST alone (405).
func pilotAgent(envoy *fakeEnvoy) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz/ready", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/stats/prometheus", func(w http.ResponseWriter, _ *http.Request) {
		envoyAnswers(w, http.StatusOK, prometheusText(envoy.all()))
	})
	for _, path := range []string{"/drain", "/quitquitquit"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			switch {
			case !net.ParseIP(host).IsLoopback():
				http.Error(w, "Only requests from localhost are allowed", http.StatusForbidden)
			case r.Method != http.MethodPost:
				http.Error(w, "Method is not allowed", http.StatusMethodNotAllowed)
			default:
				if path == "/drain" {
					envoy.drain()
				}
				io.WriteString(w, "OK")
			}
		})
	}
	return mux
}
