// Package rng gives random numbers that depend on nothing but a key: (seed, purpose, indices). Any
// one of them can be made again alone, in any order, on any number of threads.
package rng

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/zeebo/xxh3"
)

// New returns the generator of a key. Different purposes and indices give independent streams.
func New(seed uint64, purpose string, index ...uint64) *rand.Rand {
	key := binary.LittleEndian.AppendUint64(nil, seed)
	key = append(key, purpose...)
	key = append(key, 0)
	for _, i := range index {
		key = binary.LittleEndian.AppendUint64(key, i)
	}
	h := xxh3.Hash128(key)
	return rand.New(rand.NewPCG(h.Hi, h.Lo))
}
