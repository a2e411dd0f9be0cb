package packaging

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A log's messages are the program's own words, which nothing hides secrets in. So each is a constant, or is hidden where it is
// made; or it is named here, with why it holds nothing of others.
func TestMessagesAreConstant(t *testing.T) {
	t.Parallel()
	allowed := map[string]string{
		"shutdown/elasticsearch.go: f.Text":          "constants of kept",
		"shutdown/elasticsearch.go: text":            "constants, with a status that is known",
		"drain/quiet.go: text":                       "ports and times",
		"drain/traffic.go: t.talk.givenUp(after)":    "addresses of peers, ports and times",
		"prestop/run.go: text":                       "constants of end",
		"internal/secret/step.go: r.Message":         "handed on",
		"drain/exec.go: r.Message":                   "handed on",
		"shutdown/unlock_etcd.go: found":             "constants of unlock.go",
		"shutdown/unlock_redis.go: found":            "constants of unlock.go",
		"cmd/prestop/say.go: r.secrets.Hide(text)":   "hidden",
		"cmd/prestop/say.go: r.secrets.Hide(w.Text)": "hidden",
		"cmd/prestop/say.go: r.secrets.Hide(note)":   "hidden",
	}
	seen := 0
	for _, room := range []string{"cmd/prestop", "internal", "shutdown", "drain", "prestop"} {
		err := filepath.WalkDir(filepath.Join("..", "..", room), func(path string, entry os.DirEntry, err error) error {
			name := strings.TrimPrefix(filepath.ToSlash(path), "../../")
			switch {
			case err != nil || entry.IsDir() && slices.Contains([]string{"bench", "fakees", "testserver", "lint", "packaging"}, entry.Name()):
				return filepath.SkipDir
			case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
				return nil
			}
			files := token.NewFileSet()
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			file, err := parser.ParseFile(files, path, text, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				message := messageOf(n)
				if message == nil {
					return true
				}
				seen++
				written := string(text[files.Position(message.Pos()).Offset:files.Position(message.End()).Offset])
				if _, ok := allowed[name+": "+written]; !ok && !isConstant(message, file) {
					t.Errorf("%s: the message %s is no constant", files.Position(message.Pos()), written)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if seen < 30 {
		t.Errorf("%d messages seen: the test looks at the wrong place", seen)
	}
}

// messageOf is the message of a call of a logger, or nil.
func messageOf(n ast.Node) ast.Expr {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return nil
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	receiver := ""
	switch of := method.X.(type) {
	case *ast.Ident:
		receiver = of.Name
	case *ast.SelectorExpr:
		receiver = of.Sel.Name
	}
	if !slices.Contains([]string{"log", "Logger", "l", "slog", "warnings"}, receiver) {
		return nil
	}
	at := map[string]int{"Debug": 0, "Info": 0, "Warn": 0, "Error": 0, "Log": 2, "LogAttrs": 2, "NewRecord": 2}
	if n, known := at[method.Sel.Name]; known && n < len(call.Args) {
		return call.Args[n]
	}
	return nil
}

// isConstant tells whether an expression is a literal, or a name that is a constant; those of other files are told by their
// names, which no variable has.
func isConstant(e ast.Expr, file *ast.File) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.STRING
	case *ast.BinaryExpr:
		return isConstant(e.X, file) && isConstant(e.Y, file)
	case *ast.Ident:
		return e.Obj == nil || e.Obj.Kind == ast.Con
	}
	return false
}
