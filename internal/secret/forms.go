package secret

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/web"
)

// longest is how long a form may be, in bytes, so that the search at one place of a text has a bound. A longer secret is cut into
// several.
const longest = 4 << 10

// forms are the ways to write a text, and what it stands for in a URL. Escapes are internal/escape's affair.
func forms(text string) (all []string) {
	all = written(text)
	for _, unescape := range []func(string) (string, error){url.PathUnescape, url.QueryUnescape} {
		if plain, err := unescape(text); err == nil && plain != text && len(text) <= longest {
			all = append(all, written(plain)...)
		}
	}
	return all
}

// written are the ways to write a text: as it is, on one line, each of its lines, without blanks, in a query, in base64, in hexadecimal.
func written(text string) []string {
	all := append([]string{text, web.OneLine(text)}, lines(text)...)
	for _, one := range all { // what is no valid UTF-8 is made so in several ways
		if !utf8.ValidString(one) {
			all = append(all, strings.ToValidUTF8(one, ""), strings.ToValidUTF8(one, "\uFFFD"), string([]rune(one)))
		}
	}
	if len(text) > longest {
		return all
	}
	all = append(all, strings.Join(strings.Fields(text), ""), strings.ReplaceAll(text, " ", "+"))
	if strings.ContainsAny(text, "0123456789") { // a server may write a key, or a host, in other capitals; without a digit it is perhaps a word
		all = append(all, strings.ToLower(text), strings.ToUpper(text))
	}
	// What a server may make of letters that are not ASCII: it takes header bytes one by one for Latin-1, or has no such letters.
	var latin []rune
	for _, b := range []byte(text) {
		latin = append(latin, rune(b))
	}
	all = append(all, string(latin))
	for _, instead := range []rune{-1, '?', utf8.RuneError} {
		other := strings.Map(func(r rune) rune {
			if r >= utf8.RuneSelf {
				return instead
			}
			return r
		}, text)
		if instead < 0 && len(other) < shortest { // a row of question marks is no secret
			break
		}
		all = append(all, other)
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		raw := encoding.WithPadding(base64.NoPadding)
		whole := encoding.EncodeToString([]byte(text))
		all = append(all, whole, raw.EncodeToString([]byte(text)))
		for _, width := range [...]int{64, 76} { // the lines of openssl and of base64
			for n := 0; n+shortest <= len(whole) && width < len(whole); n += width {
				all = append(all, whole[n:min(len(whole), n+width)])
			}
		}
		for before, depends := range [...]int{0, 2, 3} { // the first letters depend on the bytes before the text
			within := raw.EncodeToString(append(make([]byte, before), text...))
			if (before+len(text))%3 != 0 {
				within = within[:len(within)-1] // the last letter depends on the bytes after it
			}
			all = append(all, within[depends:])
		}
	}
	inHex := hex.EncodeToString([]byte(text))
	return append(all, inHex, strings.ToUpper(inHex))
}

// lines are the lines of a text of several lines, without those that frame a key. A program may print them one by one.
func lines(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !grammar.Public("", line) && !strings.HasPrefix(line, "-----") {
			all = append(all, line)
		}
	}
	return all
}
