package fakees

import (
	"testing"
)

func TestFilterPath(t *testing.T) {
	t.Parallel()
	whole := object{
		{"_nodes", object{{"total", 1}, {"failed", 0}}},
		{"nodes", object{
			{"A", object{{"name", "a"}, {"http", object{{"publish_address", "x"}, {"bound", []any{"y"}}}}}},
			{"B.c", object{{"name", "b"}, {"none", object{}}}},
		}},
		{"list", []any{object{{"status", "S"}, {"id", 1}}, object{{"id", 2}}, 3}},
	}
	for path, want := range map[string]string{
		"":                             `{}`,
		"nothing":                      `{}`,
		"nodes.nothing":                `{}`,
		"nodes.A.name.deeper":          `{}`,
		"_nodes":                       `{"_nodes":{"total":1,"failed":0}}`,
		"_nodes.failed":                `{"_nodes":{"failed":0}}`,
		"_n*.f*d":                      `{"_nodes":{"failed":0}}`,
		"nodes.*.name":                 `{"nodes":{"A":{"name":"a"},"B.c":{"name":"b"}}}`,
		`nodes.B\.c.name`:              `{"nodes":{"B.c":{"name":"b"}}}`,
		"nodes.B.c.name":               `{}`,
		" nodes.A.name , ,_nodes.x":    `{"nodes":{"A":{"name":"a"}}}`,
		"nodes.*.http.p*,nodes.A.name": `{"nodes":{"A":{"name":"a","http":{"publish_address":"x"}}}}`,
		"nodes.A.http.bound":           `{"nodes":{"A":{"http":{"bound":["y"]}}}}`,
		"list.status":                  `{"list":[{"status":"S"}]}`,
		"list.id":                      `{"list":[{"id":1},{"id":2}]}`,
		"**.name":                      `{"nodes":{"A":{"name":"a"},"B.c":{"name":"b"}}}`,
		"**.status,nodes.A.name":       `{"nodes":{"A":{"name":"a"}},"list":[{"status":"S"}]}`,
		"nodes.**.publish_address":     `{"nodes":{"A":{"http":{"publish_address":"x"}}}}`,
		"_nodes,_nodes.failed":         `{"_nodes":{"total":1,"failed":0}}`,
	} {
		have, err := encode(parseFilterPath(path).apply(whole))
		if err != nil || string(have) != want {
			t.Errorf("%q:\nhave %s\nwant %s", path, have, want)
		}
	}
}

func TestFilterPathSparesErrors(t *testing.T) {
	t.Parallel()
	_, _, h := cluster(t, "9.4.0")
	wantAt(t, want(t, do(t, h, "DELETE", "/_nodes/x/shutdown?filter_path=nodes", ""), 404), "status", 404.0)
}

func FuzzFilterPath(f *testing.F) {
	for _, seed := range []string{"a.b", "*", "**", "**.b,a", `a\.b`, "...", "a,,b", "**.**", "."} {
		f.Add(seed)
	}
	whole := object{{"a", object{{"b", 1}, {"a.b", []any{object{{"c", nil}}, 2}}}}, {"c", "d"}}
	all, _ := encode(whole)
	f.Fuzz(func(t *testing.T, path string) {
		have, err := encode(parseFilterPath(path).apply(whole))
		if err != nil || len(have) > len(all) || have[0] != '{' {
			t.Errorf("%q: have %s, %v", path, have, err)
		}
		if both, _ := encode(parseFilterPath(path + ",a,c").apply(whole)); string(both) != string(all) {
			t.Errorf("%q with all else: have %s", path, both)
		}
	})
}
