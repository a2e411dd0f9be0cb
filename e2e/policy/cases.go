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

// Differs says what an evaluator's policy makes of the pods of internal/inject's tests that inject does not; empty: nothing. A
// second time, as a reinvocation, must change nothing more.
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

// JSON is a spec's.
func JSON(spec corev1.PodSpec) string {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(spec); err != nil {
		panic(err) // of Kubernetes' own types
	}
	return b.String()
}
