package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// However manifests come, a hook is found in its line.
func TestInputs(t *testing.T) {
	t.Parallel()
	utf16 := func(text string) string {
		out := "\xff\xfe"
		for _, c := range []byte(text) {
			out += string([]byte{c, 0})
		}
		return out
	}
	const found = "error sleep-fills-grace"
	item := strings.ReplaceAll(strings.TrimSuffix(wrongHook, "\n"), "\n", "\n  ")
	for name, test := range map[string]struct {
		text string
		want string
	}{
		"one":                         {wrongHook, "3 " + found},
		"Helm's":                      {"---\n# Source: web/templates/a.yaml\n\n---\n# Source: web/templates/b.yaml\n" + wrongHook + "---\n", "8 " + found},
		"CRLF":                        {strings.ReplaceAll("---\n# a\n---\n"+wrongHook, "\n", "\r\n"), "6 " + found},
		"byte order mark":             {"\ufeff" + wrongHook, "3 " + found},
		"PowerShell's":                {utf16(wrongHook), "3 " + found},
		"a List":                      {"kind: List\nitems:\n- " + item + "\n", "5 " + found},
		"a PodList of JSON":           {"{\"kind\": \"PodList\",\n\"items\": [{\"kind\": \"Pod\",\n\t\"spec\": {\"containers\": [\n\t{\"lifecycle\": {\"preStop\": {\"sleep\": {\"seconds\": 30}}}}]}}]}", "4 " + found},
		"an alias":                    {"kind: Pod\nx: &h {preStop: {sleep: {seconds: 30}}}\nspec: {containers: [{lifecycle: *h}]}\n", "2 " + found},
		"a merge":                     {"kind: Pod\nx: &c\n  lifecycle: {preStop: {sleep: {seconds: 30}}}\nspec:\n  containers:\n  - <<: *c\n    name: app\n", "3 " + found},
		"a merge that does not count": {"kind: Pod\nx: &c\n  lifecycle: {preStop: {sleep: {seconds: 30}}}\nspec:\n  containers:\n  - lifecycle: {preStop: {sleep: {seconds: 5}}}\n    <<: *c\n", ""},
		"a merged handler":            {"kind: Pod\nx: &h {sleep: {seconds: 30}}\nspec:\n  containers:\n  - lifecycle:\n      preStop: {<<: *h}\n", "2 " + found},
		"a handler merged twice":      {"kind: Pod\nx: &h {exec: {command: [sleep, '30']}}\ny: &i {<<: *h}\nspec:\n  containers:\n  - lifecycle:\n      preStop: {<<: *i}\n", "2 " + found},
		"a list of merges":            {"kind: Pod\nx: &c\n  lifecycle: {preStop: {sleep: {seconds: 30}}}\nspec:\n  containers:\n  - <<: [{name: b}, *c]\n", "3 " + found},
		"--- in a text":               {"kind: ConfigMap\ndata:\n  a: |\n    ---\n    b\n---\n" + wrongHook, "9 " + found},
		"after what is broken":        {"a: [\n---\n" + wrongHook, "5 " + found + ", 1 unreadable did not find expected node content"},
		"the end of a document":       {"a: 1\n...\n---\n" + wrongHook, "6 " + found},
		"nothing":                     {"", ""},
		"comments":                    {"# nothing\n", ""},
		"null":                        {"null\n---\n~\n", ""},
		"a scalar":                    {"kind\n", ""},
		"a list":                      {"- kind: Pod\n", ""},
		"values":                      {"replicas: 3\nlifecycle: {preStop: {sleep: {seconds: 30}}}\n", ""},
		"a Deployment with no pod":    {"kind: Deployment\n", ""},
		"a template of Helm's":        {"kind: Pod\n{{- if .Values.x }}\nspec: {}\n{{- end }}\n", "2 unreadable could not find expected ':'; perhaps it is a template of Helm's; render the chart first: helm template CHART > rendered.yaml"},
		"a template that is YAML":     {"kind: Deployment\nspec:\n  replicas: {{ .Values.replicas }}\n", "3 unreadable it is a template of Helm's; render the chart first: helm template CHART > rendered.yaml"},
		"a template of no kind":       {"---\na: 1\n---\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\n---\n" + wrongHook, "10 " + found + ", 6 unreadable it is a template of Helm's; render the chart first: helm template CHART > rendered.yaml"},
		"all in one line":             {strings.ReplaceAll(wrongHook, "\n", "\u2028"), "1 " + found},
		"a template in quotes":        {"kind: Pod\nmetadata: {name: \"{{ .Release.Name }}-x\"}\n", "2 unreadable it is a template of Helm's; render the chart first: helm template CHART > rendered.yaml"},
		"a template of others":        {"kind: Pod\nmetadata: {name: web, annotations: {a: \"{{ .Values.x }}\"}, labels: {b: \"{{workflow.name}}\"}}\n", ""},
		"a text with a template":      {"kind: ConfigMap\ndata:\n  a: |\n    {{ .Values.x }} {{ include \"y\" }}\n", ""},
		"a carriage return":           {"# a\r# b\r\r\n" + wrongHook, "4 " + found},
		"CRLF, and a lone one":        {"# a\r\n# b\r# c\r\n" + strings.ReplaceAll(wrongHook, "\n", "\r\n"), "5 " + found},
		"lines of Unicode":            {"# a\u2028# b\u2029# c\u0085# d\n" + wrongHook, "4 " + found},
		"a line of Unicode in a text": {"kind: ConfigMap\ndata: {a: \"b\u2028\"}\n---\n" + wrongHook, "6 " + found},
		"no UTF-8":                    {"kind: Pod\nmetadata:\n  name: \xffweb\n---\n" + wrongHook, "7 " + found + ", 3 unreadable invalid leading UTF-8 octet"},
		"a control character":         {"kind: Pod\nmetadata:\n  labels: {}\n  name: \"a\x07b\"\n---\n" + wrongHook, "8 " + found + ", 4 unreadable control characters are not allowed"},
		"tabs":                        {"kind: Pod\nspec:\n\tcontainers: []\n", "3 unreadable found character that cannot start any token, perhaps a tab: YAML is indented by blanks"},
		"indented otherwise":          {"kind: Pod\nspec:\n  a: 1\n b: 2\n", "4 unreadable did not find expected key; this line, or one below it, is not indented as the others, or lacks quotes"},
		"a colon in the first line":   {"kind: Pod: web\n", "1 unreadable mapping values are not allowed in this context; this line, or the one above it, is not indented as the others, lacks a dash, or lacks quotes"},
		"a list that is not":          {"kind: Pod\nspec:\n  - a: 1\n  b: 2\n", "3 unreadable did not find expected '-' indicator; this line, or one below it, is not indented as the others, or lacks quotes"},
		"binary":                      {"\x7fELF\x02\x01\x01\x00\x00", "1 unreadable control characters are not allowed"},
		"an alias of itself":          {"kind: Pod\nspec: &a {containers: [*a]}\n", "1 unreadable aliases stand for too much, or for what they are in"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(linted(t, test.text), ", "); got != test.want {
				t.Errorf("found %q, expected %q", got, test.want)
			}
		})
	}
}

