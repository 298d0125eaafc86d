package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"muonclip/rl"
)

// visible makes what a model or a file may contain harmless to look at: bad bytes become U+FFFD, control characters
// their pictures, and characters that turn the direction of the text or hide are spelt out. html/template does the rest.
func visible(s string) string {
	if !strings.ContainsFunc(s, odd) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !odd(r):
			b.WriteRune(r)
		case r < 0x20:
			b.WriteRune(0x2400 + r) // ␀ and so on
		case r == 0x7f:
			b.WriteRune(0x2421)
		default:
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		}
	}
	return b.String()
}

// odd reports characters that must not reach a page as they are. U+FFFD stands for bad bytes and may.
func odd(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < 0x20 || (r >= 0x7f && r < 0xa0):
		return true
	case r >= 0xfff0 && r <= 0xfffc || r == 0xfffe || r == 0xffff:
		return true
	}
	return unicode.Is(unicode.Cf, r) && r != 0x200d // joined emoji keep their joiner
}

// shorten cuts text to n characters and says how many more there are.
func shorten(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:n]) + fmt.Sprintf(" … (%s more characters)", grouped(float64(len(runes)-n)))
}

// grouped writes a whole number with thin groups of three: 1,234,567.
func grouped(v float64) string {
	if math.IsNaN(finite(v)) || math.Abs(v) > 1e15 {
		return plain(v)
	}
	s := strconv.FormatInt(int64(math.Round(v)), 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// si writes a number to three digits with k, M, G, T.
func si(v float64) string {
	if math.IsNaN(finite(v)) {
		return plain(v)
	}
	for _, u := range []struct {
		from, unit float64
		suffix     string
	}{{1e12, 1e12, " T"}, {1e9, 1e9, " G"}, {1e6, 1e6, " M"}, {1e4, 1e3, " k"}} {
		if math.Abs(v) >= u.from*0.9995 {
			return digits(v/u.unit, 3) + u.suffix
		}
	}
	return digits(v, 3)
}

// digits writes a number to n significant digits, without an exponent while that is readable.
func digits(v float64, n int) string {
	a := math.Abs(v)
	if math.IsNaN(finite(v)) || a != 0 && (a < 1e-4 || a >= 1e9) {
		return strconv.FormatFloat(v, 'g', n, 64)
	}
	if a == 0 {
		return "0"
	}
	_, exp, _ := strings.Cut(strconv.FormatFloat(a, 'e', n-1, 64), "e") // of the rounded number
	e, _ := strconv.Atoi(exp)                                           // FormatFloat writes a number there
	decimals := n - 1 - e
	if decimals <= 0 {
		return grouped(v)
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

func plain(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

// duration writes seconds as 0.4 s, 12 s, 3 min 05 s, 2 h 07 min, 4 d 3 h.
func duration(s float64) string {
	switch {
	case math.IsNaN(finite(s)) || s < 0 || s > 1e12:
		return plain(s) + " s"
	case s < 9.95:
		return strconv.FormatFloat(s, 'f', 1, 64) + " s"
	case s < 59.5:
		return strconv.FormatFloat(s, 'f', 0, 64) + " s"
	case s < 3600-0.5:
		n := int64(math.Round(s))
		return fmt.Sprintf("%d min %02d s", n/60, n%60)
	case s < 48*3600:
		n := int64(math.Round(s / 60))
		return fmt.Sprintf("%d h %02d min", n/60, n%60)
	}
	n := int64(math.Round(s / 3600))
	return fmt.Sprintf("%d d %d h", n/24, n%24)
}

// byteSize writes a size of a file or folder.
func byteSize(n int64) string {
	if n < 10000 {
		return grouped(float64(n)) + " B"
	}
	return si(float64(n)) + "B"
}

// percent writes a share as 41.7%.
func percent(share float64) string {
	if math.IsNaN(finite(share)) {
		return plain(share)
	}
	return strconv.FormatFloat(100*share, 'f', 1, 64) + "%"
}

// rateText writes a share with its interval.
func rateText(r rl.Rate) string {
	if r.Of == 0 {
		return "–"
	}
	return percent(r.Share) + " (" + strconv.FormatFloat(100*r.Low, 'f', 1, 64) + "–" + strconv.FormatFloat(100*r.High, 'f', 1, 64) + ")"
}
