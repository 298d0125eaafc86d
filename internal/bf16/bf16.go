// Package bf16 converts between float32 and the two 16-bit formats of stored weights: bfloat16
// (8 exponent bits, 7 mantissa bits) and IEEE 754 binary16, called half here (5 and 10).
//
// Narrowing rounds to nearest, ties to even, overflows to infinity, keeps the sign of zero, and
// keeps a NaN a quiet NaN with the upper bits of its payload. Widening is exact.
package bf16

import (
	"encoding/binary"
	"math"
)

// Encode rounds x to bfloat16.
func Encode(x float32) uint16 {
	b := math.Float32bits(x)
	if b&0x7fffffff > 0x7f800000 { // NaN: rounding could carry into infinity
		return uint16(b>>16) | 0x0040
	}
	// Adding half a unit, less one when the kept part is even, carries exactly when nearest-even
	// rounds up; the carry into the exponent is the right one too, up to infinity.
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// Decode widens a bfloat16.
func Decode(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// Round rounds x to the nearest bfloat16 and widens it again.
func Round(x float32) float32 { return Decode(Encode(x)) }

// EncodeSlice rounds src to bfloat16; dst must be at least as long.
func EncodeSlice(dst []uint16, src []float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = Encode(x)
	}
}

// DecodeSlice widens src; dst must be at least as long.
func DecodeSlice(dst []float32, src []uint16) {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = Decode(b)
	}
}

// RoundSlice rounds every element of x to the nearest bfloat16 in place.
func RoundSlice(x []float32) {
	for i, v := range x {
		x[i] = Round(v)
	}
}

// EncodeBytes writes src as little-endian bfloat16; dst holds at least 2*len(src) bytes.
func EncodeBytes(dst []byte, src []float32) {
	dst = dst[:2*len(src)]
	for i, x := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], Encode(x))
	}
}

// DecodeBytes reads len(dst) little-endian bfloat16 values; src holds at least 2*len(dst) bytes.
func DecodeBytes(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = Decode(binary.LittleEndian.Uint16(src[2*i:]))
	}
}
