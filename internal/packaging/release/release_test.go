package main

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const root = "../../.."

// smallTree has two programs as small as they can be, which say their version as the real ones do. One links a module.
func smallTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"go.mod":                      read(t, root, "go.mod"),
		"go.sum":                      read(t, root, "go.sum"),
		"LICENSE":                     "the license\n",
		"cmd/prestop/main.go":         "package main\n\nimport \"golang.org/x/sys/unix\"\n\nvar version string\n\nfunc main() { unix.Write(1, []byte(\"prestop \"+version+\"\\n\")) }\n",
		"cmd/kubectl-prestop/main.go": "package main\n\nimport \"syscall\"\n\nvar version, image string\n\nfunc main() { syscall.Write(1, []byte(\"kubectl-prestop \"+version+\" \"+image+\"\\n\")) }\n",
		"deploy/krew/prestop.yaml":    "spec: {version: \"{{VERSION}}\", platforms: [{uri: x/kubectl-prestop_{{NUMBER}}_linux_ARCH.tar.gz, sha256: \"{{SHA256_LINUX_UPPER}}\"}, {uri: x/kubectl-prestop_{{NUMBER}}_windows_amd64.tar.gz, sha256: \"{{SHA256_WINDOWS_AMD64}}\"}]}\n",
	}
	files["deploy/krew/prestop.yaml"] = strings.NewReplacer("ARCH", runtime.GOARCH, "UPPER", strings.ToUpper(runtime.GOARCH)).Replace(files["deploy/krew/prestop.yaml"])
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func otherArch() string {
	if runtime.GOARCH == "arm64" {
		return "amd64"
	}
	return "arm64"
}

// small is a release of a small tree for two architectures, made and not yet looked at.
func small(t *testing.T) release {
	t.Helper()
	r := release{
		version: "v1.2.3", commit: "0123456789abcdef", time: time.Unix(1_700_000_000, 0).UTC(),
		tree: smallTree(t), out: filepath.Join(t.TempDir(), "dist", "release"),
		arches: []string{runtime.GOARCH, otherArch()}, desktops: []target{{"windows", "amd64"}}, programs: programs,
	}
	if err := r.make(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, file := range found {
		all[file.Name()] = read(t, dir, file.Name())
	}
	return all
}

func TestRelease(t *testing.T) {
	t.Parallel()
	made := small(t)
	t.Run("twice", func(t *testing.T) { t.Parallel(); twiceTheSameBytes(t, made) })
	t.Run("the plugin names the image", func(t *testing.T) { t.Parallel(); pluginNamesTheImage(t, made) })
	t.Run("what is damaged is found", func(t *testing.T) { t.Parallel(); verifyFinds(t, made) })
}

func twiceTheSameBytes(t *testing.T, first release) {
	second := small(t)
	if err := first.verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	one, two := filesOf(t, first.out), filesOf(t, second.out)
	if names := sortedNames(one); !slices.Equal(names, sortedNames(two)) || len(names) != 3*(2*3+1)+2 {
		t.Fatalf("%q\n%q", names, sortedNames(two))
	}
	for name, content := range one {
		if content != two[name] {
			t.Errorf("%s differs", name)
		}
		for _, unwanted := range []string{first.tree, first.out} {
			if strings.Contains(content, unwanted) {
				t.Errorf("%s contains %s", name, unwanted)
			}
		}
	}
	checkedByItsUsers(t, first)
}

// checkedByItsUsers runs the commands of docs/verify.md that need no network, for this machine's architecture.
func checkedByItsUsers(t *testing.T, r release) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(r.out)); err != nil {
		t.Fatal(err)
	}
	page := read(t, root, "docs/verify.md")
	for _, command := range []string{
		"sha256sum --check --ignore-missing SHA256SUMS",
		"tar --extract --gzip --file=prestop_1.0.0_linux_amd64.tar.gz",
	} {
		if !strings.Contains(page, "$ "+command+"\n") {
			t.Errorf("docs/verify.md does not have %s", command)
		}
		command = strings.NewReplacer("1.0.0", r.number(), "amd64", runtime.GOARCH).Replace(command)
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", command, err, out)
		}
	}
	if said, err := output(t.Context(), dir, nil, "./prestop", "version"); err != nil || said != "prestop v1.2.3" {
		t.Errorf("it says %q, %v", said, err)
	}
	for _, named := range regexp.MustCompile(`prestop_1\.0\.0_linux_amd64\.tar\.gz[.a-z]*`).FindAllString(page, -1) {
		name := strings.NewReplacer("1.0.0", r.number(), "amd64", runtime.GOARCH, ".intoto.jsonl", "").Replace(named)
		if _, err := os.Stat(filepath.Join(r.out, strings.TrimSuffix(name, "."))); err != nil {
			t.Errorf("docs/verify.md names %s: %v", named, err)
		}
	}
}

