package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/e2e/kube"
)

// A tcase is one case: a test with a namespace of its own, and a line in the table.
type tcase struct {
	*testing.T
	row *row
	ns  string
}

// begin begins a case. Groups are printed in order; a case belongs to one.
func begin(t *testing.T, group, name string) *tcase {
	t.Helper()
	c := &tcase{T: t, row: table.add(group, name), ns: fmt.Sprintf("e2e-%06x", rand.IntN(1<<24))}
	err := lab.api.Create(t.Context(), "/api/v1/namespaces", kube.Object{"metadata": kube.Object{"name": c.ns}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.row.result = "ok"
		switch {
		case t.Failed():
			c.row.result = "FAILED"
			c.tellEvents()
			c.Logf("%s: %s", name, c.row.observed) // last, since the output before is long
		case t.Skipped():
			c.row.result = "skipped"
		}
		lab.api.Delete(context.Background(), "/api/v1/namespaces/"+c.ns, nil)
	})
	return c
}

// saw adds to what the table says was observed.
func (c *tcase) saw(format string, args ...any) {
	c.Helper()
	text := fmt.Sprintf(format, args...)
	c.Log(text)
	if c.row.observed != "" {
		text = "; " + text
	}
	c.row.observed += text
}

// want fails the case unless the expectation is met. The case goes on.
func (c *tcase) want(is bool, format string, args ...any) {
	c.Helper()
	if !is {
		c.Errorf("expected "+format, args...)
		c.row.observed += fmt.Sprintf(" [expected "+format+"]", args...)
	}
}

// must ends a case that cannot go on.
func (c *tcase) must(err error) {
	c.Helper()
	if err != nil {
		c.row.observed += " [" + err.Error() + "]"
		c.Fatal(err)
	}
}

func (c *tcase) skip(format string, args ...any) {
	c.Helper()
	c.saw(format, args...)
	c.SkipNow()
}

// until returns once the function says so. It fails the case if that takes longer than the limit.
func (c *tcase) until(limit time.Duration, what string, is func() bool) {
	c.Helper()
	for end := time.Now().Add(limit); !is(); {
		if time.Now().After(end) {
			c.must(fmt.Errorf("%s: not within %s", what, limit))
		}
		select {
		case <-c.Context().Done():
			c.FailNow()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// path gives the path of a resource in the case's namespace, as of "pods/web/log".
func (c *tcase) path(resource string) string {
	prefix := "/api/v1"
	switch kind, _, _ := strings.Cut(resource, "/"); kind {
	case "deployments", "statefulsets", "replicasets":
		prefix = "/apis/apps/v1"
	case "jobs":
		prefix = "/apis/batch/v1"
	case "roles", "rolebindings":
		prefix = "/apis/rbac.authorization.k8s.io/v1"
	case "poddisruptionbudgets":
		prefix = "/apis/policy/v1"
	}
	return prefix + "/namespaces/" + c.ns + "/" + resource
}

// apply creates the objects of a YAML text. A new namespace has no service account for a moment, and takes no pods until it has one.
func (c *tcase) apply(text string) {
	c.Helper()
	objects, err := kube.Parse(text)
	c.must(err)
	for _, o := range objects {
		c.create(o)
	}
}

func (c *tcase) create(o kube.Object) {
	c.Helper()
	path := c.path(strings.ToLower(o["kind"].(string)) + "s")
	end := time.Now().Add(20 * time.Second)
	for {
		err := lab.api.Create(c.Context(), path, o, nil)
		if err == nil {
			return
		}
		if !kube.Is(err, 403) || time.Now().After(end) {
			c.must(err)
		}
		pause(c.Context(), 100*time.Millisecond)
	}
}

// pause waits for what takes time, and no longer than the case lasts.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
