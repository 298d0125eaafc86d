package answer

import (
	"math/big"
	"regexp"
	"strings"
	"unicode"
)

// isoDate is a date, which is not a difference of numbers.
var isoDate = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

// joined is the text of tokens in lower case, without spaces.
func joined(toks []token) string {
	var b strings.Builder
	for _, t := range toks {
		b.WriteString(strings.ToLower(t.text))
	}
	return b.String()
}

// textNode is the text of tokens as it is compared: in lower case, without white space, articles, quotes, and full stops
// of abbreviations.
func textNode(toks []token) *node {
	var b strings.Builder
	last := tSym
	for i, t := range toks {
		word := strings.ToLower(t.text)
		article := word == "the" || word == "a" || word == "an"
		if i == 0 && len(toks) > 1 && t.kind == tWord && article || t.is(".") || t.is("'") || t.is(`"`) || t.is("!") && i == len(toks)-1 {
			continue
		}
		if t.kind == tNum && last == tNum {
			b.WriteByte(' ') // "8 7" is not 87
		}
		b.WriteString(word)
		last = t.kind
	}
	return &node{op: opText, name: b.String()}
}

// plainText is the text of what has no tokens.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, strings.TrimRight(strings.TrimSpace(s), "."))
}

var smallNumbers = func() map[string]int64 {
	m := map[string]int64{}
	for i, w := range strings.Fields(`zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
		eighteen nineteen`) {
		m[w] = int64(i)
	}
	for i, w := range strings.Fields(`twenty thirty forty fifty sixty seventy eighty ninety`) {
		m[w] = int64(20 + 10*i)
	}
	return m
}()

// numberWords reads a whole number below a thousand thousands that is written in words, or returns nil.
func numberWords(toks []token) *node {
	var total, group int64
	last := int64(1000) // what the last word counted; smaller ones may follow
	seen := false
	for _, t := range toks {
		word := strings.ToLower(t.text)
		small, ok := smallNumbers[word]
		switch {
		case t.is("-") && seen, word == "and" && seen && last >= 100:
		case ok && (small >= 20 && last >= 100 || small < 20 && last >= 100 || small > 0 && small < 10 && last >= 20 && last < 100):
			group, last, seen = group+small, max(small, 1), true
		case word == "hundred" && seen && group > 0 && group < 10:
			group, last = group*100, 100
		case word == "thousand" && seen && group > 0 && total == 0:
			total, group, last = group*1000, 0, 1000
		default:
			return nil
		}
	}
	if !seen {
		return nil
	}
	return &node{op: opNum, num: big.NewRat(total+group, 1)}
}
