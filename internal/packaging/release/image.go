package main

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// The documents of an image layout, as the OCI image specification 1.1 has them.
const (
	mediaIndex    = "application/vnd.oci.image.index.v1+json"
	mediaManifest = "application/vnd.oci.image.manifest.v1+json"
	mediaConfig   = "application/vnd.oci.image.config.v1+json"
	mediaLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
	layoutVersion = "1.0.0"
	nobody        = "65532:65532" // as the Dockerfile has it
)

type (
	descriptor struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        int               `json:"size"`
		Platform    *platform         `json:"platform,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	platform struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
		Variant      string `json:"variant,omitempty"`
	}
	imageIndex struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Manifests     []descriptor      `json:"manifests"`
		Annotations   map[string]string `json:"annotations,omitempty"`
	}
	imageManifest struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Config        descriptor        `json:"config"`
		Layers        []descriptor      `json:"layers"`
		Annotations   map[string]string `json:"annotations,omitempty"`
	}
	imageConfig struct {
		Created time.Time `json:"created"`
		platform
		Config  containerConfig `json:"config"`
		RootFS  rootFS          `json:"rootfs"`
		History []history       `json:"history"`
	}
	containerConfig struct {
		User       string
		Entrypoint []string
		WorkingDir string
		Labels     map[string]string
	}
	rootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	}
	history struct {
		Created   time.Time `json:"created"`
		CreatedBy string    `json:"created_by"`
	}
)

// blobs are a layout's contents, by their digests.
type blobs map[string][]byte

func (b blobs) add(mediaType string, content []byte) descriptor {
	digest := sha256Of(content)
	b[digest] = content
	return descriptor{MediaType: mediaType, Digest: "sha256:" + digest, Size: len(content)}
}

func (b blobs) addJSON(mediaType string, content any) (descriptor, error) {
	text, err := json.Marshal(content)
	return b.add(mediaType, text), err
}

// labels say what an image is. They are the labels of the Dockerfile, and labels that only a release knows.
func (r release) labels(p program) map[string]string {
	const of = "org.opencontainers.image."
	return map[string]string{
		of + "title": p.name, of + "description": p.description, of + "source": project, of + "licenses": license,
		of + "version": r.version, of + "revision": r.commit, of + "created": r.time.Format(time.RFC3339),
		of + "documentation": project + "/blob/" + r.version + "/README.md",
	}
}

func platformOf(arch string) platform {
	variants := map[string]string{"arm": "v6", "arm64": "v8"}
	return platform{Architecture: arch, OS: "linux", Variant: variants[arch]}
}

// writeLayout writes a program's image for all architectures: an image layout in a tar, as skopeo, podman, crane and containerd
// read it. An image has the program and no other file.
func (r release) writeLayout(p program, binaries []binary) (artefact, error) {
	contents := blobs{}
	index := imageIndex{SchemaVersion: 2, MediaType: mediaIndex, Annotations: r.labels(p)}
	a := artefact{name: r.layoutName(p), program: p, binaries: binaries}
	for _, b := range binaries {
		manifest, err := r.addImage(contents, p, b)
		if err != nil {
			return a, err
		}
		index.Manifests = append(index.Manifests, manifest)
	}
	top, err := contents.addJSON(mediaIndex, index)
	if err != nil {
		return a, err
	}
	a.images = append(a.images, subject{p.image, map[string]string{"sha256": top.Digest[len("sha256:"):]}})
	top.Annotations = map[string]string{"org.opencontainers.image.ref.name": r.number()}
	layout, err := layoutEntries(contents, top)
	if err != nil {
		return a, err
	}
	text, err := tarOf(r.time, layout)
	if err != nil {
		return a, err
	}
	a.digest, err = r.write(a.name, text)
	return a, err
}

// addImage adds an image for one architecture and returns its descriptor.
func (r release) addImage(to blobs, p program, b binary) (descriptor, error) {
	layer, err := tarOf(r.time, []entry{{p.name, 0o755, b.content}})
	if err != nil {
		return descriptor{}, err
	}
	packed, err := compressed(layer)
	if err != nil {
		return descriptor{}, err
	}
	where := platformOf(b.target.arch)
	config, err := to.addJSON(mediaConfig, imageConfig{
		Created: r.time, platform: where,
		Config:  containerConfig{nobody, []string{"/" + p.name}, "/", r.labels(p)},
		RootFS:  rootFS{"layers", []string{"sha256:" + sha256Of(layer)}},
		History: []history{{r.time, "COPY " + p.name + " /" + p.name}},
	})
	if err != nil {
		return descriptor{}, err
	}
	manifest, err := to.addJSON(mediaManifest, imageManifest{
		SchemaVersion: 2, MediaType: mediaManifest, Config: config, Layers: []descriptor{to.add(mediaLayer, packed)}, Annotations: r.labels(p),
	})
	manifest.Platform = &where
	return manifest, err
}

func layoutEntries(contents blobs, top descriptor) ([]entry, error) {
	index, err := json.Marshal(imageIndex{SchemaVersion: 2, MediaType: mediaIndex, Manifests: []descriptor{top}})
	if err != nil {
		return nil, err
	}
	layout, err := json.Marshal(map[string]string{"imageLayoutVersion": layoutVersion})
	if err != nil {
		return nil, err
	}
	all := []entry{{"index.json", 0o644, index}, {"oci-layout", 0o644, layout}}
	for digest, content := range contents {
		all = append(all, entry{"blobs/sha256/" + digest, 0o644, content})
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	return all, nil
}
