package policy_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	admissionv1beta1 "k8s.io/api/admissionregistration/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/openapi"
	"k8s.io/client-go/openapi/openapitest"
	"k8s.io/klog/v2"

	"github.com/prestop/prestop/e2e/policy"
	"github.com/prestop/prestop/internal/inject"
)

// MutatingAdmissionPolicies are behind a gate here.
const gate = "MutatingAdmissionPolicy=true"

func TestMain(m *testing.M) {
	flag.Parse()
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	dir, err := policy.Schemas(context.Background(), "v1.34.4")
	if err == nil {
		err = utilfeature.DefaultMutableFeatureGate.Set(gate)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ofAPI = openapitest.NewFileClient(dir)
	os.Exit(m.Run())
}

// ofAPI has the API's schemas. TestMain sets it.
var ofAPI openapi.Client

// client is a fake client that has the API's schemas as well.
type client struct{ kubernetes.Interface }

type schemas struct{ discovery.DiscoveryInterface }

func withSchemas(c kubernetes.Interface) kubernetes.Interface { return client{c} }

func (c client) Discovery() discovery.DiscoveryInterface { return schemas{c.Interface.Discovery()} }
func (schemas) OpenAPIV3() openapi.Client                { return ofAPI }

// mutator evaluates a policy of deploy/policy, with its settings.
func mutator(t *testing.T, form string, change func(*admissionv1beta1.MutatingAdmissionPolicy)) *policy.Evaluator {
	t.Helper()
	objects, err := policy.Objects("../../../deploy/policy/v1beta1/"+form+".yaml", "../../../deploy/policy/settings.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if p, ok := o.(*admissionv1beta1.MutatingAdmissionPolicy); ok {
			if *p.Spec.FailurePolicy != admissionv1beta1.Ignore {
				t.Error("a failure of the policy is not ignored")
			}
			fail, equivalent, all := admissionv1beta1.Fail, admissionv1beta1.Equivalent, admissionv1beta1.AllScopes
			p.Spec.FailurePolicy = &fail
			p.Spec.MatchConstraints.MatchPolicy, p.Spec.MatchConstraints.ObjectSelector = &equivalent, &metav1.LabelSelector{}
			for i := range p.Spec.MatchConstraints.ResourceRules {
				p.Spec.MatchConstraints.ResourceRules[i].Scope = &all
			}
			change(p)
		}
	}
	objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: policy.Namespace, Labels: map[string]string{inject.NamespaceLabel: inject.Enabled}}})
	s := policy.NewServer(withSchemas, objects...)
	with := initializer.New(s.Client, s.Dynamic, s.Informers, authorizerfactory.NewAlwaysAllowAuthorizer(), utilfeature.DefaultFeatureGate, t.Context().Done(), s.Mapper)
	e, err := s.Start(t.Context(), mutating.PluginName, mutating.Register, with)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A policy makes of every pod what inject makes of it.
func TestSameAsInject(t *testing.T) {
	for form, with := range map[string]inject.Parameters{
		"image-volume":   {Image: "prestop/prestop:1"},
		"init-container": {Image: "prestop/prestop:1", Installer: true},
	} {
		t.Run(form, func(t *testing.T) {
			all, err := mutator(t, form, func(*admissionv1beta1.MutatingAdmissionPolicy) {}).Differs(with)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range all {
				t.Error(text)
			}
		})
	}
}

// What has brought an API server down does so here, so that a policy that does it would be found.
func TestPanicIsFound(t *testing.T) {
	e := mutator(t, "init-container", func(p *admissionv1beta1.MutatingAdmissionPolicy) {
		p.Spec.Mutations = []admissionv1beta1.Mutation{{PatchType: admissionv1beta1.PatchTypeJSONPatch, JSONPatch: &admissionv1beta1.JSONPatch{
			Expression: `[JSONPatch{op: "add", path: "/spec/initContainers", value: [Object.spec.initContainers{name: "a"}]}]`}}}
	})
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: policy.Namespace}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}}}
	if _, err := e.Ask(p); err == nil || !strings.Contains(err.Error(), "panics") {
		t.Errorf("got %v", err)
	}
}
