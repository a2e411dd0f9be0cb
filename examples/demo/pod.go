package main

import (
	"context"
	"net/http"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

const podName = "es-0"

// A pod is the app, and the node of Elasticsearch that is in it.
type pod struct {
	app           *runningApp
	elasticsearch *elasticsearch
}

func startPod(ctx context.Context, out *timeline) (pod, error) {
	node, err := startElasticsearch(out)
	if err != nil {
		return pod{}, err
	}
	app, err := startApp(ctx, out)
	if err != nil {
		node.close()
		return pod{}, err
	}
	return pod{app, node}, nil
}

func (p pod) close() {
	p.app.kill()
	p.elasticsearch.close()
}

// delete ends the pod while requests still come.
func (p pod) delete(ctx context.Context, k kubelet, hook *exec.Cmd) (end termination, clients tally, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var sender, prober sync.WaitGroup
	sender.Go(func() { clients = sendFor(ctx, k.timeline, p.app.url+"/work", lag) })
	prober.Go(func() { k.probe(ctx, p.app.url+"/ready", http.StatusServiceUnavailable) })
	end, err = k.terminate(ctx, p.app.process, hook)
	if err != nil {
		cancel()
	}
	sender.Wait()
	cancel()
	prober.Wait()
	return end, clients, err
}

// settings are what somebody would write into the pod's manifest.
func (p pod) settings() []string {
	return []string{
		"PRE_STOP_APP_URL=" + p.app.url + "/shutdown",
		"PRE_STOP_ELASTICSEARCH_URL=" + p.elasticsearch.url,
		"PRE_STOP_ADDITIONAL_WAIT_SECONDS=" + seconds(wait),
		"PRE_STOP_GRACE_PERIOD_SECONDS=" + seconds(grace),
	}
}

// hook is the preStop hook as the container runtime executes it: with the container's environment and nothing else, its working
// directory, and /dev/null to read from. Only the log differs: a hook in a pod writes to its container's.
func (p pod) hook(ctx context.Context, program, dir string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program)
	cmd.Dir = "/"
	cmd.Env = append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/", "HOSTNAME=" + podName,
		"KUBERNETES_SERVICE_HOST=10.96.0.1", "KUBERNETES_SERVICE_PORT=443",
		"POD_NAME=" + podName, "POD_NAMESPACE=demo", "POD_IP=127.0.0.1", "POD_UID=5c1bb9a4-8f0e-4c1d-9d4f-3b6f0a6e2d71",
		"PRE_STOP_LOG_TO=stdout", "PRE_STOP_STATE_DIR=" + dir,
	}, p.settings()...)
	return cmd
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }
