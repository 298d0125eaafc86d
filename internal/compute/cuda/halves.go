package cuda

import "slices"

// In bf16 precision products read bf16: copies of their operands, or memory of float32 that holds bf16 instead. Only so do they
// reach the rate of the tensor cores, and the operands are half as long. What is in float32 stays the truth: an operation that
// writes to it makes its copies void.

// halves is what there is in bf16.
type halves struct {
	weights []kept
	ring    span    // memory of the copies of activations and gradients, which goes round
	next    int64   // where in it the next copy goes
	copies  []image // in the ring
	packed  []packed
}

// image is memory of float32 and where its copy in bf16 lies.
type image struct {
	of span
	at uintptr
}

// packed is memory of float32 whose rows of width elements are made of bf16: each lies where the float32 row began, and what is
// behind it is of no use.
type packed struct {
	span
	width int
}

// half is a matrix of bf16 whose rows lie ld elements apart.
type half struct {
	at uint64
	ld int
}

func (s span) end() uintptr              { return s.at + uintptr(s.bytes) }
func (s span) meets(o span) bool         { return s.at < o.end() && o.at < s.end() }
func (s span) holds(o span) bool         { return s.at <= o.at && o.end() <= s.end() }
func (b *Backend) span(x []float32) span { return span{address(b, x), int64(len(x)) * 4} }

// renew copies what is stale of the weights and forgets all other copies: so begins a series of operations, and so ends one
// that was done without being asked for one by one.
func (b *Backend) renew() {
	for i := range b.weights {
		b.refresh(&b.weights[i])
	}
	b.copies, b.packed, b.next = b.copies[:0], b.packed[:0], 0
}

// cast rounds float32 memory to bf16.
func (b *Backend) cast(to uintptr, s span) {
	n := int(s.bytes / 4)
	b.strided("cast_bf16", n, uint64(to), uint64(s.at), i64(n))
}

// wrote says that memory has changed, or that the host may change it: copies of it are void.
func (b *Backend) wrote(s span) {
	for i := range b.weights {
		b.weights[i].spoil(s)
	}
	b.copies = slices.DeleteFunc(b.copies, func(c image) bool { return c.of.meets(s) })
	b.packed = slices.DeleteFunc(b.packed, func(p packed) bool { return p.meets(s) })
}

// half returns x, rows of ld elements, in bf16.
func (b *Backend) half(x []float32, ld int) half {
	s := b.span(x)
	for _, p := range b.packed {
		if p.holds(s) && p.width == ld {
			return half{uint64(s.at), 2 * ld}
		}
	}
	b.widen(s)
	for i := range b.weights {
		if k := &b.weights[i]; k.of.holds(s) {
			b.refresh(k)
			return half{uint64(k.at + (s.at-k.of.at)/2), ld}
		}
	}
	for _, c := range b.copies {
		if c.of.holds(s) {
			return half{uint64(c.at + (s.at-c.of.at)/2), ld}
		}
	}
	to := b.room(x)
	b.cast(uintptr(to), s)
	return half{to, ld}
}

// halfPair is half of both operands of a product.
func (b *Backend) halfPair(x []float32, ldx int, y []float32, ldy int) (half, half) {
	b.half(x, ldx)
	second := b.half(y, ldy)
	return b.half(x, ldx), second // the copy of y may have taken the room of that of x; it does not so the other way round
}

// room returns a place in the ring for a copy of x, which the caller has written there with the next operation. It is 0 where
// products read float32.
func (b *Backend) room(x []float32) uint64 {
	if b.opt.Precision != BF16 || len(x) == 0 {
		return 0
	}
	bytes := int64(len(x)*2+alignment-1) / alignment * alignment
	if 3*bytes > b.ring.bytes { // three have room for both operands of a product wherever the first one lies
		b.release(b.ring)
		b.ring, b.next, b.copies = b.newSpan(3*bytes), 0, b.copies[:0]
	}
	if b.next+bytes > b.ring.bytes {
		b.next = 0
	}
	place := span{b.ring.at + uintptr(b.next), bytes}
	b.next += bytes
	b.copies = slices.DeleteFunc(b.copies, func(c image) bool { return place.meets(span{c.at, c.of.bytes / 2}) })
	b.copies = append(b.copies, image{b.span(x), place.at})
	return uint64(place.at)
}

// narrowed says that the operation before left bf16 in x, rows of width elements.
func (b *Backend) narrowed(x []float32, width int) {
	b.packed = append(b.packed, packed{b.span(x), width})
}

// widen turns memory that holds bf16 to float32 again, for an operation that reads that. No training step needs it.
func (b *Backend) widen(s span) {
	for i, p := range b.packed {
		if p.meets(s) {
			b.packed = slices.Delete(b.packed, i, i+1)
			b.launch("widen", x(int(p.bytes)/4/p.width), threads(p.width), 0, uint64(p.at), i32(p.width))
			return
		}
	}
}
