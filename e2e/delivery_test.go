package e2e

import (
	"testing"
	"time"
)

// How the binary comes into the container.

const delivery = "1 delivery"

func TestCopied(t *testing.T) {
	t.Parallel()
	c := begin(t, delivery, "binary by COPY")
	s := c.launch(pod{Hook: []string{"/prestop", "wait 2s"}}).stopped(0).ordinary().took(2*time.Second, 3*time.Second)
	c.saw("%s", s)
}

func TestInstalled(t *testing.T) {
	t.Parallel()
	c := begin(t, delivery, "binary by init container: prestop install")
	s := c.launch(pod{
		Hook:      []string{"/shared/prestop", "wait", "2s"},
		Container: `volumeMounts: [{name: shared, mountPath: /shared, readOnly: true}]`,
		Spec: `
initContainers:
- {name: install, image: ` + lab.prestop + `, imagePullPolicy: IfNotPresent, command: [/prestop, install, /shared/], volumeMounts: [{name: shared, mountPath: /shared}]}
volumes: [{name: shared, emptyDir: {}}]`,
	}).stopped(0).ordinary().took(2*time.Second, 3*time.Second)
	c.saw("%s", s)
}
