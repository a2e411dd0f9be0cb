package lint

import (
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// fileRules are about the files that a hook reads, writes or waits for.
func fileRules() []Rule {
	return []Rule{
		{"file-not-shared", Warning, "until file or touch where no other container looks", steps(fileNotShared)},
		{"file-not-mounted", Warning, "a password, token, key or certificate file that no volume has", plans(fileNotMounted)},
		{"token-not-mounted", Warning, "PRE_STOP_ASK_API in a pod that has no token of its service account", plans(tokenNotMounted)},
		{"read-only-path", Error, "the hook writes to a file system that is read-only", plans(readOnlyPath)},
	}
}

// fileNotShared finds a wait for a file that no other container can make.
func fileNotShared(h *preStop, s *entry, say report) {
	file := s.needs.Awaits
	if file == "" || s.guess {
		return
	}
	const fix = "mount a volume (emptyDir) in both containers, and let the file be in there"
	m, ok := h.mounted(path.Dir(file))
	switch {
	case !ok && path.Dir(file) != "/dev/shm":
		say(s.at, s.Line+": "+file+" is in no volume of container "+h.Name+", so that no other container can make it", fix)
	case ok && h.pod.volumes[m.Name] != nil && len(h.pod.running) > 1 && !slices.ContainsFunc(h.pod.mounting[m.Name], func(c *container) bool { return c != h.container && !c.init }):
		say(s.at, s.Line+": no other container mounts volume "+m.Name+", which "+file+" is in", fix)
	}
}

func readOnlyPath(h *preStop, say report) {
	for _, s := range h.entries() {
		for _, file := range slices.Concat(s.needs.Writes, s.needs.Removes) {
			if !s.guess {
				h.readOnly(s.at, s.Line, file, say)
			}
		}
	}
	for name, value := range map[string]string{"PRE_STOP_LOG_TO": h.reading.config.LogTo.V, "PRE_STOP_STATE_DIR": h.reading.config.StateDir.V} {
		if strings.HasPrefix(value, "/") && !h.guessed(name) {
			h.readOnly(h.setting(name), name+"="+value, value, say)
		}
	}
}

// readOnly finds what cannot be written.
func (h *preStop) readOnly(at node, line, file string, say report) {
	dir := path.Dir(file)
	if strings.HasPrefix(file, "/dev/") || strings.HasPrefix(file, "/proc/") {
		return
	}
	m, ok := h.mounted(dir)
	switch v := h.pod.volumes[m.name()]; {
	case ok && m.ReadOnly:
		say(at, line+": volume "+m.Name+" is mounted read-only at "+m.path, "remove readOnly from the mount, or use another path")
	case ok && v != nil && (v.ConfigMap != nil || v.Secret != nil || v.DownwardAPI != nil || v.Image != nil):
		say(at, line+": volume "+m.Name+" at "+m.path+" is of a kind that nobody can write to", "use a path in an emptyDir")
	case !ok && h.SecurityContext != nil && h.SecurityContext.ReadOnlyRootFilesystem != nil && *h.SecurityContext.ReadOnlyRootFilesystem:
		say(at, line+": container "+h.Name+" has readOnlyRootFilesystem, and no volume at "+dir, "mount an emptyDir there")
	}
}

func tokenNotMounted(h *preStop, say report) {
	const file = "/var/run/secrets/kubernetes.io/serviceaccount/token"
	mounts := h.pod.Spec.AutomountServiceAccountToken
	if !h.reading.config.AskAPI.V || h.guessed(askVariable) || mounts == nil || *mounts {
		return
	}
	if _, ok := h.mounted(file); !ok {
		say(h.setting(askVariable), "automountServiceAccountToken is false, and without a token the API server is not asked: the settings count", "automountServiceAccountToken: true # and a Role for the service account")
	}
}

// fileNotMounted finds files that are not there: others are brought by those who change pods, into directories of their own.
func fileNotMounted(h *preStop, say report) {
	if h.pod.cluster != "" {
		return // the operator mounts what it has made
	}
	for name, s := range h.reading.set {
		file := s.Shown()
		if !strings.HasSuffix(name, "_FILE") || name == "PRE_STOP_SKIP_FILE" || !path.IsAbs(file) || h.guessed(name) {
			continue
		}
		m, mounted := h.mounted(file)
		switch {
		case mounted:
			if v := h.pod.volumes[m.Name]; v != nil && v.Secret != nil {
				h.keyed(h.setting(name), name, v.Secret, path.Join(m.sub, m.rest), say)
			}
		case !broughtAlong(file):
			say(h.setting(name), name+": "+file+" is in no volume of container "+h.Name, "mount the Secret that has it, or see the path")
		}
	}
}

// broughtAlong tells whether a file is one that comes with an image, or by who changes pods.
func broughtAlong(file string) bool {
	return slices.ContainsFunc([]string{"/secrets/", "/ssl/", "/pki/", "/ca-certificates/"}, func(dir string) bool { return strings.Contains(file, dir) })
}

// keyed finds a file of a Secret that has no such key.
func (h *preStop) keyed(at node, name string, volume *corev1.SecretVolumeSource, key string, say report) {
	o := named(h.pod.of.in.secrets, volume.SecretName, h.pod.of.namespace)
	if o != nil && len(volume.Items) == 0 && !strings.Contains(key, "$") && !o.has(key) {
		say(at, name+": Secret "+o.name+" has no key "+key, "see the key's spelling, and subPath")
	}
}
