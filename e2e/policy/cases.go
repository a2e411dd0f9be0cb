package policy

import (
	"bytes"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/inject"
	"github.com/prestop/prestop/internal/inject/injecttest"
)

// Namespace is the one that cases are in.
const Namespace = "shop"

// Differs says where an evaluator's policy and inject make different things of the pods of internal/inject's tests; empty: nowhere. Each
// pod is asked about twice, as in a reinvocation. The second time must change nothing more.
func (e *Evaluator) Differs(with inject.Parameters) ([]string, error) {
	pods, err := injecttest.Pods()
	if err != nil {
		return nil, err
	}
	var all []string
	differs := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, p := range pods {
		p.Namespace = Namespace
		want := inject.Inject(injecttest.Pod(p), with)
		got := p.DeepCopy()
		for n := range 2 {
			if _, err := e.Ask(got); err != nil {
				differs("%s: time %d: %v", p.Name, n+1, err)
				break
			}
			if text, expected := JSON(got.Spec), JSON(want.Spec); text != expected {
				differs("%s: time %d: the policy makes\n%s, and inject\n%s", p.Name, n+1, text, expected)
			}
		}
	}
	return all, nil
}

// JSON is a spec in JSON.
func JSON(spec corev1.PodSpec) string {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(spec); err != nil {
		panic(err) // of Kubernetes' own types
	}
	return b.String()
}
