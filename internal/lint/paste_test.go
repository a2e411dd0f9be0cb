package lint

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/verbs"
)

// choices are findings whose fix only somebody can choose who knows the app. Their fix is a sentence.
var choices = map[string]string{
	"calls-any-pod": "the port that the app listens on", "called-twice": "which of the two", "classic-istio": "", "clear-ends-container": "where else", "clear-while-stopping": "where else",
	"closed-own-port": "which container", "duplicate-key": "which of the two", "elasticsearch-moves-data": "whether the data is to move", "exec-readiness-stops": "the app's path",
	"file-not-mounted": "where the file is", "file-not-shared": "which container makes the file", "gone-never": "which Service", "gone-not-headless": "which Service",
	"init-container-hook": "which container", "not-one-handler": "which of the two", "patch-not-seen": "what it is applied to", "probe-grace-shorter": "whether the API may be asked", "quiet-port-undeclared": "which port", "quotes-misplaced": "which quotes",
	"read-only-path": "what a volume would hide", "recreate-waits": "whether the app may run twice", "secret-in-hook": "where the secret is to be", "setting-unreadable": "which value",
	"setting-unused": "the URL", "shared-processes": "whether processes are to be shared", "signals-and-returns": "the port", "steps-ignored": "which of the two",
}

// uncovers are findings that are seen only when the hook, or the grace period, can be read.
var uncovers = []string{"sleep-fills-grace"}

