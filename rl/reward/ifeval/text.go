package ifeval

import (
	"slices"
	"strings"
	"unicode"
)

// isWordRune reports whether words are made of r: letters, marks, digits and the underscore.
func isWordRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)
}

// Words returns the words of a text: runs of letters, combining marks, digits and underscores.
func Words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !isWordRune(r) })
}

// abbreviations end with a dot that ends no sentence; those that are false end one unless the next word is in lower case.
// Single letters count as abbreviations.
var abbreviations = map[string]bool{
	"mr": true, "mrs": true, "ms": true, "dr": true, "prof": true, "st": true, "vs": true, "gen": true, "rep": true, "sen": true,
	"gov": true, "capt": true, "lt": true, "col": true, "rev": true, "mt": true, "e.g": true, "i.e": true, "cf": true, "fig": true,
	"p.s": true, "p.p.s": true, "etc": false, "inc": false, "ltd": false, "co": false, "jr": false, "sr": false, "no": false,
	"a.m": false, "p.m": false, "u.s": false, "approx": false, "dept": false,
}

// Sentences splits a text into sentences. A sentence ends with a run of . ! ? or … and the closing quotes and brackets
// behind it, where whitespace or the end of the text follows, or with the full stops of other scripts (। ॥ 。 ！ ？ ۔ ؟).
// A dot ends none behind an abbreviation, a single letter, or a number that begins a line (a list); nor do several dots
// before a word in lower case. The ends of lines end no sentence. Pieces without a letter or digit do not count.
func Sentences(text string) []string {
	var found []string
	runes := []rune(text)
	start := 0
	cut := func(end int) {
		s := strings.TrimSpace(string(runes[start:end]))
		start = end
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			found = append(found, s)
		}
	}
	for i := 0; i < len(runes); i++ {
		if strings.ContainsRune("।॥。！？۔؟", runes[i]) {
			cut(i + 1)
			continue
		}
		if !strings.ContainsRune(".!?…", runes[i]) {
			continue
		}
		end, onlyDots := i, true
		for end < len(runes) && strings.ContainsRune(".!?…", runes[end]) {
			onlyDots = onlyDots && (runes[end] == '.' || runes[end] == '…')
			end++
		}
		dots := end - i
		if runes[i] == '…' {
			dots = 3
		}
		for end < len(runes) && strings.ContainsRune("\"'”’)]}»*_", runes[end]) {
			end++
		}
		if end < len(runes) && !unicode.IsSpace(runes[end]) || onlyDots && continues(runes[start:i], runes[end:], dots) {
			i = end - 1
			continue
		}
		cut(end)
		i = end - 1
	}
	cut(len(runes))
	return found
}

// continues reports whether the sentence goes on behind dots.
func continues(before, after []rune, dots int) bool {
	next := slices.IndexFunc(after, func(r rune) bool { return !unicode.IsSpace(r) && !unicode.IsPunct(r) })
	small := next >= 0 && unicode.IsLower(after[next])
	if dots > 1 {
		return small
	}
	at := len(before)
	for at > 0 && (isWordRune(before[at-1]) || before[at-1] == '.') {
		at--
	}
	last := strings.ToLower(string(before[at:]))
	if listNumber(last) {
		for at > 0 && strings.ContainsRune(" \t*_#", before[at-1]) {
			at--
		}
		return at == 0 || before[at-1] == '\n'
	}
	if always, known := abbreviations[last]; known {
		return always || small
	}
	single := []rune(last)
	return len(single) == 1 && unicode.IsLetter(single[0]) && last != "i"
}

func listNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// capitalWords returns the words without a lower-case letter that have an upper-case one.
func capitalWords(text string) []string {
	inside := func(r rune) bool { return isWordRune(r) || strings.ContainsRune("-.'’&/", r) }
	var found []string
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !inside(r) }) {
		if upper(w) {
			found = append(found, w)
		}
	}
	return found
}

// upper is Python's str.isupper: there is a cased letter and none of them is lower or title case.
func upper(s string) bool {
	return strings.ContainsFunc(s, unicode.IsUpper) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLower(r) || unicode.IsTitle(r) })
}

// lower is Python's str.islower.
func lower(s string) bool {
	return strings.ContainsFunc(s, unicode.IsLower) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsUpper(r) || unicode.IsTitle(r) })
}
