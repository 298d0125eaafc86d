// Package safetensors reads and writes the safetensors format of model weights: an unsigned
// 64-bit little-endian header length, a JSON header that gives each tensor's dtype, shape and
// place, and the raw little-endian data.
//
// In memory a tensor is float32 whatever its stored dtype; [Tensor64] and [File.ReadInto64] keep
// float64 for verification runs.
package safetensors

import (
	"fmt"
	"math"
)

// DType is the name of a stored element type, as the header spells it.
type DType string

// The element types that can be read. All but I64 and I32 can be written.
const (
	F64  DType = "F64"
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I64  DType = "I64"
	I32  DType = "I32"
)

// sizes holds the bytes of an element. The types that cannot be read are here so that a file
// which holds them can still be listed.
var sizes = map[DType]int{
	F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4,
	"U64": 8, "U32": 4, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
}

// Size is the number of bytes of an element, 0 for an unknown type.
func (d DType) Size() int { return sizes[d] }

// Tensor is a named row-major array. Shape [] is a scalar of one element.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}

// Tensor64 is a Tensor of float64 elements.
type Tensor64 struct {
	Name  string
	Shape []int
	Data  []float64
}

// Info describes a stored tensor. Offset is counted from the start of the data section.
type Info struct {
	Name   string
	DType  DType
	Shape  []int
	Offset int64
	Bytes  int64
}

// Len is the number of elements.
func (i Info) Len() int { return int(i.Bytes) / i.DType.Size() }

// Elements is the product of shape; it reports false when a dimension is negative or the product
// does not fit an int.
func Elements(shape []int) (int, bool) {
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// checkShape verifies that a tensor to be written has as many elements as its shape says.
func checkShape(name string, shape []int, length int) error {
	n, ok := Elements(shape)
	if !ok || n != length {
		return fmt.Errorf("tensor %s: shape %v does not match %d elements", name, shape, length)
	}
	return nil
}
