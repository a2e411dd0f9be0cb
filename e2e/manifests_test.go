package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prestop/prestop/e2e/kube"
)

// kubectl prestop inject is run on manifests that people have. The API server must accept what comes out: only its schema can say whether
// it does.
func TestInjectedManifests(t *testing.T) {
	t.Parallel()
	c := begin(t, fleet, "kubectl prestop inject: a server-side dry run accepts the manifests of examples/ and testdata/charts")
	if lab.cluster == nil {
		c.skip("the plugin is built with a cluster of our own")
	}
	var files []string
	for _, dir := range []string{"../examples", "testdata/charts"} {
		c.must(filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
			if slices.Contains([]string{".yaml", ".json"}, path.Ext(name)) {
				files = append(files, name)
			}
			return err
		}))
	}
	c.want(len(files) >= 50, "50 manifests, got %d", len(files))
	served, accepted, unserved := c.served(), 0, map[string]bool{}
	for _, form := range [][]string{nil, {"--init-container"}} {
		for _, name := range files {
			flags := append([]string{"inject", "--image=prestop/prestop:1"}, form...)
			before, err := os.ReadFile(name)
			c.must(err)
			once := c.plugin(before, flags...)
			c.want(bytes.Equal(c.plugin(once, flags...), once), "no change of %s the second time", name)
			known := c.findings(before)
			for finding := range c.findings(once) {
				c.want(known[finding], "nothing new that lint finds in %s, got %s", name, finding)
			}
			for _, o := range c.objects(once) {
				at, ok := served[text(o, "apiVersion")+" "+text(o, "kind")]
				if !ok {
					unserved[text(o, "kind")] = true
					continue
				}
				o["metadata"].(kube.Object)["namespace"] = c.ns
				if err := lab.api.Create(c.Context(), at(c.ns)+"?dryRun=All&fieldValidation=Strict", o, nil); err != nil {
					c.want(false, "%s of %s to be accepted, got %v", text(o, "kind"), name, err)
					continue
				}
				accepted++
			}
		}
	}
	c.want(accepted >= 100, "100 objects accepted, got %d", accepted)
	kinds := slices.Sorted(maps.Keys(unserved))
	c.saw("%d files in two forms: %d objects accepted, not served: %s", len(files), accepted, strings.Join(kinds, ", "))
}

// plugin runs kubectl-prestop on a text.
func (c *tcase) plugin(input []byte, args ...string) []byte {
	c.Helper()
	cmd := exec.CommandContext(c.Context(), "../bin/kubectl-prestop", args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 && args[0] == "lint" {
		return out // it has found something
	}
	if err != nil {
		c.must(errors.Join(err, errors.New(stderr.String())))
	}
	return out
}

// findings are lint's, without their lines, which move.
func (c *tcase) findings(input []byte) map[string]bool {
	c.Helper()
	var report struct {
		Findings   []map[string]any
		Unreadable []any
	}
	c.must(json.Unmarshal(c.plugin(input, "lint", "--output=json", "--filename=-"), &report))
	c.want(len(report.Unreadable) == 0, "a manifest that lint can read, got %v", report.Unreadable)
	all := map[string]bool{}
	for _, f := range report.Findings {
		for _, place := range []string{"line", "column", "endLine"} {
			delete(f, place)
		}
		key, err := json.Marshal(f)
		c.must(err)
		all[string(key)] = true
	}
	return all
}

// objects are the objects of a text, and of a List its items.
func (c *tcase) objects(manifest []byte) (all []kube.Object) {
	c.Helper()
	parsed, err := kube.Parse(string(manifest))
	c.must(err)
	for _, o := range parsed {
		items, ok := o["items"].([]any)
		if !ok {
			all = append(all, o)
			continue
		}
		for _, item := range items {
			all = append(all, item.(kube.Object))
		}
	}
	return all
}

func text(o kube.Object, key string) string {
	s, _ := o[key].(string)
	return s
}

// served gives for each "apiVersion kind" of the API server the path of its objects in a namespace.
func (c *tcase) served() map[string]func(ns string) string {
	c.Helper()
	versions := map[string]string{"v1": "/api/v1"}
	var groups struct {
		Groups []struct {
			Versions []struct{ GroupVersion string }
		}
	}
	c.must(lab.api.Get(c.Context(), "/apis", &groups))
	for _, g := range groups.Groups {
		for _, v := range g.Versions {
			versions[v.GroupVersion] = "/apis/" + v.GroupVersion
		}
	}
	all := map[string]func(string) string{}
	for version, prefix := range versions {
		var list struct {
			Resources []struct {
				Name, Kind string
				Namespaced bool
			}
		}
		if err := lab.api.Get(c.Context(), prefix, &list); err != nil {
			if kube.Is(err, 404) { // of a custom resource of another case, which has ended
				continue
			}
			c.must(err)
		}
		for _, r := range list.Resources {
			if r.Namespaced && !strings.Contains(r.Name, "/") {
				all[version+" "+r.Kind] = func(ns string) string { return prefix + "/namespaces/" + ns + "/" + r.Name }
			}
		}
	}
	return all
}
