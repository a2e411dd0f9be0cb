// Package image writes container images from nothing: an OCI archive of one layer, made of files of this machine.
//
// It needs no registry and no builder: `ctr images import` and `kind load image-archive` read what it writes.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
)

// An Image is what an archive will hold.
type Image struct {
	Ref        string            // with registry and tag, as "e2e.test/app:1"
	Files      map[string]string // path in the image: file of this machine; all 0755
	Entrypoint []string
	User       string // empty: root
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    map[string]string `json:"platform,omitempty"`
}

// Write makes the archive.
func (i Image) Write(archive string) error {
	layer, err := i.layer()
	if err != nil {
		return err
	}
	platform := map[string]string{"architecture": runtime.GOARCH, "os": "linux"}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": i.Entrypoint, "User": i.User, "Env": []string{"PATH=/bin"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digest(layer)}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": describe("application/vnd.oci.image.config.v1+json", config),
		"layers": []descriptor{describe("application/vnd.oci.image.layer.v1.tar", layer)},
	})
	if err != nil {
		return err
	}
	top := describe("application/vnd.oci.image.manifest.v1+json", manifest)
	top.Annotations, top.Platform = map[string]string{"io.containerd.image.name": i.Ref}, platform
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []descriptor{top}})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add(w, "oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	add(w, "index.json", index)
	for _, blob := range [][]byte{manifest, config, layer} {
		add(w, "blobs/sha256/"+strings.TrimPrefix(digest(blob), "sha256:"), blob)
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(archive, b.Bytes(), 0o644)
}

// layer is the tar of the image's files, with /tmp and the directories above them.
func (i Image) layer() ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777})
	made := map[string]bool{".": true, "tmp": true}
	var paths []string
	for p := range i.Files {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		content, err := os.ReadFile(i.Files[p])
		if err != nil {
			return nil, err
		}
		directories(w, path.Dir(strings.TrimPrefix(p, "/")), made)
		w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(p, "/"), Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(content))})
		if _, err := w.Write(content); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), w.Close()
}

func directories(w *tar.Writer, dir string, made map[string]bool) {
	if made[dir] {
		return
	}
	directories(w, path.Dir(dir), made)
	made[dir] = true
	w.WriteHeader(&tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: 0o755})
}

func add(w *tar.Writer, name string, content []byte) {
	w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))})
	w.Write(content)
}

func describe(kind string, content []byte) descriptor {
	return descriptor{MediaType: kind, Digest: digest(content), Size: len(content)}
}

func digest(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }
