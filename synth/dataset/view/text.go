package view

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible makes text harmless to look at: bad bytes become U+FFFD, and control characters and those that hide or turn the
// direction of the text are spelt out.
func visible(s string) string {
	if !strings.ContainsFunc(s, odd) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if odd(r) {
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func odd(r rune) bool {
	if r == '\n' || r == '\t' {
		return false
	}
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0xfff0 && r <= 0xfffc || unicode.Is(unicode.Cf, r) && r != 0x200d
}

// inMarkdown makes text harmless in a cell of a Markdown table or a heading.
func inMarkdown(s string) string {
	s = strings.Join(strings.Fields(visible(s)), " ")
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "\\|", "[", "\\[", "]", "\\]", "`", "\\`", "*", "\\*", "_", "\\_", "#", "\\#", "!", "\\!").Replace(s)
}
