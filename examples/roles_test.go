package examples_test

import "slices"

const rbac = "rbac.authorization.k8s.io"

type (
	role struct {
		header `yaml:",inline"`
		Rules  []rule
	}
	rule struct {
		APIGroups        []str `yaml:"apiGroups"`
		Resources, Verbs []str
	}
	roleBinding struct {
		header  `yaml:",inline"`
		RoleRef struct {
			APIGroup   str `yaml:"apiGroup"`
			Kind, Name str
		} `yaml:"roleRef"`
		Subjects []struct{ Kind, Name str }
	}
)

// asked is all that prestop reads of the API server, by API group.
var asked = map[str]str{"": "pods", "apps": "statefulsets"}

// readRole takes the documents that give rights.
func (c *checker) readRole(document string, h header) {
	switch h.Kind {
	case "ServiceAccount":
		c.accounts = append(c.accounts, decode[struct {
			header `yaml:",inline"`
		}](c, document, h, "v1").Metadata.Name)
	case "Role":
		c.roles = append(c.roles, decode[role](c, document, h, rbac+"/v1"))
	case "RoleBinding":
		c.bindings = append(c.bindings, decode[roleBinding](c, document, h, rbac+"/v1"))
	}
}

// checkRoles wants each role bound to an account of the manifest, and no right that prestop makes no use of.
func (c *checker) checkRoles() {
	for _, r := range c.roles {
		bound := func(b roleBinding) bool {
			return b.RoleRef.Name == r.Metadata.Name && b.RoleRef.Kind == "Role" && b.RoleRef.APIGroup == rbac
		}
		if !slices.ContainsFunc(c.bindings, bound) {
			c.problem("Role %s: no RoleBinding refers to it", r.Metadata.Name)
		}
		for _, rule := range r.Rules {
			if len(rule.APIGroups) != 1 || len(rule.Resources) != 1 || rule.Resources[0] != asked[rule.APIGroups[0]] || !slices.Equal(rule.Verbs, []str{"get"}) {
				c.problem("Role %s: expected get on %v, got %+v", r.Metadata.Name, asked, rule)
			}
		}
		if len(r.Rules) != len(asked) {
			c.problem("Role %s: expected %d rules, got %d", r.Metadata.Name, len(asked), len(r.Rules))
		}
	}
	for _, b := range c.bindings {
		for _, s := range b.Subjects {
			if s.Kind != "ServiceAccount" || !slices.Contains(c.accounts, s.Name) {
				c.problem("RoleBinding %s: no ServiceAccount is called %s", b.Metadata.Name, s.Name)
			}
		}
		if len(b.Subjects) == 0 {
			c.problem("RoleBinding %s: no subjects", b.Metadata.Name)
		}
	}
}
