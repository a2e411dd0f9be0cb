package kube

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func decoded(t *testing.T, text string) *Pod {
	t.Helper()
	p := new(Pod)
	if err := json.Unmarshal([]byte(text), p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGrace(t *testing.T) {
	t.Parallel()
	const spec = `"spec":{"terminationGracePeriodSeconds":60,
		"initContainers":[{"name":"proxy","restartPolicy":"Always","startupProbe":{"terminationGracePeriodSeconds":3}}],
		"containers":[{"name":"app","livenessProbe":{"httpGet":{},"terminationGracePeriodSeconds":20},"startupProbe":{"terminationGracePeriodSeconds":10}},
			{"name":"plain","livenessProbe":{"periodSeconds":1}},{"name":"slow","livenessProbe":{"terminationGracePeriodSeconds":600}}]}`
	deleted := func(seconds string) string {
		return `{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z","deletionGracePeriodSeconds":` + seconds + `},` + spec + `}`
	}
	for name, test := range map[string]struct {
		text, container string
		want            time.Duration
	}{
		"deleted":                             {deleted("45"), "app", 45 * time.Second},
		"deleted with more than the spec has": {deleted("300"), "app", 300 * time.Second},
		"deleted with --now":                  {deleted("1"), "app", time.Second},
		"deleted with none":                   {deleted("0"), "app", time.Second},
		"deleted with less":                   {deleted("-5"), "app", time.Second},
		"deleted with too much":               {deleted("9223372036854775807"), "app", maxGrace * time.Second},
		"not deleted":                         {"{" + spec + "}", "app", 10 * time.Second},
		"no probe's own":                      {"{" + spec + "}", "plain", time.Minute},
		"a probe's own is longer":             {"{" + spec + "}", "slow", time.Minute},
		"a sidecar":                           {"{" + spec + "}", "proxy", 3 * time.Second},
		"which is not known":                  {"{" + spec + "}", "", 3 * time.Second},
		"which is none of them":               {"{" + spec + "}", "debugger", 3 * time.Second},
		"the spec's none":                     {`{"spec":{"terminationGracePeriodSeconds":0}}`, "", time.Second},
		"an old timestamp alone":              {`{"metadata":{"deletionTimestamp":null,"deletionGracePeriodSeconds":7},` + spec + `}`, "plain", time.Minute},
	} {
		p := decoded(t, test.text)
		p.container = test.container
		if got := p.Grace(); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestWhy(t *testing.T) {
	t.Parallel()
	const gone = `"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z","deletionGracePeriodSeconds":30}`
	conditions := func(status, reason string) string {
		return `"status":{"conditions":[{"type":"Ready","status":"True","reason":"x"},{"type":"DisruptionTarget","status":"` + status + `","reason":"` + reason + `"}]}`
	}
	for text, want := range map[string]string{
		"{" + gone + "}": "deleted",
		"{" + gone + "," + conditions("True", "EvictionByEvictionAPI") + "}":  "evicted by the API, as a drain of the node does (EvictionByEvictionAPI)",
		"{" + gone + "," + conditions("True", "PreemptionByScheduler") + "}":  "preempted by the scheduler (PreemptionByScheduler)",
		"{" + gone + "," + conditions("True", "DeletionByTaintManager") + "}": "deleted for a taint of its node (DeletionByTaintManager)",
		"{" + gone + "," + conditions("True", "DeletionByPodGC") + "}":        "deleted by the pod garbage collector (DeletionByPodGC)",
		"{" + gone + "," + conditions("True", "SomethingNew") + "}":           "disrupted (SomethingNew)",
		"{" + gone + "," + conditions("False", "EvictionByEvictionAPI") + "}": "deleted",
		"{}": "not being deleted: a probe failed, the kubelet evicts it, or its node shuts down",
		"{" + conditions("True", "TerminationByKubelet") + "}":   "ended by the kubelet: evicted, or its node shuts down (TerminationByKubelet), not being deleted yet",
		"{" + conditions("False", "PreemptionByScheduler") + "}": "not being deleted: a probe failed, the kubelet evicts it, or its node shuts down",
	} {
		if got := decoded(t, text).Why(); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestBeyond(t *testing.T) {
	t.Parallel()
	const deleted = `"deletionTimestamp":"2026-01-01T00:00:00Z","deletionGracePeriodSeconds":30`
	for name, test := range map[string]struct {
		pod     string // metadata
		name    string // es-3 unless given
		set     string
		unsure  bool
		want    bool
		because string
	}{
		"after the last":            {pod: deleted, set: `"spec":{"replicas":3}`, want: true, because: "ordinal 3, StatefulSet es with 3 replicas from 0 on"},
		"far after the last":        {pod: deleted, set: `"spec":{"replicas":1}`, want: true, because: "1 replicas"},
		"the last":                  {pod: deleted, set: `"spec":{"replicas":4}`, because: "4 replicas"},
		"scaled to none":            {pod: deleted, set: `"spec":{"replicas":0}`, because: "scaled to none"},
		"fewer than none":           {pod: deleted, set: `"spec":{"replicas":-1}`, because: "scaled to none"},
		"ordinals begin later":      {pod: deleted, set: `"spec":{"replicas":3,"ordinals":{"start":2}}`, because: "3 replicas from 2 on"},
		"later, after the last":     {pod: deleted, set: `"spec":{"replicas":1,"ordinals":{"start":2}}`, want: true, because: "1 replicas from 2 on"},
		"before the first":          {pod: deleted, set: `"spec":{"replicas":3,"ordinals":{"start":4}}`, because: "begin after it"},
		"a start below zero":        {pod: deleted, set: `"spec":{"replicas":3,"ordinals":{"start":-4}}`, because: "from -4 on"},
		"an overflow":               {pod: deleted, set: `"spec":{"replicas":9223372036854775807,"ordinals":{"start":1}}`, because: "replicas"},
		"the set is being deleted":  {pod: deleted, set: `"spec":{"replicas":3},"metadata":{"name":"es",` + deleted + `}`, because: "which is being deleted"},
		"no replicas":               {pod: deleted, set: `"spec":{}`, because: "does not say how many"},
		"the pod stays":             {pod: `"uid":"x"`, set: `"spec":{"replicas":3}`, because: "the pod is not being deleted"},
		"known by its name alone":   {pod: deleted, set: `"spec":{"replicas":3}`, unsure: true, because: "its name alone"},
		"the label agrees":          {pod: deleted + `,"labels":{"apps.kubernetes.io/pod-index":"3"}`, set: `"spec":{"replicas":3}`, want: true},
		"the label does not":        {pod: deleted + `,"labels":{"apps.kubernetes.io/pod-index":"1"}`, set: `"spec":{"replicas":3}`, because: `pod-index "1"`},
		"no ordinal":                {name: "es-x", pod: deleted, set: `"spec":{"replicas":3}`, because: "an ordinal"},
		"another set's":             {name: "fs-3", pod: deleted, set: `"spec":{"replicas":3}`, because: "expected es- and an ordinal"},
		"a set of a similar name":   {name: "es-es-3", pod: deleted, set: `"spec":{"replicas":3}`, because: "expected es- and an ordinal"},
		"an ordinal with zeros":     {name: "es-03", pod: deleted, set: `"spec":{"replicas":3}`, because: "an ordinal"},
		"an ordinal with a sign":    {name: "es-+3", pod: deleted, set: `"spec":{"replicas":3}`, because: "an ordinal"},
		"an ordinal below zero":     {name: "es--3", pod: deleted, set: `"spec":{"replicas":3}`, because: "an ordinal"},
		"an ordinal that overflows": {name: "es-99999999999999999999", pod: deleted, set: `"spec":{"replicas":3}`, because: "an ordinal"},
	} {
		p := decoded(t, `{"metadata":{`+test.pod+`}}`)
		p.Metadata.Name, p.Certain = "es-3", !test.unsure
		if test.name != "" {
			p.Metadata.Name = test.name
		}
		s := new(StatefulSet)
		if err := json.Unmarshal([]byte("{"+test.set+"}"), s); err != nil {
			t.Fatal(err)
		}
		s.Metadata.Name = "es"
		if got, because := s.Beyond(p); got != test.want || !strings.Contains(because, test.because) {
			t.Errorf("%s: %v because %q; want %v, %q", name, got, because, test.want, test.because)
		}
	}
}

// Whatever an API server says: no panic, and a grace period that can be counted with.
func FuzzPod(f *testing.F) {
	f.Add(podJSON("shop", "es-0", uid, `,"deletionTimestamp":"x","deletionGracePeriodSeconds":3`), `{"metadata":{"name":"es"},"spec":{"replicas":1}}`)
	f.Add(`{"spec":{"terminationGracePeriodSeconds":-9223372036854775808}}`, `{"spec":{"replicas":9223372036854775807,"ordinals":{"start":9223372036854775807}}}`)
	f.Add(`{"status":{"conditions":[{"type":"DisruptionTarget","status":"True"}]},"metadata":{"ownerReferences":[{}]}}`, `null`)
	f.Fuzz(func(t *testing.T, pod, set string) {
		p, s := new(Pod), new(StatefulSet)
		if json.Unmarshal([]byte(pod), p) != nil {
			return
		}
		named := p.Spec.TerminationGracePeriodSeconds != nil
		if p.Deleted() {
			named = p.Metadata.DeletionGracePeriodSeconds != nil
		}
		if g := p.Grace(); named != (g != 0) || named && (g < time.Second || g > maxGrace*time.Second) {
			t.Errorf("a grace period of %s, and one is named: %t", g, named)
		}
		if p.Why() == "" {
			t.Error("no reason")
		}
		p.owner()
		if json.Unmarshal([]byte(set), s) != nil {
			return
		}
		if beyond, _ := s.Beyond(p); beyond && (*s.Spec.Replicas <= 0 || !p.Deleted() || !p.Certain) {
			t.Errorf("beyond %+v", s)
		}
	})
}
