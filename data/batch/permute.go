package batch

import "math/bits"

const feistelRounds = 6

// permutation is a pseudo-random order of 0..n-1 that is computed, not stored: a Feistel network
// over the smallest even number of bits that holds n, walked until it lands below n (Black and
// Rogaway, "Ciphers with arbitrary finite domains", 2002).
type permutation struct {
	n    uint64
	half uint // bits of one half
	keys [feistelRounds]uint64
}

// newPermutation returns the order of n elements that belongs to key.
func newPermutation(n int64, key uint64) permutation {
	p := permutation{n: uint64(n), half: uint(bits.Len64(uint64(n-1))+1) / 2}
	for r := range p.keys {
		p.keys[r] = mix(key + uint64(r+1)*golden)
	}
	return p
}

// at is the element at place i, 0 <= i < n. The domain has fewer than 4n values, so the walk takes
// fewer than 4 turns on average.
func (p *permutation) at(i int64) int64 {
	if p.n <= 1 {
		return 0
	}
	mask := uint64(1)<<p.half - 1
	x := uint64(i)
	for {
		left, right := x>>p.half, x&mask
		for _, k := range p.keys {
			left, right = right, left^mix(right+k)&mask
		}
		x = left<<p.half | right
		if x < p.n {
			return int64(x)
		}
	}
}

const golden = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio, the increment of SplitMix64

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood 2014): a bijection in which every bit of
// the result depends on every bit of x.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// key combines numbers into one key that depends on all of them and on their order.
func key(parts ...uint64) uint64 {
	var k uint64
	for _, p := range parts {
		k = mix(k + golden ^ mix(p+golden))
	}
	return k
}
