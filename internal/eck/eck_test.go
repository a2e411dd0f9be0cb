package eck

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const labels = `elasticsearch.k8s.elastic.co/cluster-name="quickstart"
elasticsearch.k8s.elastic.co/http-scheme="http"
elasticsearch.k8s.elastic.co/version="9.2.0"
odd
odder="
`

func root(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFind(t *testing.T) {
	password := users + "/" + User
	tests := []struct {
		name  string
		files map[string]string
		want  string // User is left out, paths without the root
	}{
		{"nothing", nil, ""},
		{"labels without password", map[string]string{labelsFile: labels}, "quickstart 9.2.0 ca= leaf= cert= key= without its password"},
		{"password without labels", map[string]string{password: "x"}, ""},
		{"labels of something else", map[string]string{labelsFile: `app="x"`, password: "x"}, ""},
		{"no certificates", map[string]string{labelsFile: labels, password: "x"}, "quickstart 9.2.0 ca= leaf= cert= key="},
		{"certificate that it serves", map[string]string{labelsFile: labels, password: "x", httpCerts + "/ca.crt": "", httpCerts + "/tls.crt": "", httpCerts + "/tls.key": ""},
			"quickstart 9.2.0 ca=" + httpCerts + "/ca.crt leaf=" + httpCerts + "/tls.crt cert=" + httpCerts + "/tls.crt key=" + httpCerts + "/tls.key"},
		{"client certificate", map[string]string{labelsFile: labels, password: "x", httpCerts + "/tls.crt": "", httpCerts + "/tls.key": "", clientCert + "/tls.crt": "", clientCert + "/tls.key": ""},
			"quickstart 9.2.0 ca= leaf=" + httpCerts + "/tls.crt cert=" + clientCert + "/tls.crt key=" + clientCert + "/tls.key"},
		{"client certificate without key", map[string]string{labelsFile: labels, password: "x", clientCert + "/tls.crt": ""}, "quickstart 9.2.0 ca= leaf= cert= key="},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := root(t, test.files)
			p, ok := Find(dir, "search")
			got := ""
			if ok {
				got = strings.Join([]string{p.Cluster, p.Version, "ca=" + p.CAFile, "leaf=" + p.LeafFile, "cert=" + p.CertFile, "key=" + p.KeyFile}, " ")
				if p.Unreadable != nil {
					got += " without its password"
				}
				if want := []string{"http://quickstart-es-internal-http.search.svc:9200", "http://quickstart-es-http.search.svc:9200"}; !slices.Equal(p.URLs, want) {
					t.Errorf("URLs %q, want %q", p.URLs, want)
				}
			}
			if got = strings.ReplaceAll(got, dir, ""); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

// A cluster of an older ECK says no scheme, and a pod may not know its namespace.
func TestFindWithoutScheme(t *testing.T) {
	dir := root(t, map[string]string{labelsFile: ClusterLabel + "=\"quickstart\"\n", users + "/" + User: "x"})
	p, ok := Find(dir, "")
	if want := []string{"https://quickstart-es-internal-http:9200", "https://quickstart-es-http:9200"}; !ok || !slices.Equal(p.URLs, want) {
		t.Errorf("%v: URLs %q, want %q", ok, p.URLs, want)
	}
}

// Whatever is mounted in their place does not hold the hook.
func TestFindReadsFilesAlone(t *testing.T) {
	dir := root(t, map[string]string{users + "/" + User: "x", labelsFile + ".d/x": ""})
	if err := unix.Mkfifo(filepath.Join(dir, labelsFile), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, ok := Find(dir, ""); ok {
		t.Errorf("found %+v", p)
	}
}
