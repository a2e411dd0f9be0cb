package kube

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Self is what the caller knows about the pod that it runs in. Empty: not known.
type Self struct {
	Namespace, Name, UID string // as the environment says
	Mounts               string // the text of /proc/self/mountinfo
}

// identity is what is known about the pod from all sources.
type identity struct {
	namespace, name string
	uids            []known
	container       string // empty: not known
}

// known is a pod's uid, and who says so.
type known struct{ uid, by string }

// identify believes the token first: the kubelet gets a token for this very pod. The environment comes after it, since its pod name
// may be the name of the application. The mounts give a uid and the container.
func (s *Self) identify(token, namespace string) identity {
	var id identity
	bound := claims(token)
	uid, container := mounted(s.Mounts)
	id.container = container
	id.namespace = cmp.Or(bound.Namespace, namespace, s.Namespace)
	id.name = cmp.Or(bound.Pod.Name, s.Name)
	for _, k := range []known{{bound.Pod.UID, "the token of its service account"}, {uid, "its mounts"}, {s.UID, "POD_UID"}} {
		if k.uid != "" {
			id.uids = append(id.uids, k)
		}
	}
	return id
}

// check compares an answer with what is known. A pod with our name and another uid is not ours.
func (id *identity) check(m *metadata) error {
	if m.Namespace != id.namespace || m.Name != id.name {
		return fmt.Errorf("the answer is about another pod: expected %s/%s, got %q", id.namespace, id.name, m.Namespace+"/"+m.Name)
	}
	if m.UID == "" {
		return errors.New("the answer has no uid: expected a Pod")
	}
	for _, k := range id.uids {
		if m.UID != k.uid {
			return fmt.Errorf("the pod %s/%s of the API server is another one of that name: expected the uid %s, which %s says, got %q", id.namespace, id.name, k.uid, k.by, m.UID)
		}
	}
	return nil
}

// bound is what a token says about itself. A token that was made by hand or by an old API server is bound to no pod.
type bound struct {
	Namespace string
	Pod       struct{ Name, UID string }
}

// claims reads a token without verifying it: it is our own file.
func claims(token string) bound {
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 {
		return bound{}
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var all struct {
		Bound bound `json:"kubernetes.io"`
	}
	if err != nil || json.Unmarshal(text, &all) != nil {
		return bound{}
	}
	return all.Bound
}

// mounted finds the pod and the container in what a kubelet mounts into each container: the hosts file and the termination log. On the
// node these are …/pods/UID/etc-hosts and …/pods/UID/containers/NAME/HEX. If it finds two different values, the value is not known.
func mounted(mounts string) (uid, container string) {
	uids, containers := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		path := strings.Split(fields[3], "/")
		n := len(path)
		switch {
		case n > 3 && fields[4] == "/etc/hosts" && path[n-1] == "etc-hosts" && path[n-3] == "pods":
			uids[path[n-2]] = true
		case n > 5 && path[n-5] == "pods" && path[n-3] == "containers":
			uids[path[n-4]], containers[path[n-2]] = true, true
		}
	}
	return only(uids), only(containers)
}

// only is the only text of a set; empty: there is none, or several.
func only(all map[string]bool) string {
	for text := range all {
		if len(all) == 1 {
			return text
		}
	}
	return ""
}
