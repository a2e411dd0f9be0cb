package manifest

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prestop/prestop/internal/lint"
)

// FunctionConfig is what the caller of a KRM function tells it: the scalars below data, as in a ConfigMap, or below spec. A value that is
// no scalar is an empty text. Such a function is given a ResourceList and gives one back: for any other file, FunctionConfig is nil.
func FunctionConfig(f lint.File) map[string]string {
	if !bytes.Contains(f.Content, []byte("ResourceList")) {
		return nil
	}
	for _, p := range lint.Parts(f) {
		d, err := p.Document()
		if err != nil || d == nil {
			continue // [Inject] says what is wrong with it
		}
		root := d.Content[0]
		if kind, version := lint.At(root, "kind"), lint.At(root, "apiVersion"); kind == nil || kind.Value != "ResourceList" || version == nil || !strings.HasPrefix(version.Value, "config.kubernetes.io/") {
			continue
		}
		settings := map[string]string{}
		for _, field := range []string{"data", "spec"} {
			at := lint.At(root, "functionConfig", field)
			for i := 0; at != nil && at.Kind == yaml.MappingNode && i+1 < len(at.Content); i += 2 {
				settings[at.Content[i].Value] = at.Content[i+1].Value
			}
		}
		return settings
	}
	return nil
}
