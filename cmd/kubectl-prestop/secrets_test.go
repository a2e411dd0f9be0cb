package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// What is secret in a manifest is in none of lint's outputs, wherever it stands and whatever is wrong with it.
func TestSecretsOfManifestsAreSeenNowhere(t *testing.T) {
	t.Parallel()
	const secret = "Kq7xTz-a/b+9RvB4m="
	commands := [][]string{
		{"/prestop", "post http://u:" + strings.ReplaceAll(secret, "/", "%2F") + "@h/"}, {"/prestop", "post http://u:" + secret + "@h/"}, {"/prestop", "post http://h/?any=" + secret},
		{"/prestop", `post http://h/ header="X-Any: ` + secret + `"`}, {"/prestop", `psot http://h/ header="X-Any: ` + secret + `"`}, {"/prestop", "wait 5s # " + secret},
		{"/prestop", "--app-url=http://u:" + secret + "@h/"}, {"/prestop", "--report-url=http://h/" + secret}, {"/prestop", "--grace-period=http://h/" + secret}, {"/prestop", "-u" + secret},
		{"/prestop", `exec sh -c "curl -H 'X-Any: ` + secret + `' h"`}, {"/prestop", "exec curl -u joe:" + secret + " h"}, {"/prestop", "post http://h/ header=A:$(TOKEN)"}, {"/prestop"},
		{"sh", "-c", "curl -u joe:" + secret + " http://h"}, {"sh", "-c", "PGPASSWORD=" + secret + " psql"}, {"sh", "-c", `sleep "` + secret}, {"sh", "-c", "/prestop 'post http://u:" + secret + "@h/' && sleep 5"},
		{"/bin/app", "--token=" + secret}, {"curl -H 'X-Any: " + secret + "' http://h"},
	}
	environments := []string{
		"", fmt.Sprintf("{name: TOKEN, value: %q}", secret), "{name: TOKEN, valueFrom: {secretKeyRef: {name: s, key: k}}}", "{name: PRE_STOP_STEPS, valueFrom: {secretKeyRef: {name: s, key: k}}}",
		fmt.Sprintf("{name: PRE_STOP_STEPS, value: %q}", "post http://h/ header=X-Any:"+secret+"\n# "+secret), fmt.Sprintf("{name: PRE_STOP_APP_URL, value: %q}", "http://u:p@h/?x="+secret),
		fmt.Sprintf("{name: PRE_STOP_SHUTDOWN_TYPE, value: %q}", "http://h/"+secret),
	}
	hooks := map[string][]string{
		"lifecycle: {preStop: {exec: {command: %s}}}": environments,
		// Where a fix has what somebody wrote, in another place.
		"preStop: {exec: {command: %s}}": {""}, "lifecycle: {prestop: {exec: {command: %s}}}": {""}, "lifecycle: {preStop: {command: %s}}": {""}, "lifecycle: {preStop: {exec: %s}}": {""},
		"lifecycle: {postStart: {exec: {command: %s}}}": {""}, "lifecycle: {preStop: %s}": {""},
	}
	for hook, environments := range hooks {
		for n := range len(commands) * len(environments) {
			command, environment := commands[n%len(commands)], environments[n/len(commands)]
			words, _ := json.Marshal(command)
			text := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: a, image: a, env: [%s], "+hook+"}]}\n"+
				"---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {k: %q}\n", environment, words, base64.StdEncoding.EncodeToString([]byte("post http://h/ header=X-Any:"+secret)))
			for _, output := range outputNames() {
				var stdout, stderr bytes.Buffer
				run(invocation{args: []string{"lint", "-v", "-o", output, "-"}, stdin: strings.NewReader(text), stdout: &stdout, stderr: &stderr})
				all := stdout.String() + stderr.String()
				for _, part := range []string{secret[:6], secret[len(secret)-7:], base64.StdEncoding.EncodeToString([]byte(secret))[:8]} {
					if at := strings.Index(all, part); at >= 0 {
						t.Errorf("%q with %s, as %s: …%s…", command, environment, output, all[max(0, at-100):min(len(all), at+100)])
						break
					}
				}
			}
		}
	}
}