// Columns count from the line's beginning too, wherever the YAML library has begun one.
func TestColumns(t *testing.T) {
	t.Parallel()
	column := func(text string) int { return Check([]File{{Name: "x", Content: []byte(text)}}).Findings[0].Column }
	text := strings.ReplaceAll(wrongHook, "\n", "\u2028")
	if got, want := column(text), 1+len([]rune(text[:strings.Index(text, "30")])); got != want {
		t.Errorf("column %d, expected %d", got, want)
	}
	if got, want := column(strings.ReplaceAll(wrongHook, "\n", "\r\n")), column(wrongHook); got != want {
		t.Errorf("with CRLF column %d, expected %d", got, want)
	}
}

func FuzzLint(f *testing.F) {
	for _, pattern := range []string{"../../docs/lint/*.md", "../../examples/*.yaml", "../../examples/recipes/*.yaml"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			if blocks := strings.Split(string(text), "```yaml\n"); len(blocks) == 3 {
				text = []byte(strings.TrimSuffix(blocks[1], "```\n\nInstead:\n\n"))
			}
			f.Add(text)
		}
	}
	f.Add([]byte(wrongHook))
	f.Fuzz(func(t *testing.T, text []byte) {
		result := Check([]File{{Name: "x", Content: text}})
		lines := strings.Count(string(text), "\n") + 1
		for _, found := range result.Findings {
			if found.File != "x" || found.Line < 1 || found.Line > lines+1 && !strings.HasPrefix(string(text), "\xff\xfe") && !strings.HasPrefix(string(text), "\xfe\xff") {
				t.Errorf("a finding in line %d of %d: %+v", found.Line, lines, found)
			}
		}
	})
}
