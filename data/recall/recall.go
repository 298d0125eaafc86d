// Package recall makes texts that can only be predicted by looking back: words in random order that come again. A
// model learns from them to copy out of its context (induction heads: Olsson et al., "In-context Learning and
// Induction Heads", arXiv 2209.11895) with far less text than prose takes, which matters where a run has minutes.
package recall

import (
	"strings"

	"muonclip/internal/rng"
)

// Text is text number index of a seed, of the given words, each of which brings its own space. Two in three are a
// passage of random words written over and over, about 250 words in all; the others list pairs, and then ask for the
// second word of each in another order.
func Text(seed, index uint64, words []string) string {
	r := rng.New(seed, "recall", index)
	word := func() string { return words[r.IntN(len(words))] }
	var b strings.Builder
	if r.IntN(3) > 0 {
		var passage strings.Builder
		n := 15 + r.IntN(50)
		for range n {
			passage.WriteString(word())
		}
		return strings.Repeat(passage.String(), 1+250/n)
	}
	n := 8 + r.IntN(16)
	pairs := make([]string, n)
	for i := range pairs {
		pairs[i] = word() + word()
		b.WriteString(pairs[i])
	}
	for range 4 {
		for _, i := range r.Perm(n) {
			b.WriteString(pairs[i])
		}
	}
	return b.String()
}
