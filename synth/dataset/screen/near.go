// Package screen keeps dialogues out of a data set: those that resemble an earlier one, and those that overlap with a
// benchmark.
package screen

import (
	"github.com/zeebo/xxh3"

	"muonclip/data/chat"
	"muonclip/internal/minhash"
	"muonclip/synth/dataset"
)

// shingle is the number of words in the sequences that two dialogues are compared by.
const shingle = 5

// Sign makes the signature of a dialogue's trajectory: what user and assistant said, and the calls with
// their arguments. System prompt, tools and results are left out, as dialogues of one product share them. Letters count without
// case, and all words with a digit are alike, so a dialogue that differs from another in names of records alone is
// its duplicate.
func Sign(d chat.Dialogue) *minhash.Signature {
	s := minhash.NewSignature()
	var ring [shingle]uint64
	n := 0
	add := func(w uint64) {
		copy(ring[:], ring[1:])
		ring[shingle-1] = w
		n++
		if n < shingle {
			return
		}
		h := uint64(0)
		for _, x := range ring {
			h = dataset.Mix(h, x)
		}
		s.Add(h)
	}
	for _, m := range d.Messages {
		if m.Role != chat.RoleUser && m.Role != chat.RoleAssistant {
			continue
		}
		add(xxh3.HashString(string(m.Role)))
		dataset.Words(m.Content, true, add)
		for _, c := range m.ToolCalls {
			add(xxh3.HashString(c.Name))
			dataset.Words(string(c.Arguments), true, add)
		}
	}
	if n < shingle { // one shingle, shorter than the others
		h := uint64(n)
		for _, x := range ring {
			h = dataset.Mix(h, x)
		}
		s.Add(h)
	}
	return s
}
