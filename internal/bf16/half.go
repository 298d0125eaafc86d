package bf16

import (
	"encoding/binary"
	"math"
)

// EncodeHalf rounds x to binary16. Values of 65520 and more become infinity.
func EncodeHalf(x float32) uint16 {
	b := math.Float32bits(x)
	sign := uint16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000: // NaN
		return sign | 0x7e00 | uint16(b>>13&0x1ff)
	case b >= 0x47800000: // 65536 and more
		return sign | 0x7c00
	case b >= 0x38800000: // normal: 2^-14 and more; move the exponent bias from 127 to 15
		b -= (127 - 15) << 23
		return sign | uint16((b+0xfff+b>>13&1)>>13)
	}
	// Subnormal: adding 0.5 puts a unit of 2^-24 at the last bit of the mantissa, and the
	// addition itself rounds to nearest even.
	return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-math.Float32bits(0.5))
}

// DecodeHalf widens a binary16.
func DecodeHalf(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	rest := uint32(h & 0x7fff)
	switch {
	case rest >= 0x7c00: // infinity, NaN
		return math.Float32frombits(sign | 0x7f800000 | rest<<13)
	case rest >= 0x0400:
		return math.Float32frombits(sign | (rest<<13 + (127-15)<<23))
	}
	x := float32(rest) * 0x1p-24
	return math.Float32frombits(sign | math.Float32bits(x))
}

// EncodeHalfBytes writes src as little-endian binary16; dst holds at least 2*len(src) bytes.
func EncodeHalfBytes(dst []byte, src []float32) {
	dst = dst[:2*len(src)]
	for i, x := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], EncodeHalf(x))
	}
}

// DecodeHalfBytes reads len(dst) little-endian binary16 values; src holds at least 2*len(dst) bytes.
func DecodeHalfBytes(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = DecodeHalf(binary.LittleEndian.Uint16(src[2*i:]))
	}
}
