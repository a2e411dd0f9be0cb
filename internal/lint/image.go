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

// stopSignals are official images, and those that others made like them, with another STOPSIGNAL than SIGTERM, and how a command says the
// same.
var stopSignals = map[string][]string{
	"nginx":                       quitNginx,
	"nginxinc/nginx-unprivileged": quitNginx,
	"openresty/openresty":         quitNginx,
	"php fpm":                     killBy("QUIT", "3"),
	"httpd":                       append(killBy("WINCH", "28"), "graceful-stop"),
	"haproxy":                     killBy("USR1", "10"),
	"postgres":                    killBy("INT", "2"),
}

var quitNginx = append(killBy("QUIT", "3"), "-s quit")

// killBy are the ways in which kill names a signal.
func killBy(name, number string) []string {
	return []string{"-" + name, "-SIG" + name, "-" + number, "-s " + name, "-s SIG" + name}
}

// officialImage is the name of one of Docker's own images, and its variant if that matters; empty: it is another.
func (c *container) officialImage() string {
	name, tag := imageParts(c.Image)
	if _, short, ok := strings.Cut("/"+name, "/library/"); ok {
		name = short
	}
	switch {
	case strings.Contains(name, "/"):
		return ""
	case name == "php" && strings.Contains(tag, "fpm"):
		return "php fpm"
	case name == "php" && strings.Contains(tag, "apache"):
		return "httpd"
	}
	return name
}
