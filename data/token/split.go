package token

import (
	"math/bits"
	"unicode/utf8"
)

// splitter returns the end of the pre-token that starts at s[i]. It always moves forward.
type splitter func(t *classes, s string, i int) int

// splitK2 finds the first match of the Kimi K2 pattern at s[i]. The pattern is an ordered list of
// alternatives, tried with backtracking; each step below is one of them and says why its answer is
// the one that backtracking would find.
//
//	1  [\p{Han}]+
//	2  [^\r\n\p{L}\p{N}]?U*V+(?i:'s|'t|'re|'ve|'m|'ll|'d)?   U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]
//	3  [^\r\n\p{L}\p{N}]?U+V*(?i:'s|'t|'re|'ve|'m|'ll|'d)?   V = [\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]
//	4  \p{N}{1,3}
//	5   ?[^\s\p{L}\p{N}]+[\r\n]*
//	6  \s*[\r\n]+
//	7  \s+(?!\S)
//	8  \s+
//
// Source: tokenization_kimi.py of moonshotai/Kimi-K2-Instruct.
//
// Most pre-tokens are ASCII. For these, the class of the first byte or of the first two tells which alternative
// matches; whatever touches another character goes the long way.
func splitK2(t *classes, s string, i int) int {
	c := t.bytes[s[i]]
	start := i
	if c&isPrefix != 0 {
		if start++; start == len(s) {
			return start
		}
	}
	switch next := t.bytes[s[start]]; {
	case next == 0:
		return t.splitWide(s, i)
	case next&isWord != 0:
		return t.asciiWord(s, i, start)
	case c&isNumber != 0:
		return t.digits(s, i+1)
	}
	if end := t.symbols(s, i); end > 0 {
		return end
	}
	return t.space(s, i)
}

// asciiWord is alternatives 2 and 3 at s[i], where an ASCII letter stands at s[start]. No ASCII letter is
// in both U and V, so what matches is U*V* with the contraction.
func (t *classes) asciiWord(s string, i, start int) int {
	end := start
	for end < len(s) && t.bytes[s[end]]&isUpper != 0 {
		end++
	}
	end = lowerASCII(s, end)
	if end < len(s) {
		if s[end] >= utf8.RuneSelf {
			return t.splitWide(s, i)
		}
		if s[end] == '\'' {
			return contraction(s, end)
		}
	}
	return end
}

// lowerASCII returns the end of the run of a to z at s[i]. It looks at eight bytes at a time, for which most words
// need one branch.
func lowerASCII(s string, i int) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s); i += 8 {
		x := word(s[i : i+8])
		low := x &^ high
		// The sums set the high bit of bytes from 'a' on, and of bytes behind 'z'.
		letters := (low + (0x80-'a')*ones) &^ (low + (0x80-'z'-1)*ones) &^ x & high
		if letters != high {
			return i + bits.TrailingZeros64(letters^high)/8
		}
	}
	for i < len(s) && 'a' <= s[i] && s[i] <= 'z' {
		i++
	}
	return i
}

// splitWide is splitK2 for any characters.
func (t *classes) splitWide(s string, i int) int {
	c, n := t.at(s, i)
	if c&isHan != 0 {
		return t.run(s, i+n, isHan)
	}
	if end := t.casedWord(s, i, c, n); end > 0 {
		return contraction(s, end)
	}
	if c&isNumber != 0 {
		return t.digits(s, i+n)
	}
	if end := t.symbols(s, i); end > 0 {
		return end
	}
	return t.space(s, i)
}

// casedWord is alternatives 2 and 3 without the contraction, for the character c of n bytes at s[i].
// It returns 0 where neither matches.
func (t *classes) casedWord(s string, i int, c class, n int) int {
	var upper int
	if c&isPrefix != 0 {
		mixed, up := t.wordAt(s, i+n)
		if mixed > 0 {
			return mixed
		}
		upper = up
	}
	// Without the prefix: a letter, or a mark that alternative 2 could not use as the prefix.
	if c&isWord != 0 {
		mixed, up := t.wordAt(s, i)
		if mixed > 0 {
			return mixed
		}
		if upper == 0 {
			upper = up
		}
	}
	return upper
}

// wordAt matches U*V+ and U+V* at s[i] and returns their ends, 0 for no match; upper is only
// needed, and only given, where mixed is 0.
func (t *classes) wordAt(s string, i int) (mixed, upper int) {
	end, last := i, 0
	for end < len(s) {
		c, n := t.at(s, end)
		if c&isUpper == 0 {
			if c&isLower != 0 {
				return t.run(s, end+n, isLower), 0
			}
			break
		}
		end += n
		if c&isLower != 0 {
			last = end
		}
	}
	// The run of U is not followed by a V. U* gives characters back until one of them is also in V;
	// V+ then takes that one and stops, since all that follow were tried before.
	if last > 0 {
		return last, 0
	}
	if end > i {
		return 0, end
	}
	return 0, 0
}

// contraction returns the end of (?i:'s|'t|'re|'ve|'m|'ll|'d)? at s[i]. Without regard to case,
// U+017F (long s) equals s.
func contraction(s string, i int) int {
	if i+1 >= len(s) || s[i] != '\'' {
		return i
	}
	second := byte(0)
	if i+2 < len(s) {
		second = s[i+2] | 0x20
	}
	switch first := s[i+1] | 0x20; {
	case first == 's', first == 't', first == 'm', first == 'd':
		return i + 2
	case second == 'e' && (first == 'r' || first == 'v'), second == 'l' && first == 'l':
		return i + 3
	case s[i+1] == 0xC5 && i+2 < len(s) && s[i+2] == 0xBF:
		return i + 3
	}
	return i
}

// digits is \p{N}{1,3} after its first character.
func (t *classes) digits(s string, i int) int {
	for k := 0; k < 2 && i < len(s); k++ {
		c, n := t.at(s, i)
		if c&isNumber == 0 {
			break
		}
		i += n
	}
	return i
}

// symbols is " ?[^\s\p{L}\p{N}]+[\r\n]*", or 0.
func (t *classes) symbols(s string, i int) int {
	if s[i] == ' ' {
		i++
	}
	end := t.run(s, i, isSymbol)
	if end == i {
		return 0
	}
	return newlines(s, end)
}

func newlines(s string, i int) int {
	for i < len(s) && (s[i] == '\n' || s[i] == '\r') {
		i++
	}
	return i
}

// space is "\s*[\r\n]+|\s+(?!\S)|\s+" where s[i] is white space: up to the last newline of the run;
// else as blank.
func (t *classes) space(s string, i int) int {
	end, last, newline := i, i, 0
	for end < len(s) {
		c, n := t.bytes[s[end]], 1
		if c == 0 {
			c, n = t.wide(s, end)
		}
		if c&isSpace == 0 {
			break
		}
		last = end
		end += n
		if c&isNewline != 0 {
			newline = end
		}
	}
	if newline > 0 {
		return newline
	}
	if end == len(s) || last == i {
		return end
	}
	return last
}

// blank is "\s+(?!\S)|\s+" where s[i] is white space: all of the run at the end of the text; else all
// but its last character, which may belong to the next word; else that one character.
func (t *classes) blank(s string, i int) int {
	end, last := i, i
	for end < len(s) {
		c, n := t.at(s, end)
		if c&isSpace == 0 {
			break
		}
		last = end
		end += n
	}
	if end == len(s) || last == i {
		return end
	}
	return last
}
