package manifest

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prestop/prestop/internal/lint"
)

// FunctionConfig is what the caller of a KRM function says of it: the scalars below data, as in a ConfigMap, or below spec. What is
// no scalar is an empty text. It is nil for a file that is no ResourceList, which is what such a function is given and gives back.
func FunctionConfig(f lint.File) map[string]string {
	if !bytes.Contains(f.Content, []byte("ResourceList")) {
		return nil
	}
	for _, p := range lint.Parts(f) {
		d, err := p.Document()
		if err != nil || d == nil {
			continue // who puts hooks into it says what is wrong
		}
		root := d.Content[0]
		kind, version := value(root, "kind"), value(root, "apiVersion")
		if kind == nil || version == nil || kind.Value != "ResourceList" || !strings.HasPrefix(version.Value, "config.kubernetes.io/") {
			continue
		}
		settings := map[string]string{}
		for _, field := range []string{"data", "spec"} {
			at := value(value(root, "functionConfig"), field)
			for i := 0; at != nil && at.Kind == yaml.MappingNode && i+1 < len(at.Content); i += 2 {
				settings[at.Content[i].Value] = at.Content[i+1].Value
			}
		}
		return settings
	}
	return nil
}
