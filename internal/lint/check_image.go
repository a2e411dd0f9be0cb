package lint

import (
	"path"
	"slices"
	"strings"
)

// programs looks at the programs that a hook runs, in the container's image.
func (c *checker) programs(h *hook, at node, s script) {
	bare := bareImage(h.image)
	if bare == "" {
		if h.reading != nil {
			c.processOne(h, at, s)
		}
		return
	}
	var used []string
	if s.shell != "" {
		used = append(used, s.shell)
	} else if len(s.commands) > 0 && len(s.commands[0].words) > 0 {
		used = append(used, s.commands[0].words[0])
	}
	for _, file := range used {
		if _, _, mounted := h.mounted(file); mounted || !slices.Contains(tools, path.Base(file)) {
			continue
		}
		c.found("program-not-in-image", at, "the hook runs "+path.Base(file)+", and image "+h.image+" is "+bare+": it has no such program, so that the hook fails at once",
			"command: [/prestop, …], with the binary from a volume; or preStop: {sleep: {seconds: 20}} from Kubernetes 1.30 on")
	}
}

// tools are programs that a distribution brings and an app does not.
var tools = []string{"sh", "bash", "ash", "dash", "zsh", "ksh", "busybox", "curl", "wget", "sleep", "kill", "pkill", "killall", "touch", "nc", "cat", "echo", "env", "timeout", "test", "true"}

// bareImage says what an image is that certainly has none of the tools; empty: it may have them.
func bareImage(image string) string {
	name, _, _ := strings.Cut(image, "@")
	slash := strings.LastIndexByte(name, '/')
	repository, tag := name, ""
	if colon := strings.LastIndexByte(name, ':'); colon > slash {
		repository, tag = name[:colon], name[colon+1:]
	}
	whole := strings.ToLower(repository + ":" + tag)
	if strings.Contains(tag, "debug") || strings.HasSuffix(tag, "-dev") || strings.Contains(repository, "debug") {
		return ""
	}
	words := strings.FieldsFunc(whole, func(r rune) bool { return strings.ContainsRune("/:-_.", r) })
	switch {
	case strings.Contains(whole, "distroless"):
		return "distroless"
	case slices.Contains(words, "scratch") || strings.HasSuffix("/"+repository, "/prestop/prestop"):
		return "made from scratch"
	case strings.HasSuffix(repository, "chainguard/static") || strings.HasSuffix(repository, "chainguard/glibc-dynamic"):
		return "without a shell"
	}
	return ""
}
