package lint

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/phrase"
)

// fileRules are about the files that a hook reads, writes or waits for.
var fileRules = []Rule{
	{"file-not-shared", Warning, "until file or touch where no other container looks", steps(fileNotShared)},
	{"file-not-mounted", Warning, "a password, token, key or certificate file that no volume has", all(plans(settingNotMounted), steps(fileNotMounted))},
	{"token-not-mounted", Warning, "PRE_STOP_ASK_API in a pod that has no token of its service account", plans(tokenNotMounted)},
	{"script-not-runnable", Error, "a hook runs a file of a ConfigMap that is not there, or that nobody may run", containers(scriptNotRunnable)},
	{"read-only-path", Error, "the hook writes to a file system that is read-only", all(plans(readOnlyPath), foreign(readOnlyTouch))},
}

// scriptNotRunnable finds scripts that the volume does not have, and scripts that nobody may run. Files of ConfigMaps have mode 0644 unless
// the volume sets another.
//
// It is a check of containers, since its messages themselves name the ConfigMap, which those of hooks get at their end.
func scriptNotRunnable(c *container, say report) {
	h := c.hook
	if h == nil || h.init {
		return
	}
	if h.script.hasWindowsLines() {
		h.ofScript(say)(h.command(), "the lines of the script end with a carriage return, as on Windows: a shell takes that for a part of the last word, so that commands such as sleep fail",
			"lines that end with a line feed alone, as dos2unix makes them")
	}
	if err := h.script.syntax(); err != nil && h.asWritten() {
		text := "a shell cannot read the script, so that the hook fails"
		if harmless([]string{h.script.text}) { // the error may have words of the script
			text += ": " + err.Error()
		}
		h.ofScript(say)(h.command(), text, "a script that sh -n reads").warn()
	}
	if word := h.script.braced(); word != "" {
		text := "sh is bash in few images: dash and busybox take a word with braces as it is written"
		if harmless([]string{h.script.text}) {
			text += ", as " + word
		}
		h.ofScript(say)(h.command(), text, "$(seq 1 9) for {1..9}, and each name for {a,b}; or bash, in an image that has it").warn()
	}
	for _, r := range h.runs() {
		file, itself := r.started()
		f := h.projected(file)
		if file == "" || f.from == nil || strings.Contains(f.sub, "$") || f.key == "" {
			continue
		}
		switch name := f.from.Name; {
		case f.missing():
			say(r.at, file+" is not there: the volume "+f.Name+" of ConfigMap "+name+" has no key "+f.key, h.keyOf(f, file, r))
		case itself && f.mode&0o111 == 0:
			say(r.at, fmt.Sprintf("%s of ConfigMap %s has mode %04o, so that nobody may run it", file, name, f.mode), h.runnable(f))
		}
	}
}

// started is the file that a command starts. itself tells whether the file is run as a program; else a shell reads it.
func (r run) started() (file string, itself bool) {
	s := r.script
	switch c, ok := s.only(); {
	case s.source != "" && s.file == "":
		return strings.TrimSpace(strings.Join(r.words[slices.IndexFunc(r.words, isScriptOption)+1:], " ")), true
	case s.source == "" && s.text != "" && ok:
		return c.words[0], true
	}
	return s.file, s.shell == ""
}

// keyOf is the command with the key that is probably meant; else a sentence.
func (h *preStop) keyOf(f projected, file string, r run) string {
	if f.of != nil && f.sub == "" && !f.items {
		if near := phrase.Nearest(f.key, slices.Sorted(maps.Keys(f.of.data))); near != "" && r.step == nil {
			words := slices.Clone(r.words)
			for i := range words {
				words[i] = strings.Replace(words[i], file, path.Join(f.path, near), 1)
			}
			return commandFix(words, path.Join(f.path, near)+" instead")
		}
	}
	return "a file that it has"
}

// runnable is the volume with a mode by which its files can be run; else a sentence.
func (h *preStop) runnable(f projected) string {
	hasMode := func(item node) bool { return item.at("mode").there() }
	for _, v := range h.pod.place.at("spec", "volumes").items() {
		config := v.at("configMap")
		if config.there() && v.at("name").text() == f.Name && harmless(v.words()) && !slices.ContainsFunc(config.at("items").items(), hasMode) {
			mode := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: "0755"}
			changed := v.with("configMap", plainCopy(config.with("defaultMode", mode)))
			return below(node{&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{changed.Node}}, v.file}, "volumes")
		}
	}
	return "mode 0755, or a shell before it, as in sh and the file"
}

