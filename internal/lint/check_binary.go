package lint

import (
	"fmt"
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
	case v.Node == nil && c.pod.spec.at("volumes").there() && !c.claims(m.volume):
		c.found("binary-not-mounted", m.node, fmt.Sprintf("the pod has no volume %s, which %s is to be in", m.volume, file), "volumes:\n- name: "+m.volume+"\n  emptyDir: {}")
	case v.at("emptyDir").Node != nil:
		c.installed(at, m, rest, file)
	case v.at("image").there() && isOurImage(v.at("image", "reference").text()) && rest != program && m.sub == "":
		c.found("binary-not-mounted", at, fmt.Sprintf("in the image volume at %s the binary is %s", m.path, path.Join(m.path, program)), "command: ["+path.Join(m.path, program)+", …]")
	}
}

// claims tells whether a StatefulSet brings a volume.
func (c *checker) claims(name string) bool {
	return c.pod.kind == "StatefulSet" || c.pod.kind == "Elasticsearch"
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
				c.found("binary-not-mounted", at, fmt.Sprintf("init container %s installs the binary into volume %s, and container %s does not mount it where %s would be", i.name, m.volume, ct.name, file),
					fmt.Sprintf("volumeMounts:\n- {name: %s, mountPath: %s, readOnly: true}", m.volume, mountPath(file, rest)))
				return
			}
		}
	}
	for _, v := range c.pod.spec.at("volumes").items() {
		if isOurImage(v.at("image", "reference").text()) {
			c.found("binary-not-mounted", at, fmt.Sprintf("volume %s is prestop's image, and container %s does not mount it where %s would be", v.at("name").text(), ct.name, file),
				fmt.Sprintf("volumeMounts:\n- {name: %s, mountPath: %s}", v.at("name").text(), path.Dir(file)))
			return
		}
	}
	if parts := strings.Split(file, "/"); len(parts) > 2 && !slices.Contains(ofImages, parts[1]) {
		c.suspected("binary-not-mounted", at, fmt.Sprintf("no volume is mounted at %s: the hook's binary is there only if the image has it", path.Dir(file)),
			fmt.Sprintf("mount the volume that an init container installs it into, or put it into the image: COPY --from=prestop/prestop:1 /prestop %s", file))
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
		for _, n := range c.node.at(where).items() {
			words = append(words, n.text())
		}
	}
	if !isOurImage(c.image) && (len(words) == 0 || path.Base(words[0]) != program) {
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
	fix := fmt.Sprintf("initContainers:\n- name: install-prestop\n  image: prestop/prestop:1\n  args: [install, %s/]\n  volumeMounts:\n  - {name: %s, mountPath: %s}", m.path, m.volume, m.path)
	var wrong string
	for _, i := range c.pod.inits {
		for _, own := range i.mounts {
			if own.volume != m.volume {
				continue
			}
			all := i.installs()
			if len(all) == 0 && !isOurImage(i.image) {
				return // a program that we do not know
			}
			if own.sub != m.sub {
				return
			}
			for _, dest := range all {
				switch at, inside, _ := i.mounted(dest); {
				case at.volume == m.volume && inside == rest && !own.readOnly:
					return
				case at.volume == m.volume && own.readOnly:
					wrong = fmt.Sprintf("init container %s mounts volume %s read-only, and cannot install %s there", i.name, m.volume, rest)
				case at.volume == m.volume:
					wrong = fmt.Sprintf("init container %s installs %s, and the hook runs %s of the same volume", i.name, inside, rest)
				default:
					wrong = fmt.Sprintf("init container %s installs to %s, which is not in volume %s", i.name, dest, m.volume)
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
		wrong = fmt.Sprintf("volume %s is empty when the pod begins, and no init container installs the binary into it", m.volume)
	}
	c.found("binary-not-installed", at, fmt.Sprintf("%s will not be there: %s", file, wrong), fix)
}
