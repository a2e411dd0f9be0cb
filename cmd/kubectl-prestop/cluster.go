package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // ways to log in, as kubectl has them
	"k8s.io/client-go/tools/clientcmd"

	"github.com/prestop/prestop/internal/escape"
	"github.com/prestop/prestop/internal/flagset"
	"github.com/prestop/prestop/internal/lint"
	versions "github.com/prestop/prestop/internal/version"
	"github.com/prestop/prestop/internal/workloads"
)

// A clusterCommand is what lint was told about a cluster, and what it read there.
type clusterCommand struct {
	kubectl *genericclioptions.ConfigFlags
	all     bool   // namespaces
	labels  string // a selector
	names   []workloads.Name
	found   workloads.Found
}

// flags are kubectl's own.
func (c *clusterCommand) flags() *flagset.Set {
	flags := flagset.New("lint")
	flags.SortFlags = true // there are many
	flags.BoolVarP(&c.all, "all-namespaces", "A", false, "look at all namespaces")
	flags.StringVarP(&c.labels, "selector", "l", "", "look at what has these `labels`, as -l app=web")
	c.kubectl = genericclioptions.NewConfigFlags(false)
	c.kubectl.CacheDir = nil // nothing is cached
	c.kubectl.AddFlags(flags)
	return flags
}

// take keeps the arguments that name workloads, and returns the others as files. An argument that names an existing file is a file. alone is
// the first of the files that is a type of workloads without a name; empty: there is none.
func (c *clusterCommand) take(args []string) (files []string, alone string) {
	for _, arg := range args {
		_, err := os.Stat(arg)
		missing := errors.Is(err, os.ErrNotExist)
		name, named := workloads.ParseName(arg)
		if missing && named {
			c.names = append(c.names, name)
			continue
		}
		files = append(files, arg)
		if _, isType := workloads.ParseName(arg + "/web"); missing && isType {
			alone = cmp.Or(alone, arg)
		}
	}
	return files, alone
}

// asked is one argument or flag of the command line that is about a cluster; empty: there is none.
func (c *clusterCommand) asked(flags *flagset.Set) string {
	if len(c.names) > 0 {
		return c.names[0].String()
	}
	asked := ""
	new(clusterCommand).flags().VisitAll(func(f *flagset.Flag) {
		if asked == "" && flags.Changed(f.Name) {
			asked = "--" + f.Name
		}
	})
	return asked
}

// mixed says why a file is refused together with an argument or flag that is about a cluster.
func (i invocation) mixed(file, asked string) int {
	if _, err := os.Stat(file); file != "-" && errors.Is(err, os.ErrNotExist) {
		return i.complain("lint", "%s: expected TYPE/NAME, as deploy/web, with one of %s; and no such file is here", file, strings.Join(workloads.Types(), ", "))
	}
	if file == "-" {
		file = "standard input"
	}
	return i.complain("lint", "%s is read as manifests, and %s is for a cluster: expected one of them, since a cluster may have other versions of the same objects", file, asked)
}

// lintCluster reads a cluster and says what it finds there.
func (c *lintCommand) lintCluster(i invocation) int {
	if c.cluster.all && len(c.cluster.names) > 0 {
		return i.complain("lint", "%s is in one namespace: expected -n NAMESPACE, got -A", c.cluster.names[0])
	}
	if c.cluster.labels != "" && len(c.cluster.names) > 0 {
		return i.complain("lint", "%s is a workload, and -l says which: expected one of them", c.cluster.names[0])
	}
	namespace, err := c.cluster.read()
	if err != nil {
		fmt.Fprintln(escape.Writer{To: i.stderr}, strings.ReplaceAll(asKubectl(err), "\n", " "))
		return exitFound
	}
	found := c.cluster.found
	for _, d := range found.Denied {
		fmt.Fprintf(escape.Writer{To: i.stderr}, "kubectl prestop lint: %s\n", d)
	}
	switch {
	case found.Unreadable:
		fmt.Fprintln(i.stderr, "kubectl prestop lint: no workload can be read; the rights that it takes are in https://github.com/prestop/prestop/blob/main/docs/lint/README.md#from-a-cluster")
		return exitFound
	case len(found.Workloads) == 0 && namespace == "":
		fmt.Fprintln(i.stderr, "No resources found")
	case len(found.Workloads) == 0:
		fmt.Fprintf(escape.Writer{To: i.stderr}, "No resources found in %s namespace.\n", namespace)
	}
	result := c.cluster.check(c.nodes)
	var inputs []input
	if c.verbose || len(c.cluster.names) > 0 { // in a whole cluster, nobody wants to see the many workloads without a hook
		for _, o := range found.Workloads {
			inputs = append(inputs, input{name: o.Name, files: []lint.File{{Name: o.Name}}})
		}
	}
	c.write(i.stdout, inputs, result)
	return status(result)
}

