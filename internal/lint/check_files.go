package lint

import (
	"fmt"
	"path"
	"strings"

	"github.com/prestop/prestop/drain"
	"github.com/prestop/prestop/shutdown"
)

// files looks at the files that a hook writes or waits for.
func (c *checker) files(h *hook) {
	for i, e := range h.steps() {
		switch s := e.Step.(type) {
		case drain.File:
			if !h.reading.Steps[i].Guess {
				c.unseen(h, h.step(i), e.Line, s.Path)
			}
		case shutdown.Touch:
			if !h.reading.Steps[i].Guess {
				c.readOnly(h, h.step(i), e.Line, s.Path)
			}
		}
	}
	for _, name := range []string{"PRE_STOP_LOG_TO", "PRE_STOP_STATE_DIR"} {
		value := h.reading.Settings[name].Value
		if !strings.HasPrefix(value, "/") || h.guessed(name) {
			continue
		}
		c.readOnly(h, h.setting(name), name+"="+value, value)
		if c.pod.shared() && strings.HasPrefix(value, "/proc/1/") {
			c.found("shared-processes", h.setting(name), name+": process 1 is the pod's pause container, since shareProcessNamespace is true: nobody would see the log", "PRE_STOP_LOG_TO: container, which finds the container's own main process")
		}
	}
}

// unseen finds a wait for a file that no other container can make.
func (c *checker) unseen(h *hook, at node, line, file string) {
	const fix = "mount a volume (emptyDir) in both containers, and let the file be in there"
	m, _, ok := h.mounted(path.Dir(file))
	if !ok && path.Dir(file) != "/dev/shm" {
		c.found("file-not-shared", at, fmt.Sprintf("%s: %s is in no volume of container %s, so that no other container can make it", line, file, h.name), fix)
		return
	}
	if !ok || c.pod.volume(m.volume).Node == nil {
		return
	}
	for _, other := range c.pod.running() {
		for _, o := range other.mounts {
			if other != h.container && o.volume == m.volume {
				return
			}
		}
	}
	if len(c.pod.running()) > 1 {
		c.found("file-not-shared", at, fmt.Sprintf("%s: no other container mounts volume %s, which %s is in", line, m.volume, file), fix)
	}
}

// readOnly finds what cannot be written.
func (c *checker) readOnly(h *hook, at node, line, file string) {
	dir := path.Dir(file)
	if strings.HasPrefix(file, "/dev/") || strings.HasPrefix(file, "/proc/") {
		return
	}
	m, _, ok := h.mounted(dir)
	v := c.pod.volume(m.volume)
	switch {
	case ok && m.readOnly:
		c.found("read-only-path", at, fmt.Sprintf("%s: volume %s is mounted read-only at %s", line, m.volume, m.path), "remove readOnly from the mount, or use another path")
	case ok && (v.at("configMap").there() || v.at("secret").there() || v.at("downwardAPI").there() || v.at("image").there()):
		c.found("read-only-path", at, fmt.Sprintf("%s: volume %s at %s is of a kind that nobody can write to", line, m.volume, m.path), "use a path in an emptyDir")
	case !ok && h.container.at("securityContext", "readOnlyRootFilesystem").bool():
		c.found("read-only-path", at, fmt.Sprintf("%s: container %s has readOnlyRootFilesystem, and no volume at %s", line, h.name, dir), "mount an emptyDir there")
	}
}
