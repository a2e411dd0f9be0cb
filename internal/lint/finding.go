package lint

// A Severity says how bad a finding is. An error makes the program exit 1.
type Severity string

const (
	Error   Severity = "error"   // it will go wrong, or does nothing
	Warning Severity = "warning" // it goes wrong in some case, or is not what was meant
)

// A Finding is a place where something is wrong. Its JSON is a contract: fields may be added, none changes.
type Finding struct {
	ID        string   `json:"id"` // of its rule
	Severity  Severity `json:"severity"`
	File      string   `json:"file"`
	Line      int      `json:"line"`   // from 1
	Column    int      `json:"column"` // from 1, in characters
	Object    string   `json:"object"` // as Deployment shop/web
	Container string   `json:"container,omitempty"`
	Message   string   `json:"message"` // a sentence, without secrets
	Fix       string   `json:"fix"`     // a sentence, or lines
}

// A Rule is something that can be wrong. Its ID never changes; the page docs/lint/ID.md explains it.
type Rule struct {
	ID       string
	Severity Severity // the worst that it finds
	Summary  string
}

// checker collects the findings of a pod.
type checker struct {
	pod      *pod
	inside   string
	findings []*Finding
}

// found adds a finding at a node.
func (c *checker) found(id string, at node, message, fix string) {
	severity := Warning
	for _, r := range Rules() {
		if r.ID == id {
			severity = r.Severity
		}
	}
	c.add(severity, id, at, message, fix)
}

// suspected adds a warning, whatever the rule's severity is.
func (c *checker) suspected(id string, at node, message, fix string) {
	c.add(Warning, id, at, message, fix)
}

func (c *checker) add(severity Severity, id string, at node, message, fix string) {
	f := &Finding{ID: id, Severity: severity, Object: c.pod.object(), Container: c.inside, Message: message, Fix: fix}
	if at.Node == nil {
		at = c.pod.owner
	}
	f.File, f.Line, f.Column = at.file.Name, at.Line, at.Column
	c.findings = append(c.findings, f)
}
