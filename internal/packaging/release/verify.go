package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// verify reads the release back, as somebody who has downloaded it would. Its error has everything that does not fit.
func (r release) verify(ctx context.Context) error {
	sums, err := r.readSums()
	if err != nil {
		return err
	}
	problems := []error{r.verifySums(sums), r.verifyKrew(sums)}
	for _, p := range r.programs {
		archived := map[string]binary{}
		for _, t := range r.targets(p) {
			b, err := r.verifyArchive(ctx, p, t)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", r.archiveName(p, t), err))
				continue
			}
			if t.os == "linux" {
				archived[t.arch] = b
			}
			problems = append(problems, r.verifyPapers(r.archiveName(p, t), sums, []binary{b}, ""))
		}
		index, err := r.verifyLayout(p, archived)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", r.layoutName(p), err))
		}
		problems = append(problems, r.verifyPapers(r.layoutName(p), sums, slices.Collect(maps.Values(archived)), index))
	}
	return errors.Join(problems...)
}

// verifySums: each file has a sum, each sum has a file, and they agree.
func (r release) verifySums(sums map[string]string) error {
	var problems []error
	files, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	left := maps.Clone(sums)
	for _, file := range files {
		if file.Name() == sumsName {
			continue
		}
		content, err := os.ReadFile(filepath.Join(r.out, file.Name()))
		if err != nil {
			return err
		}
		if sum := sha256Of(content); sum != sums[file.Name()] {
			problems = append(problems, fmt.Errorf("%s: its sum is %s, %s has %q", file.Name(), sum, sumsName, sums[file.Name()]))
		}
		delete(left, file.Name())
	}
	for _, name := range sortedNames(left) {
		problems = append(problems, fmt.Errorf("%s: no such file, but %s has it", name, sumsName))
	}
	return errors.Join(problems...)
}

// verifyArchive: the archive has the license and the program, and the program is for the target in the archive's name. If the
// target is this machine, the program says the release's version.
func (r release) verifyArchive(ctx context.Context, p program, t target) (binary, error) {
	packed, err := os.ReadFile(filepath.Join(r.out, r.archiveName(p, t)))
	if err != nil {
		return binary{}, err
	}
	entries, err := unpack(packed)
	if err != nil {
		return binary{}, err
	}
	if names := entryNames(entries); !slices.Equal(names, []string{"LICENSE 644", p.fileName(t) + " 755"}) {
		return binary{}, fmt.Errorf("it has %q", names)
	}
	b, err := readBinary(p.name, t, entries[1].content)
	if err != nil {
		return b, err
	}
	settings := map[string]string{}
	for _, s := range b.info.Settings {
		settings[s.Key] = s.Value
	}
	if settings["GOOS"] != t.os || settings["GOARCH"] != t.arch || settings["CGO_ENABLED"] != "0" {
		return b, fmt.Errorf("the program was built for %s/%s, CGO_ENABLED=%s", settings["GOOS"], settings["GOARCH"], settings["CGO_ENABLED"])
	}
	if runtime.GOOS != t.os || runtime.GOARCH != t.arch {
		return b, nil
	}
	return b, r.verifyVersion(ctx, p, b)
}

func (r release) verifyVersion(ctx context.Context, p program, b binary) error {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, p.fileName(b.target))
	if err := os.WriteFile(program, b.content, 0o755); err != nil {
		return err
	}
	said, err := output(ctx, dir, nil, program, "version")
	if err == nil && !slices.Contains(strings.Fields(said), r.version) {
		err = fmt.Errorf("%s version says %q, expected %s in it", p.name, said, r.version)
	}
	return err
}

// verifyPapers: the bill of materials names each module that is linked and no other, and the statement is about this file. If
// there is an image's index, the statement is about the index too.
func (r release) verifyPapers(name string, sums map[string]string, binaries []binary, index string) error {
	var (
		bill     sbomDocument
		said     statement
		problems []error
	)
	if err := errors.Join(r.readJSON(sbomName(name), &bill), r.readJSON(provenanceName(name), &said)); err != nil {
		return err
	}
	linked, billed := map[string]bool{}, map[string]bool{}
	for _, b := range binaries {
		for name, version := range b.modules() {
			linked[name+" "+version] = true
		}
		linked[b.program+" "+b.target.String()+" "+r.version+" "+sha256Of(b.content)] = true
	}
	for _, p := range bill.Packages {
		switch p.Purpose {
		case "LIBRARY":
			billed[p.Name+" "+p.VersionInfo] = true
		case "APPLICATION":
			billed[p.Name+" "+p.VersionInfo+" "+p.Checksums[0].ChecksumValue] = true
		}
	}
	for _, part := range sortedNames(linked) {
		if !billed[part] {
			problems = append(problems, fmt.Errorf("%s: it does not have %s, which is linked", sbomName(name), part))
		}
	}
	for _, part := range sortedNames(billed) {
		if !linked[part] {
			problems = append(problems, fmt.Errorf("%s: it has %s, which is not linked", sbomName(name), part))
		}
	}
	wanted := []string{sums[name]}
	if index != "" {
		wanted = append(wanted, index)
	}
	var subjects []string
	for _, s := range said.Subject {
		subjects = append(subjects, s.Digest["sha256"])
	}
	if !slices.Equal(subjects, wanted) {
		problems = append(problems, fmt.Errorf("%s: its subjects are %q, expected %q", provenanceName(name), subjects, wanted))
	}
	return errors.Join(problems...)
}

func (r release) readJSON(name string, into any) error {
	text, err := os.ReadFile(filepath.Join(r.out, name))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// verifyLayout: each blob has the digest that its name says, every blob that the index names is there, and each image has the
// archive's program and no other file. It returns the index's digest.
func (r release) verifyLayout(p program, archived map[string]binary) (string, error) {
	text, err := os.ReadFile(filepath.Join(r.out, r.layoutName(p)))
	if err != nil {
		return "", err
	}
	entries, err := untar(bytes.NewReader(text))
	if err != nil {
		return "", err
	}
	var top imageIndex
	contents := blobs{}
	for _, e := range entries {
		digest, isBlob := strings.CutPrefix(e.name, "blobs/sha256/")
		switch {
		case isBlob && sha256Of(e.content) != digest:
			return "", fmt.Errorf("the blob %s has another digest", digest)
		case isBlob:
			contents[digest] = e.content
		case e.name == "index.json":
			if err := json.Unmarshal(e.content, &top); err != nil {
				return "", err
			}
		}
	}
	if len(top.Manifests) != 1 {
		return "", fmt.Errorf("index.json names %d images, expected 1", len(top.Manifests))
	}
	var index imageIndex
	if err := contents.readJSON(top.Manifests[0], &index); err != nil {
		return "", err
	}
	for _, d := range index.Manifests {
		if err := contents.verifyImage(d, archived); err != nil {
			return "", err
		}
	}
	if len(index.Manifests) != len(archived) || len(contents) != 1+3*len(archived) {
		return "", fmt.Errorf("it has %d images and %d blobs, there are %d archives", len(index.Manifests), len(contents), len(archived))
	}
	return strings.TrimPrefix(top.Manifests[0].Digest, "sha256:"), nil
}

func (b blobs) read(d descriptor) ([]byte, error) {
	content, ok := b[strings.TrimPrefix(d.Digest, "sha256:")]
	if !ok || len(content) != d.Size {
		return nil, fmt.Errorf("%s: there are %d bytes of it, expected %d", d.Digest, len(content), d.Size)
	}
	return content, nil
}

func (b blobs) readJSON(d descriptor, into any) error {
	content, err := b.read(d)
	if err != nil {
		return err
	}
	return json.Unmarshal(content, into)
}

func (b blobs) verifyImage(d descriptor, archived map[string]binary) error {
	var (
		manifest imageManifest
		config   imageConfig
	)
	if err := b.readJSON(d, &manifest); err != nil {
		return err
	}
	if err := b.readJSON(manifest.Config, &config); err != nil {
		return err
	}
	if d.Platform == nil || *d.Platform != config.platform || len(manifest.Layers) != 1 || len(config.RootFS.DiffIDs) != 1 {
		return fmt.Errorf("%s: the index, the manifest and the configuration do not fit", d.Digest)
	}
	packed, err := b.read(manifest.Layers[0])
	if err != nil {
		return err
	}
	entries, err := unpack(packed)
	if err != nil {
		return err
	}
	program, ok := archived[d.Platform.Architecture]
	if !ok || len(entries) != 1 || "/"+entries[0].name != config.Config.Entrypoint[0] || !bytes.Equal(entries[0].content, program.content) {
		return fmt.Errorf("the image for %s has %q, expected the archive's program alone", d.Platform.Architecture, entryNames(entries))
	}
	return nil
}

// verifyKrew: each archive that krew's manifest names is there, and has the sum that the manifest says.
func (r release) verifyKrew(sums map[string]string) error {
	text, err := os.ReadFile(filepath.Join(r.out, krewName))
	if errors.Is(err, os.ErrNotExist) && sums[krewName] == "" {
		return nil // a trial for only some architectures
	}
	if err != nil {
		return err
	}
	var manifest krewManifest
	if err := yaml.Unmarshal(text, &manifest); err != nil {
		return fmt.Errorf("%s: %w", krewName, err)
	}
	if len(manifest.Spec.Platforms) == 0 {
		return fmt.Errorf("%s: it names no archive", krewName)
	}
	for _, p := range manifest.Spec.Platforms {
		if sum := sums[path.Base(p.URI)]; sum == "" || sum != p.SHA256 {
			return fmt.Errorf("%s: %s has the sum %q there, in %s it is %q", krewName, p.URI, p.SHA256, sumsName, sum)
		}
	}
	return nil
}

func unpack(packed []byte) ([]entry, error) {
	text, err := gunzip(packed)
	if err != nil {
		return nil, err
	}
	return untar(bytes.NewReader(text))
}

func gunzip(packed []byte) ([]byte, error) {
	from, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(from)
}

func untar(from io.Reader) ([]entry, error) {
	var all []entry
	for reader := tar.NewReader(from); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			return nil, err
		}
		all = append(all, entry{header.Name, header.Mode, content})
	}
}

func entryNames(entries []entry) []string {
	var names []string
	for _, e := range entries {
		names = append(names, fmt.Sprintf("%s %o", e.name, e.mode))
	}
	return names
}
