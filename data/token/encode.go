package token

import (
	"slices"
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
	return &encoder{t: t, merger: merger{pairs: &t.pairs, bytes: t.bytePairs}, cache: newWordCache()}
}

func (t *Tokenizer) giveBack(e *encoder) {
	t.mu.Lock()
	t.idle = append(t.idle, e)
	t.mu.Unlock()
}

// encoder has the state of one running Encode.
type encoder struct {
	t      *Tokenizer
	merger merger
	cache  wordCache
	seam   []int32
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
		if n > cacheLong {
			dst = e.merge(dst, s[i:end])
			i = end
			continue
		}
		key := keyOf(s, i, n)
		set := e.cache.set(key)
		if set[0].key != key && set[1].key == key {
			set[0], set[1] = set[1], set[0]
		}
		if c := &set[0]; c.key == key {
			if c.ids[0] >= 0 {
				// All four are copied, and those that are -1 do not count: this needs no branch.
				k := len(dst)
				dst = slices.Grow(dst, cacheIDs)[:k+cacheIDs]
				*(*[cacheIDs]int32)(dst[k:]) = c.ids
				dst = dst[:k+cacheIDs+int(c.ids[1]>>31+c.ids[2]>>31+c.ids[3]>>31)]
				i = end
				continue
			}
			var ok bool
			if dst, ok = e.cache.far(dst, c, s[i:end]); ok {
				i = end
				continue
			}
		}
		from := len(dst)
		dst = e.merge(dst, s[i:end])
		e.cache.put(set, key, s[i:end], dst[from:])
		i = end
	}
	return dst
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
		return e.mergeBytes(dst, s)
	}
	return e.mergeLong(dst, s)
}

// mergeBytes appends what the bytes of s become when they are merged together.
func (e *encoder) mergeBytes(dst []int32, s string) []int32 {
	from := len(dst)
	dst = e.t.appendBytes(dst, s)
	if len(s) <= shortWord {
		return dst[:from+len(e.merger.mergeWord(dst[from:], s))]
	}
	return dst[:from+len(e.merger.mergeHeap(dst[from:]))]
}

// appendBytes appends the id of every single byte of s.
func (t *Tokenizer) appendBytes(dst []int32, s string) []int32 {
	for i := range len(s) {
		dst = append(dst, t.byteIDs[s[i]])
	}
	return dst
}
