// Package workloads reads from a cluster what lint looks at: objects that make pods, and the Services and ConfigMaps beside them.
//
// It only reads. It never asks for a Secret: an API server shows the names of a Secret's keys only to those who may also read
// their values. Lists are read in pages. What the reader may not see is said in the answer, and is no error. An object that
// another one made is left out. So is a pod that has the hooks of the template that it was made from. A pod whose hooks differ,
// because a policy or a mesh changed it, is there once for each difference.
//
// It is for cmd/kubectl-prestop.
package workloads

import (
	"context"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// pageSize is how many objects are asked for at once, as kubectl does.
const pageSize = 500

// A Selection says what is read of a cluster.
type Selection struct {
	Namespace string // empty: all
	Labels    string // a selector of workloads, as kubectl takes it; empty: any labels
	Names     []Name // only these, of the namespace; none: all that there are
}

// Found is what was read.
type Found struct {
	Version    string // of the API server, as v1.37.2; empty: it does not say
	Workloads  []Object
	Beside     []Object // Services and ConfigMaps
	Denied     []Denied
	Unreadable bool // no kind of workload could be read
}

// An Object is one of the cluster's.
type Object struct {
	Name    string // as shop/deployment/web
	Content []byte // JSON, without its status and what only API servers use
	Of      string // the Name of the workload that made this pod; empty: none that is known
}

// A Denied is what the reader may not do.
type Denied struct {
	Verb      string `json:"verb"`
	Resource  string `json:"resource"`            // as deployments.apps
	Namespace string `json:"namespace,omitempty"` // empty: all
}

// String says what is denied, and what comes of it.
func (d Denied) String() string {
	where := "in namespace " + d.Namespace
	if d.Namespace == "" {
		where = "in all namespaces"
	}
	lost := "they are not looked at"
	if d.Resource == services.resource() || d.Resource == configMaps.resource() {
		lost = "they are not taken into account"
	}
	return fmt.Sprintf("not allowed to %s %s %s: %s", d.Verb, d.Resource, where, lost)
}

// A reader reads for one selection.
type reader struct {
	Selection
	client  dynamic.Interface
	config  *rest.Config
	found   Found
	records map[types.UID]*record
	kept    []*record
	seen    map[string]bool // hooks of pods that are kept, by who made them
	refused map[Denied]bool
}

// A record is what is remembered of an object that makes pods.
type record struct {
	Object
	namespace string
	top       string   // the Name of the workload at the end of the owners
	hooks     string   // of its containers; empty: none
	configs   []string // ConfigMaps that its pods use
}

// Read reads a selection. The error is the API server's or the connection's, or says that an answer is not from an API server. The timeout
// in the configuration is for each request, with all its tries.
func Read(ctx context.Context, config *rest.Config, s Selection) (Found, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = 100, 200 // the default of 5 a second is for controllers that run for ever
	config.WarningHandler = rest.NoWarnings{}
	config.Wrap(limit)
	r := &reader{Selection: s, config: config, records: map[types.UID]*record{}, seen: map[string]bool{}, refused: map[Denied]bool{}}
	err := r.connect(ctx)
	if err == nil && len(s.Names) > 0 {
		err = r.readNamed(ctx)
	} else if err == nil {
		err = r.readAll(ctx)
	}
	if err == nil {
		err = r.readBeside(ctx)
	}
	if err != nil {
		return Found{}, err
	}
	for _, one := range r.kept {
		r.found.Workloads = append(r.found.Workloads, one.Object)
	}
	inOrder(r.found.Workloads)
	inOrder(r.found.Beside)
	return r.found, nil
}

func inOrder(objects []Object) {
	slices.SortFunc(objects, func(a, b Object) int { return strings.Compare(a.Name, b.Name) })
}

// connect asks for the server's version, which everybody may know.
func (r *reader) connect(ctx context.Context) error {
	var err error
	if r.client, err = dynamic.NewForConfig(r.config); err != nil {
		return err
	}
	asker, err := discovery.NewDiscoveryClientForConfig(r.config)
	if err != nil {
		return err
	}
	ctx, cancel := r.once(ctx)
	defer cancel()
	text, err := asker.RESTClient().Get().AbsPath("/version").Do(ctx).Raw()
	if errors.IsForbidden(err) {
		return nil
	}
	if err != nil {
		return err
	}
	var said struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return fmt.Errorf("%s is no API server of Kubernetes: its /version is no JSON: %w", r.config.Host, err)
	}
	r.found.Version = said.GitVersion
	return nil
}

// once is the context of one request. Without it, a server could make the client wait between tries for as long as it likes.
func (r *reader) once(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.config.Timeout > 0 {
		return context.WithTimeout(ctx, r.config.Timeout)
	}
	return context.WithCancel(ctx)
}

func (r *reader) readAll(ctx context.Context) error {
	r.found.Unreadable = true
	for _, k := range kinds {
		denied, err := r.list(ctx, k, r.Labels, func(item *unstructured.Unstructured) { r.keep(k, item) })
		if err != nil {
			return err
		}
		r.found.Unreadable = r.found.Unreadable && (denied || k.optional)
	}
	return nil
}

