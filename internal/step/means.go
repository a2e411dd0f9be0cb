package step

import (
	"context"
	"net"
	"net/url"
	"time"
)

// Means are what a step needs of the world. The hook makes them, once for all its steps.
type Means struct {
	// Dial resolves and connects. A host that was given up is given up for all steps.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// MaxDNSErrors is how many DNS failures in a row are tolerated.
	MaxDNSErrors int
	// Secret reads a secret from a file each time that it is called, and hides it from then on.
	Secret func(path string) func() (string, error)
	// Password is Secret for a user's password. It also hides both together, as they are on the wire.
	Password func(user, path string) func() (string, error)
	// Content reads a file that is sent as it is. It hides what the file holds in what this step says, so each step has another Content.
	Content func(path string) ([]byte, error)
	// Keep is told how to end connections that a step keeps open for the next one. Release ends them all.
	Keep    func(end func())
	Release func()

	// Values are what steps have given to later ones.
	Values *Values

	Pod    Pod
	InPod  bool // false: somebody tries the hook elsewhere
	DryRun bool
	// Elsewhere: nothing around us is looked at. The hook has not begun, or is that of a container that we are not in.
	Elsewhere bool
	// Alone: all children of this process are programs of the steps. What these leave behind may be killed.
	Alone bool
	// Start is when the hook began. If this is a later delivery, it is when the first one began. It is known only once steps run.
	Start func() time.Time
	// Deadline is when the hook ends at the latest.
	Deadline time.Time
	// Type is the shutdown type that a word stands for: [TypeAuto] becomes what the API server's answer makes of it.
	Type func(word string) string

	App           App
	Elasticsearch Elasticsearch
}

// A Pod says who we are. All but Name may be empty.
type Pod struct {
	Name, Namespace, IP string
	// ID tells this pod from another of its name: the UID, or what stands for the container. Empty: nothing does.
	ID func() string
}

// App is what the settings say of the app's shutdown call.
type App struct {
	URL               *url.URL // nil: it is not called
	TokenFile, CAFile string
}

// Elasticsearch is what the settings say of the cluster. Its credentials and certificates are for these URLs alone. If there are none, they
// are for the URL that a step names.
type Elasticsearch struct {
	URLs                              []*url.URL // empty: none is known
	Username, PasswordFile, TokenFile string
	CAFile, CertFile, KeyFile         string
	LeafFile                          string // the certificate that our own node serves, in an ECK pod
	Operator                          bool   // an operator registers shutdowns too, as in an ECK pod
	ServerName                        string
	Insecure                          bool
	AllocationDelay                   time.Duration // 0: the server's 5 minutes
	TargetNode                        string
	Type                              string // one of [Types]
	AskAPI                            bool   // the API server is asked, which the type auto needs
}

// The types of a shutdown. TypeOfSettings stands in [Needs] for a step that names no type. It is no word that anybody writes.
const (
	TypeOfSettings = "the settings'"
	TypeRestart    = "restart"
	TypeRemove     = "remove"
	TypeReplace    = "replace"
	TypeSIGTERM    = "sigterm"
	TypeAuto       = "auto" // remove where the StatefulSet was scaled down, else restart
)

// Types are the words that a shutdown type may be.
func Types() []string {
	return []string{TypeRestart, TypeRemove, TypeReplace, TypeSIGTERM, TypeAuto}
}
