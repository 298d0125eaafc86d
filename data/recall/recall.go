// Package recall makes texts that can only be predicted by looking back: random words that come again. A model learns
// from them to copy out of its context (induction heads: Olsson et al., "In-context Learning and Induction Heads",
// arXiv 2209.11895) with far less text than ordinary prose takes, which matters where a run has minutes.
package recall

import (
	"math/rand/v2"
	"strings"

	"muonclip/internal/rng"
)

// Text is text number index of a seed, about 500 characters. One in two is a passage that is written three times; the others
// list names with values, and then ask for them in another order.
func Text(seed, index uint64) string {
	r := rng.New(seed, "recall", index)
	var b strings.Builder
	if r.IntN(2) == 0 {
		var passage strings.Builder
		for range 8 + r.IntN(16) {
			passage.WriteString(word(r))
			passage.WriteByte(" \n"[min(1, r.IntN(8)/7)])
		}
		return strings.Repeat(passage.String(), 3)
	}
	n := 5 + r.IntN(6)
	names, values := make([]string, n), make([]string, n)
	for i := range n {
		names[i], values[i] = word(r), word(r)
		b.WriteString(names[i] + ": " + values[i] + "\n")
	}
	for range 2 {
		for _, i := range r.Perm(n) {
			b.WriteString(names[i] + "? " + values[i] + "\n")
		}
	}
	return b.String()
}

// word is a random name: syllables, perhaps joined by a mark, perhaps with digits.
func word(r *rand.Rand) string {
	const consonants, vowels, marks = "bcdfghjklmnprstvwz", "aeiou", "_-."
	var b strings.Builder
	upper := r.IntN(4) == 0
	for range 1 + r.IntN(3) {
		c := consonants[r.IntN(len(consonants))]
		if upper {
			c -= 'a' - 'A'
		}
		upper = false
		b.WriteByte(c)
		b.WriteByte(vowels[r.IntN(len(vowels))])
		if r.IntN(3) == 0 {
			b.WriteByte(consonants[r.IntN(len(consonants))])
		}
		if r.IntN(5) == 0 {
			b.WriteByte(marks[r.IntN(len(marks))])
		}
	}
	if r.IntN(3) == 0 {
		b.WriteByte('-')
		for range 2 + r.IntN(4) {
			b.WriteByte(byte('0' + r.IntN(10)))
		}
	}
	return b.String()
}
