package dataset

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"

	"muonclip/data/chat"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Words calls visit with the hash of each word of the text: runs of letters and digits in lower case. With mask, all words that
// hold a digit are the same word, so that two texts that differ in numbers and ids alone have the same words.
func Words(text string, mask bool, visit func(hash uint64)) {
	var word [64]byte
	n, digit, in := 0, false, false
	flush := func() {
		if !in {
			return
		}
		if mask && digit {
			visit(0)
		} else {
			visit(xxh3.Hash(word[:n]))
		}
		n, digit, in = 0, false, false
	}
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c >= 'A' && c <= 'Z':
				c += 'a' - 'A'
			case c >= 'a' && c <= 'z':
			case c >= '0' && c <= '9':
				digit = true
			default:
				flush()
				continue
			}
			in = true
			if n < len(word) { // what follows the first 64 bytes of a word does not tell it from others
				word[n] = c
				n++
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		switch {
		case unicode.IsDigit(r):
			digit = true
		case !unicode.IsLetter(r) && !unicode.IsMark(r):
			flush()
			continue
		}
		in = true
		if n+utf8.UTFMax <= len(word) {
			n += utf8.EncodeRune(word[n:], unicode.ToLower(r))
		}
	}
	flush()
}

// Said calls visit with what the user and the assistant said, in order. Calls are not among it.
func Said(d chat.Dialogue, visit func(string)) {
	for _, m := range d.Messages {
		if (m.Role == chat.RoleUser || m.Role == chat.RoleAssistant) && m.Content != "" {
			visit(m.Content)
		}
	}
}

// FirstSentence is the first sentence of the user's first message.
func FirstSentence(d chat.Dialogue) string {
	for _, m := range d.Messages {
		if m.Role != chat.RoleUser {
			continue
		}
		s := strings.TrimSpace(m.Content)
		for i := 0; i < len(s); i++ {
			if s[i] == '\n' || strings.IndexByte(".?!", s[i]) >= 0 && (i+1 == len(s) || s[i+1] == ' ' || s[i+1] == '\n') {
				return s[:i+1]
			}
		}
		return s
	}
	return ""
}

// hashWords is one hash of the words of a text.
func hashWords(text string, mask bool) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	Words(text, mask, func(w uint64) { h = Mix(h, w) })
	return h
}

// Mix adds a hash to a chain of hashes, in which the order counts.
func Mix(chain, hash uint64) uint64 {
	x := chain*0x9e3779b97f4a7c15 + hash
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
