package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/e2e/machine"
)

const pauseImage = "e2e.test/pause:1"

// A Node is a machine with containerd, kubelet and kube-proxy.
type Node struct {
	Name string

	cluster *Cluster
	machine *machine.Machine
	number  int
	runtime containerd
	kubelet *machine.Process
	proxy   *machine.Process
}

func (c *Cluster) addNode(m *machine.Machine, r containerd) *Node {
	n := &Node{Name: m.Name, cluster: c, machine: m, number: len(c.Nodes) + 1, runtime: r}
	c.Nodes = append(c.Nodes, n)
	return n
}

// start brings up the node and returns when it is Ready.
func (n *Node) start(ctx context.Context) error {
	for _, dir := range []string{"containerd", "kubelet", "cni"} {
		if err := os.MkdirAll(n.lib(dir), 0o755); err != nil {
			return err
		}
	}
	for _, start := range []func(context.Context) error{n.startRuntime, n.StartKubelet, n.startProxy} {
		if err := start(ctx); err != nil {
			return fmt.Errorf("%s: %w", n.Name, err)
		}
	}
	return n.kubelet.Ready(ctx, func(ctx context.Context) error {
		_, err := n.cluster.Kubectl(ctx, "wait", "--for=condition=Ready", "node/"+n.Name, "--timeout=1s")
		return err
	})
}

// lib gives the path on this machine of what the node has in /var/lib.
func (n *Node) lib(path string) string { return filepath.Join(n.machine.Lib(), path) }

// StartKubelet starts the kubelet: once as a part of the node, and again after [Node.StopKubelet].
func (n *Node) StartKubelet(ctx context.Context) error {
	group := filepath.Join(n.cluster.own.cgroup(), n.Name)
	if err := makeCgroup(group); err != nil {
		return err
	}
	if err := n.cluster.identify(n.Name, "system:node:"+n.Name, "system:nodes"); err != nil {
		return err
	}
	if err := n.kubeletConfig("/" + group).write(n.lib("kubelet/config.json")); err != nil {
		return err
	}
	var err error
	n.kubelet, err = n.spawn("kubelet", n.cluster.program("kubelet"), "--config=/var/lib/kubelet/config.json",
		"--kubeconfig="+n.cluster.kubeconfig(n.Name), "--hostname-override="+n.Name, "--node-ip="+n.address(),
		"--volume-plugin-dir=/var/lib/kubelet/plugins-exec")
	return err
}

// StopKubelet ends the kubelet as a restart of its service does. The containers live on.
func (n *Node) StopKubelet() { n.kubelet.Stop() }

// KubeletLog has all that the kubelet has said so far.
func (n *Node) KubeletLog() (string, error) {
	text, err := os.ReadFile(n.kubelet.Log)
	return string(text), err
}

func (n *Node) kubeletConfig(cgroup string) object {
	gates := object{}
	if slices.Contains(n.cluster.release.gates, "ImageVolume=true") {
		gates["ImageVolume"] = true
	}
	return object{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
		"address":        n.address(),
		"authentication": object{"x509": object{"clientCAFile": n.cluster.pki("ca.crt")}, "webhook": object{"enabled": true}, "anonymous": object{"enabled": false}},
		"authorization":  object{"mode": "Webhook"},
		"clusterDNS":     []string{dnsIP}, "clusterDomain": "cluster.local",
		"containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
		"cgroupDriver":             "cgroupfs", "cgroupRoot": cgroup, "failCgroupV1": false, "enforceNodeAllocatable": []string{},
		"failSwapOn": false, "oomScoreAdj": 0, // a lower one needs CAP_SYS_RESOURCE
		"resolvConf": "",
		// Images cannot be pulled again.
		"imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
		"evictionHard":              object{"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
		"nodeStatusUpdateFrequency": "5s", "featureGates": gates,
		"logging": object{"verbosity": 2},
	}
}

func (n *Node) startProxy(ctx context.Context) error { return n.StartProxy(time.Second) }

// StartProxy starts kube-proxy, which writes its rules at most once in minSync. It replaces a kube-proxy that runs.
func (n *Node) StartProxy(minSync time.Duration) error {
	if n.proxy != nil {
		n.proxy.Stop()
	}
	config := object{
		"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
		"mode": "iptables", "clusterCIDR": pods, "hostnameOverride": n.Name,
		"bindAddress": "127.0.0.1", "healthzBindAddress": "127.0.0.1:10256", "metricsBindAddress": n.address() + ":10249",
		"clientConnection": object{"kubeconfig": n.cluster.kubeconfig("proxy")},
		"conntrack":        object{"maxPerCore": 0, "min": 0}, "oomScoreAdj": 0,
		"iptables": object{"syncPeriod": "30s", "minSyncPeriod": minSync.String()},
		"logging":  object{"verbosity": 3},
	}
	if err := config.write(n.lib("kube-proxy.json")); err != nil {
		return err
	}
	var err error
	n.proxy, err = n.spawn("kube-proxy", n.cluster.program("kube-proxy"), "--config=/var/lib/kube-proxy.json")
	return err
}

func (n *Node) spawn(name, program string, args ...string) (*machine.Process, error) {
	return n.machine.Spawn(n.cluster.config.Logs, n.Name+"-"+name, program, args...)
}

func (n *Node) address() string { return fmt.Sprintf("10.10.0.%d", n.number) }

func (n *Node) podCIDR() string { return fmt.Sprintf("10.244.%d.0/24", n.number) }

func (n *Node) cniConfig() object {
	return object{"cniVersion": "0.4.0", "name": "e2e", "plugins": []object{{
		"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
		"ipam": object{
			"type": "host-local", "dataDir": "/run/cni-ipam",
			"ranges": [][]object{{{"subnet": n.podCIDR()}}}, "routes": []object{{"dst": "0.0.0.0/0"}},
		},
	}}}
}

// network gives the node its address. What a Service's address stands for is decided only after routing. So there must be a default route,
// though nothing lies behind it.
func (n *Node) network(ctx context.Context) error {
	// These modules may be built into the kernel.
	_ = exec.CommandContext(ctx, "/usr/sbin/modprobe", "-a", "overlay", "br_netfilter", "nf_conntrack", "ip_tables", "veth").Run()
	return n.ip(ctx,
		"ip link set lo up",
		"ip link add node0 type bridge",
		"ip addr add "+n.address()+"/24 dev node0",
		"ip link set node0 up",
		"ip route add default dev node0 src "+n.address(),
		"sysctl -qw net.ipv4.ip_forward=1",
		"sysctl -qw net.bridge.bridge-nf-call-iptables=1",
	)
}

// connect lays a cable between the bridges of two nodes, and tells each the way to the other's pods.
func (n *Node) connect(ctx context.Context, first *Node) error {
	cable := exec.CommandContext(ctx, "/usr/bin/ip", "link", "add", "to-"+first.Name, "netns", strconv.Itoa(n.machine.PID()),
		"type", "veth", "peer", "name", "to-"+n.Name, "netns", strconv.Itoa(first.machine.PID()))
	if out, err := cable.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w: %s", cable.Args, err, out)
	}
	if err := n.ip(ctx,
		"ip link set to-"+first.Name+" master node0 up",
		fmt.Sprintf("ip route add %s via %s", first.podCIDR(), first.address()),
	); err != nil {
		return err
	}
	return first.ip(ctx,
		"ip link set to-"+n.Name+" master node0 up",
		fmt.Sprintf("ip route add %s via %s", n.podCIDR(), n.address()),
	)
}

func (n *Node) ip(ctx context.Context, commands ...string) error {
	for _, command := range commands {
		words := strings.Fields(command)
		if _, err := n.machine.Run(ctx, words[0], words[1:]...); err != nil {
			return err
		}
	}
	return nil
}
