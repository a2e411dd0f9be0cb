package lint

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/phrase"
)

// A decoder reads documents into Kubernetes' own types as strictly as the API server does, and goes on where the API server
// stops: each flaw is kept with its place, and the rest is read all the same.
//
// Structs that are not Kubernetes' own have only the fields that a hook depends on. Loose documents are of kinds that Kubernetes does not
// have. In both, a field that the type lacks is a flaw only to rules that know better.
type decoder struct {
	loose bool
	types map[reflect.Type]*typeInfo
	path  []string // keys, without indexes
	in    node     // the innermost mapping that is a struct
	inPod bool     // what is read is a pod's
	owner string   // the container that is read
	flaws []flaw

	templates []template // the pods' templates that were found on the way
}

// A flaw is something that strict decoding refuses.
type flaw struct {
	kind      flawKind
	at        node         // a key; a value if it is mistyped
	value     node         // what stands there
	in        node         // the struct's place
	of        reflect.Type // the struct; nil: a map
	fields    []string     // the struct's
	loose     bool         // the struct may have more fields than we know of
	inPod     bool
	path      []string // keys of the struct's place, or of the mistyped value
	near      string   // the field that is written almost like an unknown one; empty: none is
	expected  string   // if it is mistyped
	container string
	windows   bool // a pod of the workload runs on Windows
}

type flawKind int

const (
	unknownField flawKind = iota
	mistyped
	writtenTwice
)

// typeInfo is what the decoder needs to know of a type for each value.
type typeInfo struct {
	own    bool // it reads its JSON itself, as quantities do
	loose  bool
	fields map[string][]int
	names  []string // of the fields, in order
	plain  []string // the same as phrase.Plain writes them
}

func (d *decoder) info(t reflect.Type) *typeInfo {
	if i, ok := d.types[t]; ok {
		return i
	}
	i := &typeInfo{own: reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()), fields: map[string][]int{}}
	if t.Kind() == reflect.Struct {
		i.loose = !strings.HasPrefix(t.PkgPath(), "k8s.io/")
		for _, f := range reflect.VisibleFields(t) {
			// Go promotes the fields of an embedded struct. In JSON they stand below its own key, if it has one.
			outer := t.Field(f.Index[0]).Tag.Get("json")
			promoted := len(f.Index) == 1 || outer == "" || outer[0] == ','
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); promoted && name != "" && name != "-" {
				i.fields[name], i.names, i.plain = f.Index, append(i.names, name), append(i.plain, phrase.Plain(name))
			}
		}
	}
	d.types[t] = i
	return i
}

// decoded reads a document into a type.
func decoded[T any](d *decoder, n node) *T {
	into := new(T)
	d.read(n, reflect.ValueOf(into).Elem())
	return into
}

func (d *decoder) mistyped(n node, expected string) {
	d.add(flaw{kind: mistyped, at: n, value: n, expected: expected})
}

func (d *decoder) add(f flaw) {
	f.in, f.path, f.inPod, f.container = d.in, slices.Clone(d.path), d.inPod, d.owner
	d.flaws = append(d.flaws, f)
}

// read sets v to what stands at n. v must be one that can be set.
func (d *decoder) read(n node, v reflect.Value) {
	info := d.info(v.Type())
	switch {
	case !n.there():
	case info.own:
		d.own(n, v)
	case v.Kind() == reflect.Pointer:
		if into := reflect.New(v.Type().Elem()); d.info(v.Type().Elem()).own || d.readable(n, into.Elem()) {
			d.read(n, into.Elem())
			v.Set(into)
		}
	case !d.readable(n, v):
	case v.Kind() == reflect.Struct:
		d.fields(n, v, info)
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		d.pairs(n, nil, func(key, value node) {
			one := reflect.New(v.Type().Elem()).Elem()
			d.read(value, one)
			v.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), one)
		})
	case v.Kind() == reflect.Slice:
		d.items(n, v)
	}
}

func (d *decoder) items(n node, v reflect.Value) {
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.items() {
		if one := v.Index(i); !item.there() && one.Kind() == reflect.String {
			d.mistyped(item, "a string")
		} else {
			d.read(item, one)
		}
	}
}

