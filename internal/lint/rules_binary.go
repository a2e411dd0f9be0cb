package lint

import (
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// binaryRules are about where the binary comes from.
var binaryRules = []Rule{
	{"windows-pod", Error, "a hook of prestop's in a pod for Windows, where the binary does not run", containers(windowsPod)},
	{"binary-not-mounted", Error, "the hook's binary is in a volume that the container does not mount there", containers(binaryNotMounted)},
	{"binary-not-installed", Error, "the hook's binary is in a volume that nothing puts it into", containers(binaryNotInstalled)},
}

func binaryNotMounted(c *container, say report) {
	for _, e := range c.binaries() {
		if m, mounted := c.mounted(e.words[0]); mounted {
			c.holds(m, e, say)
		} else {
			c.notMounted(e, say)
		}
	}
}

func binaryNotInstalled(c *container, say report) {
	for _, e := range c.binaries() {
		m, mounted := c.mounted(e.words[0])
		if v := c.pod.volumes[m.Name]; mounted && v != nil && v.EmptyDir != nil {
			c.notInstalled(m, e, say)
		}
	}
}

// binaries are the commands of the container's hooks and probes that run prestop's binary by its path. Their place is that of
// the path.
func (c *container) binaries() []executed {
	var all []executed
	seen := ""
	for _, e := range c.executed() {
		if file := e.words[0]; file != seen && path.IsAbs(file) && c.runsPrestop(file) {
			seen = file
			all = append(all, executed{e.by, e.at.at(0), append([]string{path.Clean(file)}, e.words[1:]...)})
		}
	}
	return all
}

// holds finds a volume that does not have the binary.
func (c *container) holds(m mount, e executed, say report) {
	v := c.pod.volumes[m.Name]
	switch {
	case v == nil && !c.pod.claims(m.Name):
		fix := c.volumeLines(m)
		for name, inside := range c.pod.bringing() {
			if inside == m.rest {
				fix = mountLines(name, m.path) + " # instead of " + m.Name
			}
		}
		say(c.mountNode(m), "the pod has no volume "+m.Name+", which "+e.words[0]+" is to be in", fix)
	case v != nil && v.Image != nil && isOurImage(v.Image.Reference) && m.rest != program && m.sub == "":
		say(e.at, "in the image volume at "+m.path+" the binary is "+path.Join(m.path, program), e.otherBinary(path.Join(m.path, program)))
	}
}

// otherBinary is the command with the binary at another path.
func (e executed) otherBinary(file string) string {
	return commandFix(append([]string{file}, e.words[1:]...), file+" instead")
}

// mountLines are lines by which a container mounts a volume.
func mountLines(volume, dir string) string {
	return "volumeMounts:\n- {name: " + volume + ", mountPath: " + dir + ", readOnly: true}"
}

// volumeLines are lines that make a volume into which an init container installs the binary.
func (c *container) volumeLines(m mount) string {
	volume := "volumes:\n- {name: " + m.Name + ", emptyDir: {}}"
	if c.pod.fills(m.Name) {
		return volume
	}
	return volume + "\n" + c.installLines(m)
}

// installLines are lines by which an init container installs the binary into a volume. If an init container has prestop's image already, it
// stays, with its image.
func (c *container) installLines(m mount) string {
	dir := path.Join(m.path, path.Dir(m.rest))
	name, runs := "install-prestop", "  image: prestop/prestop:1\n  args: [install, "+dir+"/]\n"
	for _, i := range c.pod.mounting[m.Name] {
		switch {
		case !i.init || !isOurImage(i.Image):
		case len(i.Command) > 0:
			name, runs = i.Name, "  command: [/prestop, install, "+dir+"/]\n  args: []\n"
		default:
			name, runs = i.Name, "  args: [install, "+dir+"/]\n"
		}
	}
	sub := ""
	if m.sub != "" {
		sub = ", subPath: " + m.sub
	}
	return "initContainers:\n- name: " + name + "\n" + runs + "  volumeMounts:\n  - {name: " + m.Name + ", mountPath: " + m.path + sub + "}"
}

// fills tells whether an init container installs the binary into a volume.
func (p *pod) fills(volume string) bool {
	return slices.ContainsFunc(p.installers, func(i *container) bool {
		to, ok := i.mounted(i.installs())
		return ok && to.Name == volume
	})
}

// claims tells whether the pod's owner brings a volume.
func (p *pod) claims(name string) bool {
	return p.of.kind == "Elasticsearch" || slices.ContainsFunc(p.claimed, func(c corev1.PersistentVolumeClaim) bool { return c.Name == name })
}

// ofImages are directories that an image's own programs are in.
var ofImages = []string{"bin", "sbin", "usr", "opt", "app", "home", "srv", "lib", "root"}

// InjectedVolume is the volume with the binary that kubectl prestop inject and policies put into pods.
const InjectedVolume = "prestop-injected"

// notMounted looks at a path that is in no volume: the image may have it, unless the pod means to bring it.
func (c *container) notMounted(e executed, say report) {
	file, volumes := e.words[0], c.pod.bringing()
	for _, name := range slices.Sorted(maps.Keys(volumes)) {
		inside := volumes[name]
		if path.Base(inside) != path.Base(file) || name == InjectedVolume && file == "/"+program {
			continue // inject keeps a hook whose binary is in the image
		}
		dir := mountPath(file, inside)
		fix := mountLines(name, dir)
		if dir == "/" { // where nothing can be mounted
			dir = "/opt/prestop"
			fix = mountLines(name, dir) + "\n" + e.otherBinary(path.Join(dir, inside))
		}
		if right, lacks := c.binary(); lacks == "" && right != file && right != "/"+program {
			fix = e.otherBinary(right) // which is mounted elsewhere
		}
		text := "volume " + name + " has the binary, and container " + c.Name + " does not mount it where " + file + " would be"
		forOthers := slices.ContainsFunc(c.pod.mounting[name], func(other *container) bool { return !other.init })
		if file == "/"+program && forOthers && !slices.Contains(c.pod.mounting[name], c) {
			say(e.at, text+", unless its image has it", fix).warn()
			return
		}
		say(e.at, text, fix)
		return
	}
	if parts := strings.Split(file, "/"); len(parts) > 2 && !slices.Contains(ofImages, parts[1]) {
		say(e.at, "no volume is mounted at "+path.Dir(file)+": the hook's binary is there only if the image has it",
			c.bringLines(file)+"\n# or in the Dockerfile: COPY --from=prestop/prestop:1 /prestop "+file).warn()
	}
}

// bringing are the volumes that have the binary, and its path in each.
func (p *pod) bringing() map[string]string {
	all := map[string]string{}
	for _, i := range p.installers {
		if m, ok := i.mounted(i.installs()); ok && m.sub == "" {
			all[m.Name] = m.rest
		}
	}
	for name, v := range p.volumes {
		if v.Image != nil && isOurImage(v.Image.Reference) {
			all[name] = program
		}
	}
	return all
}

// binary is the path of prestop's binary for a container. If the pod has the binary in a volume, the path is in there, and needs is the
// mount that the container lacks. Else it is the path that images have.
func (c *container) binary() (file, needs string) {
	volumes := c.pod.bringing()
	for _, other := range slices.Concat([]*container{c}, c.pod.running) {
		for _, m := range other.VolumeMounts {
			inside, has := volumes[m.Name]
			if !has || m.SubPath != "" {
				continue
			}
			if other != c {
				needs = "\n" + mountLines(m.Name, m.MountPath)
			}
			return path.Join(m.MountPath, inside), needs
		}
	}
	return "/" + program, ""
}

// bringLines are lines by which the pod brings the binary: in a volume that another container mounts there, or in a volume of its own.
func (c *container) bringLines(file string) string {
	for _, other := range c.pod.running {
		m, ok := other.mounted(file)
		if v := c.pod.volumes[m.Name]; ok && m.sub == "" && v != nil && v.EmptyDir == nil {
			return mountLines(m.Name, m.path)
		}
	}
	name := program
	if c.pod.volumes[name] != nil {
		name = "prestop-binary"
	}
	dir := path.Dir(file)
	m := mount{VolumeMount: corev1.VolumeMount{Name: name}, path: dir, rest: path.Base(file)}
	return c.volumeLines(m) + "\n" + mountLines(name, dir)
}

// mountPath is where a volume must be mounted so that its file rest is found as file.
func mountPath(file, rest string) string {
	if dir, ok := strings.CutSuffix(file, "/"+rest); ok && dir != "" {
		return dir
	}
	return path.Dir(file)
}

// installs is the path to which a container installs the binary; empty: it does not.
func (c *container) installs() string {
	words := slices.Concat(c.Command, c.Args)
	if len(words) == 0 || path.Base(words[0]) != program && (!isOurImage(c.Image) || c.at("command").there()) {
		return ""
	}
	i := slices.Index(words, "install")
	if i < 0 || i+1 >= len(words) {
		return ""
	}
	dest := words[i+1]
	if m, ok := c.mounted(dest); strings.HasSuffix(dest, "/") || ok && m.rest == "" {
		dest = path.Join(dest, program)
	}
	return path.Clean(dest)
}

// notInstalled looks at a volume that is empty when the pod begins. Whoever else mounts it may fill it.
func (c *container) notInstalled(m mount, e executed, say report) {
	fix := c.installLines(m)
	wrong := "volume " + m.Name + " is empty when the pod begins, and no init container installs the binary into it"
	needs := path.Join(m.sub, m.rest)
	for _, other := range c.pod.mounting[m.Name] {
		inside, why := other.installsInto(m)
		switch {
		case other.mayFill(m) || other.init && why == "" && inside == needs:
			return
		case !other.init:
		case why != "":
			wrong = why
		default:
			wrong = "init container " + other.Name + " installs " + inside + ", and the hook runs " + needs + " of the same volume"
			if below, ok := strings.CutPrefix("/"+inside, strings.TrimSuffix(path.Join("/", m.sub), "/")+"/"); ok {
				fix = e.otherBinary(path.Join(m.path, below))
			}
		}
	}
	say(e.at, e.words[0]+" will not be there: "+wrong, fix)
}

// mayFill tells whether a container may put the binary into a volume in a way that is not known here: by a program of its own, or in a
// directory whose name is not known.
func (c *container) mayFill(m mount) bool {
	unknown := c.installs() == ""
	if !c.init {
		writes := func(own corev1.VolumeMount) bool { return own.Name == m.Name && !own.ReadOnly }
		return c.native && unknown && slices.ContainsFunc(c.VolumeMounts, writes)
	}
	return unknown && bareImage(c.Image) == "" || strings.Contains(m.sub, "$") || slices.ContainsFunc(c.VolumeMounts, func(own corev1.VolumeMount) bool {
		return own.Name == m.Name && strings.Contains(own.SubPath+own.SubPathExpr, "$")
	})
}

// installsInto is the path, inside a volume, to which an init container installs the binary; or why that does not get there.
func (c *container) installsInto(m mount) (inside, wrong string) {
	dest := c.installs()
	to, _ := c.mounted(dest)
	own := c.VolumeMounts[slices.IndexFunc(c.VolumeMounts, func(own corev1.VolumeMount) bool { return own.Name == m.Name })]
	switch {
	case dest == "":
		return "", "init container " + c.Name + " does not run prestop install " + own.MountPath + "/"
	case to.Name != m.Name:
		return "", "init container " + c.Name + " installs to " + dest + ", which is not in volume " + m.Name
	case to.ReadOnly:
		return "", "init container " + c.Name + " mounts volume " + m.Name + " read-only, and cannot install " + m.rest + " there"
	}
	return path.Join(to.sub, to.rest), ""
}

// OnWindows tells whether a pod runs on Windows, as far as its spec says so.
func OnWindows(spec corev1.PodSpec) bool {
	return spec.OS != nil && spec.OS.Name == corev1.Windows || spec.NodeSelector[corev1.LabelOSStable] == string(corev1.Windows)
}

func windowsPod(c *container, say report) {
	if c.hook != nil && c.hook.reading != nil && OnWindows(c.pod.Spec) {
		say(c.hook.command(), "the pod runs on Windows, and prestop is a binary for Linux: the hook fails at once", windowsHook)
	}
}
