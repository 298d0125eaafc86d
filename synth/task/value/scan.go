package value

import (
	"strconv"
	"strings"
	"time"
)

// AtomKind says what an atom of a text is.
type AtomKind uint8

// The kinds of atoms. Those that are loose, such as tomorrow, may stand in for a value where a text is a
// source, but are not claims.
const (
	AtomNumber AtomKind = iota // Num
	AtomDate                   // Text is the ISO form
	AtomTime                   // Text is hh:mm
	AtomCode                   // a word with letters and digits, an address of mail or web; Text in lower case
	AtomWord                   // Text in lower case
)

// Atom is something in a text that may be checked: a number, a day, a code, a word.
type Atom struct {
	Kind  AtomKind
	Text  string
	Num   float64
	Loose bool // said in words: two, tomorrow, in 5 days
	Name  bool // a word with a capital that does not begin a sentence
	At    int  // offset in the text
}

// token is a word of the text without the punctuation around it.
type token struct {
	s     string // as written
	low   string // in lower case
	at    int
	start bool // begins a sentence, a line or a quotation
}

// Scan finds the atoms of a text. Days without a year are the nearest to today.
func Scan(text string, today time.Time) []Atom {
	tokens := tokenize(text)
	atoms := make([]Atom, 0, len(tokens))
	for i := 0; i < len(tokens); i++ {
		if d, loose, n := matchDate(tokens[i:], today); n > 0 {
			atoms = append(atoms, Atom{Kind: AtomDate, Text: ISO(d), Loose: loose, At: tokens[i].at})
			i += n - 1
			continue
		}
		atoms = append(atoms, classify(tokens[i]))
		if t := tokens[i].low; len(t) >= 16 && t[10] == 't' {
			if _, ok := Date(t[:10]); ok {
				last := &atoms[len(atoms)-1]
				*last = Atom{Kind: AtomDate, Text: t[:10], At: tokens[i].at}
				atoms = append(atoms, Atom{Kind: AtomTime, Text: t[11:16], At: tokens[i].at})
			}
		}
	}
	return atoms
}

// classify makes the atom of a token that is no part of a date.
func classify(t token) Atom {
	a := Atom{Kind: AtomWord, Text: t.low, At: t.at}
	digit, letter := false, false
	for i := 0; i < len(t.s); i++ {
		c := t.s[i]
		switch {
		case c >= '0' && c <= '9':
			digit = true
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80:
			letter = true
		}
	}
	switch {
	case strings.ContainsAny(t.s, "@") || strings.Contains(t.s, "://"):
		a.Kind = AtomCode
	case !digit:
		if n, ok := numberWords[t.low]; ok {
			a.Kind, a.Num, a.Loose = AtomNumber, float64(n), true
			return a
		}
		c := t.s[0]
		a.Name = !t.start && c >= 'A' && c <= 'Z' && len(t.s) > 1
	case !letter:
		if clock, ok := clockTime(t.s); ok {
			a.Kind, a.Text = AtomTime, clock
		} else if f, ok := parseNumber(t.s); ok {
			a.Kind, a.Num = AtomNumber, f
		} else {
			a.Kind = AtomCode
		}
	default:
		if n, ok := ordinal(t.low); ok {
			a.Kind, a.Num = AtomNumber, float64(n)
		} else {
			a.Kind = AtomCode
		}
	}
	return a
}

var numberWords = map[string]int{"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "twenty": 20, "both": 2}

// NumberWord writes small numbers in words and others in digits.
func NumberWord(n int) string {
	names := [...]string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"}
	if n >= 0 && n < len(names) {
		return names[n]
	}
	return strconv.Itoa(n)
}

func clockTime(s string) (string, bool) {
	if len(s) == 4 && s[1] == ':' {
		s = "0" + s
	}
	if len(s) != 5 || s[2] != ':' {
		return "", false
	}
	h, e1 := strconv.Atoi(s[:2])
	m, e2 := strconv.Atoi(s[3:])
	return s, e1 == nil && e2 == nil && h < 25 && m < 60
}

// parseNumber reads digits with commas between thousands and an optional percent sign.
func parseNumber(s string) (float64, bool) {
	s = strings.TrimSuffix(s, "%")
	if strings.IndexByte(s, ',') >= 0 {
		s = strings.ReplaceAll(s, ",", "")
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// ordinal reads 1st, 22nd, 12th.
func ordinal(s string) (int, bool) {
	if len(s) < 3 || len(s) > 4 {
		return 0, false
	}
	switch s[len(s)-2:] {
	case "st", "nd", "rd", "th":
	default:
		return 0, false
	}
	n, err := strconv.Atoi(s[:len(s)-2])
	return n, err == nil
}

const (
	opening = "([{\"'*“‘„«<#$€£¥~=–—-"
	closing = ")]}\"'*.,;:!?”’»>…–—-%"
)

// tokenize cuts a text at white space and at slashes, brackets and equals signs between words, and takes the punctuation off.
func tokenize(text string) []token {
	tokens := make([]token, 0, len(text)/5+1)
	start := true
	for i := 0; i < len(text); {
		c := text[i]
		if isBreak(c) {
			if c == '\n' {
				start = true
			}
			i++
			continue
		}
		j := i
		for j < len(text) && !isBreak(text[j]) {
			j++
		}
		word := text[i:j]
		s := strings.TrimLeft(word, opening)
		if len(s) > 0 && s[0] >= '0' && s[0] <= '9' && len(s) < len(word) && word[len(word)-len(s)-1] == '-' {
			s = word[len(word)-len(s)-1:] // a negative number
		}
		begins := start || len(s) < len(word) && strings.ContainsAny(word[:len(word)-len(s)], "\"“‘'")
		at := i + len(word) - len(s)
		s = strings.TrimRight(s, closing)
		s = strings.TrimSuffix(strings.TrimSuffix(s, "'s"), "’s")
		if s != "" {
			tokens = append(tokens, token{s: s, low: lower(s), at: at, start: begins})
			start = strings.ContainsAny(text[at+len(s):j], ".!?:;")
		} else if strings.ContainsAny(word, ".!?:;–—-*") {
			start = true
		}
		i = j
	}
	return tokens
}

func isBreak(c byte) bool {
	switch c {
	case ' ', '\n', '\t', '\r', '/', '(', ')', '[', ']', '{', '}', '=', '|':
		return true
	}
	return false
}

// lower is strings.ToLower without a copy for text that is in lower case already.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 'A' && c <= 'Z' || c >= 0x80 {
			return strings.ToLower(s)
		}
	}
	return s
}
