// Package value knows how values are said to people and found again in what people say: money, dates,
// numbers, enum values and records' ids. Users and assistants speak through it, and the proofs read
// what was said with it, so that a spelling that is written is always one that is recognised.
package value

import (
	"math"
	"strconv"
	"strings"
	"time"

	"muonclip/synth/domain"
)

// Value is a value with what is needed to say it.
type Value struct {
	V    any         // as in package domain: string, int64, float64, bool, []any, map[string]any or nil
	Type domain.Type // how it is said
	Unit string      // of a number: "nights", "USD", "USD per night"
}

// Date reads a date of the form 2026-03-14 as midnight UTC.
func Date(s string) (time.Time, bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return time.Time{}, false
	}
	y, e1 := strconv.Atoi(s[:4])
	m, e2 := strconv.Atoi(s[5:7])
	d, e3 := strconv.Atoi(s[8:])
	if e1 != nil || e2 != nil || e3 != nil || m < 1 || m > 12 || d < 1 || d > 31 {
		return time.Time{}, false
	}
	return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC), true
}

// ISO writes a day as 2026-03-14.
func ISO(t time.Time) string {
	var b [10]byte
	y, m, d := t.Date()
	for i, v := range [...]struct{ at, width, v int }{{0, 4, y}, {5, 2, int(m)}, {8, 2, d}} {
		_ = i
		for k := v.width - 1; k >= 0; k-- {
			b[v.at+k] = byte('0' + v.v%10)
			v.v /= 10
		}
	}
	b[4], b[7] = '-', '-'
	return string(b[:])
}

// Days is the number of days from a to b.
func Days(a, b time.Time) int { return int(math.Round(b.Sub(a).Hours() / 24)) }

// Number returns the value of anything numeric.
func Number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case int:
		return float64(v), true
	}
	return 0, false
}

// Words turns an identifier into words: "checked_in" and "checkedIn" become "checked in".
func Words(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 4)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '_' || c == '-' && i > 0 && i+1 < len(s):
			b.WriteByte(' ')
		case c >= 'A' && c <= 'Z' && i > 0 && camelEdge(s, i):
			b.WriteByte(' ')
			b.WriteByte(c + 'a' - 'A')
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// camelEdge reports whether a word of a name in camelCase begins with the capital at i.
func camelEdge(s string, i int) bool {
	low := func(c byte) bool { return c >= 'a' && c <= 'z' }
	if !low(s[0]) || strings.IndexByte(s, ' ') >= 0 {
		return false
	}
	return low(s[i-1]) || s[i-1] >= '0' && s[i-1] <= '9' || i+1 < len(s) && low(s[i+1])
}

// Equal reports whether two values are the same, numbers by their value and texts without regard to case.
func Equal(a, b any) bool {
	if x, ok := Number(a); ok {
		y, ok := Number(b)
		return ok && x == y
	}
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return ok && strings.EqualFold(a, b)
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case nil:
		return b == nil
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k := range a {
			if !Equal(a[k], b[k]) {
				return false
			}
		}
		return true
	}
	return false
}
