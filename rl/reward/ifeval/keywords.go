package ifeval

import (
	"strings"
	"unicode/utf8"
)

// countFold counts the occurrences of part that do not overlap, in any case, also inside words.
func countFold(text, part string) int {
	return strings.Count(strings.ToLower(text), strings.ToLower(part))
}

func checkKeywords(a Args, response string) Verdict {
	for _, k := range a.Keywords {
		if countFold(response, k) == 0 {
			return Verdict{Evidence: quote(k) + " is missing"}
		}
	}
	return Verdict{Followed: true, Evidence: "all keywords are there"}
}

func checkForbidden(a Args, response string) Verdict {
	for _, w := range a.ForbiddenWords {
		if containsWord(response, w) {
			return Verdict{Evidence: quote(w) + " is there"}
		}
	}
	return Verdict{Followed: true, Evidence: "no forbidden word"}
}

// containsWord looks for a word in any case. Where the word begins or ends with a letter, no other may stand beside it.
func containsWord(text, word string) bool {
	text, word = strings.ToLower(text), strings.ToLower(word)
	first, _ := utf8.DecodeRuneInString(word)
	last, _ := utf8.DecodeLastRuneInString(word)
	for from := 0; ; {
		at := strings.Index(text[from:], word)
		if at < 0 {
			return false
		}
		at += from
		before, n := utf8.DecodeLastRuneInString(text[:at])
		after, m := utf8.DecodeRuneInString(text[at+len(word):])
		left := n == 0 || !isWordRune(first) || !isWordRune(before)
		right := m == 0 || !isWordRune(last) || !isWordRune(after)
		if left && right {
			return true
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		from = at + size
	}
}
