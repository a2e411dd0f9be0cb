package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

type nodeObject struct {
	Metadata struct{ Name string }
	Status   struct {
		NodeInfo struct{ ContainerRuntimeVersion, KubeletVersion string }
	}
}

func nodes(t testing.TB) []nodeObject {
	t.Helper()
	var list struct{ Items []nodeObject }
	if err := lab.api.Get(t.Context(), "/api/v1/nodes", &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// runtimes are nodes, one for each runtime that nodes run containers with.
func runtimes(t testing.TB) []nodeObject {
	t.Helper()
	var different []nodeObject
	for _, n := range nodes(t) {
		if !slices.ContainsFunc(different, func(d nodeObject) bool { return d.runtime() == n.runtime() }) {
			different = append(different, n)
		}
	}
	return different
}

// runtime is what the node runs containers with, as "containerd 1.6.20".
func (n nodeObject) runtime() string {
	return strings.NewReplacer("://v", " ", "://", " ").Replace(n.Status.NodeInfo.ContainerRuntimeVersion)
}

// imageVolumes says whether the node's runtime can mount an image: containerd since 2.1, CRI-O since 1.31.
func (n nodeObject) imageVolumes() bool {
	var name string
	var major, minor int
	if _, err := fmt.Sscanf(strings.ReplaceAll(n.runtime(), ".", " "), "%s %d %d", &name, &major, &minor); err != nil {
		return false
	}
	switch name {
	case "containerd":
		return major > 2 || major == 2 && minor >= 1
	case "cri-o":
		return major > 1 || minor >= 31
	}
	return false
}
