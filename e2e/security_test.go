package e2e

import (
	"testing"
	"time"
)

// What a container may not do, and what the hook then still does.

const security = "02 security"

// hardened is the Pod Security Standard "restricted", and a root file system that nobody can write to.
const hardened = `
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
  seccompProfile: {type: RuntimeDefault}`

func TestHardened(t *testing.T) {
	t.Parallel()
	c := begin(t, security, "scratch, uid 65532, no capabilities, RuntimeDefault, read-only root: wait")
	s := c.launch(pod{Hook: []string{"/prestop", "wait 2s"}, Container: hardened}).stopped(0).ordinary().waited(2 * time.Second)
	c.saw("%s", s)
}

func TestHardenedQuiet(t *testing.T) {
	t.Parallel()
	c := begin(t, security, "the same: until quiet, which asks the kernel")
	s := c.launch(pod{Hook: []string{"/prestop", "until quiet 8080 min=0 for=2s"}, Container: hardened}).stopped(0).ordinary().lasted(2*time.Second, 2*time.Second+busy)
	c.saw("%s", s)
	if l, ok := s.log().find("/proc/net"); ok {
		c.saw("fell back: %s", l.field("message"))
	}
}

func TestSharedProcessNamespace(t *testing.T) {
	t.Parallel()
	c := begin(t, security, "shared process namespace: the log of the container's own first process")
	s := c.launch(pod{Hook: []string{"/prestop", "until quiet 8080 min=0 for=2s"}, Container: hardened, Spec: `shareProcessNamespace: true`}).
		stopped(0).ordinary().lasted(2*time.Second, 2*time.Second+busy)
	c.saw("%s", s)
}

func TestSharedProcessNamespaceRoot(t *testing.T) {
	t.Parallel()
	c := begin(t, security, "shared process namespace, as root")
	s := c.launch(pod{Hook: []string{"/prestop", "wait 2s"}, Spec: `shareProcessNamespace: true`}).
		stopped(0).ordinary().waited(2 * time.Second)
	c.saw("%s", s)
}

// A process that others cannot look into: a setuid program is one, and so is a program that has changed its user. Then nothing reaches the
// log. If the hook fails at the end, what went to stdout is in the kubelet's log.
func TestLogRefused(t *testing.T) {
	t.Parallel()
	c := begin(t, security, "log refused (first process not dumpable): hook works, stdout is in the kubelet's log when it fails")
	if lab.cluster == nil {
		c.skip("the kubelet's log is that of a node of ours")
	}
	r := c.launch(pod{Args: "serve -hide", Hook: []string{"/prestop", "get http://127.0.0.1:8081/none", "wait 2s"}, Container: hardened})
	deleted := r.delete(-1)
	s := r.stoppedBy(deleted, 1)
	c.want(len(s.log().hook()) == 0, "no line in the container's log, got %d", len(s.log().hook()))
	term, _ := s.log().find("app: SIGTERM")
	after := term.at.Sub(deleted)
	c.want(after >= 2*time.Second && after < 6*time.Second+busy, "SIGTERM soon after the deletion, got %s", short(after))
	c.saw("0 lines in kubectl logs; SIGTERM %s after the deletion, %d FailedPreStopHook; %s", short(after), s.events, kubeletTold(c, `"event.dataset":"prestop"`))
}

func TestLogFile(t *testing.T) {
	t.Parallel()
	c := begin(t, security, "log refused, PRE_STOP_LOG_TO a file that another container shows")
	r := c.launch(pod{
		Args: "serve -hide", Hook: []string{"/prestop", "wait 2s"}, Env: map[string]string{"PRE_STOP_LOG_TO": "/log/hook"},
		Container: hardened + "\nvolumeMounts: [{name: log, mountPath: /log}]",
		Spec: `
initContainers:
- {name: tail, image: ` + lab.app + `, imagePullPolicy: IfNotPresent, args: [tail, /log/hook], restartPolicy: Always, volumeMounts: [{name: log, mountPath: /log}],
   securityContext: {runAsUser: 65532}}
volumes: [{name: log, emptyDir: {}}]
securityContext: {fsGroup: 65532}`,
	})
	s := r.stopped(0)
	n := len(s.logs["tail"].hook())
	c.want(n >= 2, "the hook's lines in the other container's log, got %d", n)
	c.saw("%d lines in the other container's log, %d FailedPreStopHook", n, s.events)
}
