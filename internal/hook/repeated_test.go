package hook

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a server repeats of a secret is hidden, whatever the secret was a part of.
func TestWhatAServerRepeatsIsHidden(t *testing.T) {
	t.Parallel()
	const hidden = "Zx9QwertyA"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(400)
		for _, s := range []string{hidden, "correcthorse"} {
			if query, _ := url.QueryUnescape(r.RequestURI); strings.Contains(query+string(body)+r.Header.Get("X-Foo"), s) {
				io.WriteString(w, "bad "+s)
			}
		}
	}))
	t.Cleanup(server.Close)
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, test := range map[string]struct {
		env  env
		line string
	}{
		"beside a variable":            {env{"V": "abc"}, "post " + server.URL + "/ header=X-Foo:" + hidden + "$(V)"},
		"in a query beside a variable": {env{"V": "abc"}, "post " + server.URL + "/?sig=" + hidden + "$(V)"},
		"POD_":                         {env{"POD_TOKEN": hidden}, "post " + server.URL + "/ header=X-Foo:$(POD_TOKEN)"},
		"whole URL":                    {env{"HOOK": server.URL + "/?code=" + hidden}, "post $(HOOK)"},
		"parameters":                   {env{"Q": "code=" + hidden + "&z=1"}, "post " + server.URL + "/?$(Q)"},
		"header":                       {env{"H": "X-Foo:" + hidden}, "post " + server.URL + "/ header=$(H)"},
		"JSON body":                    {env{"B": `{"pw":"` + hidden + `","z":1}`}, "post " + server.URL + "/ body=$(B)"},
		"form body":                    {env{"B": "pw=" + hidden + "&z=1"}, "post " + server.URL + "/ body=$(B)"},
		"form file":                    {nil, "post " + server.URL + "/ body=@" + file("f", "user=a&pw="+hidden)},
		"NDJSON file":                  {nil, "post " + server.URL + "/ body=@" + file("n", "{\"pw\":\"a\"}\n{\"pw\":\""+hidden+"\"}\n")},
		"word file":                    {nil, "post " + server.URL + "/ body=@" + file("w", `{"password":"correcthorse"}`)},
	} {
		e := env{graceEnv: "30", reserveEnv: "2", waitEnv: "0"}
		for k, v := range test.env {
			e[k] = v
		}
		report := read(t, e, test.line).Plan(world()).Run(t.Context(), slog.New(slog.DiscardHandler))
		if text := report.Steps[0].Error; !strings.Contains(text, "bad ") || strings.Contains(text, hidden) || strings.Contains(text, "correcthorse") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
