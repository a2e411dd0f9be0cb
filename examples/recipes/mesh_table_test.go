package recipes_test

import (
	"testing"
	"time"
)

// meshRecipes are those of a mesh, and the simple ones.
var meshRecipes = map[string]recipe{
	"notify.yaml":          {"web", func(t *testing.T, p *pod) { serveDispatcher(t, p) }, []string{wait, noWait}},
	"app-readiness.yaml":   {"web", func(t *testing.T, p *pod) { p.serve(t, "127.0.0.1:8080", &fakeApp{}) }, []string{wait, noWait}},
	"spring-boot.yaml":     {"web", func(t *testing.T, p *pod) { p.serve(t, "127.0.0.1:8080", &fakeSpring{}) }, []string{wait, noWait}},
	"container-order.yaml": {"app", func(t *testing.T, p *pod) { p.serve(t, "127.0.0.1:8080", &fakeApp{}) }, []string{wait, noWait}},
	"contour.yaml":         {"envoy", func(t *testing.T, p *pod) { soonGone(serveContour(t, p)) }, []string{"min=5s", "min=0s"}},
	"envoy-gateway.yaml":   {"envoy", func(t *testing.T, p *pod) { soonGone(serveEnvoyGateway(t, p)) }, []string{"min=10s", "min=0s"}},
	"istio.yaml":           {"web", func(t *testing.T, p *pod) { envoy, _ := serveIstio(t, p); soonGone(envoy) }, []string{"min=5s", "min=0s"}},
	"istio-gateway.yaml":   {"istio-proxy", func(t *testing.T, p *pod) { soonGone(serveIstioGateway(t, p)) }, []string{"min=5s", "min=0s"}},
}

// soonGone has connections leave within a second.
func soonGone(e *fakeEnvoy) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.listeners {
		e.listeners[i].leaving = min(e.listeners[i].leaving, 700*time.Millisecond)
	}
}

func TestChangedRequestFails(t *testing.T) {
	t.Parallel()
	checkChanged(t, meshRecipes, []changed{
		{"nothing", "notify.yaml", "", "", 0, false},
		{"method", "notify.yaml", "post https", "put https", 1, false},
		{"path", "notify.yaml", "/state\n", "/status\n", 1, false},
		{"another worker's path", "notify.yaml", "$(POD_NAME)/state", "web-1/state", 1, false},
		{"body", "notify.yaml", `\"state\"`, `\"phase\"`, 1, false},
		{"no JSON", "notify.yaml", `"{\"state\": \"draining\", \"worker\": \"$(POD_NAME)\"}"`, "draining", 1, false},
		{"no token", "notify.yaml", "token-file=/etc/dispatcher/token", "", 1, false},
		{"another token", "notify.yaml", "/etc/dispatcher/token", otherToken, 1, false},
		{"no such token", "notify.yaml", "/etc/dispatcher/token", "/etc/dispatcher/tokens", 1, false},
		{"unknown authority", "notify.yaml", "ca-file=/etc/dispatcher/ca.crt", "", 1, false},

		{"nothing", "app-readiness.yaml", "", "", 0, false},
		{"method", "app-readiness.yaml", "- post ", "- put ", 1, true},
		{"path", "app-readiness.yaml", "8080/shutdown", "8080/stop", 1, true},
		{"path of the readiness", "app-readiness.yaml", "8080/ready", "8080/health", 1, true},
		{"status", "app-readiness.yaml", "expect=503", "expect=500", 1, true},

		{"nothing", "spring-boot.yaml", "", "", 0, false},
		{"method", "spring-boot.yaml", "- post ", "- get ", 1, true},
		{"path", "spring-boot.yaml", "actuator/drain", "actuator/shutdown", 1, true},
		{"path of the readiness", "spring-boot.yaml", "- until http://localhost:8080/actuator/health/readiness", "- until http://localhost:8080/actuator/health/liveness", 1, true},
		{"unready is no answer", "spring-boot.yaml", "expect=200,503", "expect=200", 1, true},
		{"another state", "spring-boot.yaml", "in=OUT_OF_SERVICE", "in=DOWN", 1, true},
		{"another member", "spring-boot.yaml", "json=.status", "json=.state", 1, true},
		{"path of the metric", "spring-boot.yaml", "requests.active", "requests.live", 1, true},
		{"another measurement", "spring-boot.yaml", ".measurements[0]", ".measurements[2]", 1, true},
		{"its own request", "spring-boot.yaml", "at-most=1 max=50s", "at-most=0 max=2s", 0, true},

		{"nothing", "container-order.yaml", "", "", 0, false},
		{"method", "container-order.yaml", "- post ", "- put ", 1, false},
		{"path", "container-order.yaml", "8080/shutdown", "8080/stop", 1, false},
		{"a directory that is not shared", "container-order.yaml", "touch /order/", "touch /orders/", 1, false},

		{"nothing", "contour.yaml", "", "", 0, false},
		{"method", "contour.yaml", "- post ", "- get ", 1, true},
		{"path", "contour.yaml", "/healthcheck/fail", "/healthcheck/failed", 1, true},
		{"socket", "contour.yaml", "until http+unix:/admin/admin.sock", "until http+unix:/admin/envoy.sock", 1, true},
		{"statistics as text", "contour.yaml", "/stats/prometheus?", "/stats?", 1, true},
		{"statistics as JSON", "contour.yaml", "/stats/prometheus?", "/stats?format=json&", 1, true},
		{"filter", "contour.yaml", "filter=^http", "filter=^listener", 1, true},
		{"filter of Prometheus' names", "contour.yaml", "filter=^http[.].*[.]downstream_cx_active$", "filter=^envoy_http_downstream_cx_active", 1, true},
		{"broken filter", "contour.yaml", "filter=^http[.]", "filter=^http[.", 1, true},
		{"label", "contour.yaml", "{envoy_http_conn", "{http_conn", 1, true},
		{"admin interface counted", "contour.yaml", `"admin|`, `"`, 1, true},
		{"statistics counted", "contour.yaml", "|stats|", "|", 1, true},

		{"nothing", "envoy-gateway.yaml", "", "", 0, false},
		{"method of the drain", "envoy-gateway.yaml", "post http://127.0.0.1:19000/drain", "put http://127.0.0.1:19000/drain", 1, false},
		{"method of the health check", "envoy-gateway.yaml", "post http://127.0.0.1:19000/health", "get http://127.0.0.1:19000/health", 1, false},
		{"neither by POST", "envoy-gateway.yaml", "- post ", "- get ", 1, true},
		{"skip_exit alone", "envoy-gateway.yaml", "?graceful&skip_exit", "?skip_exit", 1, false},
		{"path of the drain", "envoy-gateway.yaml", "/drain_listeners?", "/listeners/drain?", 1, false},
		{"path of the health check", "envoy-gateway.yaml", "/healthcheck/fail\n", "/healthcheck\n", 1, false},
		{"path of the statistics", "envoy-gateway.yaml", "19000/stats?", "19000/statistics?", 1, true},
		{"port", "envoy-gateway.yaml", "until http://127.0.0.1:19000", "until http://127.0.0.1:19001", 1, true},
		{"statistics as text", "envoy-gateway.yaml", "&format=json", "", 1, true},
		{"statistics for Prometheus", "envoy-gateway.yaml", "&format=json", "&format=prometheus", 1, true},
		{"no such format", "envoy-gateway.yaml", "&format=json", "&format=yaml", 1, true},
		{"filter", "envoy-gateway.yaml", "filter=^listener[.]", "filter=^listeners[.]", 1, true},
		{"broken filter", "envoy-gateway.yaml", "filter=^listener[.]", "filter=^listener[.", 1, true},
		{"admin interface counted", "envoy-gateway.yaml", "(admin([.]main_thread)?|", "(", 1, true},
		{"own listeners counted", "envoy-gateway.yaml", "_1900[13]", "_1900[2]", 1, true},

		{"nothing", "istio.yaml", "", "", 0, false},
		{"method", "istio.yaml", "- post ", "- put ", 1, false},
		{"path", "istio.yaml", "8080/shutdown", "8080/stop", 1, false},
		{"path of the statistics", "istio.yaml", "/stats?", "/stats/json?", 1, true},
		{"port", "istio.yaml", "15000/stats?", "15020/stats?", 1, true},
		{"statistics for Prometheus", "istio.yaml", "&format=json", "&format=prometheus", 1, true},
		{"what leaves the pod", "istio.yaml", "_15006.downstream_cx_active\n                at-most=0 min=5s max=45s", "_15001.downstream_cx_active\n                at-most=0 min=5s max=2s", 0, true},
		{"no such listener", "istio.yaml", "_15006.", "_15007.", 1, true},

		{"nothing", "istio-gateway.yaml", "", "", 0, false},
		{"method", "istio-gateway.yaml", "- post ", "- get ", 1, true},
		{"path", "istio-gateway.yaml", "15020/drain", "15020/drain_listeners", 1, true},
		{"port", "istio-gateway.yaml", "15020/drain", "15021/drain", 1, true},
		{"not by loopback", "istio-gateway.yaml", "localhost:15020", otherAddress + ":15020", 1, true},
		{"statistics as text", "istio-gateway.yaml", "&format=json", "", 1, true},
		{"internal listeners counted", "istio-gateway.yaml", "|envoy_internal_.+|", "|", 1, true},
		{"own listeners counted", "istio-gateway.yaml", "(20|21|90)", "(20|21)", 1, true},
		{"admin interface counted", "istio-gateway.yaml", "(admin([.]main_thread)?|", "(", 1, true},
	})
}

// With nobody there, a hook fails and lasts as long as it would, as far as there is time.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	checkNobody(t, meshRecipes)
}

// The dry run finds everything, and that all of it fits into the grace period. It changes nothing.
func TestMeshDryRun(t *testing.T) {
	t.Parallel()
	checkDryRun(t, meshRecipes)
}
