// Package screen keeps dialogues out of a data set: those that resemble an earlier one, and those that overlap with a
// benchmark.
package screen

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/zeebo/xxh3"

	"muonclip/data/chat"
	"muonclip/synth/dataset"
)

const (
	// permutations is the length of a signature. The estimate of a similarity J has the standard deviation
	// sqrt(J(1-J)/permutations), at most 0.044.
	permutations = 128
	// shingle is the number of words in the sequences that two dialogues are compared by.
	shingle = 5
	// recall is the probability with which a pair exactly at the threshold is compared at all.
	recall = 0.95
)

// Signature is the MinHash of a dialogue (Broder, "On the resemblance and containment of documents", 1997): for each of
// 128 hash functions the least value over the dialogue's shingles. Two signatures agree in a place with a
// probability near the Jaccard index of the sets of shingles.
type Signature [permutations]uint32

// hashers are the odd factors a and the terms b of x -> (a*x + b)/2^32 mod 2^32, fixed for ever by SplitMix64 from 0.
var hashers = func() (h [permutations][2]uint64) {
	var state uint64
	next := func() uint64 {
		state += 0x9e3779b97f4a7c15
		x := state
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		return x ^ x>>31
	}
	for i := range h {
		h[i] = [2]uint64{next() | 1, next()}
	}
	return h
}()

// Sign makes the signature of a dialogue's trajectory: what user and assistant said, and the calls with
// their arguments. System prompt, tools and results are left out, as dialogues of one product share them. Letters count without
// case, and all words with a digit are alike, so a dialogue that differs from another in names of records alone is
// its duplicate.
func Sign(d chat.Dialogue) *Signature {
	s := new(Signature)
	for i := range s {
		s[i] = math.MaxUint32
	}
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
		s.add(h)
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
		s.add(h)
	}
	return s
}

func (s *Signature) add(x uint64) {
	for i := range s {
		s[i] = min(s[i], uint32((hashers[i][0]*x+hashers[i][1])>>32))
	}
}

// Similarity estimates the Jaccard index of two dialogues.
func (s *Signature) Similarity(t *Signature) float64 {
	equal := 0
	for i := range s {
		if s[i] == t[i] {
			equal++
		}
	}
	return float64(equal) / permutations
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (s *Signature) MarshalBinary() ([]byte, error) {
	out := make([]byte, 0, 4*permutations)
	for _, v := range s {
		out = binary.LittleEndian.AppendUint32(out, v)
	}
	return out, nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (s *Signature) UnmarshalBinary(data []byte) error {
	if len(data) != 4*permutations {
		return fmt.Errorf("screen: a signature has %d bytes, want %d", len(data), 4*permutations)
	}
	for i := range s {
		s[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	return nil
}

// Near finds dialogues that resemble an earlier one. Pairs to compare are found by banded locality-sensitive hashing: a
// band is some consecutive places of the signature, and two dialogues that agree in all places of any band are
// compared. A pair at the threshold is found with probability 0.95 and nearly all above it. What it finds depends on
// the order of the dialogues, which is that of their numbers, and on nothing else.
type Near struct {
	threshold   float64
	bands, rows int
	kept        []*Signature
	heads       map[uint64]int32 // by hash of band number and band: the last kept dialogue with it, +1
	next        []int32          // by dialogue*bands+band: the dialogue before it with the same band, +1
}

// NewNear makes an empty index. The threshold is a Jaccard index above 0; 0.8 is customary.
func NewNear(threshold float64) *Near {
	b, r := banding(threshold)
	return &Near{threshold: threshold, bands: b, rows: r, heads: map[uint64]int32{}}
}

// banding chooses the widest bands with which a pair at the threshold agrees in at least one with probability
// 1-(1-t^rows)^bands >= recall: the fewest comparisons at that recall.
func banding(threshold float64) (bands, rows int) {
	for rows = permutations; rows > 1; rows-- {
		bands = permutations / rows
		if 1-math.Pow(1-math.Pow(threshold, float64(rows)), float64(bands)) >= recall {
			return bands, rows
		}
	}
	return permutations, 1
}

// Find gives the first number of a kept dialogue that s resembles, and how much; ok is false where there is none.
func (x *Near) Find(s *Signature) (number int, similarity float64, ok bool) {
	number = -1
	for b := range x.bands {
		for at := x.heads[x.band(s, b)]; at > 0; at = x.next[int(at-1)*x.bands+b] {
			if number >= 0 && int(at-1) >= number {
				continue
			}
			if v := s.Similarity(x.kept[at-1]); v >= x.threshold {
				number, similarity = int(at-1), v
			}
		}
	}
	return number, similarity, number >= 0
}

// Keep adds a dialogue, whose number is the count of those before it.
func (x *Near) Keep(s *Signature) {
	x.kept = append(x.kept, s)
	for b := range x.bands {
		key := x.band(s, b)
		x.next = append(x.next, x.heads[key])
		x.heads[key] = int32(len(x.kept))
	}
}

func (x *Near) band(s *Signature, b int) uint64 {
	var buf [4 * permutations]byte
	part := buf[:4*x.rows]
	for i, v := range s[b*x.rows : (b+1)*x.rows] {
		binary.LittleEndian.PutUint32(part[4*i:], v)
	}
	return xxh3.HashSeed(part, uint64(b))
}