// fileNotShared finds a wait for a file that no other container can make.
func fileNotShared(h *preStop, s *entry, say report) {
	file := s.needs.Awaits
	if file == "" || s.guess {
		return
	}
	const fix = "mount a volume (emptyDir) in both containers, and let the file be in there"
	m, ok := h.mounted(path.Dir(file))
	mounts := func(c *container) bool { return c != h.container && !c.init }
	switch {
	case !ok && path.Dir(file) != "/dev/shm":
		say(s.at, s.Line+": "+file+" is in no volume of container "+h.Name+", so that no other container can make it", fix)
	case ok && h.pod.volumes[m.Name] != nil && len(h.pod.running) > 1 && !slices.ContainsFunc(h.pod.mounting[m.Name], mounts):
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
	c := h.reading.config
	for name, value := range map[string]string{"PRE_STOP_LOG_TO": c.LogTo.V, "PRE_STOP_STATE_DIR": c.StateDir.V} {
		file := value
		if name == "PRE_STOP_STATE_DIR" {
			file += "/state"
		}
		if strings.HasPrefix(value, "/") && !h.guessed(name) {
			h.readOnly(h.setting(name), name+"="+value, file, say)
		}
	}
}

// readOnlyTouch finds a file that somebody else's hook cannot make. The rest of such a hook may be done all the same.
func readOnlyTouch(h *preStop, say report) {
	if h.script.branches || !h.asWritten() {
		return
	}
	for _, c := range h.script.commands {
		if c.program() == "touch" && len(c.words) == 2 && !c.otherwise && path.IsAbs(c.words[1]) && !strings.ContainsAny(c.words[1], "$`*?") {
			h.readOnly(h.command(), "touch "+c.words[1], c.words[1], func(at node, message, fix string) *Finding {
				return say(at, message, fix).warn()
			})
		}
	}
}

// readOnly reports a file that the hook cannot write.
func (h *preStop) readOnly(at node, line, file string, say report) {
	dir := path.Dir(file)
	m, ok := h.mounted(dir)
	switch {
	case strings.HasPrefix(file, "/dev/") || strings.HasPrefix(file, "/proc/"):
	case ok && m.ReadOnly:
		say(at, line+": volume "+m.Name+" is mounted read-only at "+m.path, "remove readOnly from the mount, or use another path")
	case ok && neverWritable(h.pod.volumes[m.Name]):
		say(at, line+": volume "+m.Name+" at "+m.path+" is of a kind that nobody can write to", "use a path in an emptyDir")
	case !ok && h.readOnlyRoot():
		say(at, line+": container "+h.Name+" has readOnlyRootFilesystem, and no volume at "+dir, "mount an emptyDir there")
	}
}

func neverWritable(v *corev1.Volume) bool {
	return v != nil && (v.ConfigMap != nil || v.Secret != nil || v.DownwardAPI != nil || v.Projected != nil || v.Image != nil)
}

func (c *container) readOnlyRoot() bool {
	s := c.SecurityContext
	return s != nil && s.ReadOnlyRootFilesystem != nil && *s.ReadOnlyRootFilesystem
}

func tokenNotMounted(h *preStop, say report) {
	const file = "/var/run/secrets/kubernetes.io/serviceaccount/token"
	mounts := h.pod.Spec.AutomountServiceAccountToken
	if !h.reading.config.AskAPI.V || h.guessed(askVariable) || mounts == nil || *mounts {
		return
	}
	if _, ok := h.mounted(file); !ok {
		say(h.setting(askVariable), "automountServiceAccountToken is false, and without a token the API server is not asked: the settings count",
			"automountServiceAccountToken: true # and a Role for the service account")
	}
}

// settingNotMounted finds files of settings that no volume has. It leaves out files that come from programs which change pods: these bring
// them into directories of their own. ECK's operator mounts what it has made.
func settingNotMounted(h *preStop, say report) {
	for name, s := range h.reading.set {
		file := s.Shown()
		if h.pod.cluster != "" || !strings.HasSuffix(name, "_FILE") || name == "PRE_STOP_SKIP_FILE" || !path.IsAbs(file) || h.guessed(name) {
			continue
		}
		if m, mounted := h.mounted(file); mounted {
			h.keyed(m, h.setting(name), name, say)
		} else if !broughtAlong(file) {
			say(h.setting(name), name+": "+file+" is in no volume of container "+h.Name, "mount the Secret that has it, or see the path")
		}
	}
}

// fileNotMounted finds files of steps that no volume has, in a pod with a volume for them.
func fileNotMounted(h *preStop, s *entry, say report) {
	if h.pod.cluster != "" || s.guess {
		return
	}
	for _, file := range s.needs.Reads {
		if m, mounted := h.mounted(file); mounted {
			h.keyed(m, s.at, s.Line, say)
		} else if idle := h.pod.idle(); idle != "" {
			say(s.at, s.Line+": "+file+" is in no volume of container "+h.Name+", and no container mounts volume "+idle,
				mountLines(idle, path.Dir(file)))
		}
	}
}

// idle is a volume of files that no container mounts; empty: there is none. An image may have any other file that a step reads.
func (p *pod) idle() string {
	for _, v := range p.Spec.Volumes {
		if len(p.mounting[v.Name]) == 0 && (v.Secret != nil || v.ConfigMap != nil || v.Projected != nil) {
			return v.Name
		}
	}
	return ""
}

// broughtAlong tells whether a file comes with an image, or from a program that changes pods.
func broughtAlong(file string) bool {
	return containsAny(file, "/secrets/", "/ssl/", "/pki/", "/ca-certificates/")
}

// keyed reports a file of a Secret's volume if there is no such key.
func (h *preStop) keyed(m mount, at node, name string, say report) {
	v := h.pod.volumes[m.Name]
	key := path.Join(m.sub, m.rest)
	if v == nil || v.Secret == nil || strings.Contains(key, "$") {
		return
	}
	o := h.pod.of.secret(v.Secret.SecretName)
	is := func(item corev1.KeyToPath) bool { return path.Clean(item.Path) == key }
	switch items := v.Secret.Items; {
	case len(items) > 0 && !slices.ContainsFunc(items, is):
		say(at, name+": the items of the volume of Secret "+v.Secret.SecretName+" have no path "+key, "see the path's spelling, and subPath")
	case len(items) == 0 && o != nil && !o.has(key):
		say(at, name+": Secret "+o.name+" has no key "+key, "see the key's spelling, and subPath")
	}
}
