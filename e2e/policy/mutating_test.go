package policy_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"
	"time"

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
	"k8s.io/klog/v2"
	securityapi "k8s.io/pod-security-admission/api"
	security "k8s.io/pod-security-admission/policy"

	"github.com/prestop/prestop/e2e/policy"
	"github.com/prestop/prestop/internal/inject"
	"github.com/prestop/prestop/internal/inject/injecttest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	dir, err := policy.Schemas(context.Background(), "v1.37.2")
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

type schemas struct{ discovery.DiscoveryInterfaces }

func withSchemas(c kubernetes.Interface) kubernetes.Interface { return client{c} }

// IsWatchListSemanticsUnSupported is what a fake client says to informers.
func (client) IsWatchListSemanticsUnSupported() bool { return true }

func (c client) Discovery() discovery.DiscoveryInterfaces { return schemas{c.Interface.Discovery()} }
func (schemas) OpenAPIV3() openapi.Client                 { return ofAPI }

func initialize(t testing.TB, s *policy.Server) admission.PluginInitializer {
	return initializer.New(s.Client, s.Dynamic, s.Informers, authorizerfactory.NewAlwaysAllowAuthorizer(), utilfeature.DefaultFeatureGate, compatibility.DefaultBuildEffectiveVersion(), t.Context().Done(), s.Mapper)
}

func namespace(name string, labels map[string]string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
}

// mutator evaluates a policy of deploy/policy, with its settings. What it shall do about a failure it does not do as shipped, so
// that a test sees the failure.
func mutator(t testing.TB, form string, failure admissionv1.FailurePolicyType, more ...runtime.Object) *policy.Evaluator {
	t.Helper()
	objects, err := policy.Objects("../../deploy/policy/v1/"+form+".yaml", "../../deploy/policy/settings.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if p, ok := o.(*admissionv1.MutatingAdmissionPolicy); ok {
			if *p.Spec.FailurePolicy != admissionv1.Ignore {
				t.Error("a failure of the policy is not ignored")
			}
			p.Spec.FailurePolicy = &failure
			defaults(p.Spec.MatchConstraints)
		}
	}
	objects = append(objects, namespace(policy.Namespace, map[string]string{inject.NamespaceLabel: inject.Enabled}), namespace("other", nil))
	s := policy.NewServer(withSchemas, append(objects, more...)...)
	e, err := s.Start(t.Context(), mutating.PluginName, mutating.Register, initialize(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// defaults are those that the API server sets.
func defaults(m *admissionv1.MatchResources) {
	equivalent, all := admissionv1.Equivalent, admissionv1.AllScopes
	m.MatchPolicy, m.ObjectSelector = &equivalent, &metav1.LabelSelector{}
	if m.NamespaceSelector == nil {
		m.NamespaceSelector = &metav1.LabelSelector{}
	}
	for i := range m.ResourceRules {
		m.ResourceRules[i].Scope = &all
	}
}

var forms = map[string]inject.Parameters{
	"image-volume":   {Image: "prestop/prestop:1"},
	"init-container": {Image: "prestop/prestop:1", Installer: true},
}

// A policy makes of every pod what inject makes of it.
func TestSameAsInject(t *testing.T) {
	for form, with := range forms {
		t.Run(form, func(t *testing.T) {
			all, err := mutator(t, form, admissionv1.Fail).Differs(with)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range all {
				t.Error(text)
			}
		})
	}
}

func plain(name, namespace string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Ports: []corev1.ContainerPort{{ContainerPort: 80}}}}}}
}

func hooked(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Spec.Containers, func(c corev1.Container) bool { return c.Lifecycle != nil })
}

// A namespace that did not opt in is never touched.
func TestNamespaceOptsIn(t *testing.T) {
	for form := range forms {
		e := mutator(t, form, admissionv1.Fail)
		for ns, want := range map[string]bool{policy.Namespace: true, "other": false} {
			p := plain("web", ns)
			if _, err := e.Ask(p); err != nil || hooked(p) != want {
				t.Errorf("%s, namespace %s: hook %t: %v", form, ns, hooked(p), err)
			}
			if !want && policy.JSON(p.Spec) != policy.JSON(plain("web", ns).Spec) {
				t.Errorf("%s, namespace %s: touched: %+v", form, ns, p.Spec)
			}
		}
	}
}

