package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// longest is how long a secret is, in bytes, that is looked for in every way of writing. Of a longer one, which is a whole file,
// few copies are kept.
const longest = 4 << 10

// forms are the ways to write a text, and the text that it stands for in a URL.
func forms(text string) []string {
	if len(text) > longest {
		byGo := inJSON(text)
		return []string{text, oneLine(text), byGo, unescaped.Replace(byGo)}
	}
	all := written(text)
	if plain, err := url.PathUnescape(text); err == nil && plain != text {
		all = append(all, written(plain)...)
	}
	return all
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func inJSON(text string) string {
	encoded, _ := json.Marshal(text) // a string always can be
	return string(encoded[1 : len(encoded)-1])
}

// unescaped makes of JSON by Go what others write.
var unescaped = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&")

// written are the ways to write a text: as it is, on one line, in URLs, quoted, in JSON, in HTML, in base64, in hexadecimal.
func written(text string) []string {
	quoted := strconv.Quote(text)
	inHTML := html.EscapeString(text)
	all := []string{text, oneLine(text), quoted[1 : len(quoted)-1], inHTML, strings.ReplaceAll(inHTML, "&#34;", "&quot;")}
	byGo := inJSON(text)
	plain := unescaped.Replace(byGo)
	for _, one := range []string{byGo, plain, strings.ReplaceAll(byGo, "/", `\/`), strings.ReplaceAll(plain, "/", `\/`)} {
		all = append(all, one, asciiOnly(one, `\u%04x`), asciiOnly(one, `\u%04X`))
	}
	path := url.URL{Path: text}
	for _, escaped := range []string{url.QueryEscape(text), url.PathEscape(text), strings.ReplaceAll(url.QueryEscape(text), "+", "%20"), path.EscapedPath(), url.User(text).String()} {
		all = append(all, escaped, lowerPercent(escaped))
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		all = append(all, encoding.EncodeToString([]byte(text)))
	}
	inHex := hex.EncodeToString([]byte(text))
	return append(all, inHex, strings.ToUpper(inHex))
}

// asciiOnly writes é as \u00e9, if that is the format.
func asciiOnly(text, format string) string {
	var out strings.Builder
	for _, r := range text {
		if r < utf8.RuneSelf {
			out.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&out, format, unit)
		}
	}
	return out.String()
}

// lowerPercent writes %2f for %2F.
func lowerPercent(text string) string {
	var out strings.Builder
	for n := 0; n < len(text); n++ {
		if text[n] == '%' && n+2 < len(text) {
			out.WriteString(strings.ToLower(text[n : n+3]))
			n += 2
			continue
		}
		out.WriteByte(text[n])
	}
	return out.String()
}
