package lint

import (
	"path"
	"slices"
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
		c.found("file-not-shared", at, line+": "+file+" is in no volume of container "+h.name+", so that no other container can make it", fix)
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
		c.found("file-not-shared", at, line+": no other container mounts volume "+m.volume+", which "+file+" is in", fix)
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
		c.found("read-only-path", at, line+": volume "+m.volume+" is mounted read-only at "+m.path, "remove readOnly from the mount, or use another path")
	case ok && (v.at("configMap").there() || v.at("secret").there() || v.at("downwardAPI").there() || v.at("image").there()):
		c.found("read-only-path", at, line+": volume "+m.volume+" at "+m.path+" is of a kind that nobody can write to", "use a path in an emptyDir")
	case !ok && h.container.at("securityContext", "readOnlyRootFilesystem").bool():
		c.found("read-only-path", at, line+": container "+h.name+" has readOnlyRootFilesystem, and no volume at "+dir, "mount an emptyDir there")
	}
}

const ofServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// credentials finds files that are not there: others are brought by those who change pods, into directories of their own.
func (c *checker) credentials(h *hook) {
	if h.reading.Settings[askVariable].Value == "true" && !h.guessed(askVariable) && c.pod.spec.at("automountServiceAccountToken").text() == "false" {
		if _, _, ok := h.mounted(ofServiceAccount + "/token"); !ok {
			c.found("token-not-mounted", h.setting(askVariable), "automountServiceAccountToken is false, and without a token the API server is not asked: the settings count", "automountServiceAccountToken: true, and a Role for the service account")
		}
	}
	if c.pod.cluster != "" {
		return // the operator mounts what it has made
	}
	for name, s := range h.reading.Settings {
		m, rest, mounted := h.mounted(s.Value)
		switch {
		case !strings.HasSuffix(name, "_FILE") || name == "PRE_STOP_SKIP_FILE" || !path.IsAbs(s.Value) || h.guessed(name):
		case mounted:
			c.keyed(h.setting(name), name, c.pod.volume(m.volume).at("secret"), path.Join(m.sub, rest))
		case !elsewhere(s.Value):
			c.found("file-not-mounted", h.setting(name), name+": "+s.Value+" is in no volume of container "+h.name, "mount the Secret that has it, or see the path")
		}
	}
}

// elsewhere tells whether a file is one that comes with an image, or by who changes pods.
func elsewhere(file string) bool {
	return slices.ContainsFunc([]string{"/secrets/", "/ssl/", "/pki/", "/ca-certificates/"}, func(dir string) bool { return strings.Contains(file, dir) })
}

// keyed finds a file of a Secret that has no such key.
func (c *checker) keyed(at node, name string, volume node, key string) {
	o, ok := find(c.pod.in.secrets, volume.at("secretName").text(), c.pod.namespace)
	if ok && !volume.at("items").there() && !strings.Contains(key, "$") && !o.has(key) {
		c.found("file-not-mounted", at, name+": Secret "+o.name+" has no key "+key, "see the key's spelling, and subPath")
	}
}
