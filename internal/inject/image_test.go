package inject_test

import (
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/inject"
)

func TestCheckImage(t *testing.T) {
	t.Parallel()
	digest := "@sha256:" + strings.Repeat("0a", 32)
	for text, good := range map[string]bool{
		"prestop": true, "prestop/prestop:1": true, "prestop/prestop" + digest: true, "prestop/prestop:1.2.3-rc.1" + digest: true,
		"registry.example/a/b_c/d-e:1": true, "registry.example:5000/prestop:v1": true, "localhost:5000/prestop": true, "192.0.2.1:5000/prestop": true,
		"p@sha512:" + strings.Repeat("0", 128): true,

		"": false, "bad image!": false, " prestop:1": false, "prestop:1\n": false, "prestop:": false, "prestop:1:2": false, "Prestop:1": false,
		"https://registry.example/prestop:1": false, "prestop@sha256:12": false, "prestop" + strings.ToUpper(digest): false, "prestop@md5:" + strings.Repeat("0", 32): false,
		"prestop//prestop": false, "/prestop": false, "prestop/": false, "-prestop": false, "registry.example:port/prestop": false, "$(IMAGE)": false,
		"prestop:" + strings.Repeat("1", 129): false, strings.Repeat("a/", 300) + "a": false, "é": false,
	} {
		if err := inject.CheckImage(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}
