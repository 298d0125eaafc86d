package domain

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// pattern is the form of an id or a code: literal text with places {Nd} for N digits, {Na} for N capitals and {Nx}
// for N hexadecimal digits.
type pattern []place

type place struct {
	literal string // or:
	n       int
	kind    byte // 'd', 'a', 'x'
}

var placeRE = regexp.MustCompile(`\{(\d+)([dax])\}`)

// alphabets of the kinds. Capitals leave out I and O, which people read as digits.
var alphabets = map[byte]string{'d': "0123456789", 'a': "ABCDEFGHJKLMNPQRSTUVWXYZ", 'x': "0123456789abcdef"}

func parsePattern(s string) (pattern, error) {
	var p pattern
	rest := s
	for rest != "" {
		m := placeRE.FindStringSubmatchIndex(rest)
		if m == nil {
			break
		}
		if m[0] > 0 {
			p = append(p, place{literal: rest[:m[0]]})
		}
		n, err := strconv.Atoi(rest[m[2]:m[3]])
		if err != nil || n < 1 || n > 32 {
			return nil, fmt.Errorf("the place {%s%s} must have 1 to 32 characters", rest[m[2]:m[3]], rest[m[4]:m[5]])
		}
		p = append(p, place{n: n, kind: rest[m[4]]})
		rest = rest[m[1]:]
	}
	if rest != "" {
		p = append(p, place{literal: rest})
	}
	places := 0
	for _, q := range p {
		if q.kind != 0 {
			places++
		} else if strings.ContainsAny(q.literal, "{}") {
			return nil, fmt.Errorf("%q is not a pattern: write places as {4d}, {3a} or {8x}", s)
		}
	}
	if places == 0 {
		return nil, fmt.Errorf("%q has no place to fill: add {4d}, {3a} or {8x}", s)
	}
	return p, nil
}

// prefix is the literal text before the first place.
func (p pattern) prefix() string {
	if len(p) > 0 && p[0].kind == 0 {
		return p[0].literal
	}
	return ""
}

// room is the number of different texts of the pattern, at most 1<<40.
func (p pattern) room() int {
	n := 1
	for _, q := range p {
		for range q.n {
			if n *= len(alphabets[q.kind]); n > 1<<40 {
				return 1 << 40
			}
		}
	}
	return n
}

func (p pattern) fill(digit func(n int) int) string {
	var b strings.Builder
	for _, q := range p {
		b.WriteString(q.literal)
		set := alphabets[q.kind]
		for i := range q.n {
			c := set[digit(len(set))]
			if q.kind == 'd' && i == 0 && q.n > 1 && c == '0' {
				c = set[1+digit(9)] // numbers do not begin with 0
			}
			b.WriteByte(c)
		}
	}
	return b.String()
}

func (p pattern) matches(s string) bool {
	for _, q := range p {
		if q.kind == 0 {
			var ok bool
			if s, ok = strings.CutPrefix(s, q.literal); !ok {
				return false
			}
			continue
		}
		if len(s) < q.n {
			return false
		}
		for i := range q.n {
			if strings.IndexByte(alphabets[q.kind], s[i]) < 0 {
				return false
			}
		}
		s = s[q.n:]
	}
	return s == "" && len(p) > 0
}

// regexp writes the pattern as a regular expression in the common subset of RE2 and ECMA 262.
func (p pattern) regexp() string {
	var b strings.Builder
	b.WriteByte('^')
	for _, q := range p {
		switch q.kind {
		case 0:
			b.WriteString(regexp.QuoteMeta(q.literal))
		case 'd':
			fmt.Fprintf(&b, "[0-9]{%d}", q.n)
		case 'a':
			fmt.Fprintf(&b, "[A-HJ-NP-Z]{%d}", q.n)
		case 'x':
			fmt.Fprintf(&b, "[0-9a-f]{%d}", q.n)
		}
	}
	b.WriteByte('$')
	return b.String()
}
