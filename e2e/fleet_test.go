package e2e

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/e2e/kube"
)

// A hook in every pod of a namespace, by the policies of deploy/. The policy is the whole cluster's: it is applied once, cases with namespaces
// that opt in run beside each other, and then it is taken away again.

const fleet = "13 fleet"

const (
	injected    = "/prestop-bin/prestop"
	defaultMark = "# prestop.github.io/inject\n" // before the steps that a pod gets without annotations
)

func TestFleet(t *testing.T) {
	if lab.cluster == nil {
		begin(t, fleet, "policies").skip("images and policies are not ours")
	}
	p := policy{lab.cluster.Policies(), "init-container", fleetFiles(t)}
	if p.version == "v1" {
		p.form = "image-volume"
	}
	p.apply(t, "settings.yaml", p.file())
	t.Run("cases", func(t *testing.T) {
		for _, x := range fleetCases {
			t.Run(x.name, func(t *testing.T) {
				t.Parallel()
				c := begin(t, fleet, x.name)
				c.optIn()
				x.run(c)
			})
		}
	})
	t.Run("rollout", func(t *testing.T) { fleetRollout(t, p) })
	other := policy{p.version, "image-volume", p.dir}
	if p.form == "image-volume" {
		other.form = "init-container"
	}
	other.apply(t, other.file())
	t.Run("form", func(t *testing.T) { otherForm(t, other) })
	other.remove(t)
	t.Run("taken away", takenAway)
	t.Run("docs", func(t *testing.T) { fleetDocs(t, p) })
}

// fleetFiles gives a directory with a copy of deploy/, whose settings name an image that the nodes have, as they say at their top.
func fleetFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "deploy"), os.DirFS("../deploy")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "deploy/policy/settings.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const image = "image: prestop/prestop:1"
	if strings.Count(string(text), image) != 1 {
		t.Fatalf("%s: expected %q once", file, image)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), image, "image: "+lab.prestop, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A policy is one of the files of deploy/policy, below a directory.
type policy struct{ version, form, dir string }

func (p policy) file() string { return filepath.Join(p.version, p.form+".yaml") }

func (p policy) String() string { return fmt.Sprintf("policy %s, %s", p.version, p.form) }

func (p policy) apply(t *testing.T, files ...string) {
	t.Helper()
	for _, file := range files {
		p.kubectl(t, "apply --filename=deploy/policy/"+file)
	}
}

func (p policy) remove(t *testing.T) {
	t.Helper()
	p.kubectl(t, "delete --filename=deploy/policy/"+p.file())
}

// kubectl runs a command line of kubectl's where the policy's files are.
func (p policy) kubectl(t *testing.T, line string) {
	t.Helper()
	if _, err := lab.cluster.Shell(t.Context(), p.dir, p.dir, "kubectl "+line); err != nil {
		t.Fatal(err)
	}
}

// optIn gives the case's namespace the label, and returns when its pods get the hook.
func (c *tcase) optIn() {
	c.Helper()
	c.must(lab.api.Patch(c.Context(), "/api/v1/namespaces/"+c.ns, kube.Object{"metadata": kube.Object{"labels": kube.Object{"prestop.github.io/inject": "enabled"}}}))
	c.awaitPolicy(c.ns)
}

// awaitPolicy returns when pods of a namespace get the hook.
func (c *tcase) awaitPolicy(ns string) {
	c.Helper()
	there := *c
	there.ns = ns
	c.until(60*time.Second, "the policy acts", func() bool { return there.tried(fleetPod(pod{})).hook() == injected })
}

// fleetPod is a pod that knows nothing of prestop, behind a port.
func fleetPod(p pod) pod {
	p.Container = "image: " + lab.plain + "\nports: [{containerPort: 8080}]\n" + p.Container
	return p
}

