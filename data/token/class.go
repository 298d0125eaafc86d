package token

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// class is the set of properties of one character that the split patterns ask for.
type class uint8

const (
	isHan     class = 1 << iota // \p{Han}
	isUpper                     // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], without Han
	isLower                     // [\p{Ll}\p{Lm}\p{Lo}\p{M}], without Han
	isNumber                    // \p{N}
	isSpace                     // \s, which is White_Space
	isNewline                   // [\r\n]
	isSymbol                    // [^\s\p{L}\p{N}]
	isPrefix                    // [^\r\n\p{L}\p{N}]
)

// isWord is a letter or mark that is not Han.
const isWord = isUpper | isLower

// letter reports \p{L}, Han or not: what is neither a number nor allowed before a word.
func (c class) letter() bool { return c&(isPrefix|isNumber|isNewline) == 0 }

// invalid is the class of a byte that is not part of a valid UTF-8 sequence. The patterns see each
// such byte as one character that is neither letter, number nor space, as they see U+FFFD.
const invalid = isSymbol | isPrefix

// classes holds the class of every code point, and of the ASCII characters again in a table by byte that is
// small enough for the first-level cache. There, a byte that does not stand for a whole character has no bit.
type classes struct {
	bytes [256]class
	runes [unicode.MaxRune + 1]class
}

// unicodeClasses returns the table for the Unicode version of the Go standard library. It is made
// once (1.1 MB) and never changes.
var unicodeClasses = sync.OnceValue(func() *classes {
	t := new(classes)
	for r := range t.runes {
		t.runes[r] = isSymbol | isPrefix
	}
	const clear = isSymbol | isPrefix
	t.edit(unicode.L, clear, 0)
	t.edit(unicode.N, clear, isNumber)
	t.edit(unicode.White_Space, isSymbol, isSpace)
	for _, r := range "\r\n" {
		t.runes[r] = isSpace | isNewline
	}
	for _, table := range []*unicode.RangeTable{unicode.Lm, unicode.Lo, unicode.M} {
		t.edit(table, 0, isUpper|isLower)
	}
	t.edit(unicode.Lu, 0, isUpper)
	t.edit(unicode.Lt, 0, isUpper)
	t.edit(unicode.Ll, 0, isLower)
	t.edit(unicode.Han, isUpper|isLower, isHan)
	copy(t.bytes[:utf8.RuneSelf], t.runes[:])
	return t
})

// edit clears and then sets bits of every code point of a range table.
func (t *classes) edit(table *unicode.RangeTable, clear, set class) {
	for _, r := range table.R16 {
		for c := uint32(r.Lo); c <= uint32(r.Hi); c += uint32(r.Stride) {
			t.runes[c] = t.runes[c]&^clear | set
		}
	}
	for _, r := range table.R32 {
		for c := r.Lo; c <= r.Hi; c += r.Stride {
			t.runes[c] = t.runes[c]&^clear | set
		}
	}
}

// at returns the class of the character that starts at s[i] and its length in bytes.
func (t *classes) at(s string, i int) (class, int) {
	if c := t.bytes[s[i]]; c != 0 {
		return c, 1
	}
	return t.wide(s, i)
}

func (t *classes) wide(s string, i int) (class, int) {
	r, n := utf8.DecodeRuneInString(s[i:])
	if r == utf8.RuneError && n == 1 {
		return invalid, 1
	}
	return t.runes[r], n
}

// run returns the end of the longest run of characters from s[i] on that have one of the given bits.
func (t *classes) run(s string, i int, want class) int {
	for i < len(s) {
		c, n := t.bytes[s[i]], 1
		if c == 0 {
			c, n = t.wide(s, i) // by hand what at does, which is too large to be inlined
		}
		if c&want == 0 {
			break
		}
		i += n
	}
	return i
}
