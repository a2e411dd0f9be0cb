package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// An entry is a regular file of an archive. It belongs to root.
type entry struct {
	name    string
	mode    int64
	content []byte
}

// tarOf writes the entries in their order, in the oldest format that all tools read.
func tarOf(at time.Time, entries []entry) ([]byte, error) {
	var text bytes.Buffer
	to := tar.NewWriter(&text)
	for _, e := range entries {
		header := tar.Header{
			Typeflag: tar.TypeReg, Name: e.name, Mode: e.mode, Size: int64(len(e.content)), ModTime: at, Format: tar.FormatUSTAR,
		}
		if err := to.WriteHeader(&header); err != nil {
			return nil, err
		}
		if _, err := to.Write(e.content); err != nil {
			return nil, err
		}
	}
	if err := to.Close(); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// compressed compresses with gzip. The header has no name and no time.
func compressed(content []byte) ([]byte, error) {
	var text bytes.Buffer
	to := gzip.NewWriter(&text)
	if _, err := to.Write(content); err != nil {
		return nil, err
	}
	if err := to.Close(); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// writeArchive writes a program for one target. The license stands beside it, as krew wants.
func (r release) writeArchive(p program, b binary) (artefact, error) {
	text, err := os.ReadFile(filepath.Join(r.tree, "LICENSE"))
	if err != nil {
		return artefact{}, err
	}
	archive, err := tarOf(r.time, []entry{{"LICENSE", 0o644, text}, {p.fileName(b.target), 0o755, b.content}})
	if err != nil {
		return artefact{}, err
	}
	archive, err = compressed(archive)
	if err != nil {
		return artefact{}, err
	}
	a := artefact{name: r.archiveName(p, b.target), program: p, binaries: []binary{b}}
	a.digest, err = r.write(a.name, archive)
	return a, err
}

// write makes a file of the release and returns its digest.
func (r release) write(name string, content []byte) (string, error) {
	return sha256Of(content), os.WriteFile(filepath.Join(r.out, name), content, 0o644)
}

// writeJSON makes a file for people and programs, and returns its digest.
func (r release) writeJSON(name string, content any) (string, error) {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return "", err
	}
	return r.write(name, append(text, '\n'))
}

func sha256Of(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