// shape is what a policy may change in a pod.
type shape struct {
	Metadata struct{ Name string }
	Spec     struct {
		TerminationGracePeriodSeconds int
		Containers                    []shapeContainer
		InitContainers                []shapeContainer
		Volumes                       []struct {
			Name  string
			Image *struct{ Reference string }
		}
	}
}

type shapeContainer struct {
	Name      string
	Env       []struct{ Name, Value string }
	Lifecycle struct {
		PostStart, PreStop *struct {
			Exec  *struct{ Command []string }
			Sleep *struct{ Seconds int }
		}
	}
}

// hook is the program that the first container's hook runs; empty: none.
func (s shape) hook() string {
	if h := s.Spec.Containers[0].Lifecycle.PreStop; h != nil && h.Exec != nil {
		return h.Exec.Command[0]
	}
	return ""
}

func (s shape) env(name string) string {
	for _, v := range s.Spec.Containers[0].Env {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// bare says whether nothing of prestop is in the pod.
func (s shape) bare() bool {
	for _, v := range s.Spec.Volumes {
		if v.Name == "prestop-injected" {
			return false
		}
	}
	for _, c := range s.Spec.InitContainers {
		if c.Name == "prestop-install" {
			return false
		}
	}
	return s.hook() != injected && s.env("PRE_STOP_STEPS") == ""
}

func (c *tcase) object(p pod, annotations kube.Object) kube.Object {
	c.Helper()
	return kube.Object{"apiVersion": "v1", "kind": "Pod",
		"metadata": kube.Object{"name": "app", "labels": kube.Object{"app": "app"}, "annotations": annotations}, "spec": p.spec(c)}
}

// tried is what would become of a pod: a creation that the API server does not keep.
func (c *tcase) tried(p pod) (s shape) {
	c.Helper()
	c.until(20*time.Second, "the namespace takes pods", func() bool {
		err := lab.api.Create(c.Context(), c.path("pods?dryRun=All"), c.object(p, nil), &s)
		if !kube.Is(err, 403) {
			c.must(err)
		}
		return err == nil
	})
	return s
}

// launchFleet creates a pod that knows nothing of prestop, and returns when it is ready, with what became of it.
func (c *tcase) launchFleet(p pod, annotations kube.Object) (*running, shape) {
	c.Helper()
	c.create(c.object(fleetPod(p), annotations))
	var s shape
	c.must(lab.api.Get(c.Context(), c.path("pods/app"), &s))
	return c.watch("app"), s
}

var fleetCases = []struct {
	name string
	run  func(*tcase)
}{
	{"a pod that knows nothing of prestop: until quiet", func(c *tcase) {
		r, s := c.launchFleet(pod{Grace: 40}, nil)
		c.want(s.env("PRE_STOP_GRACE_PERIOD_SECONDS") == "40", "a grace period of 40, got %s", s.env("PRE_STOP_GRACE_PERIOD_SECONDS"))
		c.want(s.env("PRE_STOP_STEPS") == defaultMark+"until quiet max=33s allow=4", "until quiet max=33s allow=4, got %s", s.env("PRE_STOP_STEPS"))
		stop := r.stopped(0).ordinary().lasted(10*time.Second, 33*time.Second)
		c.saw("%s: %s", s.env("PRE_STOP_STEPS"), stop)
	}},
	{"annotation prestop.github.io/inject: \"false\"", func(c *tcase) {
		r, s := c.launchFleet(pod{}, kube.Object{"prestop.github.io/inject": "false"})
		c.want(s.bare(), "a pod with nothing of prestop")
		r.stopped(0)
		c.want(len(r.log().hook()) == 0, "no line of a hook")
		c.saw("left alone")
	}},
	{"annotation prestop.github.io/steps, with a value that a step reads", func(c *tcase) {
		r, s := c.launchFleet(pod{}, kube.Object{"prestop.github.io/steps": `
# read first
get http://localhost:8081/served json=. into=SERVED
post http://localhost:8081/drain?id=$(SERVED)
wait 2s`})
		c.want(strings.Contains(s.env("PRE_STOP_STEPS"), "id=$$(SERVED)"), "a dollar that the kubelet leaves, got %q", s.env("PRE_STOP_STEPS"))
		stop := r.stopped(0).ordinary().lasted(2*time.Second, 2*time.Second+busy)
		_, told := stop.log().find("app: drains 0")
		c.want(told, "an app that was told to drain, with the value")
		c.saw("$(SERVED) arrives as it was written; %s", stop)
	}},
	{"annotation prestop.github.io/additional-wait", func(c *tcase) {
		r, s := c.launchFleet(pod{}, kube.Object{"prestop.github.io/additional-wait": "14s"})
		c.want(s.env("PRE_STOP_ADDITIONAL_WAIT_SECONDS") == "14s", "a wait of 14s, got %q", s.env("PRE_STOP_ADDITIONAL_WAIT_SECONDS"))
		c.saw("%s", r.stopped(0).ordinary().lasted(14*time.Second, 25*time.Second))
	}},
	{"a hook of its own is kept", func(c *tcase) {
		r, s := c.launchFleet(pod{Container: "lifecycle: {preStop: {sleep: {seconds: 3}}}"}, nil)
		c.want(s.bare() && s.Spec.Containers[0].Lifecycle.PreStop.Sleep != nil, "the sleep, and nothing of prestop")
		stop := r.stopped(0)
		c.want(stop.term >= 2900*time.Millisecond, "SIGTERM after the sleep of 3 s, got %s", short(stop.term))
		c.saw("SIGTERM %s after the deletion, by its sleep of 3 s", short(stop.term))
	}},
	{"a postStart is kept", func(c *tcase) {
		r, s := c.launchFleet(pod{Container: `lifecycle: {postStart: {sleep: {seconds: 1}}}`}, kube.Object{"prestop.github.io/steps": "wait 2s"})
		c.want(s.hook() == injected && s.Spec.Containers[0].Lifecycle.PostStart != nil, "a preStop beside the postStart")
		c.saw("preStop beside postStart; %s", r.stopped(0).ordinary().waited(2*time.Second))
	}},
	{"a Job is left alone", fleetJob},
	{"grace lowered by a later webhook", fleetWebhook},
	{"pods of a custom resource, made by an operator, replaced under load", fleetOperator},
}

// The other form of the binary's way into the pod. Image volumes are for the node that has them.
func otherForm(t *testing.T, p policy) {
	c := begin(t, fleet, "the other form: "+p.String())
	node := ""
	for _, n := range nodes(t) {
		if n.imageVolumes() {
			node = n.Metadata.Name
		}
	}
	if p.form == "image-volume" && node == "" {
		c.skip("no node has image volumes")
	}
	c.optIn()
	c.until(60*time.Second, "the changed policy acts", func() bool {
		s := c.tried(fleetPod(pod{}))
		return (len(s.Spec.InitContainers) == 0) == (p.form == "image-volume")
	})
	r, s := c.launchFleet(pod{Spec: "nodeName: " + node}, kube.Object{"prestop.github.io/steps": "wait 2s"})
	c.want(s.hook() == injected, "the hook, got %q", s.hook())
	c.saw("on %s; %s", node, r.stopped(0).ordinary().waited(2*time.Second))
}

func takenAway(t *testing.T) {
	c := begin(t, fleet, "policy taken away again")
	c.must(lab.api.Patch(c.Context(), "/api/v1/namespaces/"+c.ns, kube.Object{"metadata": kube.Object{"labels": kube.Object{"prestop.github.io/inject": "enabled"}}}))
	c.until(60*time.Second, "the policy acts no longer", func() bool { return c.tried(fleetPod(pod{})).bare() })
	r, s := c.launchFleet(pod{}, nil)
	c.want(s.bare(), "a pod with nothing of prestop")
	r.stopped(0)
	c.saw("a new pod of a namespace with the label has nothing of prestop")
}

// The same Deployment in namespaces that opted in and in one that did not, rolled at the same time. Its application knows nothing of
// prestop and ends at once on SIGTERM, whatever is under way: for those who make a new connection each time the hook is enough. Those who
// keep their connections busy must be told by the application, which an annotation asks for; else they lose what is under way at the end.
func fleetRollout(t *testing.T, p policy) {
	const tells = "post http://localhost:8081/drain\nuntil quiet 8080"
	for _, x := range []struct {
		name  string
		opted bool
		flags string
		steps string
		times int
		loses bool
	}{
		{"opted in, new connections", true, "", "", 2, false},
		{"beside it, not opted in, new connections", false, "", "", 2, true},
		{"opted in, kept connections, an annotation has the app told", true, "-keep-alive", tells, 2, false},
		{"opted in, kept connections, nobody tells the app", true, "-keep-alive", "", 1, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			c := begin(t, fleet, fmt.Sprintf("%d rolling updates under load, %s", x.times, x.name))
			if x.opted {
				c.optIn()
			}
			var annotations kube.Object
			if x.steps != "" {
				annotations = kube.Object{"prestop.github.io/steps": x.steps}
			}
			d := c.deployWith("web", 2, fleetPod(pod{Grace: 40}), annotations)
			all := d.loadBy(x.flags)
			for range x.times {
				d.rollout()
			}
			pause(c.Context(), 2*time.Second)
			seen := all.end()
			c.want(seen.Failed > 0 == x.loses, "requests lost: %t, got %d", x.loses, seen.Failed)
			c.saw("%s; lost %d of %d: %s", p, seen.Failed, seen.Failed+seen.OK, seen)
		})
	}
}

// The pods of a Job end by themselves.
func fleetJob(c *tcase) {
	spec := fleetPod(pod{Spec: "restartPolicy: Never"}).spec(c)
	c.create(kube.Object{"apiVersion": "batch/v1", "kind": "Job", "metadata": kube.Object{"name": "job"},
		"spec": kube.Object{"template": kube.Object{"metadata": kube.Object{"labels": kube.Object{"app": "job"}}, "spec": spec}}})
	c.until(60*time.Second, "the Job has a pod", func() bool { return len(c.pods("app=job")) > 0 })
	r := c.watch(c.pods("app=job")[0].Metadata.Name)
	var s shape
	c.must(lab.api.Get(c.Context(), c.path("pods/"+r.name), &s))
	c.want(s.bare(), "a pod with nothing of prestop")
	r.order("end")
	c.until(60*time.Second, "the Job is done", func() bool {
		var job struct{ Status struct{ Succeeded int } }
		c.must(lab.api.Get(c.Context(), c.path("jobs/job"), &job))
		return job.Status.Succeeded == 1
	})
	c.saw("left alone, and done")
}

// A webhook comes after the policies, which are asked again if it changed something.
func fleetWebhook(c *tcase) {
	cert, key, err := selfSigned("lower." + c.ns + ".svc")
	c.must(err)
	p := pod{Name: "lower", Args: "lower 20", Env: map[string]string{"CERT": cert, "KEY": key}, Container: "ports: [{containerPort: 8443}]\nreadinessProbe: {tcpSocket: {port: 8443}, periodSeconds: 1}"}
	c.create(kube.Object{"apiVersion": "v1", "kind": "Service", "metadata": kube.Object{"name": "lower"},
		"spec": kube.Object{"selector": kube.Object{"app": "lower"}, "ports": []any{kube.Object{"port": 443, "targetPort": 8443}}}})
	c.launch(p)
	const path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
	c.must(lab.api.Create(c.Context(), path, kube.Object{"metadata": kube.Object{"name": c.ns}, "webhooks": []any{kube.Object{
		"name": "lower.e2e.test", "admissionReviewVersions": []any{"v1"}, "sideEffects": "None", "failurePolicy": "Fail",
		"clientConfig":      kube.Object{"caBundle": []byte(cert), "service": kube.Object{"namespace": c.ns, "name": "lower", "path": "/"}},
		"namespaceSelector": kube.Object{"matchLabels": kube.Object{"kubernetes.io/metadata.name": c.ns}},
		"rules":             []any{kube.Object{"apiGroups": []any{""}, "apiVersions": []any{"v1"}, "resources": []any{"pods"}, "operations": []any{"CREATE"}}},
	}}}, nil))
	c.Cleanup(func() { lab.api.Delete(context.Background(), path+"/"+c.ns, nil) })
	var s shape
	c.until(60*time.Second, "the webhook acts", func() bool {
		err := lab.api.Create(c.Context(), c.path("pods?dryRun=All"), c.object(fleetPod(pod{Grace: 60}), nil), &s)
		return err == nil && s.Spec.TerminationGracePeriodSeconds == 20
	})
	r, s := c.launchFleet(pod{Grace: 60}, nil)
	told, steps := s.env("PRE_STOP_GRACE_PERIOD_SECONDS"), s.env("PRE_STOP_STEPS")
	c.want(s.Spec.TerminationGracePeriodSeconds == 20 && told == "20", "a grace period of 20, and a hook that is told so, got %d and %s", s.Spec.TerminationGracePeriodSeconds, told)
	c.want(steps == defaultMark+"until quiet max=15s allow=4", "until quiet max=15s allow=4, got %s", steps)
	c.saw("60 lowered to 20: told %s, %s; %s", told, steps, r.stopped(0).ordinary().lasted(10*time.Second, 15*time.Second+busy))
}

// selfSigned gives a certificate that is its own authority, and its key.
func selfSigned(name string) (cert, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return "", "", err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	text := func(kind string, bytes []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
	}
	return text("CERTIFICATE", der), text("PRIVATE KEY", secret), nil
}

// crds is where definitions of custom resources are: the whole cluster's.
const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

// shops is where the custom resources of the case are.
func (c *tcase) shops(name string) string {
	return "/apis/e2e.test/v1/namespaces/" + c.ns + "/shops" + name
}

// fleetOperator has pods that no Deployment makes: a custom resource says how many, and its operator makes them, and others for a new version.
func fleetOperator(c *tcase) {
	c.must(lab.api.Create(c.Context(), crds, kube.Object{"metadata": kube.Object{"name": "shops.e2e.test"}, "spec": kube.Object{
		"group": "e2e.test", "scope": "Namespaced", "names": kube.Object{"kind": "Shop", "plural": "shops", "singular": "shop"},
		"versions": []any{kube.Object{"name": "v1", "served": true, "storage": true, "schema": kube.Object{
			"openAPIV3Schema": kube.Object{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}},
	}}, nil))
	c.Cleanup(func() { lab.api.Delete(context.Background(), crds+"/shops.e2e.test", nil) })
	c.until(60*time.Second, "the custom resource is served", func() bool {
		return lab.api.Create(c.Context(), c.shops(""), kube.Object{"apiVersion": "e2e.test/v1", "kind": "Shop",
			"metadata": kube.Object{"name": "web"}, "spec": kube.Object{"replicas": 2, "version": "1"}}, nil) == nil
	})
	ctx, stop := context.WithCancel(c.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		operator{c}.run(ctx)
	}()
	c.Cleanup(func() { stop(); <-ended })
	d := &deployment{tcase: c, name: "web"}
	c.service("web")
	d.awaitVersion("1", 2)
	others := d.loadBy("")
	c.must(lab.api.Patch(c.Context(), c.shops("/web"), kube.Object{"spec": kube.Object{"version": "2"}}))
	d.awaitVersion("2", 2)
	pause(c.Context(), 2*time.Second)
	seen := others.end()
	c.want(seen.Failed == 0, "no request lost, got %d", seen.Failed)
	c.saw("lost %d of %d: %s", seen.Failed, seen.Failed+seen.OK, seen)
}

// awaitVersion returns when a version has so many ready pods, all with the hook, and there are no others.
func (d *deployment) awaitVersion(version string, n int) {
	d.Helper()
	d.until(150*time.Second, "the pods of version "+version+", and no others", func() bool {
		mine := d.pods("app=web,version=" + version)
		return len(d.pods("app=web")) == n && len(mine) == n && !slices.ContainsFunc(mine, func(p podObject) bool { return !p.ready() })
	})
	for _, p := range d.pods("app=web") {
		var s shape
		d.must(lab.api.Get(d.Context(), d.path("pods/"+p.Metadata.Name), &s))
		d.want(s.hook() == injected, "the hook in pod %s, got %q", p.Metadata.Name, s.hook())
	}
}

// An operator makes the pods of the custom resource Shop in one namespace.
type operator struct{ *tcase }

type shopObject struct {
	Metadata struct{ Name, UID string }
	Spec     struct {
		Replicas int
		Version  string
	}
}

// run works until ctx ends. It lists the shops and watches from there on, as operators do. A watch says nothing of what was there before where
// the API server has just changed how it serves a new kind, and ends soon: so what ends a watch is said in the log, and the shops are listed anew.
func (o operator) run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := o.follow(ctx); ctx.Err() == nil {
			o.Logf("operator: %v", err)
			pause(ctx, 200*time.Millisecond)
		}
	}
}

// follow reconciles the shops that are there, and each that changes, until something goes wrong.
func (o operator) follow(ctx context.Context) (wrong error) {
	var list struct {
		Metadata struct{ ResourceVersion string }
		Items    []shopObject
	}
	if err := lab.api.Get(ctx, o.shops(""), &list); err != nil {
		return err
	}
	for _, shop := range list.Items {
		if err := o.reconcile(ctx, shop); err != nil {
			return err
		}
	}
	err := kube.Watch(ctx, lab.api, o.shops("?resourceVersion="+list.Metadata.ResourceVersion), func(change kube.Change[shopObject]) bool {
		switch change.Type {
		case "ADDED", "MODIFIED":
			wrong = o.reconcile(ctx, change.Object)
		case "ERROR":
			wrong = errors.New("the watch cannot go on from that version")
		}
		return wrong == nil
	})
	return cmp.Or(wrong, err)
}

// reconcile makes the pods of a shop's version, and deletes the others when those are ready.
func (o operator) reconcile(ctx context.Context, shop shopObject) error {
	for n := range shop.Spec.Replicas {
		object := o.object(fleetPod(pod{Grace: 60}), nil)
		object["metadata"] = kube.Object{
			"name": fmt.Sprintf("%s-%s-%d", shop.Metadata.Name, shop.Spec.Version, n), "labels": kube.Object{"app": shop.Metadata.Name, "version": shop.Spec.Version},
			"ownerReferences": []any{kube.Object{"apiVersion": "e2e.test/v1", "kind": "Shop", "name": shop.Metadata.Name, "uid": shop.Metadata.UID, "controller": true}},
		}
		if err := lab.api.Create(ctx, o.path("pods"), object, nil); err != nil && !kube.Is(err, 409) {
			return err
		}
	}
	for ready := 0; ready < shop.Spec.Replicas; pause(ctx, 200*time.Millisecond) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var list struct{ Items []podObject }
		if err := lab.api.Get(ctx, o.path("pods?labelSelector=app="+shop.Metadata.Name+",version="+shop.Spec.Version), &list); err != nil {
			return err
		}
		ready = 0
		for _, p := range list.Items {
			if p.ready() {
				ready++
			}
		}
	}
	var old struct{ Items []podObject }
	if err := lab.api.Get(ctx, o.path("pods?labelSelector=app="+shop.Metadata.Name+",version!="+shop.Spec.Version), &old); err != nil {
		return err
	}
	for _, p := range old.Items {
		if err := lab.api.Delete(ctx, o.path("pods/"+p.Metadata.Name), nil); err != nil && !kube.Is(err, 404) {
			return err
		}
	}
	return nil
}
