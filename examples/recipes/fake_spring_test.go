package recipes_test

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// A fakeSpring is Spring Boot 3.4 with what the actuator has at its default base path when health, metrics and an endpoint
// called drain, which only has a write operation, are exposed. Another method of an endpoint is 405, anything that is not
// exposed, or a metric that nobody has recorded, 404.
type fakeSpring struct {
	mu       sync.Mutex
	lag      time.Duration // from the POST to a readiness of 503
	active   int           // requests under way, without the one that asks for their number
	leaving  time.Duration // from there until they are over
	refusing time.Time     // when the readiness state changed
	told     int           // how often it was told to drain
}

const actuatorJSON = "application/vnd.spring-boot.actuator.v3+json"

func (s *fakeSpring) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := map[string]string{
		"/actuator/drain": http.MethodPost, "/actuator/health/readiness": http.MethodGet,
		"/actuator/metrics/http.server.requests.active": http.MethodGet,
	}[r.URL.Path]
	switch {
	case method == "":
		springFails(w, r, http.StatusNotFound, "Not Found")
	case r.Method != method:
		w.Header().Set("Allow", method)
		springFails(w, r, http.StatusMethodNotAllowed, "Method Not Allowed")
	case r.URL.Path == "/actuator/drain":
		s.refuse()
		w.WriteHeader(http.StatusNoContent)
	case r.URL.Path == "/actuator/health/readiness":
		s.readiness(w)
	default:
		s.requests(w)
	}
}

// springFails is the error page for clients that do not want HTML.
func springFails(w http.ResponseWriter, r *http.Request, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"timestamp":"2025-01-01T00:00:00.000+00:00","status":%d,"error":%q,"path":%q}`, status, text, r.URL.Path)
}

func (s *fakeSpring) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told++
	if s.refusing.IsZero() {
		s.refusing = time.Now().Add(s.lag)
	}
}

// since is how long traffic has been refused; negative: it is not.
func (s *fakeSpring) since() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusing.IsZero() {
		return -1
	}
	return time.Since(s.refusing)
}

func (s *fakeSpring) readiness(w http.ResponseWriter) {
	w.Header().Set("Content-Type", actuatorJSON)
	if s.since() < 0 {
		fmt.Fprint(w, `{"status":"UP"}`)
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprint(w, `{"status":"OUT_OF_SERVICE"}`)
}

func (s *fakeSpring) requests(w http.ResponseWriter) {
	n := 1 // this one
	if since := s.since(); since < s.leaving {
		n += s.active
	}
	w.Header().Set("Content-Type", actuatorJSON)
	fmt.Fprintf(w, `{"name":"http.server.requests.active","baseUnit":"seconds","measurements":[`+
		`{"statistic":"ACTIVE_TASKS","value":%d.0},{"statistic":"DURATION","value":0.0021}],`+
		`"availableTags":[{"tag":"uri","values":["UNKNOWN"]}]}`, n)
}

// times is how often it was told to drain.
func (s *fakeSpring) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told
}