// A grace period that somebody lowers after the policy is the one that the hook is told.
func TestFollowsTheGracePeriod(t *testing.T) {
	for form := range forms {
		e := mutator(t, form, admissionv1.Fail)
		p := plain("web", policy.Namespace)
		long, short := int64(120), int64(20)
		p.Spec.TerminationGracePeriodSeconds = &long
		if _, err := e.Ask(p); err != nil {
			t.Fatal(err)
		}
		p.Spec.TerminationGracePeriodSeconds = &short
		if _, err := e.Ask(p); err != nil {
			t.Fatal(err)
		}
		want := plain("web", policy.Namespace)
		want.Spec.TerminationGracePeriodSeconds = &short
		if r := inject.Inject(injecttest.Pod(want), forms[form]); policy.JSON(r.Spec) != policy.JSON(p.Spec) {
			t.Errorf("%s: got %s, want %s", form, policy.JSON(p.Spec), policy.JSON(r.Spec))
		}
	}
}

// Settings that cannot be read make a pod that is as it was, and no failure.
func TestFailureIsIgnored(t *testing.T) {
	for form := range forms {
		for _, data := range []map[string]string{nil, {"image": "p:1", "max": "soon"}, {"image": "bad image!"}} {
			p := plain("web", policy.Namespace)
			if _, err := shipped(t, form, data).Ask(p); err != nil || policy.JSON(p.Spec) != policy.JSON(plain("web", policy.Namespace).Spec) {
				t.Errorf("%s, %v: %s: %v", form, data, policy.JSON(p.Spec), err)
			}
		}
	}
}

// Seconds need no unit, as in prestop's own settings.
func TestMaxInSeconds(t *testing.T) {
	for form, with := range forms {
		with.Max = 20 * time.Second
		p := plain("web", policy.Namespace)
		r := inject.Inject(injecttest.Pod(p), with)
		if _, err := shipped(t, form, map[string]string{"image": with.Image, "max": "20"}).Ask(p); err != nil || policy.JSON(p.Spec) != policy.JSON(r.Spec) {
			t.Errorf("%s: got %s, %v, want %s", form, policy.JSON(p.Spec), err, policy.JSON(r.Spec))
		}
	}
}

// shipped evaluates a policy of deploy/policy as it is, with other settings.
func shipped(t *testing.T, form string, data map[string]string) *policy.Evaluator {
	t.Helper()
	objects, err := policy.Objects("../../deploy/policy/v1/" + form + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if p, ok := o.(*admissionv1.MutatingAdmissionPolicy); ok {
			defaults(p.Spec.MatchConstraints)
		}
	}
	settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "prestop", Namespace: "prestop"}, Data: data}
	s := policy.NewServer(withSchemas, append(objects, settings, namespace(policy.Namespace, map[string]string{inject.NamespaceLabel: inject.Enabled}))...)
	e, err := s.Start(t.Context(), mutating.PluginName, mutating.Register, initialize(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A pod that the Pod Security Standards allow is allowed with the hook.
func TestPodSecurityStays(t *testing.T) {
	evaluator, err := security.NewEvaluator(security.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	pods, err := injecttest.Pods()
	if err != nil {
		t.Fatal(err)
	}
	restricted := 0
	for _, p := range pods {
		for form, with := range forms {
			for _, level := range []securityapi.Level{securityapi.LevelBaseline, securityapi.LevelRestricted} {
				of := securityapi.LevelVersion{Level: level, Version: securityapi.LatestVersion()}
				allowed := func(spec corev1.PodSpec) security.AggregateCheckResult {
					return security.AggregateCheckResults(evaluator.EvaluatePod(of, &p.ObjectMeta, &spec))
				}
				if !allowed(p.Spec).Allowed {
					continue
				}
				if level == securityapi.LevelRestricted {
					restricted++
				}
				if r := allowed(inject.Inject(injecttest.Pod(p), with).Spec); !r.Allowed {
					t.Errorf("%s, %s: %s no longer allows it: %s", p.Name, form, level, r.ForbiddenDetail())
				}
			}
		}
	}
	if restricted == 0 {
		t.Error("no pod is restricted")
	}
}

// The admission of a pod that gets a hook, which is 1 ms at most.
func BenchmarkMutation(b *testing.B) {
	for form := range forms {
		b.Run(form, func(b *testing.B) {
			e := mutator(b, form, admissionv1.Fail)
			pods, err := injecttest.Pods()
			if err != nil {
				b.Fatal(err)
			}
			pods = slices.DeleteFunc(pods, func(p *corev1.Pod) bool { return len(inject.Inject(injecttest.Pod(p), forms[form]).Edits) == 0 })
			var took []time.Duration
			for n := 0; b.Loop(); n++ {
				p := pods[n%len(pods)].DeepCopy()
				p.Namespace = policy.Namespace
				began := time.Now()
				if _, err := e.Ask(p); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs/pod-median")
		})
	}
}
