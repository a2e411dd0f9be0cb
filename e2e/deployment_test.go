package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/prestop/prestop/e2e/kube"
)

// A deployment is a Deployment behind a ClusterIP of the same name, and the clients that ask it.
type deployment struct {
	*tcase
	name     string
	replicas int
	version  int
}

type deploymentObject struct {
	Metadata struct{ Generation int }
	Status   struct{ ObservedGeneration, Replicas, UpdatedReplicas, ReadyReplicas int }
}

// deploy creates a deployment whose pods are replaced all at once, and returns when they are ready.
func (c *tcase) deploy(name string, replicas int, p pod) *deployment {
	c.Helper()
	return c.deployWith(name, replicas, p, nil)
}

// deployWith is deploy with annotations on the pods.
func (c *tcase) deployWith(name string, replicas int, p pod, annotations kube.Object) *deployment {
	c.Helper()
	p.Name = name
	d := &deployment{tcase: c, name: name, replicas: replicas}
	labels := kube.Object{"app": name}
	c.create(kube.Object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": kube.Object{"name": name}, "spec": kube.Object{
		"replicas": replicas, "selector": kube.Object{"matchLabels": labels},
		"strategy": kube.Object{"rollingUpdate": kube.Object{"maxUnavailable": 0, "maxSurge": "100%"}},
		"template": kube.Object{"metadata": kube.Object{"labels": labels, "annotations": annotations}, "spec": p.spec(c)},
	}})
	c.service(name)
	d.await()
	return d
}

// service creates a ClusterIP for the pods with the label app and the same name.
func (c *tcase) service(name string) {
	c.Helper()
	c.create(kube.Object{"apiVersion": "v1", "kind": "Service", "metadata": kube.Object{"name": name}, "spec": kube.Object{
		"selector": kube.Object{"app": name}, "ports": []any{kube.Object{"port": 80, "targetPort": 8080}},
	}})
}

// rollout replaces all pods, and returns when the old ones are gone.
func (d *deployment) rollout() {
	d.Helper()
	d.version++
	for _, p := range d.pods("app=" + d.name) {
		d.tellLog(p.Metadata.Name)
	}
	d.must(lab.api.Patch(d.Context(), d.path("deployments/"+d.name), kube.Object{"spec": kube.Object{"template": kube.Object{
		"metadata": kube.Object{"annotations": kube.Object{"version": fmt.Sprint(d.version)}},
	}}}))
	d.await()
}

func (d *deployment) await() {
	d.Helper()
	d.until(150*time.Second, "deployment "+d.name+" has its pods, and no others", func() bool {
		var o deploymentObject
		d.must(lab.api.Get(d.Context(), d.path("deployments/"+d.name), &o))
		s := o.Status
		if s.ObservedGeneration < o.Metadata.Generation || s.Replicas != d.replicas || s.UpdatedReplicas != d.replicas || s.ReadyReplicas != d.replicas {
			return false
		}
		return len(d.pods("app="+d.name)) == d.replicas
	})
}

func (c *tcase) pods(selector string) []podObject {
	c.Helper()
	var list struct{ Items []podObject }
	c.must(lab.api.Get(c.Context(), c.path("pods?labelSelector="+selector), &list))
	return list.Items
}

// A tally is what clients have seen, as the load application tells it.
type tally struct {
	OK, Failed int
	Failures   map[string]int
	Pods       map[string]int
}

func (t tally) String() string {
	if t.Failed == 0 {
		return fmt.Sprintf("%d ok, 0 failed", t.OK)
	}
	var kinds []string
	for kind, n := range t.Failures {
		kinds = append(kinds, fmt.Sprintf("%d %s", n, kind))
	}
	return fmt.Sprintf("%d ok, %d FAILED (%s)", t.OK, t.Failed, strings.Join(kinds, ", "))
}

// clients are a pod that asks a Service all the time.
type clients struct {
	*tcase
	name string
}