// pasted is a manifest after somebody has pasted a fix into it, who takes each line to where its key belongs. False: the fix is a
// sentence, and nothing to paste.
func pasted(text string, f *Finding) (changed string, ok bool) {
	if _, _, _, err := parse.Line(verbs.All(), f.Fix, func(string) (string, bool) { return "1", true }); err == nil { // of a text that has steps
		lines := strings.Split(text, "\n")
		old := lines[f.Line-1]
		lines[f.Line-1] = old[:len(old)-len(strings.TrimLeft(old, " "))] + f.Fix
		return strings.Join(lines, "\n"), strings.TrimSpace(old) != "" && !strings.Contains(old, "name:")
	}
	var fix yaml.Node
	if err := yaml.Unmarshal([]byte(f.Fix), &fix); err != nil || len(fix.Content) == 0 || fix.Content[0].Kind == yaml.ScalarNode {
		return "", false
	}
	var docs []*yaml.Node
	var p paster
	for _, part := range Parts(File{Name: f.File, Content: []byte(text)}) {
		d, err := part.Document()
		if err != nil || d == nil {
			continue
		}
		docs = append(docs, d)
		if way := wayTo(d, f.Line, f.Column); len(way) > len(p.way) {
			p.way = way
		}
	}
	if p.container = containerIn(docs, f, p.way); p.container == nil {
		p.container = &yaml.Node{Kind: yaml.MappingNode}
	}
	p.pod = podOf(docs, p.container, p.way)
	for _, d := range docs {
		walk(d, func(n *yaml.Node) {
			if p.pod != nil && valueOf(n, "spec") == p.pod {
				p.template = n
			}
		})
	}
	if fix.Content[0].Kind == yaml.SequenceNode {
		p.items(fix.Content[0].Content)
	} else {
		p.entries(fix.Content[0].Content)
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	for _, d := range docs {
		if e.Encode(d) != nil {
			return "", false
		}
	}
	return out.String(), true
}

// A paster is somebody who pastes.
type paster struct {
	way            []*yaml.Node // from the document to the finding's place
	container, pod *yaml.Node
	template       *yaml.Node // of the pod
}

// wayTo are the nodes from the outermost to the innermost that stands at a place.
func wayTo(n *yaml.Node, line, column int) []*yaml.Node {
	for _, c := range n.Content {
		if way := wayTo(c, line, column); way != nil {
			return append([]*yaml.Node{n}, way...)
		}
	}
	if n.Line == line && n.Column == column {
		return []*yaml.Node{n}
	}
	return nil
}

func valueOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n != nil && n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// walk calls do for each node.
func walk(n *yaml.Node, do func(*yaml.Node)) {
	do(n)
	for _, c := range n.Content {
		walk(c, do)
	}
}

func containerIn(docs []*yaml.Node, f *Finding, way []*yaml.Node) (found *yaml.Node) {
	for _, n := range slices.Concat(way, docs) {
		walk(n, func(n *yaml.Node) {
			for _, list := range []string{"containers", "initContainers"} {
				all := valueOf(n, list)
				for _, c := range contentOf(all) {
					if name := valueOf(c, "name"); found == nil && (name != nil && name.Value == f.Container || f.Container == "" && len(all.Content) == 1) {
						found = c
					}
				}
			}
		})
	}
	return found
}

func contentOf(n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	return n.Content
}

func podOf(docs []*yaml.Node, container *yaml.Node, way []*yaml.Node) (pod *yaml.Node) {
	for _, n := range way {
		if valueOf(n, "containers") != nil {
			pod = n
		}
	}
	for _, d := range docs {
		walk(d, func(n *yaml.Node) {
			if pod == nil && slices.Contains(contentOf(valueOf(n, "containers")), container) {
				pod = n
			}
		})
	}
	return pod
}

// homes are the keys that have one place in a pod, and whether that is its spec; else it is a container.
var homes = map[string]bool{
	"terminationGracePeriodSeconds": true, "volumes": true, "initContainers": true, "containers": true, "os": true, "automountServiceAccountToken": true, "shareProcessNamespace": true,
	"env": false, "lifecycle": false, "volumeMounts": false, "ports": false, "startupProbe": false, "readinessProbe": false,
}

func (p *paster) entries(pairs []*yaml.Node) {
	inner := p.way[len(p.way)-1]
	atKey := len(p.way) > 1 && isKey(p.way[len(p.way)-2], inner)
	replaces := atKey
	for i := 0; i+1 < len(pairs); i += 2 {
		key, value := pairs[i], pairs[i+1]
		inPod, hasHome := homes[key.Value]
		into := p.enclosing(key.Value)
		switch {
		case atKey && inPod && key.Value == inner.Value && p.way[len(p.way)-2] != p.pod:
			into, replaces = p.pod, true
		case into != nil:
			replaces = false
		case key.Value == "metadata":
			into = p.template
		case hasHome && inPod:
			into = p.pod
		case hasHome:
			into = p.container
		default:
			into = p.mapping()
		}
		if into == nil {
			into = p.mapping()
		}
		set(into, key, value)
	}
	if replaces {
		remove(p.way[len(p.way)-2], inner)
	}
}

func isKey(mapping, n *yaml.Node) bool {
	return mapping.Kind == yaml.MappingNode && slices.Index(mapping.Content, n)%2 == 0
}

// enclosing is the innermost mapping around the place, or at it, that has an entry of this key with the place in it.
func (p *paster) enclosing(key string) *yaml.Node {
	for i, n := range slices.Backward(p.way) {
		value := valueOf(n, key)
		if value == nil {
			continue
		}
		if i+1 < len(p.way) && (p.way[i+1] == value || p.way[i+1].Kind == yaml.ScalarNode && slices.Index(n.Content, value) == slices.Index(n.Content, p.way[i+1])+1) {
			return n
		}
	}
	return nil
}

// mapping is the innermost around the place, or at it.
func (p *paster) mapping() *yaml.Node {
	for _, n := range slices.Backward(p.way) {
		if n.Kind == yaml.MappingNode {
			return n
		}
	}
	return nil
}

func remove(mapping, key *yaml.Node) {
	if i := slices.Index(mapping.Content, key); i >= 0 {
		mapping.Content = slices.Delete(mapping.Content, i, i+2)
	}
}

// merged are the mappings whose other entries stay when one of theirs is pasted.
var merged = []string{"lifecycle", "metadata", "annotations", "spec"}

// set pastes an entry. A list of what has names keeps the others.
func set(mapping, key, value *yaml.Node) {
	at := slices.IndexFunc(mapping.Content, func(n *yaml.Node) bool { return n.Value == key.Value && isKey(mapping, n) })
	switch {
	case at < 0:
		mapping.Content = append(mapping.Content, key, value)
	case slices.Contains(merged, key.Value) && mapping.Content[at+1].Kind == yaml.MappingNode:
		for i := 0; i+1 < len(value.Content); i += 2 {
			set(mapping.Content[at+1], value.Content[i], value.Content[i+1])
		}
	case value.Kind == yaml.SequenceNode && mapping.Content[at+1].Kind == yaml.SequenceNode && named2(value):
		for _, item := range value.Content {
			setItem(mapping.Content[at+1], item, strings.HasSuffix(strings.ToLower(key.Value), "containers"))
		}
	default:
		mapping.Content[at+1] = value
	}
}

func named2(list *yaml.Node) bool {
	return !slices.ContainsFunc(list.Content, func(n *yaml.Node) bool { return valueOf(n, "name") == nil })
}

// setItem pastes an item: over that of the same name, or first, since a variable has to stand before those that refer to it.
func setItem(list, item *yaml.Node, part bool) {
	for i, old := range list.Content {
		if name := valueOf(old, "name"); name != nil && name.Value == valueOf(item, "name").Value {
			if part && valueOf(item, "image") == nil { // a container, of which a part is pasted
				for j := 0; j+1 < len(item.Content); j += 2 {
					set(old, item.Content[j], item.Content[j+1])
				}
			} else {
				list.Content[i] = item
			}
			return
		}
	}
	list.Content = append([]*yaml.Node{item}, list.Content...)
	list.Style = 0
}

func (p *paster) items(items []*yaml.Node) {
	list := &yaml.Node{Kind: yaml.SequenceNode, Content: items}
	if named2(list) {
		set(p.container, &yaml.Node{Kind: yaml.ScalarNode, Value: "env"}, list)
		return
	}
	for i, n := range slices.Backward(p.way) {
		if n.Kind == yaml.SequenceNode && i+1 < len(p.way) && p.way[i+1].Kind == yaml.ScalarNode {
			at := slices.Index(n.Content, p.way[i+1])
			n.Content, n.Style = slices.Replace(n.Content, at, at+1, items...), 0
			return
		}
	}
}

// replaces are words that fixes take away because they are what is wrong.
var replaces = map[string]string{
	"binary-not-installed": "elsewhere opt readOnly true", "binary-not-mounted": "bin pre stop", "does-nothing": "dry run elasticsearch clear", "hook-misplaced": "execute cmd args httpGet path port method POST postStart",
	"http-get-host": "host localhost", "needs-other-method": "httpGet path port get post", "port-differs": "http https", "program-not-in-image": "exec command bin sh c curl s X POST sleep wget q",
	"quiet-pauses": "quiet", "restart-skips-hook": "RestartAllContainers", "shared-processes": "proc fd", "shell-arguments-lost": "sh c", "sleep-unreadable": "s", "tcp-socket-hook": "tcpSocket port",
	"setting-unknown": "PRE_STOP_GRACE_SECONDS PRE_STOP_ADDITIONAL_WAIT PRESTOP_APP_URL", "token-not-mounted": "false", "wrong-field": "metadata.namespace status.hostIP valueFrom fieldRef fieldPath spec.terminationGracePeriodSeconds",
}

var words = regexp.MustCompile(`[\pL\d_.]+`)

// loses are words of a manifest that are gone: numbers aside, and those that are written anew.
func (f *Finding) loses(before, after string) []string {
	had, has := map[string]bool{}, words.FindAllString(after, -1)
	for line := range strings.FieldsFuncSeq(before, func(r rune) bool { return strings.ContainsRune("\r\n\u0085\u2028\u2029", r) }) {
		line, _, _ = strings.Cut(line, "#")
		for _, word := range words.FindAllString(line, -1) {
			had[word] = true
		}
	}
	for _, word := range slices.Concat(has, strings.Fields(replaces[f.ID])) {
		delete(had, word)
	}
	fixed := words.FindAllString(f.Fix, -1)
	maps.DeleteFunc(had, func(word string, _ bool) bool {
		return strings.Trim(word, "0123456789.ms") == "" || phrase.Nearest(word, fixed) != ""
	})
	return slices.Sorted(maps.Keys(had))
}

// checkFixes pastes each fix, and lints again: the finding is gone, and no error is there that was not there before.
func checkFixes(t *testing.T, options Options, text string, before Result) {
	t.Helper()
	count := func(r Result) map[string]int {
		all := map[string]int{}
		for _, f := range r.Findings {
			all[f.ID]++
		}
		return all
	}
	aliased := strings.Contains(text, ": &") || strings.Contains(text, ": *") // where what is pasted in one place is in others too
	if len(before.Unreadable) > 0 || aliased || strings.Contains(text, "\x00") {
		return
	}
	had := count(before)
	for _, f := range before.Findings {
		changed, ok := pasted(text, f)
		if !ok {
			continue
		}
		after := options.Check([]File{{Name: f.File, Content: []byte(changed)}})
		if lost := f.loses(text, changed); len(lost) > 0 {
			t.Errorf("the fix of %s\n%s\nloses %q of\n%s", f.ID, f.Fix, lost, text)
		}
		has := count(after)
		if has[f.ID] >= had[f.ID] || len(after.Unreadable) > 0 {
			t.Errorf("%s is still there after its fix\n%s\nin\n%s", f.ID, f.Fix, changed)
		}
		for _, g := range after.Findings {
			if g.Severity == Error && has[g.ID] > had[g.ID] && !slices.Contains(uncovers, g.ID) {
				t.Errorf("the fix of %s\n%s\nbrings %s: %s\nin\n%s", f.ID, f.Fix, g.ID, g.Message, changed)
			}
		}
	}
}