// readNamed reads workloads by their names. Of their pods it keeps those whose hooks differ.
func (r *reader) readNamed(ctx context.Context) error {
	for _, n := range r.Names {
		item, err := r.get(ctx, n.kind, r.Namespace, n.name)
		if err != nil {
			return err
		}
		r.keep(n.kind, item)
		labels, ok := selectorOf(item)
		if !ok {
			continue
		}
		for _, k := range kinds {
			if k.Resource != "replicasets" && k.Resource != "replicationcontrollers" && k != pods {
				continue
			}
			_, err := r.list(ctx, k, labels, func(item *unstructured.Unstructured) {
				if r.owner(item) != nil { // else it only has the same labels
					r.keep(k, item)
				}
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// selectorOf is the selector of a workload's pods; false: it has none.
func selectorOf(item *unstructured.Unstructured) (string, bool) {
	of, _, err := unstructured.NestedMap(item.Object, "spec", "selector")
	if kind := item.GetKind(); kind == "ReplicationController" || kind == "DeploymentConfig" { // whose selectors are labels alone
		of = map[string]any{"matchLabels": of}
	}
	var s metav1.LabelSelector
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(of, &s)
	}
	if err != nil || len(s.MatchLabels)+len(s.MatchExpressions) == 0 {
		return "", false
	}
	selector, err := metav1.LabelSelectorAsSelector(&s)
	if err != nil {
		return "", false
	}
	return selector.String(), true
}

// keep remembers an object, unless another object says the same already.
func (r *reader) keep(k kind, item *unstructured.Unstructured) {
	uid := item.GetUID()
	if r.records[uid] != nil {
		return // a list that was changed while it was read
	}
	if k == pods {
		r.keepPod(item)
		return
	}
	one := newRecord(k, item)
	if by := r.owner(item); by != nil {
		one.top, one.Content = by.top, nil
	} else {
		r.kept = append(r.kept, one)
	}
	if uid != "" {
		r.records[uid] = one
	}
}

// owner is the record of the object that made another; nil: it is not known.
func (r *reader) owner(item *unstructured.Unstructured) *record {
	if owner := metav1.GetControllerOf(item); owner != nil {
		return r.records[owner.UID]
	}
	return nil
}

// keepPod remembers a pod that is not over, if its hooks are others than those of its template and of pods with the same maker.
func (r *reader) keepPod(item *unstructured.Unstructured) {
	if phase, _, _ := unstructured.NestedString(item.Object, "status", "phase"); phase == "Succeeded" || phase == "Failed" {
		return
	}
	one, by := newRecord(pods, item), r.owner(item)
	if by != nil && by.hooks == one.hooks {
		return
	}
	// A node counts as the maker of the pods in its files, which have nothing in common.
	if owner := metav1.GetControllerOf(item); owner != nil && owner.Kind != "Node" {
		id := string(owner.UID) + "\n" + one.hooks
		if r.seen[id] {
			return
		}
		r.seen[id] = true
	}
	if by != nil {
		one.Of = by.top
	}
	r.kept = append(r.kept, one)
}

// readBeside reads Services, and the ConfigMaps that pods with hooks use.
func (r *reader) readBeside(ctx context.Context) error {
	if len(r.kept) == 0 {
		return nil
	}
	_, err := r.list(ctx, services, "", func(item *unstructured.Unstructured) {
		r.found.Beside = append(r.found.Beside, newRecord(services, item).Object)
	})
	if err != nil {
		return err
	}
	asked := map[string]bool{}
	for _, one := range r.kept {
		for _, name := range one.configs {
			id := one.namespace + "/" + name
			if one.hooks == "" || asked[id] || r.refused[Denied{"get", configMaps.resource(), one.namespace}] {
				continue
			}
			asked[id] = true
			switch item, err := r.get(ctx, configMaps, one.namespace, name); {
			case errors.IsForbidden(err):
				r.deny("get", configMaps, one.namespace)
			case errors.IsNotFound(err):
			case err != nil:
				return err
			default:
				r.found.Beside = append(r.found.Beside, newRecord(configMaps, item).Object)
			}
		}
	}
	return nil
}

func (r *reader) deny(verb string, k kind, namespace string) {
	d := Denied{verb, k.resource(), namespace}
	if !r.refused[d] {
		r.refused[d] = true
		r.found.Denied = append(r.found.Denied, d)
	}
}

func (r *reader) get(ctx context.Context, k kind, namespace, name string) (*unstructured.Unstructured, error) {
	ctx, cancel := r.once(ctx)
	defer cancel()
	return r.client.Resource(k.GroupVersionResource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
}

// list reads the objects of a kind in pages. If the server has forgotten the list, reading goes on where the server says.
func (r *reader) list(ctx context.Context, k kind, labels string, each func(*unstructured.Unstructured)) (denied bool, err error) {
	from := ""
	for {
		page, err := r.page(ctx, k, metav1.ListOptions{LabelSelector: labels, Limit: pageSize, Continue: from})
		next := ""
		switch status, _ := stderrors.AsType[*errors.StatusError](err); {
		case errors.IsForbidden(err):
			r.deny("list", k, r.Namespace)
			return true, nil
		case errors.IsNotFound(err) && k.optional:
			return false, nil
		case errors.IsResourceExpired(err) && status != nil:
			if next = status.ErrStatus.Continue; next == "" {
				return false, err
			}
		case err != nil:
			return false, err
		default:
			for i := range page.Items {
				each(&page.Items[i])
			}
			next = page.GetContinue()
		}
		if next == "" {
			return false, nil
		}
		if next == from {
			return false, fmt.Errorf("the server's list of %s does not end: it goes on where it began", k.resource())
		}
		from = next
	}
}

func (r *reader) page(ctx context.Context, k kind, options metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	ctx, cancel := r.once(ctx)
	defer cancel()
	return r.client.Resource(k.GroupVersionResource).Namespace(r.Namespace).List(ctx, options)
}
