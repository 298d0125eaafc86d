package answer

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is what a token is.
type kind uint8

const (
	tNum  kind = iota // a numeral: num
	tWord             // a run of letters
	tSym              // a sign: text is one of those that the parser knows
	tCmd              // a LaTeX command that takes arguments
)

// token is a piece of an answer.
type token struct {
	kind   kind
	text   string
	num    *big.Rat
	spaced bool // white space comes before it
	quoted bool // it stands in \text{...}: a word there is never a product of variables
	vulgar bool // it is one character such as ½
}

func (t token) is(text string) bool { return t.kind == tSym && t.text == text }

// lexer cuts an answer into tokens.
type lexer struct {
	s      string
	at     int
	depth  int // of brackets, in which a comma separates elements rather than thousands
	out    []token
	spaced bool
	quoted bool
	nested int // of \text in \text
}

// lex cuts an answer into tokens. LaTeX that only sets type is dropped: spaces, sizes, fonts, math delimiters.
func lex(s string) ([]token, error) {
	l := lexer{s: dollars(strings.TrimSpace(s))}
	if err := l.run(); err != nil {
		return nil, err
	}
	for n := len(l.out); n > 0 && l.out[n-1].is("."); n = len(l.out) {
		l.out = l.out[:n-1]
	}
	return l.out, nil
}

// dollars removes the $ that delimit mathematics and leaves those that are a currency: escaped ones, and those that do not
// come in pairs. As in Pandoc, what opens stands before a character, and what closes stands after one and not before a digit;
// "$3 or $4" are prices.
func dollars(s string) string {
	var at []int
	for i := range len(s) {
		if s[i] == '$' && (i == 0 || s[i-1] != '\\') {
			at = append(at, i)
		}
	}
	pairs := len(at) > 0 && len(at)%2 == 0
	if whole := pairs && at[0] == 0 && at[len(at)-1] == len(s)-1; !whole {
		for k := 1; k < len(at) && pairs; k += 2 {
			closes := at[k]
			pairs = s[closes-1] != ' ' && (closes+1 == len(s) || !digit(s[closes+1]))
		}
	}
	if !pairs {
		return s
	}
	b := []byte(s)
	for _, i := range at {
		b[i] = ' '
	}
	return string(b)
}

func (l *lexer) run() error {
	for l.at < len(l.s) {
		if len(l.out) > maxTokens {
			return fmt.Errorf("more than %d tokens: %w", maxTokens, errLarge)
		}
		r, size := utf8.DecodeRuneInString(l.s[l.at:])
		switch {
		case unicode.IsSpace(r) || r == '~':
			l.spaced, l.at = true, l.at+size
		case r >= '0' && r <= '9', r == '.' && l.at+1 < len(l.s) && digit(l.s[l.at+1]):
			if err := l.number(); err != nil {
				return err
			}
		case r < utf8.RuneSelf && unicode.IsLetter(r):
			end := l.at
			for end < len(l.s) && letter(l.s[end]) {
				end++
			}
			l.add(token{kind: tWord, text: l.s[l.at:end]})
			l.at = end
		case r == '\\':
			if err := l.command(); err != nil {
				return err
			}
		default:
			l.at += size
			if err := l.sign(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func digit(c byte) bool  { return c >= '0' && c <= '9' }
func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func (l *lexer) add(t token) {
	t.spaced, t.quoted, l.spaced = l.spaced, l.quoted, false
	l.out = append(l.out, t)
}

func (l *lexer) sym(text string) { l.add(token{kind: tSym, text: text}) }

// glyphs are characters that stand for other ones.
var glyphs = map[rune]string{
	'−': "-", '–': "-", '×': "*", '·': "*", '⋅': "*", '∙': "*", '÷': "/", '⁄': "/", '∕': "/", '≤': "≤", '≥': "≥", '≠': "≠", '°': "°", 'º': "°",
	'±': "±", '∓': "∓", '∪': "∪", '∅': "∅", '∈': "∈", '∞': "∞", '⟨': "(", '⟩': ")", '’': "'", '′': "'", '€': "€", '£': "£", '¥': "¥",
	'⌊': "⌊", '⌋': "⌋", '⌈': "⌈", '⌉': "⌉",
}

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹"

var vulgar = map[rune][2]int64{
	'½': {1, 2}, '⅓': {1, 3}, '⅔': {2, 3}, '¼': {1, 4}, '¾': {3, 4}, '⅕': {1, 5}, '⅖': {2, 5}, '⅗': {3, 5}, '⅘': {4, 5}, '⅙': {1, 6}, '⅚': {5, 6},
	'⅛': {1, 8}, '⅜': {3, 8}, '⅝': {5, 8}, '⅞': {7, 8},
}

// sign adds the token of a character that is neither letter nor digit.
func (l *lexer) sign(r rune) error {
	switch {
	case strings.ContainsRune("([", r), r == '{':
		l.depth++
		l.sym(string(r))
	case strings.ContainsRune(")]}", r):
		l.depth--
		l.sym(string(r))
	case r == '*' && strings.HasPrefix(l.s[l.at:], "*"):
		l.at++
		l.sym("^")
	case (r == '<' || r == '>' || r == '!') && strings.HasPrefix(l.s[l.at:], "="):
		l.at++
		l.sym(map[rune]string{'<': "≤", '>': "≥", '!': "≠"}[r])
	case strings.ContainsRune("+-*/^_=<>,;:|!%&$'\".?", r):
		l.sym(string(r))
	case r == 'π':
		l.add(token{kind: tWord, text: "pi"})
	case r == '√':
		l.add(token{kind: tCmd, text: "sqrt"})
	case r == 'ℝ':
		l.add(token{kind: tWord, text: "reals"})
	case strings.ContainsRune(superscripts, r):
		l.sym("^")
		n := int64(slices.Index([]rune(superscripts), r))
		for l.at < len(l.s) {
			next, size := utf8.DecodeRuneInString(l.s[l.at:])
			d := slices.Index([]rune(superscripts), next)
			if d < 0 || n > maxExponent {
				break
			}
			n, l.at = n*10+int64(d), l.at+size
		}
		l.add(token{kind: tNum, text: fmt.Sprint(n), num: big.NewRat(n, 1)})
	default:
		if v, ok := vulgar[r]; ok {
			l.add(token{kind: tNum, text: string(r), num: big.NewRat(v[0], v[1]), vulgar: true})
			return nil
		}
		text, ok := glyphs[r]
		if !ok {
			return fmt.Errorf("the character %q: %w", r, errSyntax)
		}
		l.sym(text)
	}
	return nil
}
