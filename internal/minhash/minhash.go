// Package minhash finds sets of shingles that resemble each other (Broder, "On the resemblance and
// containment of documents", 1997), by signatures and banded locality-sensitive hashing.
package minhash

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/zeebo/xxh3"
)

// permutations is the length of a signature. The estimate of a Jaccard index J has the standard
// deviation sqrt(J(1-J)/permutations), at most 0.044.
const permutations = 128

// recall is the probability with which a pair exactly at the threshold is compared at all.
const recall = 0.95

// Signature holds, for each of the hash functions x -> (a*x + b)/2^32 mod 2^32 of the shingles'
// hashes, the least value. Two signatures agree in a place with a probability near the Jaccard index
// of their sets.
type Signature [permutations]uint32

// NewSignature is the signature of the empty set.
func NewSignature() *Signature {
	s := new(Signature)
	for i := range s {
		s[i] = math.MaxUint32
	}
	return s
}

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

// Add takes the hash of one more shingle into the signature.
func (s *Signature) Add(x uint64) {
	for i := range s {
		s[i] = min(s[i], uint32((hashers[i][0]*x+hashers[i][1])>>32))
	}
}

// Similarity estimates the Jaccard index of the two sets.
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
		return fmt.Errorf("minhash: a signature has %d bytes, want %d", len(data), 4*permutations)
	}
	for i := range s {
		s[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	return nil
}

// Index finds sets that resemble an earlier one. Pairs to compare are found by banded locality-sensitive hashing: a
// band is some consecutive places of the signature, and two sets that agree in all places of any band are
// compared. A pair at the threshold is found with probability 0.95 and nearly all above it. What it finds depends on
// the order in which they were kept, and on nothing else.
type Index struct {
	threshold   float64
	bands, rows int
	kept        []*Signature
	heads       map[uint64]int32 // by hash of band number and band: the last kept set with it, +1
	next        []int32          // by set*bands+band: the set before it with the same band, +1
}

// NewIndex makes an empty index. The threshold is a Jaccard index above 0; 0.8 is customary.
func NewIndex(threshold float64) *Index {
	b, r := banding(threshold)
	return &Index{threshold: threshold, bands: b, rows: r, heads: map[uint64]int32{}}
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

// Find gives the first number of a kept set that s resembles, and how much; ok is false where there is none.
func (x *Index) Find(s *Signature) (number int, similarity float64, ok bool) {
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

// Keep adds a set, whose number is the count of those before it.
func (x *Index) Keep(s *Signature) {
	x.kept = append(x.kept, s)
	for b := range x.bands {
		key := x.band(s, b)
		x.next = append(x.next, x.heads[key])
		x.heads[key] = int32(len(x.kept))
	}
}

func (x *Index) band(s *Signature, b int) uint64 {
	var buf [4 * permutations]byte
	part := buf[:4*x.rows]
	for i, v := range s[b*x.rows : (b+1)*x.rows] {
		binary.LittleEndian.PutUint32(part[4*i:], v)
	}
	return xxh3.HashSeed(part, uint64(b))
}
