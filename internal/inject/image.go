package inject

import (
	"errors"
	"fmt"
	"regexp"
)

// ImagePattern matches the references of images that container runtimes take: a registry with its port, names in lower case, a tag,
// a digest.
const ImagePattern = `^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*(:[0-9]{1,5})?/)?` +
	`[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*` +
	`(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?(@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}))?$`

var imageReference = regexp.MustCompile(ImagePattern)

// CheckImage says what is wrong with the reference of an image.
func CheckImage(text string) error {
	switch {
	case text == "":
		return errors.New("expected prestop's image, as prestop/prestop:1 or with its digest")
	case len(text) > 512 || !imageReference.MatchString(text):
		return fmt.Errorf("expected an image's name, as prestop/prestop:1, registry.example:5000/prestop:1 or prestop/prestop@sha256:…, got %q", text)
	}
	return nil
}
