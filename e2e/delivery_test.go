package e2e

import (
	"testing"
	"time"
)

// How the binary comes into the container.

const delivery = "01 delivery"

func TestCopied(t *testing.T) {
	t.Parallel()
	c := begin(t, delivery, "binary by COPY")
	s := c.launch(pod{Hook: []string{"/prestop", "wait 2s"}}).stopped(0).ordinary().waited(2 * time.Second)
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
	}).stopped(0).ordinary().waited(2 * time.Second)
	c.saw("%s", s)
}

func TestImageVolume(t *testing.T) {
	t.Parallel()
	c := begin(t, delivery, "binary by image volume")
	for _, n := range nodes(c) {
		if !n.imageVolumes() {
			c.saw("%s cannot", n.runtime())
			continue
		}
		s := c.launch(pod{
			Name: "app-" + n.Metadata.Name, Hook: []string{"/opt/prestop/prestop", "wait 2s"},
			Container: `volumeMounts: [{name: prestop, mountPath: /opt/prestop}]`,
			Spec: "nodeName: " + n.Metadata.Name + `
volumes: [{name: prestop, image: {reference: ` + lab.prestop + `, pullPolicy: IfNotPresent}}]`,
		}).stopped(0).ordinary().waited(2 * time.Second)
		c.saw("%s: %s", n.runtime(), s)
		return
	}
	c.Skip("no node can")
}