// The plugin puts the image of its own release into manifests: the digest is that of the layout's index.
func pluginNamesTheImage(t *testing.T, r release) {
	b, err := r.verifyArchive(t.Context(), programs[1], target{"linux", runtime.GOARCH})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := r.verifyLayout(programs[0], map[string]binary{
		runtime.GOARCH: archived(t, r, programs[0], runtime.GOARCH), otherArch(): archived(t, r, programs[0], otherArch()),
	})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b.content, []byte("prestop/prestop:1.2.3@sha256:"+digest)) {
		t.Errorf("prestop/prestop:1.2.3@sha256:%s is not linked in", digest)
	}
}

func archived(t *testing.T, r release, p program, arch string) binary {
	t.Helper()
	b, err := r.verifyArchive(t.Context(), p, target{"linux", arch})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Whatever is changed after it was made is found.
func verifyFinds(t *testing.T, made release) {
	archive := made.archiveName(programs[0], target{"linux", runtime.GOARCH})
	for name, damage := range map[string]struct {
		do   func(r release) error
		want string
	}{
		"a file that differs": {func(r release) error {
			_, err := r.write(sbomName(archive), []byte(read(t, r.out, sbomName(archive))+" "))
			return err
		}, "its sum is"},
		"a file that is not in the sums": {func(r release) error { _, err := r.write("more", nil); return err }, "more: its sum"},
		"a file that is missing":         {func(r release) error { return os.Remove(filepath.Join(r.out, krewName)) }, "no such file"},
		"a module that the bill does not name": {func(r release) error {
			return replace(t, r, sbomName(archive), `"name": "golang.org/x/sys"`, `"name": "golang.org/x/text"`)
		}, "it has golang.org/x/text v"},
		"a statement about another file": {func(r release) error {
			return replace(t, r, provenanceName(archive), sha256Of([]byte(read(t, r.out, archive))), sha256Of(nil))
		}, "its subjects"},
		"a checksum in krew's manifest": {func(r release) error {
			return replace(t, r, krewName, "sha256: \"", "sha256: \"0")
		}, "has the sum"},
		"a layout with another blob": {func(r release) error {
			return replace(t, r, r.layoutName(programs[0]), `"architecture"`, `"Architecture"`)
		}, "another digest"},
		"an archive for another architecture": {func(r release) error {
			text := read(t, r.out, r.archiveName(programs[0], target{"linux", otherArch()}))
			_, err := r.write(archive, []byte(text))
			return err
		}, "was built for linux/" + otherArch()},
		"an archive without the license": {func(r release) error {
			text, err := tarOf(r.time, []entry{{"prestop", 0o755, nil}})
			if err == nil {
				text, err = compressed(text)
			}
			if err == nil {
				_, err = r.write(archive, text)
			}
			return err
		}, "it has"},
		"an archive that is none": {func(r release) error { _, err := r.write(archive, []byte("x")); return err }, "unexpected EOF"},
		"no sums":                 {func(r release) error { return os.Remove(filepath.Join(r.out, sumsName)) }, sumsName},
		"sums that are none":      {func(r release) error { _, err := r.write(sumsName, []byte("x\n")); return err }, "expected a sum"},
		"no image":                {func(r release) error { return os.Remove(filepath.Join(r.out, r.layoutName(programs[0]))) }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := made
			r.out, r.programs = t.TempDir(), programs[:1]
			if err := os.CopyFS(r.out, os.DirFS(made.out)); err != nil {
				t.Fatal(err)
			}
			if err := damage.do(r); err != nil {
				t.Fatal(err)
			}
			if err := r.verify(t.Context()); err == nil || !strings.Contains(err.Error(), damage.want) {
				t.Errorf("found %v, expected %q", err, damage.want)
			}
		})
	}
	t.Run("another version", func(t *testing.T) {
		t.Parallel()
		b := archived(t, made, programs[0], runtime.GOARCH)
		r := made
		r.version = "v9.9.9"
		if err := r.verifyVersion(t.Context(), programs[0], b); err == nil || !strings.Contains(err.Error(), "expected v9.9.9") {
			t.Errorf("found %v", err)
		}
	})
}

