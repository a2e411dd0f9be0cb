package fakees

import (
	"cmp"
	"fmt"
	"strings"
)

// A Version says what a cluster is, and which behaviour goes with it.
type Version struct {
	number     string // as GET / reports it
	opensearch bool
	serverless bool

	major, minor, patch int // of the Elasticsearch whose behaviour it has
}

// ParseVersion reads "9.4.0" (or any other release of Elasticsearch, also with "-SNAPSHOT"),
// "opensearch 2.19.0" or "serverless".
//
// OpenSearch behaves like Elasticsearch 7.10.2, from which it was forked. Serverless behaves like the newest
// Elasticsearch: the number that it reports means nothing.
func ParseVersion(s string) (Version, error) {
	if s == "serverless" {
		return Version{number: "8.11.0", serverless: true, major: 9, minor: 4}, nil
	}
	number, opensearch := strings.CutPrefix(s, "opensearch ")
	v := Version{number: number, opensearch: opensearch}
	release := strings.TrimSuffix(number, "-SNAPSHOT")
	_, err := fmt.Sscanf(release, "%d.%d.%d", &v.major, &v.minor, &v.patch)
	if err != nil || strings.Contains(release, "-") || release != fmt.Sprintf("%d.%d.%d", v.major, v.minor, v.patch) {
		return Version{}, fmt.Errorf(`version %q: expected "9.4.0", "opensearch 2.19.0" or "serverless"`, s)
	}
	if opensearch {
		v.major, v.minor, v.patch = 7, 10, 2
	}
	return v, nil
}

// String is what ParseVersion reads.
func (v Version) String() string {
	switch {
	case v.serverless:
		return "serverless"
	case v.opensearch:
		return "opensearch " + v.number
	}
	return v.number
}

func (v Version) since(major, minor int) bool {
	return cmp.Or(cmp.Compare(v.major, major), cmp.Compare(v.minor, minor)) >= 0
}

// The API is in the code of 7.13 and 7.14 too, behind a flag that only snapshot builds obey.
func (v Version) hasShutdown() bool { return v.since(7, 15) }

func (v Version) hasType(kind string) bool {
	switch kind {
	case "RESTART", "REMOVE":
		return true
	case "REPLACE":
		return v.since(7, 16)
	case "SIGTERM":
		return v.since(8, 9)
	}
	return false
}

// shutdownParams are the query parameters that a shutdown call takes. GET got master_timeout, and
// the other calls got timeout, well after 8.3. In May 2024 they still did not have them (elastic/elasticsearch issue
// 108595), and in the rest-api-spec of 8.17 they do. 8.15 is the first possible release.
func (v Version) shutdownParams(api API) []string {
	switch {
	case v.since(8, 15) && api == GetShutdown:
		return []string{"master_timeout"}
	case v.since(8, 15):
		return []string{"master_timeout", "timeout"}
	case v.since(8, 3) && api != GetShutdown:
		return []string{"master_timeout"}
	}
	return nil
}

func (v Version) hasProductHeader() bool { return v.since(7, 14) }

func (v Version) hasReadiness() bool { return v.since(8, 2) }

func (v Version) hasAllocationDecision() bool { return v.since(7, 16) }

func (v Version) hasShardCounters() bool { return v.since(8, 12) }

func (v Version) hasEphemeralID() bool { return v.since(8, 18) }

// hasTaskAndSnapshotStatus: both became part of the answer, and of the overall status, in 9.4.
func (v Version) hasTaskAndSnapshotStatus() bool { return v.since(9, 4) }

// startedField was renamed in January 2026, on four branches.
func (v Version) startedField() string {
	renamed := v.since(9, 3) ||
		v.major == 9 && v.minor == 2 && v.patch >= 5 ||
		v.major == 9 && v.minor == 1 && v.patch >= 10 ||
		v.major == 8 && v.minor == 19 && v.patch >= 10
	if renamed {
		return "shutdown_started_millis"
	}
	return "shutdown_startedmillis"
}
