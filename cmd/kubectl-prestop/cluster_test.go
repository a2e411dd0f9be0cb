package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/prestop/prestop/internal/fakeapi"
)

// serve starts a cluster for a script. Its namespace is shop.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("expected serve NAME, without !")
	}
	server := &fakeapi.Server{Objects: objectsOf(ts, args[0])}
	released := make(chan struct{})
	for _, word := range args[1:] {
		switch word {
		case "hang":
			server.Version = func(_ http.ResponseWriter, in *http.Request) {
				select {
				case <-released:
				case <-in.Context().Done():
				}
			}
		case "page":
			server.Version = func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>welcome</html>") }
		case "v1.36.4+k3s1", "v1.37.0", "none":
			server.Version = func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"major": "1", "minor": "36", "gitVersion": %q}`, word)
			}
		case "broken":
			server.Version = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
		case "logout":
			server.Version = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }
		default:
			server.Denied = append(server.Denied, word)
		}
	}
	at, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	web := &http.Server{Handler: server}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = web.Serve(at) }()
	ts.Defer(func() { close(released); web.Close(); <-ended })
	url := "http://" + at.Addr().String()
	if len(args) > 1 && args[1] == "refuse" {
		at.Close()
	}
	ts.Check(fakeapi.Kubeconfig(ts.MkAbs("kubeconfig"), "shop", [2]string{args[0], url}))
}

// objectsOf reads the manifests of a script's folder.
func objectsOf(ts *testscript.TestScript, folder string) []map[string]any {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(folder), "*.yaml"))
	ts.Check(err)
	var all []map[string]any
	for _, file := range files {
		text, err := os.ReadFile(file)
		ts.Check(err)
		d := yaml.NewDecoder(bytes.NewReader(text))
		for {
			var o map[string]any
			if err = d.Decode(&o); err == io.EOF {
				break
			}
			ts.Check(err)
			all = append(all, o)
		}
	}
	return all
}

// 5,000 pods that nobody made are read in pages and linted within seconds.
func TestThousandsOfPods(t *testing.T) {
	t.Parallel()
	server := &fakeapi.Server{}
	for n := range 5000 {
		server.Objects = append(server.Objects, map[string]any{
			"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": fmt.Sprintf("web-%d", n), "namespace": fmt.Sprintf("shop-%d", n%50), "uid": fmt.Sprint(n), "labels": map[string]any{"app": "web"}},
			"spec": map[string]any{"terminationGracePeriodSeconds": 60, "containers": []any{map[string]any{
				"name": "web", "image": "example/web:1", "ports": []any{map[string]any{"containerPort": 8080}},
				"env":       []any{map[string]any{"name": "PRE_STOP_GRACE_PERIOD_SECONDS", "value": "60"}},
				"lifecycle": map[string]any{"preStop": map[string]any{"exec": map[string]any{"command": []any{"/prestop", "until quiet 8080 max=40s"}}}},
			}}}})
	}
	fakeapi.Start(t, server)
	var stdout, stderr bytes.Buffer
	began := time.Now()
	status := run(invocation{args: []string{"lint", "-A", "--server", server.URL, "--kubeconfig", os.DevNull}, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr})
	t.Logf("it took %s", time.Since(began))
	if status != exitDone || stdout.String() != "0 errors and 0 warnings in 5000 hooks of 5000 workloads\n" || stderr.Len() > 0 {
		t.Errorf("status %d, %.500s%.500s", status, &stdout, &stderr)
	}
	pages := 0
	for _, asked := range server.Asked() {
		if asked == "list pods" {
			pages++
		}
	}
	if pages != 10 {
		t.Errorf("pods in %d pages, want 10", pages)
	}
}

// What one knows of kubectl's errors is true here.
func TestErrorsAreKubectls(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		`error: the server doesn't have a resource type "rollouts"`: apierrors.NewGenericServerResponse(http.StatusNotFound, "get", schema.GroupResource{Resource: "rollouts"}, "", "", 0, true),
		"Error from server: it is ill":                              &apierrors.StatusError{ErrStatus: metav1.Status{Message: "it is ill"}},
		"Unable to connect to the server: no route to host":         &url.Error{Op: "Get", URL: "https://h/", Err: syscall.EHOSTUNREACH},
		"Error in configuration: invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable": clientcmd.ConfirmUsable(*clientcmdapi.NewConfig(), "nowhere"),
		"error: something": errors.New("something"),
	} {
		if got := asKubectl(err); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
