// Package policy writes the policies for a cluster: internal/inject's rules as expressions that an API server or Kyverno evaluates, and
// rules that warn of the worst mistakes.
//
// [Files] is all of it. Its names, numbers and patterns are those of internal/inject. A test compares its result with deploy/. Tests in the
// module e2e compare what an API server makes of pods with what internal/inject makes of them. The package writes no files. It is for
// tests, and for those who change the templates: go test ./internal/policy -update writes deploy/ anew.
package policy

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"strings"
	"text/template"

	"github.com/prestop/prestop/internal/inject"
	"github.com/prestop/prestop/internal/lint"
)

//go:embed templates
var templates embed.FS

// A File is one below deploy/.
type File struct {
	Path string
	Text string
}

// Versions are the versions of the API admissionregistration.k8s.io that have MutatingAdmissionPolicies: v1 in Kubernetes 1.36 and later,
// v1beta1 in 1.34 and 1.35.
var Versions = []string{"v1", "v1beta1"}

// settings are what the templates are filled with.
type settings struct {
	Version   string // of the API
	Installer bool   // the form with an init container
}

// Form names how the binary gets into a pod, as the files' names do.
func (s settings) Form() string {
	if s.Installer {
		return "init-container"
	}
	return "image-volume"
}

// Files are all files that are written.
func Files() []File {
	var all []File
	for _, version := range Versions {
		for _, installer := range []bool{false, true} {
			s := settings{version, installer}
			all = append(all, file(path.Join("policy", version, s.Form()+".yaml"), "mutating.yaml", s))
		}
	}
	for _, installer := range []bool{false, true} {
		s := settings{Installer: installer}
		all = append(all, file(path.Join("kyverno", s.Form()+".yaml"), "kyverno.yaml", s))
	}
	return append(all, file("policy/settings.yaml", "settings.yaml", settings{}), file("validate/policy.yaml", "validating.yaml", settings{}))
}

func file(name, from string, s settings) File {
	words := with(s)
	t := template.New("").Option("missingkey=error")
	t.Funcs(template.FuncMap{
		"indent": func(n int, text string) string { return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", n)) },
		"cel": func(name string) (string, error) {
			var b bytes.Buffer
			err := t.ExecuteTemplate(&b, name, words)
			return strings.TrimSpace(b.String()), err
		},
	})
	template.Must(t.ParseFS(templates, "templates/*"))
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, from, words); err != nil {
		panic(fmt.Sprintf("%s: %v", name, err))
	}
	return File{name, strings.TrimRight(b.String(), "\n") + "\n"}
}

// with has the words of a template.
func with(s settings) map[string]any {
	var mesh []string
	for _, name := range inject.MeshProxies {
		mesh = append(mesh, `"`+name+`"`)
	}
	return map[string]any{
		"Version": s.Version, "Installer": s.Installer, "Form": s.Form(),
		"InjectAnnotation": inject.InjectAnnotation, "StepsAnnotation": inject.StepsAnnotation, "MaxAnnotation": inject.MaxAnnotation,
		"WaitAnnotation": inject.WaitAnnotation, "MirrorAnnotation": inject.MirrorAnnotation,
		"Label": inject.NamespaceLabel, "Enabled": inject.Enabled,
		"Volume": inject.Volume, "Init": inject.Installer, "MountPath": inject.MountPath, "Program": inject.Program,
		"GraceVariable": inject.GraceVariable, "StepsVariable": inject.StepsVariable, "WaitVariable": inject.WaitVariable,
		"DefaultGrace": inject.DefaultGrace, "LeastGrace": inject.LeastGrace, "MostGrace": inject.MostGrace, "DefaultMax": int(inject.DefaultMax.Seconds()),
		"StepsMark": inject.StepsMark, "DefaultMark": inject.DefaultMark, "Duration": inject.DurationPattern, "NotZero": inject.NotZeroPattern, "Image": inject.ImagePattern,
		"Window": inject.QuietWindow(), "Period": inject.DefaultPeriod, "Mesh": strings.Join(mesh, ", "),
		"Secrets": lint.SecretPattern(),
	}
}
