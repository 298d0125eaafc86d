package answer

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// number reads a numeral: digits with separators of thousands, a decimal fraction with a repeating part, an exponent.
func (l *lexer) number() error {
	start := l.at
	whole := l.digits()
	if len(whole) <= 3 && whole != "" && whole != "0" {
		for {
			next := l.group()
			if next == "" {
				break
			}
			whole += next
		}
	}
	var places, repeat string
	if strings.HasPrefix(l.s[l.at:], ".") && !strings.HasPrefix(l.s[l.at:], "..") {
		if l.at+1 < len(l.s) && (digit(l.s[l.at+1]) || strings.HasPrefix(l.s[l.at+1:], `\overline{`)) {
			l.at++
			places = l.digits()
			repeat = l.overline()
		} else if l.at+1 == len(l.s) || l.s[l.at+1] == ' ' {
			l.at++ // "5." at the end of a sentence
		}
	}
	if len(whole)+len(places)+len(repeat) > maxExponent {
		return fmt.Errorf("a numeral of %d digits: %w", len(whole)+len(places)+len(repeat), errLarge)
	}
	v, ok := new(big.Rat).SetString("0" + whole + "." + places + "0")
	if !ok {
		return fmt.Errorf("the numeral %q: %w", l.s[start:l.at], errSyntax)
	}
	if repeat != "" { // 0.(ab) is ab/99
		r, _ := new(big.Int).SetString(repeat, 10)
		nines := new(big.Int).Sub(tenTo(len(repeat)), big.NewInt(1))
		v.Add(v, new(big.Rat).SetFrac(r, nines.Mul(nines, tenTo(len(places)))))
	}
	exp, err := l.exponent(places != "")
	if err != nil {
		return err
	}
	scale := new(big.Rat).SetInt(tenTo(max(exp, -exp)))
	if exp < 0 {
		scale.Inv(scale)
	}
	text := strings.TrimSuffix(whole+"."+places+"~"+repeat, ".~")
	if exp != 0 {
		text += "e" + strconv.Itoa(exp)
	}
	l.add(token{kind: tNum, text: text, num: v.Mul(v, scale)})
	return nil
}

func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func (l *lexer) digits() string {
	start := l.at
	for l.at < len(l.s) && digit(l.s[l.at]) {
		l.at++
	}
	return l.s[start:l.at]
}

// group reads a separator and the three digits behind it. In brackets a comma separates elements, unless what follows
// begins with a zero, as an element would not.
func (l *lexer) group() string {
	for _, sep := range []string{",", `{,}`, `,\! `, `,\!`, `\,`, "\u2009", "\u202f"} {
		rest, ok := strings.CutPrefix(l.s[l.at:], sep)
		if !ok || len(rest) < 3 || !digit(rest[0]) || !digit(rest[1]) || !digit(rest[2]) || len(rest) > 3 && digit(rest[3]) {
			continue
		}
		if sep == "," && l.depth > 0 && rest[0] != '0' {
			continue
		}
		l.at += len(sep) + 3
		return rest[:3]
	}
	return ""
}

// overline reads the repeating part of a decimal fraction.
func (l *lexer) overline() string {
	rest, ok := strings.CutPrefix(l.s[l.at:], `\overline{`)
	if !ok {
		return ""
	}
	digits, _, ok := strings.Cut(rest, "}")
	if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	l.at += len(`\overline{}`) + len(digits)
	return digits
}

// exponent reads e5, e-05 or E+10. After a whole number, e-3 and e+3 may be Euler's number and a sum, so there a signed
// exponent must have two digits, as programs print it.
func (l *lexer) exponent(decimal bool) (int, error) {
	rest := l.s[l.at:]
	if len(rest) < 2 || rest[0]|0x20 != 'e' {
		return 0, nil
	}
	n := 1
	signed := rest[1] == '-' || rest[1] == '+'
	if signed {
		n++
	}
	first := n
	for n < len(rest) && digit(rest[n]) {
		n++
	}
	if n == first || signed && !decimal && n-first < 2 {
		return 0, nil
	}
	e, err := strconv.Atoi(rest[1:n])
	if err != nil || e > maxExponent || e < -maxExponent {
		return 0, fmt.Errorf("the exponent %s: %w", rest[1:n], errLarge)
	}
	l.at += n
	return e, nil
}
