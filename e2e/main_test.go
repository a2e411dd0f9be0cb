package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prestop/prestop/e2e/cluster"
	"github.com/prestop/prestop/e2e/image"
	"github.com/prestop/prestop/e2e/kube"
)

// lab is what all cases share. It is set before the first one begins.
var lab struct {
	api     *kube.Client
	cluster *cluster.Cluster // nil on a cluster that is not ours
	app     string           // image of the test application, with /prestop copied in
	prestop string           // image of prestop alone
	plain   string           // image of the test application alone
	logs    string
}

var kubernetes = flag.String("kubernetes", cluster.Versions()[0], "that a cluster of our own is of: "+strings.Join(cluster.Versions(), ", "))

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	begun := time.Now()
	down, err := up(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	fmt.Printf("e2e: the cluster is up after %s; its logs are in %s\n", time.Since(begun).Round(time.Second), lab.logs)
	ended := make(chan int)
	go func() { ended <- m.Run() }()
	code := 130
	select {
	case code = <-ended:
	case <-ctx.Done():
	}
	if err := down(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	table.print(os.Stdout, time.Since(begun))
	return code
}

// up gives the cases a cluster: that of KUBECONFIG, or one of our own.
func up(ctx context.Context) (down func() error, err error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	lab.logs = filepath.Join(filepath.Dir(dir), "bin", "e2e-logs")
	if os.Getenv("KUBECONFIG") != "" {
		return useGiven()
	}
	tmp, err := os.MkdirTemp("", "prestop-e2e-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	images, err := image.Build(ctx, dir, tmp)
	if err != nil {
		return nil, err
	}
	c, err := cluster.Up(ctx, cluster.Config{E2E: dir, Kubernetes: *kubernetes, Logs: lab.logs, Images: images})
	if err != nil {
		return nil, err
	}
	if _, err := c.AddNode(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	lab.cluster, lab.api, lab.app, lab.prestop, lab.plain = c, kube.New(c.Socket), images[0].Ref, images[1].Ref, images[2].Ref
	return c.Close, nil
}

// useGiven takes the cluster of KUBECONFIG, whose nodes must be able to pull PRESTOP_E2E_IMAGE or have it.
func useGiven() (func() error, error) {
	ref := os.Getenv("PRESTOP_E2E_IMAGE")
	if ref == "" {
		return nil, errors.New("KUBECONFIG is set: expected PRESTOP_E2E_IMAGE too, an image as `go run ./image/archive` makes one")
	}
	dir, err := os.MkdirTemp("", "prestop-e2e-")
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "api.sock")
	proxy := exec.Command("kubectl", "proxy", "--unix-socket="+socket)
	proxy.Stderr = os.Stderr
	if err := proxy.Start(); err != nil {
		return nil, err
	}
	lab.api, lab.app, lab.prestop = kube.New(socket), ref, ref
	down := func() error {
		proxy.Process.Kill()
		proxy.Wait()
		return os.RemoveAll(dir)
	}
	for end := time.Now().Add(30 * time.Second); ; <-time.After(100 * time.Millisecond) {
		_, err := lab.api.Text(context.Background(), "GET", "/version")
		if err == nil {
			return down, nil
		}
		if time.Now().After(end) {
			return nil, errors.Join(err, down())
		}
	}
}
