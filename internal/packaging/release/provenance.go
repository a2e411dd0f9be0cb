package main

import (
	"strings"
	"time"
)

// The statement of in-toto v1 with the predicate of SLSA provenance v1: what made an artefact, and from what.
type (
	statement struct {
		Type          string    `json:"_type"`
		Subject       []subject `json:"subject"`
		PredicateType string    `json:"predicateType"`
		Predicate     predicate `json:"predicate"`
	}
	subject struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"`
	}
	predicate struct {
		BuildDefinition buildDefinition `json:"buildDefinition"`
		RunDetails      runDetails      `json:"runDetails"`
	}
	buildDefinition struct {
		BuildType          string            `json:"buildType"`
		ExternalParameters map[string]string `json:"externalParameters"`
		InternalParameters map[string]string `json:"internalParameters"`
		Dependencies       []dependency      `json:"resolvedDependencies"`
	}
	dependency struct {
		URI    string            `json:"uri"`
		Digest map[string]string `json:"digest,omitempty"`
	}
	runDetails struct {
		Builder  map[string]string `json:"builder"`
		Metadata map[string]string `json:"metadata"`
	}
)

func provenanceName(artefact string) string { return artefact + ".provenance.json" }

// provenance says how an artefact was made. It names no machine, so everybody who makes the release gets the same
// statement. The signature says who made it: the release workflow adds the signature.
func (r release) provenance(a artefact) statement {
	source := "git+" + project + "@refs/tags/" + r.version
	howTo := project + "/blob/" + r.version + "/RELEASING.md"
	dependencies := []dependency{{source, map[string]string{"gitCommit": r.commit}}}
	seen := map[string]bool{}
	goVersion := ""
	for _, b := range a.binaries {
		goVersion = b.info.GoVersion
		modules := b.modules()
		for _, path := range sortedNames(modules) {
			uri := purl(path, modules[path])[0].Locator
			if !seen[uri] {
				seen[uri] = true
				dependencies = append(dependencies, dependency{URI: uri})
			}
		}
	}
	return statement{
		Type:          "https://in-toto.io/Statement/v1",
		Subject:       append([]subject{{a.name, map[string]string{"sha256": a.digest}}}, a.images...),
		PredicateType: "https://slsa.dev/provenance/v1",
		Predicate: predicate{
			BuildDefinition: buildDefinition{
				BuildType:          howTo,
				ExternalParameters: map[string]string{"source": source, "version": r.version},
				InternalParameters: map[string]string{"go": goVersion, "environment": strings.Join(buildEnv, ";")},
				Dependencies:       dependencies,
			},
			RunDetails: runDetails{
				Builder:  map[string]string{"id": howTo},
				Metadata: map[string]string{"startedOn": r.time.Format(time.RFC3339), "finishedOn": r.time.Format(time.RFC3339)},
			},
		},
	}
}
