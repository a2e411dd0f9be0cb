package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const krewName = "prestop.yaml"

var (
	krewChecksum   = regexp.MustCompile(`\{\{SHA256_(LINUX|DARWIN|WINDOWS)_([A-Z0-9]+)\}\}`)
	krewLeft       = regexp.MustCompile(`\{\{[^}]*\}\}`)
	krewTemplateAt = filepath.Join("deploy", "krew", krewName)
)

// A krewManifest is the part of krew's manifest that a release must have filled in.
type krewManifest struct {
	Spec struct {
		Version   string
		Platforms []struct {
			Selector struct {
				MatchLabels map[string]string `yaml:"matchLabels"`
			}
			URI, SHA256, Bin string
		}
	}
}

// writeKrew fills in krew's manifest, and adds its digest to sums. A release for only some targets is a trial, and has no such manifest.
func (r release) writeKrew(sums map[string]string) error {
	template, err := os.ReadFile(filepath.Join(r.tree, krewTemplateAt))
	if err != nil {
		return err
	}
	text, whole, err := r.krew(string(template), sums)
	if err != nil || !whole {
		return err
	}
	sums[krewName], err = r.write(krewName, []byte(text))
	return err
}

// krew is the template with the release's version, its number and the checksums of the plugin's archives. whole is whether
// the release has all of them.
func (r release) krew(template string, sums map[string]string) (text string, whole bool, err error) {
	whole = true
	text = strings.NewReplacer("{{VERSION}}", r.version, "{{NUMBER}}", r.number()).Replace(template)
	text = krewChecksum.ReplaceAllStringFunc(text, func(placeholder string) string {
		words := krewChecksum.FindStringSubmatch(placeholder)
		sum, ok := sums[r.archiveName(program{name: "kubectl-prestop"}, target{strings.ToLower(words[1]), strings.ToLower(words[2])})]
		whole = whole && ok
		return sum
	})
	if left := krewLeft.FindString(text); left != "" {
		return "", false, fmt.Errorf("%s: nothing is known to fill in for %s", krewTemplateAt, left)
	}
	return text, whole, nil
}