// read reads what was asked for. The namespace comes from the flag, or else from the context; empty: all namespaces.
func (c *clusterCommand) read() (namespace string, err error) {
	loader := c.kubectl.ToRawKubeConfigLoader()
	if namespace, _, err = loader.Namespace(); err != nil {
		return "", err
	}
	if c.all {
		namespace = ""
	}
	config, err := c.kubectl.ToRESTConfig()
	if err != nil {
		return "", err
	}
	config.UserAgent = "kubectl-prestop/" + versions.Name(version)
	c.found, err = workloads.Read(context.Background(), config, workloads.Selection{Namespace: namespace, Labels: c.labels, Names: c.names})
	return namespace, err
}

// check lints what was read. Objects of a cluster have no lines. If nodes is empty, the nodes are taken to have the API server's
// version.
func (c *clusterCommand) check(nodes string) lint.Result {
	options := lint.Options{Kubernetes: cmp.Or(nodes, c.found.Version)}
	if options.Valid() != nil {
		options.Kubernetes = ""
	}
	var files []lint.File
	of := map[string]string{} // the workload that made a pod, by the pod's name
	for _, o := range slices.Concat(c.found.Workloads, c.found.Beside) {
		files = append(files, lint.File{Name: o.Name, Content: o.Content})
		if o.Of != "" {
			of[o.Name] = o.Of
		}
	}
	result := options.Check(files)
	type said struct{ file, id, container, message string }
	known := map[said]bool{}
	for _, f := range result.Findings {
		f.Line, f.Column = 0, 0
		known[said{f.File, f.ID, f.Container, f.Message}] = true
	}
	for n := range result.Hooks {
		result.Hooks[n].Line = 0
	}
	for n := range result.Unreadable {
		result.Unreadable[n].Line = 0
	}
	result.Findings = slices.DeleteFunc(result.Findings, func(f *lint.Finding) bool {
		return known[said{of[f.File], f.ID, f.Container, f.Message}] // the workload that made the pod has the same finding
	})
	return result
}

// asKubectl words an error of the cluster as kubectl does. So what people know about kubectl helps here too.
func asKubectl(err error) string {
	if answered, ok := errors.AsType[*apierrors.StatusError](err); ok {
		return statusAsKubectl(answered.Status())
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		if at, err := url.Parse(failed.URL); err == nil && errors.Is(failed, syscall.ECONNREFUSED) {
			return fmt.Sprintf("The connection to the server %s was refused - did you specify the right host or port?", at.Host)
		}
		if !failed.Timeout() {
			return fmt.Sprintf("Unable to connect to the server: %v", failed.Err)
		}
	}
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return "Unable to connect to the server: no answer within the time of --request-timeout"
	}
	if clientcmd.IsConfigurationInvalid(err) {
		return "Error in configuration: " + err.Error()
	}
	return "error: " + strings.TrimPrefix(err.Error(), "error: ")
}

// statusAsKubectl words what the API server answers.
func statusAsKubectl(s metav1.Status) string {
	switch {
	case s.Reason == metav1.StatusReasonUnauthorized:
		return fmt.Sprintf("error: You must be logged in to the server (%s)", s.Message)
	case s.Reason == metav1.StatusReasonNotFound && s.Details != nil && s.Details.Name == "" && s.Details.Kind != "":
		return fmt.Sprintf("error: the server doesn't have a resource type %q", s.Details.Kind)
	case s.Reason != "":
		return fmt.Sprintf("Error from server (%s): %s", s.Reason, s.Message)
	default:
		return "Error from server: " + s.Message
	}
}
