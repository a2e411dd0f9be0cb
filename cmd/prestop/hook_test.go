package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A step keeps no connection of the hook: a later until empty would wait for it in vain.
func TestStepsKeepNoConnection(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"get URL/", "until URL/", "exec only-if=URL/ true", "get URL/ only-if=URL/"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			defer server.Close()
			_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
			log := filepath.Join(t.TempDir(), "log")
			args := []string{"--grace-period=30", "--log-to=" + log, "--state-dir=" + t.TempDir(), strings.ReplaceAll(line, "URL", server.URL), "until empty " + port + " for=100ms min=0"}
			var stdout, stderr bytes.Buffer
			run(&invocation{t.Context(), time.Now(), args, nil, &stdout, &stderr, "", false})
			said, err := os.ReadFile(log)
			if err != nil || !strings.Contains(string(said), `min=0","outcome":"done"`) {
				t.Errorf("%s %v\n%s", stderr.String(), err, said)
			}
		})
	}
}
