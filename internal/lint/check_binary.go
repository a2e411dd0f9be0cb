package lint

import (
	"path"
	"slices"
	"strings"
)

// binary looks where the binary of a container's hooks and probes comes from.
func (c *checker) binary(ct *container) {
	seen := ""
	for _, where := range [][]string{{"lifecycle", "preStop"}, {"lifecycle", "postStart"}, {"startupProbe"}, {"readinessProbe"}, {"livenessProbe"}} {
		words := ct.at(where...).at("exec", "command").items()
		if len(words) == 0 || words[0].text() == seen || !path.IsAbs(words[0].text()) || !ct.runsPrestop(c.pod, words[0].text()) {
			continue
		}
		seen = words[0].text()
		c.provided(ct, words[0])
	}
}

// provided finds a path that nothing provides.
func (c *checker) provided(ct *container, at node) {
	file := path.Clean(at.text())
	m, rest, mounted := ct.mounted(file)
	if !mounted {
		c.notMounted(ct, at, file)
		return
	}
	v := c.pod.volume(m.volume)
	switch {
	case v.Node == nil && !c.claims(m.volume):
		c.found("binary-not-mounted", m.node, "the pod has no volume "+m.volume+", which "+file+" is to be in", "volumes:\n- name: "+m.volume+"\n  emptyDir: {}")
	case v.at("emptyDir").Node != nil:
		c.installed(at, m, rest, file)
	case v.at("image").there() && isOurImage(v.at("image", "reference").text()) && rest != program && m.sub == "":
		c.found("binary-not-mounted", at, "in the image volume at "+m.path+" the binary is "+path.Join(m.path, program), "command: ["+path.Join(m.path, program)+", …]")
	}
}

// claims tells whether the pod's owner brings a volume.
func (c *checker) claims(name string) bool {
	return c.pod.kind == "Elasticsearch" || slices.Contains(c.pod.owner.at("spec", "volumeClaimTemplates").texts("metadata", "name"), name)
}

func isOurImage(image string) bool {
	return strings.Contains(image, program)
}

// ofImages are directories that an image's own programs are in.
var ofImages = []string{"bin", "sbin", "usr", "opt", "app", "home", "srv", "lib", "root"}

// notMounted looks at a path that is in no volume: the image may have it, unless the pod means to bring it.
func (c *checker) notMounted(ct *container, at node, file string) {
	for _, i := range c.pod.inits {
		for _, dest := range i.installs() {
			m, rest, ok := i.mounted(dest)
			if ok && path.Base(dest) == path.Base(file) {
				c.found("binary-not-mounted", at, "init container "+i.name+" installs the binary into volume "+m.volume+", and container "+ct.name+" does not mount it where "+file+" would be",
					"volumeMounts:\n- {name: "+m.volume+", mountPath: "+mountPath(file, rest)+", readOnly: true}")
				return
			}
		}
	}
	for _, v := range c.pod.spec.at("volumes").items() {
		if isOurImage(v.at("image", "reference").text()) {
			c.found("binary-not-mounted", at, "volume "+v.at("name").text()+" is prestop's image, and container "+ct.name+" does not mount it where "+file+" would be",
				"volumeMounts:\n- {name: "+v.at("name").text()+", mountPath: "+path.Dir(file)+"}")
			return
		}
	}
	if parts := strings.Split(file, "/"); len(parts) > 2 && !slices.Contains(ofImages, parts[1]) {
		c.suspected("binary-not-mounted", at, "no volume is mounted at "+path.Dir(file)+": the hook's binary is there only if the image has it",
			"mount the volume that an init container installs it into, or put it into the image: COPY --from=prestop/prestop:1 /prestop "+file)
	}
}

// mountPath is where a volume must be mounted for a file to be found, whose path in the volume is rest.
func mountPath(file, rest string) string {
	if dir, ok := strings.CutSuffix(file, "/"+rest); ok && dir != "" {
		return dir
	}
	return path.Dir(file)
}

// installs are the paths that a container installs the binary to.
func (c *container) installs() []string {
	var words []string
	for _, where := range []string{"command", "args"} {
		words = append(words, c.node.at(where).texts()...)
	}
	if len(words) == 0 || path.Base(words[0]) != program && (!isOurImage(c.image) || c.at("command").there()) {
		return nil
	}
	i := slices.Index(words, "install")
	if i < 0 || i+1 >= len(words) {
		return nil
	}
	dest := words[i+1]
	if _, rest, ok := c.mounted(dest); strings.HasSuffix(dest, "/") || ok && rest == "" {
		dest = path.Join(dest, program)
	}
	return []string{path.Clean(dest)}
}

// installed looks at a volume that is empty when the pod begins. Whoever else mounts it may fill it.
func (c *checker) installed(at node, m mount, rest, file string) {
	fix := "initContainers:\n- name: install-prestop\n  image: prestop/prestop:1\n  args: [install, " + m.path + "/]\n  volumeMounts:\n  - {name: " + m.volume + ", mountPath: " + m.path + "}"
	var wrong string
	for _, i := range c.pod.inits {
		for _, own := range i.mounts {
			if own.volume != m.volume {
				continue
			}
			all := i.installs()
			if len(all) == 0 && bareImage(i.image) == "" || strings.Contains(own.sub+m.sub, "$") {
				return // a program, or a place, that we do not know
			}
			if len(all) == 0 {
				wrong = "init container " + i.name + " does not run prestop install " + own.path + "/"
			}
			for _, dest := range all {
				switch at, inside, _ := i.mounted(dest); {
				case at.volume == m.volume && path.Join(at.sub, inside) == path.Join(m.sub, rest) && !own.readOnly:
					return
				case at.volume == m.volume && own.readOnly:
					wrong = "init container " + i.name + " mounts volume " + m.volume + " read-only, and cannot install " + rest + " there"
				case at.volume == m.volume:
					wrong = "init container " + i.name + " installs " + path.Join(at.sub, inside) + ", and the hook runs " + path.Join(m.sub, rest) + " of the same volume"
				default:
					wrong = "init container " + i.name + " installs to " + dest + ", which is not in volume " + m.volume
				}
			}
		}
	}
	for _, other := range c.pod.running() {
		if other.native && slices.ContainsFunc(other.mounts, func(o mount) bool { return o.volume == m.volume && !o.readOnly }) && len(other.installs()) == 0 && !slices.ContainsFunc(other.mounts, func(o mount) bool { return o.node == m.node }) {
			return
		}
	}
	if wrong == "" {
		wrong = "volume " + m.volume + " is empty when the pod begins, and no init container installs the binary into it"
	}
	c.found("binary-not-installed", at, file+" will not be there: "+wrong, fix)
}
