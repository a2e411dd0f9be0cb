package hook

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/testpipe"
)

// An ECK pod whose password is not mounted, or not readable for this user, is told so, and its step says what is missing. With
// credentials of one's own, the node is shut down all the same.
func TestECKWithoutItsPassword(t *testing.T) {
	t.Parallel()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret12"), 0o600); err != nil {
		t.Fatal(err)
	}
	const missing = "/mnt/elastic-internal/pod-mounted-users/elastic-internal-pre-stop"
	pod := eck.Pod{Cluster: "es", URLs: []string{"http://es-es-internal-http:9200"}, PasswordFile: missing, Unreadable: errors.New("open " + missing + ": permission denied")}
	const warning = "eck-no-password: this is an ECK pod, and the password of elastic-internal-pre-stop, with which its shutdown would be registered, cannot be read: open " + missing + ": permission denied"
	for _, test := range []struct {
		name   string
		pod    eck.Pod
		env    env
		warns  string
		plan   string
		errors string // of the step
	}{
		{"without", pod, env{}, warning, "elasticsearch http://es-es-internal-http:9200", missing},
		{"with an app", pod, env{appEnv: "http://a"}, warning, "post http://a, elasticsearch http://es-es-internal-http:9200", missing},
		{"with credentials of one's own", pod, env{"PRE_STOP_ELASTICSEARCH_USERNAME": "stop", "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE": password}, "", "elasticsearch http://es-es-internal-http:9200", "404"},
		{"with a token", pod, env{"PRE_STOP_ELASTICSEARCH_TOKEN_FILE": password}, "", "elasticsearch http://es-es-internal-http:9200", "404"},
		{"turned off", pod, env{esEnv: "none"}, "", "", ""},
		{"readable", eck.Pod{Cluster: "es", URLs: pod.URLs, PasswordFile: password}, env{}, "", "elasticsearch http://es-es-internal-http:9200", "404"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var told []string
			w := world()
			w.Dial = testpipe.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				told = append(told, r.Header.Get("Authorization"))
				w.WriteHeader(http.StatusNotFound)
			})).Dial
			p := readMounted(t, test.pod, with(test.env, env{graceEnv: "60", "POD_NAME": "es-0"})).Plan(w)
			checkNotes(t, test.name, p.said(), noted(test.warns)...)
			if got := strings.Join(p.lines(), ", "); got != test.plan {
				t.Errorf("%s: the plan is %q, want %q", test.name, got, test.plan)
			}
			if n := len(p.Entries); n > 0 {
				err := p.Entries[n-1].Step.Run(t.Context(), slog.New(slog.DiscardHandler))
				synctest.Wait()
				if err == nil || !strings.Contains(err.Error(), test.errors) {
					t.Errorf("%s: the step ends with %v, want %q", test.name, err, test.errors)
				}
				if sent := len(told) > 0 && told[0] != ""; sent != (test.warns == "") {
					t.Errorf("%s: credentials sent: %v", test.name, told)
				}
			}
			p.means.release()
		})
	}
}
