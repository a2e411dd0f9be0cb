package kube

import (
	"strings"
	"testing"
	"time"
)

func TestAsk(t *testing.T) {
	t.Parallel()
	const setPath, setUID = "/apis/apps/v1/namespaces/shop/statefulsets/es", "55555555-6a53-4a6e-9a0b-0d8f1e5d2c37"
	const owned = `,"ownerReferences":[{"apiVersion":"apps/v1","kind":"StatefulSet","name":"es","uid":"` + setUID + `","controller":true}]`
	const deleted = `,"deletionTimestamp":"2026-01-01T00:00:00Z","deletionGracePeriodSeconds":30`
	scaled := func(replicas string) string {
		return `{"metadata":{"name":"es","uid":"` + setUID + `"},"spec":{"replicas":` + replicas + `}}`
	}
	named := func(pod string) string {
		if strings.Contains(pod, "es-3") {
			return "es-3"
		}
		return "es-0"
	}
	for name, test := range map[string]struct {
		pod, set string
		token    string
		question Question
		want     Answer // of Texts and Wrong, a part of the last one
	}{
		"the pod":                         {podJSON("shop", "es-0", uid, ""), "", boundToken("shop", "es-0", uid), Question{}, Answer{Grace: 30 * time.Second, Texts: []string{"the pod shop/es-0 is"}}},
		"by its name alone":               {podJSON("shop", "es-0", uid, ""), "", "x", Question{Self: Self{Name: "es-0"}}, Answer{Grace: 30 * time.Second, Texts: []string{"POD_UID would make it certain"}}},
		"not deleted, certainly":          {podJSON("shop", "es-0", uid, ""), "", "x", Question{Self: Self{Name: "es-0", UID: uid}, Skip: true}, Answer{Grace: 30 * time.Second, Skip: true, Texts: []string{"no wait is made"}}},
		"not deleted, perhaps":            {podJSON("shop", "es-0", uid, ""), "", "x", Question{Self: Self{Name: "es-0"}, Skip: true}, Answer{Grace: 30 * time.Second, Texts: []string{"the waits are kept"}}},
		"deleted":                         {podJSON("shop", "es-0", uid, deleted), "", "x", Question{Self: Self{Name: "es-0", UID: uid}, Skip: true}, Answer{Grace: 30 * time.Second, Texts: []string{"is deleted"}}},
		"auto, scaled down":               {podJSON("shop", "es-3", uid, deleted+owned), scaled("3"), boundToken("shop", "es-3", uid), Question{Auto: true}, Answer{Grace: 30 * time.Second, Texts: []string{"auto is remove"}}},
		"auto, with a place in the set":   {podJSON("shop", "es-0", uid, owned), scaled("1"), boundToken("shop", "es-0", uid), Question{Auto: true}, Answer{Grace: 30 * time.Second, Texts: []string{"auto is restart"}}},
		"auto, in an ECK pod":             {podJSON("shop", "es-0", uid, owned), scaled("0"), boundToken("shop", "es-0", uid), Question{Auto: true, InECK: true}, Answer{Grace: 30 * time.Second, Texts: []string{"it is the operator"}}},
		"auto, and no set":                {podJSON("shop", "es-0", uid, owned), "", boundToken("shop", "es-0", uid), Question{Auto: true}, Answer{Grace: 30 * time.Second, Wrong: []string{"auto is restart, since"}}},
		"nothing to be read":              {"", "", boundToken("shop", "es-0", uid), Question{}, Answer{Wrong: []string{"so the settings count:"}}},
		"nothing to be read, for auto":    {"", "", boundToken("shop", "es-0", uid), Question{Auto: true}, Answer{Wrong: []string{"and the shutdown type auto is restart"}}},
		"no set, which nobody asks about": {podJSON("shop", "es-0", uid, owned), "", boundToken("shop", "es-0", uid), Question{}, Answer{Grace: 30 * time.Second, Texts: []string{"the pod shop/es-0 is"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := map[string]string{}
			for at, text := range map[string]string{strings.Replace(path, "es-0", named(test.pod), 1): test.pod, setPath: test.set} {
				if text != "" {
					all[at] = text
				}
			}
			test.question.Self.Namespace = "shop"
			got := fake(t, test.token, objects(test.token, all)).Ask(t.Context(), test.question)
			last := func(list []string) string { return strings.Join(list[max(0, len(list)-1):], "") }
			remove := strings.Contains(last(got.Texts), "auto is remove")
			if got.Grace != test.want.Grace || got.Skip != test.want.Skip || got.Remove != remove ||
				!strings.Contains(last(got.Texts), last(test.want.Texts)) || !strings.Contains(last(got.Wrong), last(test.want.Wrong)) || (len(got.Wrong) > 0) != (len(test.want.Wrong) > 0) {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}
