package packaging

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Unwanted: a registry or a proxy is the choice of whoever builds and deploys, and paths of
// one machine mean nothing on another. The names are cut in two, so that this file has none of them.
var (
	unwantedHosts = []string{"docker" + ".io", "docker.elastic" + ".co", "gcr" + ".io", "ghcr" + ".io", "quay" + ".io", "registry.k8s" + ".io",
		"mcr.microsoft" + ".com", "public.ecr" + ".aws", "proxy.golang" + ".org", "sum.golang" + ".org"}
	unwantedDirs  = []string{"/work/", "/root/", "/home/", "/users/"}
	unwantedNames = regexp.MustCompile(`(?i)\b(` + strings.ReplaceAll(strings.Join(unwantedHosts, "|"), ".", `\.`) + `)\b|` +
		`(^|[\s"'=:(])(` + strings.Join(unwantedDirs, "|") + `)[a-z]`)
)

// findUnwanted returns the unwanted name in a line, or "". The pattern alone takes many seconds for the repository with the race detector.
// So it is asked only about lines in which a name stands.
func findUnwanted(line string) string {
	lower := strings.ToLower(line)
	stands := func(name string) bool { return strings.Contains(lower, name) }
	if !slices.ContainsFunc(unwantedHosts, stands) && !slices.ContainsFunc(unwantedDirs, stands) {
		return ""
	}
	return unwantedNames.FindString(line)
}

func TestNoFileNamesAMachineOrARegistry(t *testing.T) {
	t.Parallel()
	files := 0
	eachText(t, func(name, text string) {
		if name == "go.sum" {
			return
		}
		files++
		for number, line := range strings.Split(text, "\n") {
			if found := findUnwanted(line); found != "" {
				t.Errorf("%s:%d: %s", name, number+1, strings.TrimSpace(found))
			}
		}
	})
	if files < 10 {
		t.Errorf("%d files read: the test looks at the wrong place", files)
	}
}

func TestUnwantedNames(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"image: docker" + ".io/library/golang:1.26":    true,
		"registry-1.docker" + ".io/x":                  true,
		"FROM eu.gcr" + ".io/x":                        true,
		"FROM GHCR" + ".IO/x":                          true,
		"docker.elastic" + ".co/x":                     true,
		"quay" + ".io/x":                               true,
		"registry.k8s" + ".io/pause":                   true,
		"mcr.microsoft" + ".com/x":                     true,
		"public.ecr" + ".aws/x":                        true,
		"GOSUMDB=sum.golang" + ".org":                  true,
		"'/" + "Users/somebody'":                       true,
		"GOPROXY=https://proxy.golang" + ".org,direct": true,
		"cd /" + "work/main":                           true,
		`"/` + `root/go"`:                              true,
		"a=/" + "home/somebody":                        true,
		"image: prestop:1.0":                           false,
		"https://kubernetes.io/docs/":                  false,
		"/tmp, /dev/shm, /usr/local/go":                false,
		"https://example.org/home/page":                false,
		"golang.org/x/sys":                             false,
	} {
		if got := findUnwanted(line) != ""; got != want {
			t.Errorf("%q: %v, expected %v", line, got, want)
		}
	}
}
