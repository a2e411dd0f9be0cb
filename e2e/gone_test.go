package e2e

import (
	"testing"
	"time"

	"github.com/prestop/prestop/e2e/kube"
)

// A headless Service, asked through the cluster's DNS: its answers are good for 30 s, as kubeadm sets it up.

func TestGone(t *testing.T) {
	t.Parallel()
	c := begin(t, quiet, "until gone, CoreDNS (ttl 30, cache 30), name asked by clients all the time: the address leaves, and its time to live passes")
	r := c.headless("until gone web max=90s")
	c.create(kube.Object{"apiVersion": "v1", "kind": "Pod", "metadata": kube.Object{"name": "load"}, "spec": pod{
		Name: "load", Args: "load -clients 1 -pause 200ms http://web:8080/", Told: -1, Spec: "terminationGracePeriodSeconds: 0",
	}.spec(c)})
	c.until(30*time.Second, "clients ask", func() bool {
		_, err := clients{c, "load"}.tally("GET", "tally")
		return err == nil
	})
	s := r.stopped(0).ordinary().lasted(30*time.Second, 75*time.Second)
	c.saw("%s", s)
}

// CoreDNS hears of the deletion as soon as the kubelet does. So an answer that nobody had asked for before no longer has the address at the
// hook's first look.
func TestGoneAtOnce(t *testing.T) {
	t.Parallel()
	c := begin(t, quiet, "until gone, the same, name asked by nobody before: never seen, holds to its max, a failure")
	s := c.headless("until gone web max=12s").stopped(1).ordinary().waited(12 * time.Second).says("has never had this pod's address")
	c.saw("%s", s)
}

// headless launches two pods of a headless Service. One of the pods has the hook.
func (c *tcase) headless(step string) *running {
	c.Helper()
	c.apply(`
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, selector: {kind: web}, ports: [{port: 8080}]}
`)
	c.launch(pod{Name: "stays"}).label()
	r := c.launch(pod{Name: "app", Grace: 120, Hook: []string{"/prestop", step}})
	r.label()
	pause(c.Context(), 2*time.Second)
	return r
}

func (r *running) label() {
	r.Helper()
	r.must(lab.api.Patch(r.Context(), r.path("pods/"+r.name), kube.Object{"metadata": kube.Object{"labels": kube.Object{"kind": "web"}}}))
}
