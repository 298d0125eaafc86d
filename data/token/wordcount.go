package token

import (
	"iter"
	"math/bits"
	"math/rand/v2"
	"unsafe"
)

// wordCount counts how often each pre-token occurs: an open-addressing hash table, in which short pre-tokens
// need no memory outside their slot.
type wordCount struct {
	slots []wordSlot // a power of two, at most half of them in use
	shift uint
	used  int
	seed  uint64 // decides the order of the slots, on which no result depends
	text  []byte // of long pre-tokens
}

// wordSlot is free where the key is zero. A long pre-token begins at position at of the text.
type wordSlot struct {
	key   wordKey
	count int64
	at    int
}

func newWordCount() *wordCount {
	const n = 12
	return &wordCount{slots: make([]wordSlot, 1<<n), shift: 64 - n, seed: rand.Uint64()}
}

// add counts n more of the pre-token s with key k. It keeps no reference to s.
func (w *wordCount) add(k wordKey, s string, n int64) {
	mask := len(w.slots) - 1
	for i := int(k.hash(w.seed) >> w.shift); ; i++ {
		e := &w.slots[i&mask]
		if e.key == k && (!k.long() || string(w.text[e.at:e.at+len(s)]) == s) {
			e.count += n
			return
		}
		if e.key == (wordKey{}) {
			*e = wordSlot{key: k, count: n, at: len(w.text)}
			if k.long() {
				w.text = append(w.text, s...)
			}
			if w.used++; 2*w.used > len(w.slots) {
				w.grow()
			}
			return
		}
	}
}

func (w *wordCount) grow() {
	old := w.slots
	w.slots = make([]wordSlot, 2*len(old))
	w.shift = uint(64 - bits.Len(uint(len(w.slots)-1)))
	mask := len(w.slots) - 1
	for _, e := range old {
		if e.key == (wordKey{}) {
			continue
		}
		i := int(e.key.hash(w.seed) >> w.shift)
		for w.slots[i&mask].key != (wordKey{}) {
			i++
		}
		w.slots[i&mask] = e
	}
}

// all yields each pre-token and its count, in no particular order. A pre-token must not be kept.
func (w *wordCount) all() iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		var short [keyBytes]byte
		for i := range w.slots {
			e := &w.slots[i]
			if e.key == (wordKey{}) {
				continue
			}
			s := e.key.appendTo(short[:0])
			if e.key.long() {
				s = w.text[e.at : e.at+int(e.key.hi&^keyLong)]
			}
			if !yield(unsafe.String(&s[0], len(s)), e.count) {
				return
			}
		}
	}
}
