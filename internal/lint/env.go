package lint

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// An environment is what is known of a container's environment variables.
type environment struct {
	variables map[string]variable
	open      bool // there may be variables besides these: a ConfigMap or a Secret is not in the input
	lost      []lost
}

// A variable is what is known of one variable.
type variable struct {
	value string
	known bool // else the value only stands for the one that it has
	at    node // where it is written: its value, or what it is taken from
}

func (e environment) has(name string) bool { _, ok := e.variables[name]; return ok }

// guesses tells whether the environment has a variable whose value is not known.
func (e environment) guesses(name string) bool { return e.has(name) && !e.variables[name].known }

// maySet tells whether a variable that is not among these may be set all the same: by the image, the runtime, or for a Service.
func (e environment) maySet(name string) bool {
	ofImage := slices.Contains([]string{"PATH", "HOME", "HOSTNAME", "TERM", "LANG", "TZ"}, name)
	return e.open || ofImage || strings.HasPrefix(name, "KUBERNETES_") || ofService(name)
}

// startedBy is what is known of the environment of a program that some words start, such as env and sudo. They may change it.
func (e environment) startedBy(words []string) environment {
	if slices.ContainsFunc(words, func(word string) bool {
		return isAssignment(word) || slices.Contains([]string{"-", "-i", "-u", "sudo"}, word)
	}) {
		return environment{open: true}
	}
	return e
}

// hasVariable tells whether a variable with such a name is written in the container, whether or not its value can be read.
func (c *container) hasVariable(such func(name string) bool) bool {
	return slices.ContainsFunc(c.at("env").items(), func(v node) bool { return such(v.at("name").text()) })
}

// ofService tells whether a variable is named like those that Kubernetes sets for a Service.
func ofService(name string) bool {
	return containsAny(name, "_SERVICE_HOST", "_SERVICE_PORT", "_PORT_") || strings.HasSuffix(name, "_PORT")
}

// lost is a reference to a variable or a key that does not exist.
type lost struct {
	at   node
	name string // of the variable that has the reference
	to   string // the missing variable; empty: a key is missing
	key  string // the missing key, as "key url of web"

	asked string   // the key itself
	keys  []string // the keys that are there instead
}

func (e *environment) set(name, value string, known bool, at node) {
	if name != "" {
		e.variables[name] = variable{value, known, at}
	}
}

func readEnvironment(c *container) environment {
	e := environment{variables: map[string]variable{}}
	for _, from := range c.EnvFrom {
		e.from(c.pod.of, from)
	}
	for i, at := range c.at("env").items() {
		v := c.Env[i]
		switch value, from := at.at("value"), at.at("valueFrom"); {
		case v.ValueFrom != nil:
			text, known := e.valueFrom(c.pod.of, v.Name, v.ValueFrom, from)
			e.set(v.Name, text, known, from)
		case value.there():
			text, known := e.expand(v.Value, func(missing string) {
				e.lost = append(e.lost, lost{at: value, name: v.Name, to: missing})
			})
			e.set(v.Name, text, known, value)
		default:
			e.set(v.Name, "", true, at)
		}
	}
	return e
}

// from adds the variables that envFrom refers to. From a Secret it takes the names, and no value.
func (e *environment) from(w *workload, from corev1.EnvFromSource) {
	var config, secret *object
	if ref := from.ConfigMapRef; ref != nil {
		config = w.configMap(ref.Name)
	}
	if ref := from.SecretRef; ref != nil {
		secret = w.secret(ref.Name)
	}
	switch {
	case config != nil:
		for key, value := range config.at("data").pairs() {
			e.set(from.Prefix+key.Value, value.text(), true, value)
		}
	case secret != nil:
		for _, field := range []string{"data", "stringData"} {
			for key := range secret.at(field).pairs() {
				e.set(from.Prefix+key.Value, standIn(key.Value), false, key)
			}
		}
	default:
		e.open = true
	}
}

func (e *environment) valueFrom(w *workload, name string, from *corev1.EnvVarSource, at node) (text string, known bool) {
	switch {
	case from.ConfigMapKeyRef != nil:
		ref := from.ConfigMapKeyRef
		if value := e.key(name, w.configMap(ref.Name), ref.Key, ref.Optional, at.at("configMapKeyRef")); value.there() {
			return value.text(), true
		}
	case from.SecretKeyRef != nil:
		ref := from.SecretKeyRef
		e.key(name, w.secret(ref.Name), ref.Key, ref.Optional, at.at("secretKeyRef"))
	case from.ResourceFieldRef != nil:
		return "1", false
	case from.FieldRef != nil:
		switch field := from.FieldRef.FieldPath; {
		case field == "metadata.name":
			return w.name + "-0", false
		case strings.HasSuffix(field, "IP") || strings.HasSuffix(field, "IPs"):
			return "192.0.2.1", false // from a network that is reserved for documentation
		}
	}
	return standIn(name), false
}

// key is the value that a variable is taken from. If the key must be there and is not, it is noted in lost.
func (e *environment) key(name string, o *object, key string, optional *bool, at node) node {
	if o == nil {
		return node{}
	}
	if !o.has(key) && (optional == nil || !*optional) {
		asked := at.at("key")
		if !asked.there() {
			asked = at
		}
		there := slices.Sorted(maps.Keys(o.data))
		e.lost = append(e.lost, lost{at: asked, name: name, key: "key " + key + " of " + o.name, asked: key, keys: there})
	}
	return o.data[key]
}

// standIn stands for a value that is not known.
func standIn(name string) string { return "value-of-" + name }

// reference matches what the kubelet expands in a value: a reference to another variable, and $$, which stands for a dollar.
var reference = regexp.MustCompile(`\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)`)

// expand replaces references to variables that are set before, as the kubelet does. A reference to a variable that is not set stays as it
// is.
func (e *environment) expand(text string, missing func(name string)) (value string, known bool) {
	known = true
	value = reference.ReplaceAllStringFunc(text, func(found string) string {
		if found == "$$" {
			return "$"
		}
		name := found[2 : len(found)-1]
		if v, ok := e.variables[name]; ok {
			known = known && v.known
			return v.value
		}
		if known = known && !e.maySet(name); !e.maySet(name) {
			missing(name)
		}
		return found
	})
	return value, known
}
