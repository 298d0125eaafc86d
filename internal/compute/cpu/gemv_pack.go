package cpu

import (
	"fmt"
	"math"
	"unsafe"

	"muonclip/internal/compute"
)

// Format is how a packed matrix stores its weights.
type Format int

// Formats of packed weights.
const (
	// Full keeps the element type.
	Full Format = iota
	// BFloat16 rounds each weight to bfloat16.
	BFloat16
	// Int8 rounds to multiples of 1/127 of the largest weight of an output's next 128 inputs.
	Int8

	formatCount
)

// ParseFormat reads the name that Format.String writes.
func ParseFormat(name string) (Format, error) {
	for f := range formatCount {
		if f.String() == name {
			return f, nil
		}
	}
	return 0, fmt.Errorf("weights %q, want float32, bf16 or int8", name)
}

// String is float32, bf16 or int8; a backend of float64 keeps float64 where the name says float32.
func (f Format) String() string { return [...]string{"float32", "bf16", "int8"}[f] }

// panelDepth is how many inputs of a panel a kernel takes at a time: the weights of a panel then stay
// in the first-level cache while rows pass by. It decides where sums are cut, and how many weights
// share a scale.
const panelDepth = 128

// Packed is a weight matrix of out x in, stored for products with few rows: panels of neighbouring
// outputs, input after input. It does not follow later changes of the weights.
type Packed[T compute.Float] struct {
	out, in int
	format  Format
	kern    *panelKernels[T]

	full  []T      // panels x in x width, of Full
	half  []uint16 // the same of BFloat16, where an output lies beside that half a panel further on
	small []int8   // the same of Int8
	scale []T      // blocks of panelDepth x panels x width, of Int8
}

// Pack stores w, whose weight for output o and input i is w[o*ldo+i*ldi]. It reuses the memory of
// old, which may be nil.
func (b *Backend[T]) Pack(old *Packed[T], out, in int, w []T, ldo, ldi int, format Format) *Packed[T] {
	p := old
	if p == nil {
		p = &Packed[T]{}
	}
	p.out, p.in, p.format, p.kern = out, in, format, panelsFor[T](b.kern.name)
	n := p.panels() * p.kern.width * in
	switch format {
	case BFloat16:
		p.half = keep(&b.slab, p.half, n)
	case Int8:
		p.small, p.scale = keep(&b.slab, p.small, n), keep(&b.slab, p.scale, ceil(in, panelDepth)*p.panels()*p.kern.width)
	default:
		p.full = keep(&b.slab, p.full, n)
	}
	b.For(p.panels(), func(wk *Worker[T], i int) { p.fill(wk, i, w, ldo, ldi) })
	return p
}

// keep returns old with n elements, or new memory where it has fewer.
func keep[E any](s *slab, old []E, n int) []E {
	if cap(old) < n {
		return room[E](s, n)
	}
	return old[:n]
}

// In is the number of inputs.
func (p *Packed[T]) In() int { return p.in }

// Out is the number of outputs.
func (p *Packed[T]) Out() int { return p.out }

// Bytes is the memory that a product reads.
func (p *Packed[T]) Bytes() int {
	var zero T
	return (len(p.full)+len(p.scale))*int(unsafe.Sizeof(zero)) + 2*len(p.half) + len(p.small)
}

// panels is the number of panels, the last one filled up with zeros.
func (p *Packed[T]) panels() int { return ceil(p.out, p.kern.width) }

// bytes is the size of one row of a panel.
func (p *Packed[T]) bytes() int {
	switch p.format {
	case BFloat16:
		return 2 * p.kern.width
	case Int8:
		return p.kern.width
	}
	var zero T
	return int(unsafe.Sizeof(zero)) * p.kern.width
}

// fill packs panel i.
func (p *Packed[T]) fill(wk *Worker[T], i int, w []T, ldo, ldi int) {
	width := p.kern.width
	size := width * p.in
	columns := min(width, p.out-i*width)
	dst := p.full
	if p.format == Full {
		dst = dst[i*size : (i+1)*size]
	} else {
		wk.scratch = grow(wk.scratch, size)
		dst = wk.scratch
	}
	if columns < width {
		clear(dst)
	}
	switch from := w[i*width*ldo:]; {
	case ldi == 1:
		wk.kern.transpose(dst, width, from, ldo, columns, p.in)
	case ldo == 1:
		wk.kern.panels(dst, 0, width, from, ldi, p.in, columns)
	default:
		for o := range columns {
			for k := range p.in {
				dst[k*width+o] = from[o*ldo+k*ldi]
			}
		}
	}
	switch p.format {
	case BFloat16:
		p.fillHalf(dst, i)
	case Int8:
		for k0 := 0; k0 < p.in; k0 += panelDepth {
			p.fillSmall(dst, i, k0, min(k0+panelDepth, p.in))
		}
	}
}

func (p *Packed[T]) fillHalf(src []T, i int) {
	width := p.kern.width
	dst := p.half[i*len(src) : (i+1)*len(src)]
	for k := 0; k < len(src); k += width {
		for o := range width {
			dst[k+o%(width/2)*2+o/(width/2)] = bfloat(float32(src[k+o]))
		}
	}
}

// bfloat rounds to the nearest bfloat16, of two equally near ones to the even one; NaN stays NaN.
func bfloat(x float32) uint16 {
	if x != x {
		return 0x7fc0
	}
	b := math.Float32bits(x)
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

func (p *Packed[T]) fillSmall(src []T, i, k0, k1 int) {
	width := p.kern.width
	dst := p.small[i*len(src) : (i+1)*len(src)]
	scale := p.scale[(k0/panelDepth*p.panels()+i)*width:][:width]
	for o := range width {
		top := T(0)
		for k := k0; k < k1; k++ {
			top = max(top, T(math.Abs(float64(src[k*width+o])))) // NaN wins
		}
		scale[o] = top / 127
		inverse := 0.0
		if top > 0 {
			inverse = 127 / float64(top)
		}
		for k := k0; k < k1; k++ {
			dst[k*width+o] = int8(math.RoundToEven(float64(src[k*width+o]) * inverse))
		}
	}
}