// takes is how values of Go's kinds are written: all that a pod, what makes one, and a Service have. A value of another kind may be anything.
var takes = map[reflect.Kind]string{
	reflect.Struct: "a mapping", reflect.Map: "a mapping", reflect.Slice: "a list", reflect.String: "a string", reflect.Bool: "a truth value",
	reflect.Int32: "a whole number", reflect.Int64: "a whole number",
}

// readable tells whether what stands at n is of v's kind, and sets v to it if it is a scalar.
func (d *decoder) readable(n node, v reflect.Value) bool {
	expected := takes[v.Kind()]
	ok := expected == "" || n.kind() == expected
	switch value, _ := n.scalar(); v.Kind() {
	case reflect.String:
		v.SetString(n.text()) // even if it is no string: what is meant is plain
	case reflect.Bool:
		yes, _ := value.(bool)
		v.SetBool(yes)
	case reflect.Int32, reflect.Int64:
		i, whole := value.(int64)
		if ok = whole && !v.OverflowInt(i); ok {
			v.SetInt(i)
		}
	}
	if !ok {
		d.mistyped(n, expected)
	}
	return ok
}

// own lets a type read its JSON itself.
func (d *decoder) own(n node, v reflect.Value) {
	value, _ := n.scalar() // nil: a mapping that a type keeps as it is
	text, err := json.Marshal(value)
	if err == nil {
		err = v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(text)
	}
	if err != nil {
		d.mistyped(n, "a value of its kind ("+strings.ToLower(v.Type().Name())+")")
	}
}

func (d *decoder) fields(n node, v reflect.Value, info *typeInfo) {
	defer func(in node, inPod bool, owner string) { d.in, d.inPod, d.owner = in, inPod, owner }(d.in, d.inPod, d.owner)
	d.in = n
	switch typed := v.Addr().Interface().(type) {
	case *corev1.PodTemplateSpec:
		d.templates = append(d.templates, template{typed, n})
	case *corev1.PodSpec:
		d.inPod = true
	case *corev1.Container:
		d.owner = n.at("name").text()
	}
	before := map[string]int{} // how many templates there were before a key
	d.pairs(n, v.Type(), func(key, value node) {
		if found, again := before[key.Value]; again {
			d.templates = d.templates[:min(found, len(d.templates))] // of a value that does not count
		}
		before[key.Value] = len(d.templates)
		index, ok := info.fields[key.Value]
		if !ok && strings.HasPrefix(key.Value, "$") {
			return // an instruction of a patch for kustomize, as $patch
		}
		if !ok {
			near := info.nearest(key.Value)
			d.add(flaw{kind: unknownField, at: key, value: value, of: v.Type(), fields: info.names, loose: d.loose || info.loose, near: near})
			return
		}
		d.path = append(d.path, key.Value)
		field := v.FieldByIndex(index)
		field.SetZero() // the key may stand there twice
		d.read(value, field)
		d.path = d.path[:len(d.path)-1]
	})
}

// pairs calls do for each key that is written, and then for each merged key that is not among these. Of a key that is written twice the
// last counts. Of merged keys the first counts.
func (d *decoder) pairs(n node, of reflect.Type, do func(key, value node)) {
	seen := make(map[string]bool)
	for i, layer := range n.layers() {
		for key, value := range layer.pairs() {
			again := seen[key.Value]
			seen[key.Value] = true
			if again && i == 0 {
				d.add(flaw{kind: writtenTwice, at: key, of: of})
			}
			if !again || i == 0 {
				do(key, value)
			}
		}
	}
}

// nearest is the field that is written almost like a name, or the only field whose name contains it; empty: none is.
func (i *typeInfo) nearest(name string) string {
	name = phrase.Plain(name)
	if at := slices.IndexFunc(i.plain, func(field string) bool { return phrase.AlmostEqual(field, name) }); at >= 0 {
		return i.names[at]
	}
	begins := func(field string) bool { return len(name) >= 10 && strings.Contains(field, name) }
	if at := slices.IndexFunc(i.plain, begins); !i.loose && at >= 0 && !slices.ContainsFunc(i.plain[at+1:], begins) {
		return i.names[at]
	}
	return ""
}
