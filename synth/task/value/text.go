package value

import (
	"slices"
	"strings"
	"time"

	"muonclip/synth/domain"
)

// Text is something said, ready to be asked whether it says a value.
type Text struct {
	Raw     string
	norm    string
	numbers []float64
	dates   []string
	times   []string
	words   map[string]bool
}

// Read prepares a text that was said on the given day.
func Read(text string, today time.Time) *Text {
	t := &Text{Raw: text, norm: " " + Normalize(text) + " ", words: map[string]bool{}}
	for _, a := range Scan(text, today) {
		switch a.Kind {
		case AtomNumber:
			t.numbers = append(t.numbers, a.Num)
		case AtomDate:
			t.dates = append(t.dates, a.Text)
		case AtomTime:
			t.times = append(t.times, a.Text)
		case AtomWord:
			t.words[a.Text] = true
		}
	}
	return t
}

// Has reports whether the text says the value in an accepted form.
func (t *Text) Has(v Value) bool {
	switch x := v.V.(type) {
	case nil:
		return t.Contains("not set") || t.Contains("none on file") || t.Contains("empty") || t.Contains("none")
	case bool:
		if x {
			return t.words["yes"] || t.words["true"]
		}
		return t.words["no"] || t.words["not"] || t.words["false"]
	case int64, float64, int:
		f, _ := Number(x)
		for _, n := range t.numbers {
			if n == f {
				return true
			}
		}
		return f == 0 && (t.words["no"] || t.words["none"] || t.words["zero"])
	case []any:
		for _, e := range x {
			if !t.Has(Value{e, domain.Text, ""}) {
				return false
			}
		}
		return true
	case map[string]any:
		for _, e := range x {
			if !t.Has(Value{e, guess(e), ""}) {
				return false
			}
		}
		return true
	case string:
		return t.hasString(x)
	}
	return false
}

func (t *Text) hasString(s string) bool {
	if _, ok := Date(s); ok {
		return slices.Contains(t.dates, s)
	}
	if len(s) >= 16 && s[10] == 'T' {
		if _, ok := Date(s[:10]); ok {
			return slices.Contains(t.dates, s[:10]) && slices.Contains(t.times, s[11:16])
		}
	}
	return t.Contains(s)
}

// Contains reports whether the words of s stand in the text, one after another, whatever their case.
func (t *Text) Contains(s string) bool {
	n := Normalize(s)
	if n == "" {
		return true
	}
	for from := 0; ; {
		i := strings.Index(t.norm[from:], n)
		if i < 0 {
			return false
		}
		i += from
		if edge(t.norm, i-1, n[0]) && edge(t.norm, i+len(n), n[len(n)-1]) {
			return true
		}
		from = i + 1
	}
}

// Begins reports whether the text begins with the words of s.
func (t *Text) Begins(s string) bool {
	n := Normalize(s)
	rest := strings.TrimPrefix(t.norm, " ")
	return strings.HasPrefix(rest, n) && edge(rest, len(n), n[len(n)-1])
}

// edge reports whether the byte at i of s does not continue a word that c belongs to.
func edge(s string, i int, c byte) bool {
	if i < 0 || i >= len(s) || !wordByte(c) {
		return true
	}
	return !wordByte(s[i])
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 0x80
}

// Normalize writes a text in lower case with single spaces, without emphasis, and with underscores and hyphens
// between words as spaces.
func Normalize(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := true
	for _, c := range lower(s) {
		switch c {
		case '*', '`':
			continue
		case '’', '‘':
			c = '\''
		case '_', '-', ' ', '\n', '\t', '\r':
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		}
		space = false
		b.WriteRune(c)
	}
	return strings.TrimSuffix(b.String(), " ")
}
