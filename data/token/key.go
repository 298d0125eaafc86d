package token

import (
	"math/bits"

	"github.com/zeebo/xxh3"
)

// wordKey tells pre-tokens apart in hash tables. One of up to 15 bytes is its own key: its bytes, padded with
// zeros, and its length in the highest byte. A longer one has its hash and its length as key, so that
// the bytes must be compared as well. No pre-token has the zero key.
type wordKey struct{ lo, hi uint64 }

const (
	keyBytes = 15
	keyLong  = 1 << 63 // in hi
)

func (k wordKey) long() bool { return k.hi&keyLong != 0 }

// keyOf is the key of the pre-token s[i:i+n].
func keyOf(s string, i, n int) wordKey {
	if n > keyBytes {
		return wordKey{xxh3.HashString(s[i : i+n]), keyLong | uint64(n)}
	}
	var lo, hi uint64
	if i+16 <= len(s) {
		lo, hi = word(s[i:i+8]), word(s[i+8:i+16])
		if n < 8 {
			lo, hi = lo&(1<<(8*n)-1), 0
		} else {
			hi &= 1<<(8*(n-8)) - 1
		}
	} else {
		for k := n - 1; k >= 8; k-- {
			hi = hi<<8 | uint64(s[i+k])
		}
		for k := min(n, 8) - 1; k >= 0; k-- {
			lo = lo<<8 | uint64(s[i+k])
		}
	}
	return wordKey{lo, hi | uint64(n)<<56}
}

// appendTo appends the bytes of a key that is not long.
func (k wordKey) appendTo(b []byte) []byte {
	for i := range int(k.hi >> 56) {
		v := k.lo
		if i >= 8 {
			v = k.hi
		}
		b = append(b, byte(v>>(8*(i%8))))
	}
	return b
}

// hash mixes all of the key; the highest bits are the best. The constants are the fractional parts of the
// golden ratio and of pi. A seed that nobody knows makes it hard to write a text whose keys collide.
func (k wordKey) hash(seed uint64) uint64 {
	hi, lo := bits.Mul64(k.lo^seed^0x9E3779B97F4A7C15, k.hi^0x243F6A8885A308D3)
	return (hi ^ lo) * 0x9E3779B97F4A7C15
}

// word is a little-endian load; the compiler makes one instruction of it.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
