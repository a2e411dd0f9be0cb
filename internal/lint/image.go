package lint

import (
	"slices"
	"strings"
)

// imageParts are an image's repository and its tag, without its digest. The tag may be empty.
func imageParts(image string) (repository, tag string) {
	image, _, _ = strings.Cut(image, "@")
	if colon := strings.LastIndexByte(image, ':'); colon > strings.LastIndexByte(image, '/') {
		return image[:colon], image[colon+1:]
	}
	return image, ""
}

func repositoryOf(image string) string {
	repository, _ := imageParts(image)
	return repository
}

// isImage tells whether an image has a name such as prestop/prestop, in whatever registry.
func isImage(image, name string) bool { return strings.HasSuffix("/"+repositoryOf(image), "/"+name) }

// isOurImage tells whether an image is meant to have prestop's binary.
func isOurImage(image string) bool { return strings.Contains(image, program) }

// tools are programs that a distribution brings and an app does not.
var tools = append([]string{
	"busybox", "curl", "wget", "sleep", "kill", "pkill", "killall", "touch", "nc", "cat", "echo", "env", "timeout", "test", "true",
}, shells...)

// bareImage says what an image is if it certainly has none of the tools; empty: it may have them.
func bareImage(image string) string {
	repository, tag := imageParts(image)
	whole := strings.ToLower(repository + ":" + tag)
	words := strings.FieldsFunc(whole, func(r rune) bool { return strings.ContainsRune("/:-_.", r) })
	switch {
	case strings.Contains(tag, "debug") || strings.HasSuffix(tag, "-dev") || strings.Contains(repository, "debug"):
		return ""
	case strings.Contains(whole, "distroless") || slices.Contains(words, "chiseled"):
		return "distroless"
	case slices.Contains(words, "scratch") || isImage(image, "prestop/prestop"):
		return "made from scratch"
	case strings.HasSuffix(repository, "chainguard/static") || strings.HasSuffix(repository, "chainguard/glibc-dynamic"):
		return "without a shell"
	}
	return ""
}

// lacking are official images and the programs that they certainly do not have, whatever their tag. Only whole names count.
var lacking = map[string][]string{
	"alpine":  {"bash", "curl"},
	"busybox": {"bash", "curl"},
	"debian":  {"curl", "wget"},
	"ubuntu":  {"curl", "wget"},
}
