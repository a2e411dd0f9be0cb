// Package policy evaluates admission policies as an API server does, without an API server. It uses the API server's own plugins. What
// these would read from etcd is in memory. It is for tests of deploy/.
package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
)

// Objects reads manifests.
func Objects(files ...string) ([]runtime.Object, error) {
	var all []runtime.Object
	for _, name := range files {
		f, err := os.Open(filepath.Clean(name))
		if err != nil {
			return nil, err
		}
		defer f.Close()
		read, err := Decode(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, read...)
	}
	return all, nil
}

// Decode reads the documents of a manifest strictly.
func Decode(r io.Reader) ([]runtime.Object, error) {
	var all []runtime.Object
	d := yaml.NewDocumentDecoder(io.NopCloser(r))
	buffer := make([]byte, 1<<20)
	for {
		n, err := d.Read(buffer)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		o, _, err := scheme.Codecs.UniversalDeserializer().Decode(buffer[:n], nil, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
}

// A Server is as much of an API server as an admission plugin needs.
type Server struct {
	Client    kubernetes.Interface
	Dynamic   dynamic.Interface
	Informers informers.SharedInformerFactory
	Mapper    meta.RESTMapper
}

// NewServer makes a server that has some objects. schemas gives a client the API's schemas, which a fake client lacks.
func NewServer(schemas func(kubernetes.Interface) kubernetes.Interface, objects ...runtime.Object) *Server {
	c := schemas(fake.NewClientset(objects...))
	m := meta.NewDefaultRESTMapper([]schema.GroupVersion{corev1.SchemeGroupVersion})
	m.Add(corev1.SchemeGroupVersion.WithKind("ConfigMap"), meta.RESTScopeNamespace)
	m.Add(corev1.SchemeGroupVersion.WithKind("Pod"), meta.RESTScopeNamespace)
	return &Server{c, dynamicfake.NewSimpleDynamicClient(scheme.Scheme), informers.NewSharedInformerFactory(c, 0), m}
}

// An Evaluator asks one admission plugin.
type Evaluator struct {
	plugin admission.Interface
}

// Start makes a plugin that was registered, and lets it read the server's policies. It ends with ctx.
func (s *Server) Start(ctx context.Context, name string, register func(*admission.Plugins), with admission.PluginInitializer) (*Evaluator, error) {
	plugins := admission.NewPlugins()
	register(plugins)
	plugin, err := plugins.InitPlugin(name, nil, with)
	if err != nil {
		return nil, err
	}
	s.Informers.Start(ctx.Done())
	s.Informers.WaitForCacheSync(ctx.Done())
	return &Evaluator{plugin}, nil
}

// Warnings are the warnings in the answer to a request.
type Warnings []string

// AddWarning adds a warning.
func (w *Warnings) AddWarning(_, text string) { *w = append(*w, text) }

// kinds are the kinds of objects that can be asked about, and their resources.
var kinds = map[string]string{"Pod": "pods", "Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}

// Ask asks the plugin as if the object were created. A mutating plugin changes the object. A panic becomes an error.
func (e *Evaluator) Ask(o runtime.Object) (warnings Warnings, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the API server's handler panics: %v", p)
		}
	}()
	all, _, err := scheme.Scheme.ObjectKinds(o)
	if err != nil {
		return nil, err
	}
	gvk := all[0]
	if kinds[gvk.Kind] == "" {
		return nil, fmt.Errorf("expected an object of %v, got %s", slices.Sorted(maps.Keys(kinds)), gvk)
	}
	m, err := meta.Accessor(o)
	if err != nil {
		return nil, err
	}
	a := admission.NewAttributesRecord(o, nil, gvk, m.GetNamespace(), m.GetName(), gvk.GroupVersion().WithResource(kinds[gvk.Kind]), "",
		admission.Create, &metav1.CreateOptions{}, false, nil)
	ctx := warning.WithWarningRecorder(context.Background(), &warnings)
	i := admission.NewObjectInterfacesFromScheme(scheme.Scheme)
	switch p := e.plugin.(type) {
	case admission.MutationInterface:
		err = p.Admit(ctx, a, i)
	case admission.ValidationInterface:
		err = p.Validate(ctx, a, i)
	}
	return warnings, err
}

// Schemas is the directory with the API's schemas of a version of Kubernetes, as its module has them.
func Schemas(ctx context.Context, version string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", "k8s.io/kubernetes@"+version).Output()
	if err != nil {
		return "", fmt.Errorf("download Kubernetes %s: %w", version, err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return "", err
	}
	return filepath.Join(module.Dir, "api", "openapi-spec", "v3"), nil
}
