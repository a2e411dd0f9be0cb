package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/flagset"
	"github.com/prestop/prestop/internal/lint"
)

// An input is what one name on the command line stands for.
type input struct {
	name       string // as findings show it
	again      bool   // one of its files was read before
	files      []lint.File
	unreadable []lint.Unreadable
}

// standardInput is how findings name the standard input.
const standardInput = "stdin"

// A fileFlags is which files a command reads. The flags are kubectl's: lists with commas, and patterns such as '*.yaml', are taken too.
type fileFlags struct {
	names     []string // of files and directories; - for standard input
	deep      bool     // directories in directories are read as well
	kustomize string   // of kubectl; here it is refused
}

func (f *fileFlags) add(flags *flagset.Set) {
	flags.StringArrayVarP(&f.names, "filename", "f", nil, "a `file`, a directory, or - for standard input; may be repeated")
	flags.BoolVarP(&f.deep, "recursive", "R", true, "read also the directories in a directory")
	flags.StringVarP(&f.kustomize, "kustomize", "k", "", "")
	_ = flags.MarkHidden("kustomize") // the flag is there
}

// take adds what the arguments name to what -f names, which may be several with commas between.
func (f *fileFlags) take(args []string) {
	var all []string
	for _, name := range f.names {
		all = append(all, strings.Split(name, ",")...)
	}
	f.names = append(all, args...)
}

// wrong says why files are asked for in vain; empty: they are not.
func (f *fileFlags) wrong(command string) string {
	switch {
	case f.kustomize != "":
		return "-k: nothing is built here; expected manifests, as in: kubectl kustomize " + f.kustomize + " | kubectl prestop " + command + " -f -"
	case slices.Contains(f.names, ""):
		return "--filename: expected a file, a directory or -, got an empty name"
	}
	return ""
}

// expanded are the names, with the files that a pattern matches in its place.
func expanded(names []string) []string {
	var all []string
	for _, name := range names {
		matches, err := filepath.Glob(name)
		if _, missing := os.Stat(name); missing == nil || err != nil || len(matches) == 0 {
			matches = []string{name}
		}
		all = append(all, matches...)
	}
	return all
}

// read reads what is named, each file once.
func (f *fileFlags) read(stdin io.Reader) []input {
	var all []input
	seen := map[string]bool{}
	for _, name := range expanded(f.names) {
		in := input{name: name}
		switch scheme, _, _ := strings.Cut(name, "://"); {
		case name == "-":
			if in.name, in.again = standardInput, seen[name]; !in.again {
				in.read(in.name, func() (io.ReadCloser, error) { return io.NopCloser(stdin), nil })
			}
			seen[name] = true
		case scheme == "http" || scheme == "https":
			in.unreadable = append(in.unreadable, lint.Unreadable{File: name, Text: "it is a URL, and nothing is fetched: expected a file, a directory or -, as in curl --fail --location URL > manifest.yaml"})
		default:
			in.walk(f.deep, seen)
		}
		all = append(all, in)
	}
	return all
}

// walk reads the named file, or the manifests of the named directory, and of those below it if deep. It leaves out and remembers the
// files that were seen.
func (in *input) walk(deep bool, seen map[string]bool) {
	root := in.name
	if info, err := os.Stat(root); err == nil && info.IsDir() {
		root += "/" // so that a link to a directory is followed
	}
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		inside := path != root
		switch {
		case err != nil:
			in.fail(path, err)
		case entry.IsDir() && inside && (!deep || strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case entry.IsDir() || inside && (!isManifest(path) || !isFile(path, entry)):
		case seen[filepath.Clean(path)]:
			in.again = true
		default:
			seen[filepath.Clean(path)] = true
			in.read(path, func() (io.ReadCloser, error) { return os.Open(path) })
		}
		return nil // WalkDir fails only with what is returned here
	})
}

// isManifest tells whether a file in a directory may be a manifest. kubectl goes by the same endings of names.
func isManifest(path string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path))
}

// isFile tells whether an entry of a directory is a file, or a link to one. Opening a link that leads nowhere says so.
func isFile(path string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.Type().IsRegular()
	}
	info, err := os.Stat(path)
	return err != nil || info.Mode().IsRegular()
}

// read reads one byte more than lint takes, so that lint itself refuses a file that is too long.
func (in *input) read(name string, open func() (io.ReadCloser, error)) {
	f, err := open()
	if err != nil {
		in.fail(name, err)
		return
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, lint.MaxFile+1))
	if err != nil {
		in.fail(name, err)
		return
	}
	in.files = append(in.files, lint.File{Name: name, Content: content})
}

func (in *input) fail(name string, err error) {
	if failed, ok := errors.AsType[*os.PathError](err); ok {
		err = failed.Err // the PathError repeats the name
	}
	in.unreadable = append(in.unreadable, lint.Unreadable{File: name, Text: err.Error()})
}

func filesOf(inputs []input) []lint.File {
	var all []lint.File
	for _, in := range inputs {
		all = append(all, in.files...)
	}
	return all
}

// nothingOnStdin tells whether the input is standard input with no document. Helm gives a post-renderer nothing of a chart that has nothing.
func (in *input) nothingOnStdin() bool {
	return in.name == standardInput && !slices.ContainsFunc(in.files, func(f lint.File) bool {
		return slices.ContainsFunc(lint.Parts(f), func(p lint.Part) bool {
			d, err := p.Document()
			return d != nil || err != nil
		})
	})
}

// expectObjects makes an input without any object a mistake. Not every file of a directory needs to have objects.
func (in *input) expectObjects(result lint.Result) {
	length := 0
	for _, f := range in.files {
		length += len(f.Content)
		broken := slices.ContainsFunc(result.Unreadable, func(u lint.Unreadable) bool { return u.File == f.Name })
		if broken || result.Objects[f.Name] > 0 {
			return
		}
	}
	const expected = "expected objects of Kubernetes, which have apiVersion and kind, as helm template, kubectl kustomize and kubectl get -o yaml print them"
	switch {
	case len(in.unreadable) > 0 || in.again:
	case len(in.files) == 0:
		in.unreadable = append(in.unreadable, lint.Unreadable{File: in.name, Text: "no .yaml, .yml or .json file is in it"})
	case length == 0:
		in.unreadable = append(in.unreadable, lint.Unreadable{File: in.name, Text: "it is empty; " + expected})
	default:
		in.unreadable = append(in.unreadable, lint.Unreadable{File: in.name, Text: "no object is in it; " + expected})
	}
}
