// Package phrase has the parts of a message that are about lists of words, and about numbers of things.
//
// It is for whoever makes messages. It prints nothing and knows no word of its own.
package phrase

import (
	"strconv"
	"strings"
)

// Nearest is the word among others that word resembles, in upper or lower case; empty: it resembles none. At most two letters may be
// missing, too many, wrong or swapped with their neighbour. These must be less than half of the letters, or one letter of two. A word
// of three letters or more, not counting leading dashes, also resembles the only word that begins with it.
func Nearest(word string, among []string) string {
	word = strings.ToLower(word)
	nearest, least := "", min(3, (len(word)+1)/2)
	if len(word) == 2 {
		least = 2
	}
	begun, all := "", 0
	for _, other := range among {
		lower := strings.ToLower(other)
		if d := distance(word, lower); d < least {
			nearest, least = other, d
		}
		if strings.HasPrefix(lower, word) {
			begun = other
			all++
		}
	}
	if nearest == "" && all == 1 && len(strings.TrimLeft(word, "-")) >= 3 {
		return begun
	}
	return nearest
}

// AlmostEqual tells whether words differ in no more than one letter, or two neighbours that are swapped.
func AlmostEqual(a, b string) bool { return distance(a, b) <= 1 }

// Plain is a name without the parts that people get wrong: all letters are upper-case, and there is no _ and no -.
func Plain(name string) string {
	return strings.ToUpper(strings.ReplaceAll(strings.ReplaceAll(name, "_", ""), "-", ""))
}

// DidYouMean is the end of a message about a word that is not known; empty: it resembles none of the others.
func DidYouMean(word string, among []string) string {
	return Meant(Nearest(word, among))
}

// Meant is the end of a message about a word that resembles other; empty: other is empty.
func Meant(other string) string {
	if other == "" {
		return ""
	}
	return "; did you mean " + other + "?"
}

// distance is how many letters have to be added, taken away, changed or swapped with their neighbour to turn a into b. Words
// whose lengths differ by more than two are not compared: their distance is 3.
func distance(a, b string) int {
	if len(a) > len(b)+2 || len(b) > len(a)+2 {
		return 3
	}
	// The rows for the two letters of a before, and for this letter.
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range now {
		now[j] = j
	}
	for i := range len(a) {
		before, last, now = last, now, before
		now[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			now[j+1] = min(change, last[j+1]+1, now[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
	}
	return now[len(b)]
}

// OneOf lists words for a sentence: "a, b or c".
func OneOf(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// Count is a number of things: "1 peer" or "2 peers".
func Count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}
