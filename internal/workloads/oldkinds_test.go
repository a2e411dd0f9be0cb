package workloads

import (
	"testing"

	"github.com/prestop/prestop/internal/fakeapi"
)

// The selectors of a ReplicationController and a DeploymentConfig are labels alone. Their pods are found all the same.
func TestPodsOfOldKinds(t *testing.T) {
	server := fakeapi.Start(t, &fakeapi.Server{Objects: objects(t, `
apiVersion: v1
kind: ReplicationController
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, template: {spec: {containers: [{name: web}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-a, namespace: shop, by: ReplicationController/web, labels: {app: web}}
spec: {containers: [{name: web, lifecycle: {preStop: {sleep: {seconds: 5}}}}]}
---
apiVersion: apps.openshift.io/v1
kind: DeploymentConfig
metadata: {name: dc, namespace: shop}
spec: {selector: {app: dc}, template: {spec: {containers: [{name: web}]}}}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: dc-1, namespace: shop, by: DeploymentConfig/dc, labels: {app: dc}}
spec: {selector: {app: dc}, template: {spec: {containers: [{name: web}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: dc-1-a, namespace: shop, by: ReplicationController/dc-1, labels: {app: dc}}
spec: {containers: [{name: web, lifecycle: {preStop: {sleep: {seconds: 5}}}}]}
`)})
	for text, want := range map[string]string{
		"rc/web": "shop/pod/web-a of shop/replicationcontroller/web, shop/replicationcontroller/web",
		"dc/dc":  "shop/deploymentconfig/dc, shop/pod/dc-1-a of shop/deploymentconfig/dc",
	} {
		name, _ := ParseName(text)
		if got := namesOf(read(t, server, Selection{Namespace: "shop", Names: []Name{name}}).Workloads); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
