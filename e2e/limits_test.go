package e2e

import (
	"testing"
	"time"
)

// The hook runs in the container's cgroup: what it uses is taken from the application.

const limits = "06 limits"

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"wait 3s", "until quiet 8080 min=0 for=3s"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			c := begin(t, limits, "memory limit 32 MiB, most of it used: "+step)
			r := c.launch(pod{
				Args: "serve -memory 23", Hook: []string{"/prestop", "post http://127.0.0.1:8081/drain", step},
				Container: `resources: {limits: {memory: 32Mi}}`,
			})
			used := r.memory()
			deleted := r.delete(-1)
			var end *terminated
			c.until(30*time.Second, "the container's end", func() bool {
				end = r.now().container("app").State.Terminated
				return end != nil || !r.goneAt().IsZero()
			})
			s := r.stoppedBy(deleted, 0).ordinary().lasted(3*time.Second, 3*time.Second+busy)
			c.want(end == nil || end.ExitCode == 0, "the application to end well, got %+v", end)
			c.saw("application uses %d MiB; %s", used>>20, s)
		})
	}
}

func TestCPULimit(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"wait 2s", "until quiet 8080 min=0 for=2s"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			c := begin(t, limits, "CPU limit 50m: "+step)
			s := c.launch(pod{Hook: []string{"/prestop", "post http://127.0.0.1:8081/drain", step}, Container: `resources: {limits: {cpu: 50m}}`}).
				stopped(0).ordinary().lasted(2*time.Second, 2*time.Second+busy)
			c.saw("%s", s)
		})
	}
}

// memory is the working set of the pod's container, by the kubelet's own measure.
func (r *running) memory() int64 {
	r.Helper()
	var used int64
	path := "/api/v1/nodes/" + r.now().Spec.NodeName + "/proxy/stats/summary"
	r.until(30*time.Second, "the kubelet knows what the container uses", func() bool {
		var summary struct {
			Pods []struct {
				PodRef     struct{ Namespace, Name string }
				Containers []struct {
					Name   string
					Memory struct{ WorkingSetBytes int64 }
				}
			}
		}
		if lab.api.Get(r.Context(), path, &summary) != nil {
			return false
		}
		for _, p := range summary.Pods {
			if p.PodRef.Namespace == r.ns && p.PodRef.Name == r.name && len(p.Containers) > 0 {
				used = p.Containers[0].Memory.WorkingSetBytes
			}
		}
		return used > 0
	})
	return used
}
