package manifest_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"go.yaml.in/yaml/v3"

	"github.com/prestop/prestop/internal/inject"
	"github.com/prestop/prestop/internal/lint"
)

// restyled writes a document in another way that says the same: braces or lines, quotes, folded texts, comments, other columns.
func restyled(t *testing.T, text []byte, random *rand.Rand) []byte {
	t.Helper()
	var d yaml.Node
	if err := yaml.Unmarshal(text, &d); err != nil || len(d.Content) == 0 {
		return nil
	}
	var restyle func(n *yaml.Node, flow bool)
	restyle = func(n *yaml.Node, flow bool) {
		n.HeadComment, n.LineComment, n.FootComment = "", "", ""
		if n.Kind == yaml.AliasNode {
			return
		}
		if n.Kind == yaml.ScalarNode {
			if n.ShortTag() == "!!str" && n.Tag != "!!merge" && n.Value != "" {
				n.Style = []yaml.Style{0, 0, yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle}[random.IntN(4)]
				if !flow && strings.Contains(n.Value, " ") && random.IntN(2) == 0 {
					n.Style = []yaml.Style{yaml.LiteralStyle, yaml.FoldedStyle}[random.IntN(2)]
				}
			}
		} else if n.Style = 0; flow || random.IntN(12) == 0 {
			n.Style, flow = yaml.FlowStyle, true
		}
		for i, c := range n.Content {
			isKey := n.Kind == yaml.MappingNode && i%2 == 0
			restyle(c, flow || isKey)
			if !flow && n.Kind != yaml.DocumentNode && (isKey || n.Kind == yaml.SequenceNode) && random.IntN(6) == 0 {
				c.HeadComment = "# before: {[\"'"
			}
			if !flow && c.Kind == yaml.ScalarNode && c.Style == 0 && !isKey && random.IntN(6) == 0 {
				c.LineComment = "# beside: ]}'\""
			}
		}
	}
	restyle(&d, false)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2 + random.IntN(5))
	if random.IntN(2) == 0 {
		e.CompactSeqIndent()
	}
	if err := e.Encode(&d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// However a manifest is written, the hook is put into it, and of its lines only those change that hold what is changed.
func TestStyles(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	with := inject.Parameters{Image: "prestop/prestop:1"}
	written := 0
	for _, f := range files(t, "testdata/charts") {
		for _, p := range lint.Parts(f) {
			for range 20 {
				text := restyled(t, p.Text, random)
				if len(text) == 0 {
					continue
				}
				out, _ := injected(t, f.Name, text, with)
				written++
				specs(t, lint.File{Name: f.Name, Content: text}, out, with)
				if bytes.Contains(text, []byte("*")) {
					continue // aliases become copies
				}
				for line := range strings.Lines(string(diff.Diff("text", text, "out", out))) {
					if strings.HasPrefix(line, "-") && !strings.HasPrefix(line, "---") && !strings.ContainsAny(line, "{[") {
						t.Fatalf("%s is gone: %s", line, diff.Diff("text", text, "out", out))
					}
				}
			}
		}
	}
	if written < 400 {
		t.Errorf("%d documents", written)
	}
}
