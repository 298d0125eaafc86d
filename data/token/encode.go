package token

import (
	"math/bits"
	"unsafe"
)

// Encode appends the ids of text to dst. The text is ordinary: what looks like a special token in it is
// encoded by its bytes.
func (t *Tokenizer) Encode(dst []int32, text string) []int32 {
	e := t.borrow()
	dst = e.encode(dst, text)
	t.giveBack(e)
	return dst
}

// EncodeBytes is Encode for a byte slice, without a copy. The text must not change during the call.
func (t *Tokenizer) EncodeBytes(dst []int32, text []byte) []int32 {
	return t.Encode(dst, unsafe.String(unsafe.SliceData(text), len(text)))
}

// EncodeWithSpecials appends the ids of text to dst, with the special tokens in it recognised: the
// leftmost first, and the longest where several start at one place. Use it for text that the program
// itself rendered; in text from outside, anyone could forge a dialogue with it.
func (t *Tokenizer) EncodeWithSpecials(dst []int32, text string) []int32 {
	e := t.borrow()
	for i := 0; i < len(text); {
		start, special := t.specials.next(text, i)
		dst = e.encode(dst, text[i:start])
		if start == len(text) {
			break
		}
		dst = append(dst, special.ID)
		i = start + len(special.Text)
	}
	t.giveBack(e)
	return dst
}

// borrow takes an encoder that no other goroutine uses. There are never more of them than calls
// ran at one time.
func (t *Tokenizer) borrow() *encoder {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.idle); n > 0 {
		e := t.idle[n-1]
		t.idle = t.idle[:n-1]
		return e
	}
	return &encoder{t: t, merger: merger{pairs: &t.pairs}, cache: make([]cached, 1<<cacheBits)}
}

func (t *Tokenizer) giveBack(e *encoder) {
	t.mu.Lock()
	t.idle = append(t.idle, e)
	t.mu.Unlock()
}

// encoder has the state of one running Encode. Its cache has a fixed size, and its content never changes
// a result.
type encoder struct {
	t      *Tokenizer
	merger merger
	cache  []cached
	word   []int32
}

const (
	cacheBits = 15 // 32,768 entries of 64 bytes: 2 MB
	cacheWord = 16 // bytes of the longest pre-token in the cache
	cacheIDs  = 11 // ids of an entry
)

// cached is one entry, a cache line: a short pre-token, zero-padded, and its ids. The cache is
// direct-mapped: a new entry takes the place of the old one with the same hash.
type cached struct {
	lo, hi uint64
	size   uint16 // bytes of the pre-token; 0 for an unused entry
	count  uint16 // number of ids
	ids    [cacheIDs]int32
}

func (e *encoder) encode(dst []int32, s string) []int32 {
	t := e.t
	for i := 0; i < len(s); {
		end := t.scan(t.classes, s, i)
		n := end - i
		if n == 1 {
			dst = append(dst, t.byteIDs[s[i]])
			i = end
			continue
		}
		if n > cacheWord {
			dst = e.merge(dst, s[i:end])
			i = end
			continue
		}
		lo, hi := load(s, i, n)
		// A multiplication to 128 bits mixes all of the word; the constants are the fractional parts of
		// the golden ratio and of pi.
		h1, h0 := bits.Mul64(lo^0x9E3779B97F4A7C15, hi^0x243F6A8885A308D3^uint64(n)<<56)
		c := &e.cache[(h1^h0)>>(64-cacheBits)]
		if c.lo == lo && c.hi == hi && int(c.size) == n {
			dst = append(dst, c.ids[:c.count]...)
			i = end
			continue
		}
		from := len(dst)
		dst = e.merge(dst, s[i:end])
		if k := len(dst) - from; k <= cacheIDs {
			c.lo, c.hi, c.size, c.count = lo, hi, uint16(n), uint16(k)
			copy(c.ids[:], dst[from:])
		}
		i = end
	}
	return dst
}

// load reads the n <= 16 bytes at s[i] as two little-endian words, padded with zeros.
func load(s string, i, n int) (lo, hi uint64) {
	if i+cacheWord <= len(s) {
		lo, hi = word(s[i:i+8]), word(s[i+8:i+16])
		if n < 8 {
			return lo & (1<<(8*n) - 1), 0
		}
		return lo, hi & (1<<(8*(n-8)) - 1)
	}
	for k := n - 1; k >= 8; k-- {
		hi = hi<<8 | uint64(s[i+k])
	}
	for k := min(n, 8) - 1; k >= 0; k-- {
		lo = lo<<8 | uint64(s[i+k])
	}
	return lo, hi
}

// word is a little-endian load; the compiler makes one instruction of it.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// merge appends the ids of one pre-token.
func (e *encoder) merge(dst []int32, s string) []int32 {
	t := e.t
	if t.def.wholeWord && len(s) <= t.longest {
		if id, ok := t.ids[s]; ok {
			return append(dst, id)
		}
	}
	if len(s) <= shortWord {
		// In place at the end of dst.
		from := len(dst)
		dst = t.appendBytes(dst, s)
		return dst[:from+len(e.merger.merge(dst[from:]))]
	}
	e.word = e.merger.merge(t.appendBytes(e.word[:0], s))
	dst = append(dst, e.word...)
	if cap(e.word) > 1<<16 {
		e.word = nil
	}
	return dst
}

// appendBytes appends the id of every single byte of s.
func (t *Tokenizer) appendBytes(dst []int32, s string) []int32 {
	for i := range len(s) {
		dst = append(dst, t.byteIDs[s[i]])
	}
	return dst
}
