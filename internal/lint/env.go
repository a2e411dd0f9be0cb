package lint

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
)

// An Environment is what is known of a container's.
type Environment struct {
	Known map[string]string // variables and their values
	Guess map[string]string // variables that are set to what is not known, and something that may stand for it
	Open  bool              // there may be variables besides these: a ConfigMap or a Secret is not in the input
}

// MaySet tells whether a variable that is not among these may be set all the same: by the image, the runtime, or for a Service.
func (e Environment) MaySet(name string) bool {
	return e.Open || fromOutside(name)
}

// fromOutside tells whether a manifest does not show a variable.
func fromOutside(name string) bool {
	return slices.Contains([]string{"PATH", "HOME", "HOSTNAME", "TERM", "LANG", "TZ"}, name) || strings.HasPrefix(name, "KUBERNETES_") || ofService(name)
}

// ofService tells whether a variable is named like those that Kubernetes sets for a Service.
func ofService(name string) bool {
	return strings.Contains(name, "_SERVICE_HOST") || strings.Contains(name, "_SERVICE_PORT") || strings.HasSuffix(name, "_PORT") || strings.Contains(name, "_PORT_")
}

// environment is an Environment, and where each variable is said.
type environment struct {
	Environment
	at   map[string]node // the value; or what it is taken from
	lost []lost
}

// lost is a reference to what is not there.
type lost struct {
	at   node
	name string // of the variable that has it
	to   string // a variable; empty: a key
	key  string // a key, as key url of web
}

func (e *environment) set(name, value string, known bool, at node) {
	if name == "" {
		return
	}
	delete(e.Known, name)
	delete(e.Guess, name)
	if known {
		e.Known[name] = value
	} else {
		e.Guess[name] = value
	}
	e.at[name] = at
}

func (e environment) has(name string) bool { _, ok := e.at[name]; return ok }

func readEnvironment(c *container) environment {
	in, p := c.pod.of.in, c.pod
	e := environment{Environment{Known: map[string]string{}, Guess: map[string]string{}}, map[string]node{}, nil}
	for _, from := range c.EnvFrom {
		e.from(in, p, from)
	}
	for i, at := range c.at("env").items() {
		v := c.Env[i]
		switch value, from := at.at("value"), at.at("valueFrom"); {
		case v.ValueFrom != nil:
			text, known := e.valueFrom(in, p, v.Name, v.ValueFrom, from)
			e.set(v.Name, text, known, from)
		case value.there():
			text, known := e.expand(v.Value, func(missing string) {
				e.lost = append(e.lost, lost{value, v.Name, missing, ""})
			})
			e.set(v.Name, text, known, value)
		default:
			e.set(v.Name, "", true, at)
		}
	}
	return e
}

// from adds what envFrom refers to. Of a Secret the names are taken, and no value.
func (e *environment) from(in *input, p *pod, from corev1.EnvFromSource) {
	if ref := from.ConfigMapRef; ref != nil {
		if o := named(in.configs, ref.Name, p.of.namespace); o != nil {
			for key, value := range o.at("data").pairs() {
				e.set(from.Prefix+key.Value, value.text(), true, value)
			}
			return
		}
	}
	if ref := from.SecretRef; ref != nil {
		if o := named(in.secrets, ref.Name, p.of.namespace); o != nil {
			for _, field := range []string{"data", "stringData"} {
				for key := range o.at(field).pairs() {
					e.set(from.Prefix+key.Value, guess(key.Value), false, key)
				}
			}
			return
		}
	}
	e.Open = true
}

func (e *environment) valueFrom(in *input, p *pod, name string, from *corev1.EnvVarSource, at node) (text string, known bool) {
	switch {
	case from.ConfigMapKeyRef != nil:
		ref := from.ConfigMapKeyRef
		if value := e.key(name, named(in.configs, ref.Name, p.of.namespace), ref.Key, ref.Optional, at.at("configMapKeyRef")); value.there() {
			return value.text(), true
		}
	case from.SecretKeyRef != nil:
		ref := from.SecretKeyRef
		e.key(name, named(in.secrets, ref.Name, p.of.namespace), ref.Key, ref.Optional, at.at("secretKeyRef"))
	case from.ResourceFieldRef != nil:
		return "1", false
	case from.FieldRef != nil:
		switch field := from.FieldRef.FieldPath; {
		case field == "metadata.name":
			return p.of.name + "-0", false
		case strings.HasSuffix(field, "IP") || strings.HasSuffix(field, "IPs"):
			return "192.0.2.1", false // of a network that is kept for documentation
		}
	}
	return guess(name), false
}

// key is what a variable is taken from.
func (e *environment) key(name string, o *object, key string, optional *bool, at node) node {
	if o == nil {
		return node{}
	}
	if !o.has(key) && (optional == nil || !*optional) {
		e.lost = append(e.lost, lost{at, name, "", "key " + key + " of " + o.name})
	}
	return o.data[key]
}

// guess stands for a value that is not known.
func guess(name string) string { return "value-of-" + name }

// reference is how the kubelet refers to a variable in another's value, and how it writes a dollar. Here and elsewhere patterns
// are made when they are first used, so that a hook does not pay for them.
var reference = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)`)
})

// expand puts the variables that are set before into a value, as the kubelet does. One that is not set stays as it is written.
func (e *environment) expand(text string, missing func(name string)) (value string, known bool) {
	known = true
	value = reference().ReplaceAllStringFunc(text, func(found string) string {
		if found == "$$" {
			return "$"
		}
		name := found[2 : len(found)-1]
		if v, ok := e.Known[name]; ok {
			return v
		}
		if v, ok := e.Guess[name]; ok {
			known = false
			return v
		}
		if known = known && !e.MaySet(name); !e.MaySet(name) {
			missing(name)
		}
		return found
	})
	return value, known
}