// replace changes a file that must have the text.
func replace(t *testing.T, r release, name, old, by string) error {
	t.Helper()
	text := read(t, r.out, name)
	if !strings.Contains(text, old) {
		t.Fatalf("%s does not have %s", name, old)
	}
	_, err := r.write(name, []byte(strings.ReplaceAll(text, old, by)))
	return err
}

// The bill of the real hook has what Go says of its packages, without looking at the binary.
func TestBillOfTheHook(t *testing.T) {
	t.Parallel()
	r := release{version: "v0.0.0-packaging", tree: root, arches: []string{runtime.GOARCH}}
	dir, err := filepath.Abs(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	binaries, err := r.build(t.Context(), programs[0], "", dir)
	if err != nil {
		t.Fatal(err)
	}
	listed, err := output(t.Context(), root, append([]string{"GOOS=linux", "GOARCH=" + runtime.GOARCH}, buildEnv...), "go", "list", "-deps",
		"-f={{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", programs[0].pkg)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"stdlib " + runtime.Version()}
	for line := range strings.Lines(listed) {
		if line = strings.TrimSpace(line); line != "" {
			want = append(want, line)
		}
	}
	slices.Sort(want)
	want = slices.Compact(want)
	var got []string
	document := r.sbom(artefact{name: "a", program: programs[0], binaries: binaries})
	for _, p := range document.Packages {
		if p.Purpose == "LIBRARY" {
			got = append(got, p.Name+" "+p.VersionInfo)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || len(want) < 5 {
		t.Errorf("bill %q\n  Go %q", got, want)
	}
	ids := map[string]bool{sbomItself: true}
	for _, p := range document.Packages {
		ids[p.SPDXID] = true
	}
	for _, relation := range document.Relationships {
		if !ids[relation.From] || !ids[relation.To] {
			t.Errorf("%+v names what there is not", relation)
		}
	}
}

// krew's manifest names each archive of the plugin, with its checksum, as YAML.
func TestKrew(t *testing.T) {
	t.Parallel()
	r := release{version: "v1.2.3"}
	template := read(t, root, krewTemplateAt)
	sums := map[string]string{}
	targets := []target{
		{"linux", "amd64"}, {"linux", "arm64"}, {"linux", "arm"}, {"linux", "ppc64le"}, {"linux", "s390x"}, {"linux", "riscv64"},
		{"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"},
	}
	for _, at := range targets {
		sums[r.archiveName(programs[1], at)] = sha256Of([]byte(at.String()))
	}
	text, whole, err := r.krew(template, sums)
	if err != nil || !whole {
		t.Fatalf("whole %v, %v", whole, err)
	}
	var manifest krewManifest
	if err := yaml.Unmarshal([]byte(text), &manifest); err != nil {
		t.Fatal(err)
	}
	var got []target
	for _, p := range manifest.Spec.Platforms {
		at := target{p.Selector.MatchLabels["os"], p.Selector.MatchLabels["arch"]}
		got = append(got, at)
		name := r.archiveName(programs[1], at)
		if p.URI != project+"/releases/download/v1.2.3/"+name || p.SHA256 != sums[name] || p.Bin != programs[1].fileName(at) {
			t.Errorf("%s: %+v", at, p)
		}
	}
	if !slices.Equal(got, targets) || manifest.Spec.Version != "v1.2.3" {
		t.Errorf("%s for %q", manifest.Spec.Version, got)
	}
	delete(sums, r.archiveName(programs[1], target{"windows", "amd64"}))
	if _, whole, err := r.krew(template, sums); whole || err != nil {
		t.Errorf("without an archive: whole %v, %v", whole, err)
	}
	if _, _, err := r.krew("{{NAME}}", sums); err == nil {
		t.Error("a placeholder that nobody knows is left")
	}
}

// The flags are those of the Makefile, which TestDockerfileBuildsAsTheMakefileDoes compares with the Dockerfile.
func TestFlagsAreTheMakefiles(t *testing.T) {
	t.Parallel()
	made := read(t, root, "Makefile")
	if want := `RELEASE := CGO_ENABLED=0 GOARM=6 GOFLAGS="` + buildFlags + `"`; !strings.Contains(made, want+"\n") {
		t.Errorf("the Makefile does not have %s", want)
	}
}

// An image's labels are the Dockerfile's and more, and it runs as the same user.
func TestImagesAreTheDockerfiles(t *testing.T) {
	t.Parallel()
	made := read(t, root, "Dockerfile")
	labels := release{version: "$VERSION"}.labels(programs[0])
	found := regexp.MustCompile(`(org\.opencontainers\.image\.\w+)="([^"]*)"`).FindAllStringSubmatch(made, -1)
	if len(found) < 3 {
		t.Fatalf("%d labels: the test looks at the wrong place", len(found))
	}
	for _, label := range found {
		if labels[label[1]] != label[2] {
			t.Errorf("%s is %q, the Dockerfile has %q", label[1], labels[label[1]], label[2])
		}
	}
	if !strings.Contains(made, "\nUSER "+nobody+"\n") {
		t.Errorf("the Dockerfile's user is not %s", nobody)
	}
}

// A release names a commit, so it is made from that and nothing else.
func TestRunWantsACleanCheckout(t *testing.T) {
	t.Parallel()
	tree := smallTree(t)
	git := func(args ...string) {
		t.Helper()
		env := []string{"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_COMMITTER_DATE=1600000000 +0200", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org"}
		if _, err := output(t.Context(), tree, env, "git", args...); err != nil {
			t.Fatal(err)
		}
	}
	git("init", "--quiet")
	out := filepath.Join(t.TempDir(), "release")
	args := []string{"-version=v1.2.3", "-tree=" + tree, "-out=" + out, "-arches=" + runtime.GOARCH, "-desktops=windows/amd64"}
	none := func(string) string { return "" }
	said, err := tryRun(t.Context(), args, none)
	if err == nil || !strings.Contains(err.Error(), "not committed") {
		t.Fatalf("%q, %v", said, err)
	}
	git("add", ".")
	git("commit", "--quiet", "--message=all")
	said, err = tryRun(t.Context(), args, none)
	if err != nil || !strings.Contains(said, "v1.2.3, 17 files") {
		t.Fatalf("%q, %v", said, err)
	}
	archive, err := os.ReadFile(filepath.Join(out, "prestop_1.2.3_linux_"+runtime.GOARCH+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if at := firstTime(t, archive); !at.Equal(time.Unix(1_600_000_000, 0)) {
		t.Errorf("the files are of %v, expected the commit's time", at)
	}
}

func tryRun(ctx context.Context, args []string, getenv func(string) string) (string, error) {
	var stdout strings.Builder
	err := run(ctx, args, getenv, &stdout)
	return stdout.String(), err
}

func firstTime(t *testing.T, packed []byte) time.Time {
	t.Helper()
	text, err := gunzip(packed)
	if err != nil {
		t.Fatal(err)
	}
	header, err := tar.NewReader(bytes.NewReader(text)).Next()
	if err != nil {
		t.Fatal(err)
	}
	return header.ModTime
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	tree := smallTree(t)
	for name, wrong := range map[string]struct {
		args  []string
		epoch string
		want  string
	}{
		"no version":       {[]string{"-commit=x"}, "1", "expected one as v1.2.3"},
		"another version":  {[]string{"-commit=x", "-version=1.2"}, "1", "expected one as v1.2.3"},
		"an argument":      {[]string{"v1.2.3"}, "1", "flags alone"},
		"an unknown flag":  {[]string{"-verison=v1.2.3"}, "1", "not defined"},
		"a date":           {[]string{"-commit=x", "-version=v1.2.3"}, "today", "seconds since 1970"},
		"no checkout":      {[]string{"-version=v1.2.3", "-tree=" + t.TempDir()}, "1", "not a git repository"},
		"no date":          {[]string{"-version=v1.2.3", "-commit=x", "-tree=" + t.TempDir()}, "", "not a git repository"},
		"an architecture":  {[]string{"-version=v1.2.3", "-commit=x", "-tree=" + tree, "-arches=abacus"}, "1", "abacus"},
		"a system":         {[]string{"-version=v1.2.3", "-commit=x", "-desktops=macos"}, "1", "as darwin/arm64"},
		"a tree of others": {[]string{"-version=v1.2.3", "-commit=x", "-tree=" + t.TempDir(), "-arches=amd64"}, "1", "go build"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "release")
			_, err := tryRun(t.Context(), append(wrong.args, "-out="+out), func(string) string { return wrong.epoch })
			if err == nil || !strings.Contains(err.Error(), wrong.want) {
				t.Errorf("%v, expected %q", err, wrong.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("something was made")
			}
		})
	}
}
