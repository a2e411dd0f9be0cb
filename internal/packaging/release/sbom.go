package main

import (
	"regexp"
	"strings"
	"time"
)

// The documents of SPDX 2.3, as far as a bill of materials needs them.
type (
	sbomDocument struct {
		SPDXVersion       string         `json:"spdxVersion"`
		DataLicense       string         `json:"dataLicense"`
		SPDXID            string         `json:"SPDXID"`
		Name              string         `json:"name"`
		DocumentNamespace string         `json:"documentNamespace"`
		CreationInfo      creationInfo   `json:"creationInfo"`
		Packages          []sbomPackage  `json:"packages"`
		Relationships     []relationship `json:"relationships"`
	}
	creationInfo struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	sbomPackage struct {
		SPDXID           string        `json:"SPDXID"`
		Name             string        `json:"name"`
		VersionInfo      string        `json:"versionInfo"`
		PackageFileName  string        `json:"packageFileName,omitempty"`
		DownloadLocation string        `json:"downloadLocation"`
		FilesAnalyzed    bool          `json:"filesAnalyzed"`
		Checksums        []checksum    `json:"checksums,omitempty"`
		LicenseConcluded string        `json:"licenseConcluded"`
		LicenseDeclared  string        `json:"licenseDeclared"`
		CopyrightText    string        `json:"copyrightText"`
		Purpose          string        `json:"primaryPackagePurpose"`
		ExternalRefs     []externalRef `json:"externalRefs,omitempty"`
	}
	checksum struct {
		Algorithm     string `json:"algorithm"`
		ChecksumValue string `json:"checksumValue"`
	}
	externalRef struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	relationship struct {
		From string `json:"spdxElementId"`
		Type string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	}
)

const (
	sbomItself  = "SPDXRef-DOCUMENT"
	sbomRoot    = "SPDXRef-Artefact"
	noAssertion = "NOASSERTION"
)

func sbomName(artefact string) string { return artefact + ".spdx.json" }

// sbom names what an artefact is made of: its binaries, and for each the modules that Go's linker took into it.
func (r release) sbom(a artefact) sbomDocument {
	d := sbomDocument{
		SPDXVersion: "SPDX-2.3", DataLicense: "CC0-1.0", SPDXID: sbomItself, Name: a.name,
		DocumentNamespace: project + "/releases/" + r.version + "/" + sbomName(a.name) + "#" + a.digest,
		CreationInfo:      creationInfo{r.time.Format(time.RFC3339), []string{"Tool: prestop-release-" + r.number(), "Organization: prestop"}},
	}
	add := func(p sbomPackage, from, as string) string {
		p.SPDXID = sbomID(p.SPDXID)
		for _, there := range d.Packages {
			if there.SPDXID == p.SPDXID {
				d.Relationships = append(d.Relationships, relationship{from, as, p.SPDXID})
				return p.SPDXID
			}
		}
		p.LicenseConcluded, p.CopyrightText = noAssertion, noAssertion
		d.Packages = append(d.Packages, p)
		d.Relationships = append(d.Relationships, relationship{from, as, p.SPDXID})
		return p.SPDXID
	}
	purpose := "ARCHIVE"
	if len(a.images) > 0 {
		purpose = "CONTAINER"
	}
	root := add(sbomPackage{
		SPDXID: sbomRoot, Name: a.program.name, VersionInfo: r.version, PackageFileName: a.name, Purpose: purpose, LicenseDeclared: license,
		DownloadLocation: project + "/releases/download/" + r.version + "/" + a.name, Checksums: []checksum{{"SHA256", a.digest}},
	}, sbomItself, "DESCRIBES")
	for _, b := range a.binaries {
		program := add(sbomPackage{
			SPDXID: "SPDXRef-Program-" + b.program + "-" + b.target.os + "-" + b.target.arch, Name: b.program + " " + b.target.String(), VersionInfo: r.version,
			PackageFileName: b.program, DownloadLocation: noAssertion, Purpose: "APPLICATION", LicenseDeclared: license,
			Checksums: []checksum{{"SHA256", sha256Of(b.content)}}, ExternalRefs: purl(module, r.version),
		}, root, "CONTAINS")
		modules := b.modules()
		for _, path := range sortedNames(modules) {
			declared := noAssertion
			if path == "stdlib" {
				declared = "BSD-3-Clause"
			}
			add(sbomPackage{
				SPDXID: "SPDXRef-Module-" + path + "-" + modules[path], Name: path, VersionInfo: modules[path], DownloadLocation: noAssertion,
				Purpose: "LIBRARY", LicenseDeclared: declared, ExternalRefs: purl(path, modules[path]),
			}, program, "STATIC_LINK")
		}
	}
	return d
}

// purl is a module's name by the package-url specification. Scanners for known holes look it up. For Go's own library, the
// version has no "go".
func purl(path, version string) []externalRef {
	version = strings.ReplaceAll(strings.TrimPrefix(version, "go"), "+", "%2B")
	return []externalRef{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + version}}
}

var notInID = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// sbomID makes an identifier of SPDX: letters, digits, points and hyphens.
func sbomID(text string) string { return notInID.ReplaceAllString(text, "-") }
