package lint

import "testing"

// What can be pasted is said as it is pasted.
func TestFixes(t *testing.T) {
	t.Parallel()
	const minute = "terminationGracePeriodSeconds: 60"
	graced := "env: [" + graceEnv60 + "]"
	for name, test := range map[string]struct{ container, hook, id, fix string }{
		"steps as words":       {graced, "{exec: {command: [/prestop, post, 'http://localhost/x', wait, 20s]}}", "step-unreadable", "# each step is one item\ncommand:\n- /prestop\n- post http://localhost/x\n- wait 20s"},
		"a step as words":      {graced, "{exec: {command: [/prestop, wait, 20x]}}", "step-unreadable", "a step that prestop --help lists; prestop --dry-run with the same step says the same"},
		"a number":             {"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: 60}]", "{exec: {command: [/prestop, wait 20s]}}", "wrong-type", `value: "60"`},
		"a number elsewhere":   {"env: [{name: PIN, value: 1234}, " + graceEnv60 + "]", "{exec: {command: [/prestop, wait 20s]}}", "wrong-type", quotes},
		"another grace period": {"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '30'}]", "{exec: {command: [/prestop, wait 20s]}}", "grace-differs", `- {name: PRE_STOP_GRACE_PERIOD_SECONDS, value: "60"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := shape([]string{minute}, []string{test.container}, test.hook)
			for _, f := range Check([]File{{Name: "web.yaml", Content: []byte(text)}}).Findings {
				if f.ID == test.id {
					if f.Fix != test.fix {
						t.Errorf("the fix is\n%s\nexpected\n%s", f.Fix, test.fix)
					}
					return
				}
			}
			t.Errorf("no %s in\n%s", test.id, text)
		})
	}
}

// A patch for kustomize is no whole object.
func TestPatchInstructions(t *testing.T) {
	t.Parallel()
	text := "kind: Deployment\nspec:\n  template:\n    spec:\n      $setElementOrder/containers: [{name: app}]\n      containers:\n      - {name: app, $patch: replace, lifecycle: {preStop: {sleep: {seconds: 5}}}}\n"
	if got := linted(t, text); len(got) > 0 {
		t.Errorf("found %q", got)
	}
}
