package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"strconv"
	"strings"
)

// forms are the ways to write a text, and the text that it stands for in a URL.
func forms(text string) []string {
	all := written(text)
	if plain, err := url.PathUnescape(text); err == nil && plain != text {
		all = append(all, written(plain)...)
	}
	return all
}

// written are the ways to write a text: as it is, on one line, in URLs, quoted, in JSON, in HTML, in base64, in hexadecimal.
func written(text string) []string {
	quoted := strconv.Quote(text)
	all := []string{text, strings.Join(strings.Fields(text), " "), quoted[1 : len(quoted)-1], html.EscapeString(text)}
	for _, escaped := range []string{url.QueryEscape(text), url.PathEscape(text), strings.ReplaceAll(url.QueryEscape(text), "+", "%20")} {
		all = append(all, escaped, lowerPercent(escaped))
	}
	if encoded, err := json.Marshal(text); err == nil {
		inJSON := string(encoded[1 : len(encoded)-1])
		plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(inJSON) // as others than Go write it
		all = append(all, inJSON, plain, strings.ReplaceAll(inJSON, "/", `\/`), strings.ReplaceAll(plain, "/", `\/`))
		ascii := strconv.QuoteToASCII(text) // é as \u00e9
		ascii = ascii[1 : len(ascii)-1]
		all = append(all, ascii, strings.ReplaceAll(ascii, "/", `\/`))
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		all = append(all, encoding.EncodeToString([]byte(text)))
	}
	inHex := hex.EncodeToString([]byte(text))
	return append(all, inHex, strings.ToUpper(inHex))
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
