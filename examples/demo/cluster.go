package main

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prestop/prestop/internal/fakees"
)

// An elasticsearch is a fake cluster, as one of its nodes is seen from its pod.
type elasticsearch struct {
	url   string
	close func()
}

// startElasticsearch starts three nodes, the first of which is the pod's. Its shutdown takes four seconds to become complete.
func startElasticsearch(out *timeline) (*elasticsearch, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	cluster := fakees.New("9.4.0")
	for _, name := range []string{podName, "es-1", "es-2"} {
		cluster.AddNode(fakees.Node{Name: name})
	}
	cluster.Script(podName,
		fakees.Phase{Polls: 2, TasksRemaining: 2, SnapshotsRunning: 1},
		fakees.Phase{Polls: 2, SnapshotsRunning: 1})
	cluster.OnAnswer(out.elasticsearchAnswers)
	server := &http.Server{Handler: cluster.NodeHandler(podName), ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }() // until close
	out.say(isElasticsearch, "9.4.0 (a fake) with 3 nodes, %s is at %s", podName, listener.Addr())
	return &elasticsearch{"http://" + listener.Addr().String(), func() {
		cluster.Close()
		_ = server.Close()
	}}, nil
}

// elasticsearchAnswers prints a request that has been answered.
func (t *timeline) elasticsearchAnswers(r fakees.Request) {
	t.called(isElasticsearch, fmt.Sprintf("%s %s %d", r.Method, r.Path, r.Status), r.Body)
}
