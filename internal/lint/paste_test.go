package lint

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/testpaste"
	"github.com/prestop/prestop/internal/verbs"
)

// choices are findings whose fix only somebody can choose who knows the app. Their fix is a sentence.
var choices = map[string]string{
	"windows-pod":   "which hook",
	"calls-any-pod": "the port that the app listens on", "called-twice": "which of the two", "classic-istio": "", "clear-ends-container": "where else", "clear-while-stopping": "where else",
	"closed-own-port": "which container", "duplicate-key": "which of the two", "elasticsearch-moves-data": "whether the data is to move", "exec-readiness-stops": "the app's path",
	"file-not-mounted": "where the file is", "file-not-shared": "which container makes the file", "gone-never": "which Service", "gone-not-headless": "which Service",
	"glob-without-shell": "which files", "set-twice": "which of the two", "value-in-script": "what the script is to do", "option-unused": "which part",
	"init-container-hook": "which container", "not-one-handler": "which of the two", "patch-not-seen": "what it is applied to", "probe-grace-shorter": "whether the API may be asked", "quiet-allows-port": "which port, and how many probes", "quiet-port-undeclared": "which port", "quotes-misplaced": "which quotes",
	"read-only-path": "what a volume would hide", "recreate-waits": "whether the app may run twice", "secret-in-hook": "where the secret is to be", "setting-unreadable": "which value",
	"setting-unused": "the URL", "shared-processes": "whether processes are to be shared", "signals-and-returns": "the port", "steps-ignored": "which of the two",
}

// uncovers are findings that are seen only when the hook, or the grace period, can be read.
var uncovers = []string{"sleep-fills-grace"}

// pasted is a manifest after somebody has pasted a fix into it. False: the fix is a sentence, and nothing to paste.
func pasted(text string, f *Finding) (changed string, ok bool) {
	if _, _, _, err := parse.Line(verbs.All(), f.Fix, func(string) (string, bool) { return "1", true }); err == nil { // of a text that has steps
		lines := strings.Split(text, "\n")
		old := lines[f.Line-1]
		lines[f.Line-1] = old[:len(old)-len(strings.TrimLeft(old, " "))] + f.Fix
		return strings.Join(lines, "\n"), strings.TrimSpace(old) != "" && !strings.Contains(old, "name:")
	}
	var docs []*yaml.Node
	for _, part := range Parts(File{Name: f.File, Content: []byte(text)}) {
		if d, err := part.Document(); err == nil && d != nil {
			docs = append(docs, d)
		}
	}
	return testpaste.Fix{Text: f.Fix, Line: f.Line, Column: f.Column, Container: f.Container}.Into(docs)
}

// replaces are words that fixes take away because they are what is wrong.
var replaces = map[string]string{
	"field-misspelt": "gracePeriodSeconds", "binary-not-installed": "elsewhere opt readOnly true copy cp command", "binary-not-mounted": "bin pre stop", "does-nothing": "dry run elasticsearch clear", "hook-misplaced": "execute cmd args httpGet path port method POST postStart",
	"http-get-host": "host localhost", "kind-unknown": "app apps v2 Deploymnt pod", "needs-other-method": "httpGet path port get post", "port-differs": "http https web", "program-not-in-image": "exec command bin sh c curl s X POST sleep wget q",
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
