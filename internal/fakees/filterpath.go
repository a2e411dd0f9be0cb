package fakees

import "strings"

// A filterPath says which fields of an answer are wanted. It has dotted paths: * stands for any
// part of a field's name, and ** for any number of fields. Paths go through arrays.
type filterPath [][]string

// parseFilterPath reads the value of ?filter_path=. A dot that belongs to a name is written \. ;
// excluding with - is not known here.
func parseFilterPath(list string) filterPath {
	var f filterPath
	for path := range strings.SplitSeq(list, ",") {
		if path = strings.TrimSpace(path); path != "" {
			f = append(f, splitPath(path))
		}
	}
	return f
}

func splitPath(path string) []string {
	parts := strings.Split(strings.ReplaceAll(path, `\.`, "\x00"), ".")
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], "\x00", ".")
	}
	return parts
}

// apply returns the object with only the wanted fields; {} if there are none.
func (f filterPath) apply(o object) object {
	kept, ok := f.keep(o)
	if !ok {
		return object{}
	}
	return kept.(object)
}

// keep returns the wanted part of a value, and whether there is any.
func (f filterPath) keep(v any) (any, bool) {
	switch v := v.(type) {
	case object:
		kept := f.keepFields(v)
		return kept, len(kept) > 0
	case []any:
		kept := f.keepItems(v)
		return kept, len(kept) > 0
	}
	return nil, false
}

func (f filterPath) keepFields(o object) object {
	var kept object
	for _, m := range o {
		below, whole := f.below(m.name)
		if whole {
			kept = append(kept, m)
		} else if value, ok := below.keep(m.value); ok {
			kept = append(kept, member{m.name, value})
		}
	}
	return kept
}

func (f filterPath) keepItems(items []any) []any {
	var kept []any
	for _, item := range items {
		if value, ok := f.keep(item); ok {
			kept = append(kept, value)
		}
	}
	return kept
}

// below returns what is wanted below a field. whole: the whole field is wanted.
func (f filterPath) below(name string) (below filterPath, whole bool) {
	for _, path := range f {
		if path[0] == "**" {
			below = append(below, path)
			path = path[1:] // ** may also stand for no field at all
		}
		switch {
		case len(path) == 0, len(path) == 1 && globMatch(path[0], name):
			return nil, true
		case globMatch(path[0], name):
			below = append(below, path[1:])
		}
	}
	return below, false
}
