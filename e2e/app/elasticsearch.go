package main

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/fakees"
)

// joins is the path at which members tell a fake cluster that they come and go. memberHeader is the header by which a member gives its name
// when it passes on a request.
const (
	joins        = "/e2e/members/"
	memberHeader = "X-E2e-Member"
)

// elasticsearch serves a fake cluster on port 9200. Its members are the pods that run member.
func elasticsearch([]string) error {
	cluster := fakees.New("9.4.0")
	cluster.Script("", fakees.Phase{Polls: 2, Shards: fakees.InProgress, ShardsRemaining: 4})
	cluster.OnAnswer(func(r fakees.Request) {
		fmt.Printf("es: %s %s %s %d %s\n", r.Node, r.Method, r.Path, r.Status, strings.Join(strings.Fields(r.Body), " "))
	})
	m := http.NewServeMux()
	m.HandleFunc("PUT "+joins+"{name}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		cluster.AddNode(fakees.Node{Name: name, IP: r.Header.Get("X-Pod-IP")})
		fmt.Println("es: joined", name)
	})
	m.HandleFunc("DELETE "+joins+"{name}", func(w http.ResponseWriter, r *http.Request) {
		cluster.RemoveNode(r.PathValue("name"))
		fmt.Println("es: left", r.PathValue("name"))
	})
	m.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		name := r.Header.Get(memberHeader)
		if name == "" {
			cluster.ServiceHandler().ServeHTTP(w, r)
			return
		}
		cluster.NodeHandler(name).ServeHTTP(w, r)
	})
	go func() { <-told(); os.Exit(0) }()
	return http.ListenAndServe(":9200", m)
}

// member is a node of the fake cluster at a URL: it joins, answers as itself, and leaves when it is told to end.
func member(args []string) error {
	cluster, err := url.Parse(args[0])
	if err != nil {
		return err
	}
	name := os.Getenv("POD_NAME")
	if err := tell(http.MethodPut, cluster, name); err != nil {
		return err
	}
	go func() {
		<-told()
		fmt.Println("app: SIGTERM")
		if err := tell(http.MethodDelete, cluster, name); err != nil {
			fmt.Println("app:", err)
		}
		os.Exit(0)
	}()
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(cluster)
		r.Out.Header.Set(memberHeader, name)
	}}
	return http.ListenAndServe(":9200", pass)
}

func tell(method string, cluster *url.URL, name string) error {
	request, err := http.NewRequest(method, cluster.JoinPath(joins, name).String(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("X-Pod-IP", os.Getenv("POD_IP"))
	answer, err := (&http.Client{Timeout: 5 * time.Second}).Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, request.URL, answer.Status)
	}
	return nil
}
