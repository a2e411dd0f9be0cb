package main

import (
	"fmt"
	"os/exec"
	"time"
)

const (
	grace    = 60 * time.Second // terminationGracePeriodSeconds
	wait     = 50 * time.Second // prestop's default of PRE_STOP_ADDITIONAL_WAIT_SECONDS
	quietMin = 2 * time.Second  // min= of until quiet
	quietFor = 3 * time.Second  // for= of until quiet
)

// A strategy is a way to stop a pod.
type strategy struct {
	name, note string
	good       string             // what it is good for
	hook       func(pod) []string // the preStop command; none: no hook
	onSIGTERM  string             // what the app does then
	adaptive   bool               // its hook ends when the traffic has left
	perfect    bool               // no request may fail
	careless   bool               // with lags such as ours, requests must fail
}

var strategies = []strategy{
	{name: "no hook", note: "SIGTERM at once", good: "pods that nobody sends requests to", onSIGTERM: exits, careless: true},
	{name: "short sleep", note: "sleep 2", good: "a few clients that all hear of it within that time", hook: sleep(quietMin), onSIGTERM: exits, careless: true},
	{name: "long sleep", note: "sleep 25", good: "clients that do not keep connections; those that do are cut off",
		hook: sleep(25 * time.Second), onSIGTERM: exits},
	{name: "fixed wait", note: "app call, then 50 s in all", good: "apps that can be told, with few requests, far apart",
		hook: steps("post $APP/shutdown", "wait 50s"), onSIGTERM: exits, perfect: true},
	{name: "until quiet", note: "nobody tells the clients to go", good: "apps that cannot be told, and clients that do not keep connections: those that do hold it to its max",
		hook: steps(quiet("")), onSIGTERM: exits},
	{name: "app call + until quiet", note: "the app answers Connection: close", good: "apps that can be told",
		hook: steps("post $APP/shutdown", quiet("")), onSIGTERM: exits, adaptive: true, perfect: true},
	{name: "traffic=new", note: "until quiet … traffic=new, for an app that ends its connections well", good: "apps that do so, and clients that keep their connections, as gRPC's do",
		hook: steps(quiet(" traffic=new")), onSIGTERM: drains, adaptive: true, perfect: true},
}

// promising are the strategies that [check] plays.
func promising() []strategy { return []strategy{strategies[0], strategies[1], strategies[5]} }

// longest is about how long the slowest strategy takes.
func longest() time.Duration { return wait + 5*time.Second }

func sleep(d time.Duration) func(pod) []string {
	return func(pod) []string { return []string{"sleep", fmt.Sprint(int(d.Seconds()))} }
}

// steps is prestop with a plan.
func steps(lines ...string) func(pod) []string {
	return func(p pod) []string { return append([]string{p.prestop}, lines...) }
}

func quiet(more string) string {
	return fmt.Sprintf("until quiet $PORT min=%s for=%s%s", quietMin, quietFor, more)
}

// command is the hook as the container runtime executes it: with the container's environment and nothing else, and
// /dev/null to read from. Only the log differs: a hook in a pod writes to its container's.
func (s strategy) command(p pod) *exec.Cmd {
	line := s.hook(p)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/", "HOSTNAME=" + p.name, "POD_NAME=" + p.name, "POD_NAMESPACE=demo", "POD_IP=127.0.0.1",
		"KUBERNETES_SERVICE_HOST=10.96.0.1", "KUBERNETES_SERVICE_PORT=443",
		"APP=http://" + p.address, "PORT=" + p.port(),
		fmt.Sprintf("PRE_STOP_GRACE_PERIOD_SECONDS=%d", int(grace.Seconds())),
		"PRE_STOP_LOG_TO=stdout", "PRE_STOP_STATE_DIR=" + p.dir,
	}
	return cmd
}
