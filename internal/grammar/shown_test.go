package grammar

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// read is a line of post, which has a URL, headers and a body, or of exec, which runs a program: read as a verb does.
func read(text string, env map[string]string) (*Line, error) {
	l, words, err := Split(text, Scope{Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
	if err != nil {
		return l, err
	}
	if l.Arrange(words[0].Text, words[1:], words[0].Text == "exec"); l.Verb.Text == "exec" {
		_, err := l.Program()
		return l, err
	}
	for _, w := range l.Targets {
		if u, err := url.Parse(w.Text); err == nil {
			l.HideURL(&w, u)
		}
	}
	for _, o := range l.Options {
		switch name, value, _ := strings.Cut(o.Value, ":"); o.Key {
		case "header":
			l.HideHeader(&o.Word, name, strings.TrimSpace(value))
		case "body":
			l.HideBody(&o.Word)
		}
	}
	return l, nil
}

// What may be a secret is hidden in its own place, however short it is; variables, paths, ports and plain words stand as they
// were written.
func TestShown(t *testing.T) {
	t.Parallel()
	env := map[string]string{"TOKEN": "Hunter22", "PORT": "8080", "HOST": "web.shop.svc"}
	for text, want := range map[string]string{
		"post http://localhost:8080/drain?graceful&wait=30s&mode=soft timeout=5s": "",
		"post http://$(HOST):$PORT/a/${HOST}?t=$(TOKEN)":                          "",
		"post http://$(HOST):$(TOKEN)@h/":                                         "",
		`post http://h/ header="Authorization: Bearer $(TOKEN)" body=$(TOKEN)`:    "",
		"post http://h/ header=Accept:text/html;q=0.9 header=X-Reason:draining":   "",
		"post http://h/users/@me?mail=a@b token-file=/run/key key=jobs:Leader1":   "",
		`exec redis-cli -h $(HOST) -p 6379 --token-file /run/t --no-auth-warning`: "",
		`exec sh -c 'echo the key of it'`:                                         "",

		"post http://joe:pw@h/":                           "post http://***@h/",
		"post http://joe:p%77@h:8080/x@y":                 "post http://***@h:8080/x@y",
		`post "http://jo'e:pw@h/"`:                        `post "http://***@h/"`,
		`post http:"//joe:pw@h/"`:                         "post ***",
		"post http+unix:/run/a.sock:/x?sig=Hunter22&x=1":  "post http+unix:/run/a.sock:/x?sig=***&x=1",
		"post http://h/?sig=Hunter22&x=1":                 "post http://h/?sig=***&x=1",
		"post http://h/?token=ab&x=1":                     "post http://h/?token=***&x=1",
		`post http://h/?a='Hunter22'&b="x y2Hunter"`:      `post http://h/?a='***'&b="x ***"`,
		"post http://h/?a=Hunter22$(PORT)":                "post http://h/?a=***$(PORT)",
		`post http://h/ header=X-Any:Hunter22`:            "post http://h/ header=X-Any:***",
		`post http://h/ header="Authorization: a b"`:      `post http://h/ header="Authorization: *** ***"`,
		`post http://h/ header='Cookie:a=$b; c=$TO'`:      `post http://h/ header='Cookie:*** ***'`,
		`post http://h/ body='{"password": "x"}'`:         `post http://h/ body='{"password": "***"}'`,
		`post http://h/ body="{\"api_key\":\"x1\"}"`:      `post http://h/ body="{\"api_key\":\"***\"}"`,
		`post http://h/ body=password=ab&user=joe`:        `post http://h/ body=password=***&user=joe`,
		`exec curl -u joe:pw http://a:b@h/?token=xy1`:     `exec curl -u *** http://***@h/?token=***`,
		`exec sh -c "curl -H 'X-Any: Hunter22' h"`:        `exec sh -c "curl -H 'X-Any: ***' h"`,
		`exec sh -c 'curl -H "X-Any: Hunter22 x" -d a=b'`: `exec sh -c 'curl -H "X-Any: *** x" -d a=b'`,
		`exec curl -H "Accept: text/html" http://h/`:      "",
		`exec curl --header X-Any:Hunter22 http://h/`:     `exec curl --header X-Any:*** http://h/`,
		`exec mysqladmin --password abc -u root`:          `exec mysqladmin --password *** -u root`,
		`exec a -token abc -u root -U joe -p 8080`:        `exec a -token *** -u root -U joe -p 8080`,
		`exec sh -c "curl -H 'X-Token: ab' h"`:            `exec sh -c "curl -H 'X-Token: ***' h"`,
	} {
		l, err := read(text, env)
		if want == "" {
			want = text
		}
		if got := l.Shown(text); err != nil || got != want {
			t.Errorf("%s\nis shown as %s\n      want %s, %v", text, got, want, err)
		}
	}
}

// What a line declares: to all what is certainly a secret, to its own step what may be one.
func TestDeclared(t *testing.T) {
	t.Parallel()
	env := map[string]string{"TOKEN": "Hunter22", "PORT": "808080", "POD_NAME": "web-0-abc"}
	for text, want := range map[string][]Secret{
		"post http://h/a/$(TOKEN)?x=$(PORT)&y=$(POD_NAME)":   nil,
		"post http://h/?x=$(TOKEN)":                          {{Text: "Hunter22", Variable: "TOKEN"}},
		"post http://$(TOKEN)/?y=1&x=Hunter23&z=2":           {{Text: "Hunter23", Own: true}},
		"post http://h/ header=X-Any:a-$(POD_NAME)":          nil,
		"post http://joe:Hunter23@h/":                        {{Text: "Hunter23"}, {Text: "joe:Hunter23"}, {Text: "joe:Hunter23"}},
		"post http://joe:123456@h/?token=123456&x=12345":     {{Text: "joe:123456"}, {Text: "joe:123456"}},
		"post http://h/ header=X-Key:Hunter23":               {{Text: "Hunter23"}},
		"post http://h/ header=X-Any:Hunter23":               {{Text: "Hunter23", Own: true}},
		"post http://h/ header=Accept:Hunter23":              nil,
		`post http://h/ body='{"password":"Hunter23"}'`:      {{Text: "Hunter23", Own: true}},
		`exec curl http://joe:Hunter23@h/`:                   {{Text: "joe:Hunter23"}, {Text: "Hunter23"}},
		`exec a --token Hunter23`:                            {{Text: "Hunter23", Own: true}},
		`exec a --password '' --token /a/b --key -Hunter23`:  nil,
		`exec a --token ab$(TOKEN)`:                          {{Text: "abHunter22", Own: true}},
		`exec a -p Hunter23 --token abcdefg`:                 nil,
		`exec a -u joe:Hunter23 -u root -U $(TOKEN)`:         {{Text: "joe:Hunter23", Own: true}},
		`exec curl --user joe:Hunter23 -p 8080 --key 8080`:   {{Text: "joe:Hunter23", Own: true}},
		`exec curl -H "X-Any: Hunter23" h:/?a=Hunter24`:      {{Text: "Hunter23", Own: true}, {Text: "Hunter24", Own: true}},
		`exec sh -c "a -H 'X-Any: Hunter23 x' --token a,b1"`: {{Text: "Hunter23", Own: true}},
		`exec a --token a,Hunter23`:                          {{Text: "a,Hunter23", Own: true}},
		`exec a --token=a$$b-H2$$c`:                          {{Text: "a$b-H2$c", Own: true}},
		`exec a --token 'a$b-H2$c'`:                          {{Text: "a$b-H2$c", Own: true}},
		`exec a -u 'joe:a$b'`:                                {{Text: "joe:a$b", Own: true}},
		`exec a -H 'X-Any: Bearer a$b-H2'`:                   {{Text: "a$b-H2", Own: true}},
		`post http://h/ body='{"token": "a$b-H2"}'`:          {{Text: "a$b-H2", Own: true}},
		`exec a '{"u":"http://h?a=b","token":"Hunter23"}'`:   {{Text: "Hunter23", Own: true}},
		`exec sh -c 'a "http://h?a=b"; echo Is_Empty'`:       nil,
		`exec sh -c 'a http://h?a=H2$cde#f& b?c=d'`:          {{Text: "H2$cde", Own: true}},
		`exec a '{"u":"http://h","key":"Hunter23","m":"@"}'`: {{Text: `h","key":"Hunter23","m":"`}, {Text: `"Hunter23","m":"`}, {Text: `h","key":"Hunter23","m":`, Own: true}, {Text: "Hunter23", Own: true}},
	} {
		l, err := read(text, env)
		if got := l.Secrets(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s declares %+v, want %+v; %v", text, got, want, err)
		}
	}
}

// Of a line that cannot be read nothing is shown that may be a secret, and enough to see which one it is.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"wiat 5s":                                                   "wiat 5s",
		"psot http://joe:hunter22@h/drain":                          "psot http://***@h/drain",
		"post joe:hunter22@h:80/drain":                              "post joe:***@h:80/drain",
		"post http//joe:hunter22@h/drain":                           "post http//joe:***@h/drain",
		"post http:/joe:hunter22@h/drain":                           "post http:/joe:***@h/drain",
		"elasticsearch joe:hunter22@es:92":                          "elasticsearch joe:***@es:92",
		`psot http://h/ header="Authorization: Bearer hunter22"`:    `psot http://h/ header="Authorization: *** ***"`,
		`post http://h/ haeder='X-Api-Key:abc' timeout=5s`:          `post http://h/ haeder='X-Api-Key:***' timeout=***`,
		`post http://h/ timeout=5x header="X-Secret: hunter22`:      `post http://h/ timeout=5x header="X-Secret: ***`,
		"post http://h/?access_token=hunter22 x":                    "post http://h/?access_token=*** ***",
		"post http://joe:hunt/er22@h/ x":                            "post http://***@h/ x",
		`post http://joe:hu"nt er22@h/`:                             `post http://***"*** ***@h/`,
		`post http://h/ header="Password hunter22"`:                 `post http://h/ header="Password ***"`,
		"post http://h/ body=nothing to=hide":                       "post http://h/ body=nothing to=hide",
		"psot http://h/ header=X-Any:Hunter22":                      "psot http://h/ header=X-Any:***",
		"psot http://h/ haeder='X-Any: Hunter22' only-if=http://h/": "psot http://h/ haeder='X-Any: ***' only-if=***",
		"psot http://h/ only-if=http://h/x":                         "psot http://h/ only-if=http://h/x",
		"psot http://h/?x=1&sig=Hunter22&y=soft":                    "psot http://h/?x=1&sig=***&y=soft",
		"post http://h/ header=X-Any:Hunter22 tmeout=3s expect 200": "post http://h/ header=X-Any:*** tmeout=*** expect ***",
		"unlock redis://h key=hunter22 value-file=/v tmeout=3s":     "unlock redis://h key=*** value-file=*** tmeout=***",
		"post http://h/ header=X-Any:Hunter22 Hunter22=":            "post http://h/ header=X-Any:*** ***",
		"wait 5s # for hunter22":                                    "wait 5s # *** ***",
		"curl -u joe:hunter22 http://h/":                            "curl -u *** ***",
		`post http://h/ HEADER="AUTHORIZATION:hunter22`:             `post http://h/ HEADER="AUTHORIZATION:***`,
		"post http://h/ header=Set-Cookie:hunter22 x='hunter2200'":  "post http://h/ header=Set-Cookie:*** ***'***'",
	} {
		names := []string{"header", "timeout", "expect", "only-if", "value-file"}
		words, got := PerhapsSecret(text, names), ShownUnreadable(text, names)
		if got != want {
			t.Errorf("%s\nis shown as %s\n      want %s", text, got, want)
		}
		if strings.Contains(want, "***") && len(words) == 0 {
			t.Errorf("%s declares nothing", text)
		}
	}
}

// The texts in a document that is sent may be repeated one by one.
func TestValuesOf(t *testing.T) {
	t.Parallel()
	for document, want := range map[string][]string{
		`{"a":{"b":["Hunter22","plain","short",1]},"c":"x/y=9Zz"}`: {"Hunter22", "x/y=9Zz"},
		`{"token":["plainword",{"a":"plainword"}]}`:                {"plainword"},
		`{"a":"Hunter22","a":"Hunter33"}`:                          {"Hunter22", "Hunter33"},
		`{"n":1e999,"token":"plainword"}`:                          {"plainword"},
		`"Hunter22"`:                                               {"Hunter22"},
		"{\"a\":\"Hunter22\"}\n{\"a\":\"Hunter33\"}\n":             {"Hunter22", "Hunter33"},
		"token=plainword&b=Hunter22\nc=plainword":                  {"plainword", "Hunter22"},
		"no JSON": nil,
		"":        nil,
	} {
		var got []string
		ValuesOf([]byte(document), func(text string) { got = append(got, text) })
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", document, got, want)
		}
	}
}
