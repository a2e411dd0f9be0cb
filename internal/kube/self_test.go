package kube

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/testserver"
)

func TestMounted(t *testing.T) {
	t.Parallel()
	line := func(root, at string) string {
		return "36 35 8:1 " + root + " " + at + " rw,relatime - ext4 /dev/sda1 rw\n"
	}
	hosts := line("/var/lib/kubelet/pods/"+uid+"/etc-hosts", "/etc/hosts")
	messages := line("/var/lib/kubelet/pods/"+uid+"/containers/app/1a2b3c4d", "/dev/termination-log")
	for name, test := range map[string]struct{ mounts, uid, container string }{
		"as containerd has it":           {line("/", "/proc") + hosts + messages, uid, "app"},
		"the kubelet's disk is its own":  {line("/kubelet/pods/"+uid+"/containers/app/1a2b3c4d", "/dev/termination-log"), uid, "app"},
		"a disk for pods":                {line("/pods/"+uid+"/etc-hosts", "/etc/hosts"), uid, ""},
		"another path for the message":   {line("/var/lib/kubelet/pods/"+uid+"/containers/app/1a2b3c4d", "/var/message"), uid, "app"},
		"a container of an unlucky name": {line("/var/lib/kubelet/pods/"+uid+"/containers/pods/1a2b3c4d", "/dev/termination-log"), uid, "pods"},
		"a kubelet in an unlucky place":  {line("/pods/x/containers/kubelet/pods/"+uid+"/containers/app/1a2b3c4d", "/m"), uid, "app"},
		"a volume is no container":       {line("/var/lib/kubelet/pods/"+uid+"/volumes/kubernetes.io~empty-dir/tmp", "/tmp"), "", ""},
		"a subPath is none":              {line("/var/lib/kubelet/pods/"+uid+"/volume-subpaths/conf/app/0", "/etc/conf"), "", ""},
		"the hosts file of another":      {line("/var/lib/kubelet/pods/"+other+"/etc-hosts", "/mnt/hosts") + hosts, uid, ""},
		"two pods":                       {hosts + line("/var/lib/kubelet/pods/"+other+"/containers/app/1a2b3c4d", "/m"), "", "app"},
		"two containers":                 {messages + line("/var/lib/kubelet/pods/"+uid+"/containers/db/1a2b3c4d", "/m"), uid, ""},
		"a, b and a again":               {messages + line("/var/lib/kubelet/pods/"+uid+"/containers/db/1", "/m") + messages, uid, ""},
		"a sandbox that shares nothing":  {line("/", "/") + line("/", "/etc/hosts"), "", ""},
		"a and b twice":                  {messages + strings.Repeat(line("/var/lib/kubelet/pods/"+uid+"/containers/db/1", "/m"), 2), uid, ""},
		"a hosts file of somebody else":  {line("/srv/hosts/"+uid+"/etc-hosts", "/etc/hosts"), "", ""},
		"nothing":                        {"", "", ""},
		"cut lines":                      {"36 35\n36 35 8:1\n36 35 8:1 /pods/x/etc-hosts", "", ""},
		"no newline at the end":          {strings.TrimSuffix(messages, "\n"), uid, "app"},
		"a root that ends early":         {line("/etc-hosts", "/etc/hosts") + line("/containers/app/1", "/m") + line("pods", "/m"), "", ""},
	} {
		if u, c := mounted(test.mounts); u != test.uid || c != test.container {
			t.Errorf("%s: %q, %q; want %q, %q", name, u, c, test.uid, test.container)
		}
	}
	own, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		testserver.Lacks(t, "%v", err)
	}
	mounted(string(own)) // of whatever this is, no panic
}

func TestClaims(t *testing.T) {
	t.Parallel()
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	good := boundToken("shop", "es-0", uid)
	for name, test := range map[string]struct {
		token string
		name  string
	}{
		"bound":                {good, "es-0"},
		"with a newline":       {good + "\n", "es-0"},
		"of a Secret":          {part("{}") + "." + part(`{"kubernetes.io/serviceaccount/namespace":"shop"}`) + ".x", ""},
		"bound to no pod":      {part("{}") + "." + part(`{"kubernetes.io":{"namespace":"shop","pod":null}}`) + ".x", ""},
		"of other types":       {part("{}") + "." + part(`{"kubernetes.io":{"pod":{"name":7}}}`) + ".x", ""},
		"no JSON":              {"a." + part("hello") + ".x", ""},
		"no base64":            {"a.!.x", ""},
		"padded":               {"a." + base64.URLEncoding.EncodeToString([]byte(`{"a":1}`)) + "=.x", ""},
		"opaque":               {"abc", ""},
		"of more parts":        {good + ".x", ""},
		"empty":                {"", ""},
		"a claim that is null": {"a." + part("null") + ".x", ""},
	} {
		if got := claims(test.token); got.Pod.Name != test.name || test.name != "" && (got.Pod.UID != uid || got.Namespace != "shop") {
			t.Errorf("%s: %+v, want %q", name, got, test.name)
		}
	}
}

// All that is known must agree with the answer.
func TestEveryUIDIsCompared(t *testing.T) {
	t.Parallel()
	mounts := func(uid string) string { return "1 2 8:1 /pods/" + uid + "/etc-hosts /etc/hosts rw - ext4 d rw\n" }
	for name, test := range map[string]struct {
		self  Self
		token string
		by    string // who says otherwise; empty: nobody
	}{
		"all agree":   {Self{UID: uid, Mounts: mounts(uid)}, boundToken("shop", "es-0", uid), ""},
		"token":       {Self{UID: uid, Mounts: mounts(uid)}, boundToken("shop", "es-0", other), "the token"},
		"mounts":      {Self{UID: uid, Mounts: mounts(other)}, boundToken("shop", "es-0", uid), "its mounts"},
		"environment": {Self{UID: other, Mounts: mounts(uid)}, boundToken("shop", "es-0", uid), "POD_UID"},
	} {
		id := test.self.identify(test.token, "shop")
		err := id.check(&metadata{Namespace: "shop", Name: "es-0", UID: uid})
		if test.by == "" && err != nil || test.by != "" && (err == nil || !strings.Contains(err.Error(), test.by)) {
			t.Errorf("%s: %v, want %q", name, err, test.by)
		}
	}
}

func FuzzSelf(f *testing.F) {
	f.Add("36 35 8:1 /pods/u/containers/app/1 /m rw\n", boundToken("shop", "es-0", uid))
	f.Add("1 2 3 //// /etc/hosts\n1 2 3 pods/u/etc-hosts /etc/hosts", "a.b.c")
	f.Fuzz(func(t *testing.T, mounts, token string) {
		self := Self{Mounts: mounts}
		id := self.identify(token, "")
		if len(id.uids) > 2 {
			t.Errorf("%+v", id)
		}
		id.check(&metadata{})
	})
}
