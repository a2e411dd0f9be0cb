package kube

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An Object is a Kubernetes object, or a part of one.
type Object = map[string]any

// Parse reads the objects of a YAML text.
func Parse(text string) ([]Object, error) {
	var objects []Object
	for _, part := range strings.Split("\n"+text, "\n---") {
		var o Object
		if err := yaml.Unmarshal([]byte(part), &o); err != nil {
			return nil, fmt.Errorf("%w in\n%s", err, part)
		}
		if o != nil {
			objects = append(objects, o)
		}
	}
	return objects, nil
}

// Merge puts what is in the second object into the first: maps are merged, lists are appended, anything else is replaced.
func Merge(into, from Object) {
	for key, value := range from {
		switch value := value.(type) {
		case Object:
			if have, ok := into[key].(Object); ok {
				Merge(have, value)
				continue
			}
		case []any:
			if have, ok := into[key].([]any); ok {
				into[key] = append(have, value...)
				continue
			}
		}
		into[key] = value
	}
}
