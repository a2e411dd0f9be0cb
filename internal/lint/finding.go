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
	Fix       string   `json:"fix"`     // YAML to paste; a sentence where only somebody who knows the app can choose
}
