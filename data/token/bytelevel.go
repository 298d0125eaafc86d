package token

import (
	"fmt"
	"unicode/utf8"
)

// Hugging Face files write the bytes of a token as printable characters, the map of GPT-2: the 188
// printable bytes of Latin-1 stand for themselves, and the other 68 become U+0100 and following.

// byteOrder lists the bytes in the order of their characters, which is the order of ids in GPT-2 and in
// tiktoken vocabularies: the printable ones and then the others.
func byteOrder() [256]byte {
	var order [256]byte
	n := 0
	for _, want := range []bool{true, false} {
		for b := range 256 {
			if printable(b) == want {
				order[n] = byte(b)
				n++
			}
		}
	}
	return order
}

func printable(b int) bool { return b > ' ' && b < 0x7F || b > 0xA0 && b != 0xAD }

// byteLevel maps bytes to characters and back.
type byteLevel struct {
	char  [256]rune
	value map[rune]byte
}

func newByteLevel() byteLevel {
	m := byteLevel{value: make(map[rune]byte, 256)}
	other := rune(0x100)
	for b := range 256 {
		r := rune(b)
		if !printable(b) {
			r = other
			other++
		}
		m.char[b] = r
		m.value[r] = byte(b)
	}
	return m
}

// encode writes bytes as characters.
func (m *byteLevel) encode(b []byte) string {
	out := make([]byte, 0, 2*len(b))
	for _, c := range b {
		out = utf8.AppendRune(out, m.char[c])
	}
	return string(out)
}

// decode reads characters back as bytes.
func (m *byteLevel) decode(s string) ([]byte, error) {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		b, ok := m.value[r]
		if !ok {
			return nil, fmt.Errorf("%q has the character %q (U+%04X), which stands for no byte in a byte-level vocabulary", s, r, r)
		}
		out = append(out, b)
	}
	return out, nil
}
