package policy_test

import (
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/util/compatibility"
	utilfeature "k8s.io/apiserver/pkg/util/feature"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/openapi"
	"k8s.io/client-go/openapi/openapitest"

	"github.com/prestop/prestop/e2e/policy"
)

func initialize(t testing.TB, s *policy.Server) admission.PluginInitializer {
	return initializer.New(s.Client, s.Dynamic, s.Informers, authorizerfactory.NewAlwaysAllowAuthorizer(), utilfeature.DefaultFeatureGate, compatibility.DefaultBuildEffectiveVersion(), t.Context().Done(), s.Mapper)
}

// client is a fake client that has the API's schemas as well.
type client struct{ kubernetes.Interface }

type schemas struct{ discovery.DiscoveryInterfaces }

func withSchemas(c kubernetes.Interface) kubernetes.Interface { return client{c} }

// IsWatchListSemanticsUnSupported is what a fake client says to informers.
func (client) IsWatchListSemanticsUnSupported() bool { return true }

func (c client) Discovery() discovery.DiscoveryInterfaces { return schemas{c.Interface.Discovery()} }
func (schemas) OpenAPIV3() openapi.Client                 { return openapitest.NewEmbeddedFileClient() }

func namespace(name string, labels map[string]string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
}

func TestX(t *testing.T) {
	objects, err := policy.Objects("../../deploy/policy/v1/image-volume.yaml", "../../deploy/policy/settings.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if p, ok := o.(*admissionv1.MutatingAdmissionPolicy); ok {
			fail := admissionv1.Fail
			p.Spec.FailurePolicy = &fail
		}
	}
	objects = append(objects, namespace("shop", map[string]string{"prestop.github.io/inject": "enabled"}))
	s := policy.NewServer(withSchemas, objects...)
	e, err := s.Start(t.Context(), mutating.PluginName, mutating.Register, initialize(t, s))
	if err != nil {
		t.Fatal(err)
	}
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Ports: []corev1.ContainerPort{{ContainerPort: 80}}}}}}
	_, err = e.Ask(p)
	t.Logf("%v %+v", err, p.Spec)
	var _ runtime.Object
}
