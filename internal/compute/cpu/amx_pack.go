package cpu

import (
	"unsafe"

	"muonclip/internal/compute"
)

// Packed operands of AMX. A step, 32 columns of A or 32 rows of B, has six tiles of 16 rows of 64 bytes: first the two
// tiles of the first parts, then those of the second and of the third.
//
// A tile of A is 16 rows of 32 elements. A group of 32 rows of A is one step after the other. A tile of B is 16 pairs
// of rows of 16 columns, the two elements of a pair beside each other. A panel of 32 columns of B is one step
// after the other. So rows of A and pairs of rows of B can be packed as they lie; a transposed operand is
// turned over first, a group or a panel at a time.
//
// What sticks out of the matrix in the direction of k is zero. What sticks out in the others is left as it is: it
// only reaches elements that C does not have.

const stepParts = 6 * 16 * 32 // elements of a packed step

// amxBuffers is what one worker packs into.
type amxBuffers[T compute.Float] struct {
	left, right []uint16 // two groups, and the panels
	turned      []T      // rows or columns that have been turned over
	sums        []T      // a tile of C
	marks       []T      // 16 for each panel
	strange     []bool   // panels with an infinity or NaN
	job         amxJob
}

func newAMXBuffers[T compute.Float]() *amxBuffers[T] {
	const steps, panels = amxDepth / amxStep, amxCols / amxSide
	return &amxBuffers[T]{
		left:    aligned[uint16](2 * packedLen(steps)),
		right:   aligned[uint16](panels * packedLen(steps)),
		turned:  aligned[T](amxRows * turnedRow),
		sums:    aligned[T](amxSide * amxSide),
		marks:   aligned[T](16 * panels),
		strange: make([]bool, panels),
	}
}

// packedLen is the distance of packed panels. They do not begin multiples of 4 KiB apart, see panelGap.
func packedLen(steps int) int { return steps*stepParts + 32 }

// splitRight packs columns [n0, n1) of op(B) between rows k0 and k0+depth.
func (p *product[T]) splitRight(x *amxBuffers[T], n0, n1, k0, depth int) {
	step := packedLen(ceil(depth, amxStep))
	clear(x.marks)
	if !p.b.trans {
		src := p.b.data[k0*p.b.ld+n0:]
		_ = src[(depth-1)*p.b.ld+n1-n0-1]
		p.kern.amx.pairs(&x.right[0], step, &src[0], p.b.ld, depth, n1-n0, &x.marks[0])
	} else {
		for j := n0; j < n1; j += amxSide {
			cols, panel := min(amxSide, n1-j), (j-n0)/amxSide
			p.kern.transpose(x.turned, amxSide, p.b.data[j*p.b.ld+k0:], p.b.ld, cols, depth)
			p.kern.amx.pairs(&x.right[panel*step], step, &x.turned[0], amxSide, depth, cols, &x.marks[16*panel])
		}
	}
	for panel := range x.strange {
		s := sum(x.marks[16*panel : 16*panel+16])
		x.strange[panel] = s != s
	}
}

// aligned returns n elements from a multiple of 64 bytes on, the line of the cache.
func aligned[T any](n int) []T {
	var zero T
	size := int(unsafe.Sizeof(zero))
	s := make([]T, n+64/size)
	skip := int(-uintptr(unsafe.Pointer(&s[0]))%64) / size
	return s[skip : skip+n]
}
