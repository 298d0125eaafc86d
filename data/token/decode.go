package token

import "unicode/utf8"

// Decode appends the bytes that ids stand for to dst; a special token stands for its text. On an id that is not
// in the vocabulary it returns what came before and an error that wraps ErrID.
func (t *Tokenizer) Decode(dst []byte, ids []int32) ([]byte, error) {
	for _, id := range ids {
		b, err := t.Bytes(id)
		if err != nil {
			return dst, err
		}
		dst = append(dst, b...)
	}
	return dst, nil
}

// Stream decodes ids one by one, as a model generates them, into text that is valid UTF-8 at every moment:
// the bytes of an unfinished character wait for the next id. Bytes that cannot be part of a character
// become U+FFFD.
type Stream struct {
	// SkipSpecials leaves out the special tokens except those marked Keep.
	SkipSpecials bool

	t    *Tokenizer
	keep map[int32]bool
	wait []byte // at most the first three bytes of a character
}

// NewStream returns an empty stream.
func (t *Tokenizer) NewStream() *Stream {
	s := &Stream{t: t, keep: map[int32]bool{}}
	for _, sp := range t.def.specials {
		s.keep[sp.ID] = sp.Keep
	}
	return s
}

// Next appends to dst the text that id completes, which may be none. A special token ends an unfinished
// character.
func (s *Stream) Next(dst []byte, id int32) ([]byte, error) {
	b, err := s.t.Bytes(id)
	if err != nil {
		return dst, err
	}
	if keep, special := s.keep[id]; special {
		dst = s.Flush(dst)
		if s.SkipSpecials && !keep {
			return dst, nil
		}
	}
	s.wait = append(s.wait, b...)
	used := 0
	for used < len(s.wait) && utf8.FullRune(s.wait[used:]) {
		r, n := utf8.DecodeRune(s.wait[used:])
		dst = utf8.AppendRune(dst, r)
		used += n
	}
	s.wait = append(s.wait[:0], s.wait[used:]...)
	return dst, nil
}

// Flush ends the text: each byte that still waits becomes U+FFFD. The stream can be used again.
func (s *Stream) Flush(dst []byte) []byte {
	for range s.wait {
		dst = utf8.AppendRune(dst, utf8.RuneError)
	}
	s.wait = s.wait[:0]
	return dst
}
