package examples_test

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// asked is all that prestop reads of the API server, by API group.
var asked = map[string]string{"": "pods", "apps": "statefulsets"}

// checkRoles wants each role bound to an account of the manifest, and no right that prestop makes no use of.
func (c *checker) checkRoles() {
	for _, r := range c.Roles {
		bound := func(b rbacv1.RoleBinding) bool {
			return b.RoleRef.Name == r.Name && b.RoleRef.Kind == "Role" && b.RoleRef.APIGroup == rbacv1.GroupName
		}
		if !slices.ContainsFunc(c.Bindings, bound) {
			c.problem("Role %s: no RoleBinding refers to it", r.Name)
		}
		for _, rule := range r.Rules {
			if len(rule.APIGroups) != 1 || len(rule.Resources) != 1 || rule.Resources[0] != asked[rule.APIGroups[0]] || !slices.Equal(rule.Verbs, []string{"get"}) {
				c.problem("Role %s: expected get on %v, got %+v", r.Name, asked, rule)
			}
		}
		if len(r.Rules) != len(asked) {
			c.problem("Role %s: expected %d rules, got %d", r.Name, len(asked), len(r.Rules))
		}
	}
	for _, b := range c.Bindings {
		for _, s := range b.Subjects {
			if s.Kind != "ServiceAccount" || !slices.ContainsFunc(c.Accounts, func(a corev1.ServiceAccount) bool { return a.Name == s.Name }) {
				c.problem("RoleBinding %s: no ServiceAccount is called %s", b.Name, s.Name)
			}
		}
		if len(b.Subjects) == 0 {
			c.problem("RoleBinding %s: no subjects", b.Name)
		}
	}
}