// load starts clients that keep their connections, and others that make a new one for each request.
func (d *deployment) load() (keeping, others clients) {
	d.Helper()
	node := d.scout()
	go d.watchEndpoints()
	return d.asking("keeping", "-keep-alive", node), d.asking("others", "", node)
}

// loadBy starts clients of one kind, by the flags of the load application.
func (d *deployment) loadBy(flags string) clients {
	d.Helper()
	node := d.scout()
	go d.watchEndpoints()
	return d.asking("clients", flags, node)
}

// asking starts clients on a node, and returns when they have been answered for a while.
func (d *deployment) asking(name, flags, node string) clients {
	d.Helper()
	c := d.clients(name, flags, node)
	d.tellLog(c.name)
	d.until(30*time.Second, "clients ask", func() bool {
		t, err := c.tally("GET", "tally")
		return err == nil && t.OK > 100
	})
	return c
}

// scout returns when a node knows the Service, and gives the node. If a client sends something before then, the kernel tracks that for two
// minutes as a connection to the Service's own address. A client that later has the same port runs into it. So no client whose requests
// count may be the first to ask. All these clients are on that one node: if none of a node's clients happens to send for a while, nobody
// sees that the node has not learned of a pod's end.
func (d *deployment) scout() string {
	d.Helper()
	c := d.clients("scout", "-clients 1", "")
	var p podObject
	d.must(lab.api.Get(d.Context(), d.path("pods/"+c.name), &p))
	d.must(lab.api.Delete(d.Context(), d.path("pods/"+c.name), nil))
	return p.Spec.NodeName
}

// clients starts a pod of clients, on the given node or on any, and returns when the Service answers them.
func (d *deployment) clients(name, flags, node string) clients {
	d.Helper()
	c := clients{d.tcase, name}
	// By address: a name would be looked up with each connection.
	var service struct{ Spec struct{ ClusterIP string } }
	d.must(lab.api.Get(d.Context(), d.path("services/"+d.name), &service))
	spec := pod{Name: name, Args: "load " + flags + " http://" + service.Spec.ClusterIP + ":80/"}.spec(d.tcase)
	spec["terminationGracePeriodSeconds"] = 0
	if node != "" {
		spec["nodeName"] = node
	}
	d.create(kube.Object{"apiVersion": "v1", "kind": "Pod", "metadata": kube.Object{"name": name}, "spec": spec})
	d.until(30*time.Second, "clients run", func() bool {
		_, err := c.tally("GET", "tally")
		return err == nil
	})
	return c
}

// end stops the clients, and gives what they have seen.
func (c clients) end() tally {
	c.Helper()
	t, err := c.tally("POST", "end")
	c.must(err)
	return t
}

func (c clients) tally(method, path string) (t tally, err error) {
	text, err := lab.api.Text(c.Context(), method, c.path(fmt.Sprintf("pods/%s:8081/proxy/%s", c.name, path)))
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal([]byte(text), &t)
}

// tellLog follows a pod's log, and shows it if the case fails.
func (c *tcase) tellLog(pod string) {
	c.Helper()
	log := c.followLog(pod, "app")
	c.Cleanup(func() {
		for _, l := range log.lines() {
			if c.Failed() {
				c.Logf("%s %s %s", l.at.Format("15:04:05.000"), pod, l.text)
			}
		}
	})
}

// watchEndpoints logs what the API server says of the Service's endpoints.
func (d *deployment) watchEndpoints() {
	type slice struct {
		Endpoints []struct {
			Addresses  []string
			Conditions struct{ Ready, Serving, Terminating bool }
		}
	}
	path := "/apis/discovery.k8s.io/v1/namespaces/" + d.ns + "/endpointslices"
	kube.Watch(d.Context(), lab.api, path, func(change kube.Change[slice]) bool {
		var all []string
		for _, e := range change.Object.Endpoints {
			all = append(all, fmt.Sprintf("%s ready=%t serving=%t terminating=%t", e.Addresses[0], e.Conditions.Ready, e.Conditions.Serving, e.Conditions.Terminating))
		}
		d.Logf("%s endpoints %v", change.At.UTC().Format("15:04:05.000"), all)
		return true
	})
}
