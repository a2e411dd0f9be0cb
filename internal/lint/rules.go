package lint

// Rules is the list of what is looked for. Help, documentation and findings have their identifiers from here.
func Rules() []Rule {
	return []Rule{
		// The manifest: what Kubernetes does not accept, or not see.
		{"hook-misplaced", Error, "a hook, or a part of it, stands where Kubernetes does not look for it"},
		{"grace-misplaced", Error, "terminationGracePeriodSeconds stands where Kubernetes does not look for it"},
		{"not-one-handler", Error, "a hook has no handler, or more than one"},
		{"field-misspelt", Error, "a field's name is one that Kubernetes does not know there"},
		{"wrong-type", Error, "a value is not of the type that Kubernetes accepts, such as a number without quotes"},
		{"duplicate-key", Warning, "a key stands there twice, and only one of them counts"},
		{"init-container-hook", Error, "an init container has a hook, which Kubernetes refuses"},
		{"tcp-socket-hook", Error, "a tcpSocket hook, which always fails"},
		{"settings-without-hook", Warning, "prestop's variables are set, and the container has no hook of prestop's"},

		// The command of a hook.
		{"does-nothing", Error, "prestop is run in a way that stops nothing and waits for nothing"},
		{"shell-syntax-without-shell", Error, "a command is written for a shell, and there is none"},
		{"shell-arguments-lost", Error, "words after sh -c SCRIPT are no part of the script"},
		{"variable-not-expanded", Error, "$(VAR) in a hook's command, where the kubelet does not expand it"},
		{"program-not-in-image", Error, "a shell, curl or sleep in an image that has none"},
		{"secret-in-hook", Error, "a password, token or key stands in the hook, for everybody to read"},
		{"signals-and-returns", Warning, "a hook sends a signal and ends, so that SIGTERM comes right after it"},
		{"needs-other-method", Error, "a call is made with a method that the other side refuses"},
		{"ends-the-process", Error, "a call ends the app before the waits after it"},
		{"port-differs", Error, "a call goes to a port that is not there, or that speaks otherwise"},
		{"calls-any-pod", Warning, "the app's shutdown call goes to a Service, and so to any of its pods"},

		// Time.
		{"grace-too-short", Error, "what the hook has to do does not fit into the grace period"},
		{"grace-differs", Error, "PRE_STOP_GRACE_PERIOD_SECONDS is not the pod's terminationGracePeriodSeconds"},
		{"grace-not-set", Error, "PRE_STOP_GRACE_PERIOD_SECONDS is not set, and what is assumed is not the pod's"},
		{"sleep-fills-grace", Error, "a hook sleeps as long as the grace period, or longer"},
		{"probe-grace-shorter", Warning, "a probe's own grace period is shorter than the hook takes the pod's to be"},
		{"max-past-deadline", Warning, "an until has a max= that the deadline cuts"},
		{"max-before-begin", Warning, "an until has a max= that is over before it begins"},
		{"timeout-not-reached", Warning, "timeout= is longer than one try ever has"},

		// Steps and settings.
		{"step-unreadable", Error, "a step that prestop cannot read"},
		{"unset-variable", Error, "a step or a setting uses a variable that the container does not have"},
		{"wrong-field", Error, "POD_NAME, POD_IP and the like are taken from another field of the pod"},
		{"steps-ignored", Warning, "PRE_STOP_STEPS is set, and the command's own steps are done instead"},
		{"setting-unreadable", Error, "a setting that prestop cannot read"},
		{"setting-unknown", Warning, "a PRE_STOP_ variable that is no setting"},

		// Traffic, files, other containers.
		{"quiet-port-undeclared", Warning, "until quiet or until closed on a port that the pod does not declare"},
		{"quiet-sees-probe", Warning, "a readiness probe comes more often than until quiet allows"},
		{"gone-never", Error, "until gone on a Service that keeps the pod until it has ended"},
		{"gone-not-headless", Error, "until gone on a Service that has an address of its own"},
		{"closed-own-port", Warning, "until closed on the container's own port, which nothing closes"},
		{"file-not-shared", Warning, "until file or touch where no other container looks"},
		{"file-not-mounted", Warning, "a password, token, key or certificate file that no volume has"},
		{"token-not-mounted", Warning, "PRE_STOP_ASK_API in a pod that has no token of its service account"},
		{"read-only-path", Error, "the hook writes to a file system that is read-only"},
		{"sidecar-ends-first", Warning, "a sidecar's hook is over before those that need the sidecar"},
		{"shared-processes", Error, "process 1 is taken for the app's, and the pod's containers share their processes"},
		{"classic-istio", Warning, "a call to the outside when a classic Istio sidecar may have ended"},

		// Elasticsearch.
		{"elasticsearch-not-cleared", Error, "nothing removes the shutdown record when the node is back"},
		{"elasticsearch-moves-data", Warning, "a shutdown type that moves data, within a short grace period"},
		{"clear-probe-too-short", Warning, "elasticsearch-clear as a probe that gives the node too little time"},
		{"clear-while-stopping", Error, "elasticsearch-clear as a readiness probe, which goes on while the hook runs"},
		{"clear-ends-container", Error, "elasticsearch-clear as a postStart hook or a liveness probe, which kills the container"},

		// Where the binary comes from.
		{"binary-not-mounted", Error, "the hook's binary is in a volume that the container does not mount there"},
		{"binary-not-installed", Error, "the hook's binary is in a volume that nothing puts it into"},
	}
}
