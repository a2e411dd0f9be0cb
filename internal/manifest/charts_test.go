package manifest_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/prestop/prestop/internal/inject"
	"github.com/prestop/prestop/internal/lint"
	"github.com/prestop/prestop/internal/manifest"
)

// files are the manifests of a directory and of those in it.
func files(t testing.TB, dir string) []lint.File {
	t.Helper()
	var all []lint.File
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !slices.Contains([]string{".yaml", ".json"}, filepath.Ext(path)) {
			return err
		}
		content, err := os.ReadFile(path)
		all = append(all, lint.File{Name: path, Content: content})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// found are the findings of a file, without their places, which move.
func found(f lint.File) (all []string) {
	r := lint.Check([]lint.File{f})
	for _, u := range r.Unreadable {
		all = append(all, "unreadable: "+u.Text)
	}
	for _, one := range r.Findings {
		all = append(all, fmt.Sprintf("%s of %s, %s: %s", one.ID, one.Object, one.Container, one.Message))
	}
	return all
}

// specs checks that the pods of a file that was changed are what inject makes of those that it had, whatever they share.
func specs(t *testing.T, f lint.File, out []byte, with inject.Parameters) {
	t.Helper()
	old, changed := templates(t, f), templates(t, lint.File{Name: f.Name, Content: out})
	if len(old) != len(changed) {
		t.Errorf("%s: had %d pods, and has %d", f.Name, len(old), len(changed))
		return
	}
	for i, o := range old {
		want := o.Pod.Spec
		if o.Kind != "Job" && o.Kind != "CronJob" && o.Kind != "Elasticsearch" {
			want = inject.Inject(inject.Pod{Annotations: o.Pod.Annotations, Spec: o.Pod.Spec}, with).Spec
		}
		if got, want := asJSON(t, changed[i].Pod.Spec), asJSON(t, want); got != want {
			t.Errorf("%s: pod %d is\n%s\nand inject makes\n%s", f.Name, i, got, want)
		}
	}
}

func templates(t *testing.T, f lint.File) (all []lint.Template) {
	t.Helper()
	for _, p := range lint.Parts(f) {
		d, err := p.Document()
		if err != nil {
			t.Fatal(err)
		}
		if d != nil {
			all = append(all, lint.Templates(f.Name, d)...)
		}
	}
	return all
}

// The manifests of examples/, and others in the shapes of charts: lint finds nothing new, a second time changes no byte, and what is
// no workload stays byte for byte.
func TestChartsAndExamples(t *testing.T) {
	t.Parallel()
	all := append(files(t, "testdata/charts"), files(t, "../../examples")...)
	if len(all) < 50 {
		t.Errorf("there are %d manifests", len(all))
	}
	hooked := 0
	for _, f := range all {
		for _, with := range []inject.Parameters{{Image: "prestop/prestop:1"}, {Image: "prestop/prestop:1", Installer: true}, {Image: "prestop/prestop:1", ReplaceSleep: true}} {
			out, reports := injected(t, f.Name, f.Content, with)
			for _, r := range reports {
				if r.Hooked {
					hooked++
				}
			}
			specs(t, f, out, with)
			before := found(f)
			for _, one := range found(lint.File{Name: f.Name, Content: out}) {
				if !slices.Contains(before, one) {
					t.Errorf("%s: lint finds something new: %s\nin\n%s", f.Name, one, out)
				}
			}
		}
	}
	if hooked < 40 {
		t.Errorf("%d containers have the hook", hooked)
	}
}

// A thousand manifests, which take 2 s at most.
func BenchmarkThousand(b *testing.B) {
	all := files(b, "testdata/charts")
	for b.Loop() {
		for n := range 1000 {
			if _, _, errs := manifest.Inject(all[n%len(all)], inject.Parameters{Image: "prestop/prestop:1"}); len(errs) > 0 {
				b.Fatal(errs[0])
			}
		}
	}
}
