package cpu

import "muonclip/internal/compute"

// leftWidth is the number of rows of a transposed A that are packed side by side, a multiple of every
// tile's mr.
const leftWidth = 12

// panelGap is the number of elements between packed panels. Without a gap panels of full depth would begin
// multiples of 4 KiB apart, and writing to all of them in turn would fight for the same lines of the cache.
const panelGap = 16

// newWorker makes room for packing at once, so that a product later allocates nothing.
func newWorker[T compute.Float](kern *kernels[T]) *Worker[T] {
	w := &Worker[T]{
		kern:  kern,
		packA: make([]T, mcBlock*kcBlock+mcBlock/leftWidth*panelGap),
		packB: make([]T, ncBlock*kcBlock+ncBlock/kern.tile.nr*panelGap),
	}
	if kern.amx != nil {
		w.amx = newAMXBuffers[T]()
	}
	return w
}

// left is a block of op(A): element (i, x) of the tile at row is rs*i + cs*x elements from its first.
type left[T compute.Float] struct {
	data   []T
	rs, cs int
	panel  int // elements of leftWidth packed rows; 0 where rows are rs apart
}

// row is the first element of the tile that begins i rows below the block's first.
func (l *left[T]) row(i int) *T {
	if l.panel > 0 {
		return &l.data[i/leftWidth*l.panel+i%leftWidth]
	}
	return &l.data[i*l.rs]
}

// left returns rows [i0, i1) of op(A) between columns k0 and k0+depth. The tile reads each row once for
// every panel of B, wherever rows lie, so A is packed only where that would be slow: a transposed A, whose
// columns are far apart, and rows whose distance maps them all to the same few lines of the cache.
func (p *product[T]) left(w *Worker[T], i0, i1, k0, depth int) left[T] {
	if p.a.trans {
		step := leftWidth*depth + panelGap
		w.packA = grow(w.packA, ceil(i1-i0, leftWidth)*step)
		p.kern.panels(w.packA, step, leftWidth, p.a.data[k0*p.a.ld+i0:], p.a.ld, depth, i1-i0)
		return left[T]{data: w.packA, rs: 1, cs: leftWidth, panel: step}
	}
	src := p.a.data[i0*p.a.ld+k0:]
	if p.a.ld%1024 == 0 && p.n > 2*p.kern.tile.nr {
		w.packA = grow(w.packA, (i1-i0)*depth)
		for i := range i1 - i0 {
			copy(w.packA[i*depth:(i+1)*depth], src[i*p.a.ld:])
		}
		return left[T]{data: w.packA, rs: depth, cs: 1}
	}
	return left[T]{data: src, rs: p.a.ld, cs: 1}
}

// right packs columns [n0, n1) of op(B) between rows k0 and k0+depth for block or blockAMX.
func (p *product[T]) right(w *Worker[T], n0, n1, k0, depth int) {
	if p.amx {
		p.splitRight(w.amx, n0, n1, k0, depth)
	} else {
		p.packRight(w, n0, n1, k0, depth)
	}
}

// packRight packs columns [n0, n1) of op(B) between rows k0 and k0+depth into panels of nr columns.
func (p *product[T]) packRight(w *Worker[T], n0, n1, k0, depth int) {
	nr := p.kern.tile.nr
	w.packB = grow(w.packB, ceil(n1-n0, nr)*(nr*depth+panelGap))
	dst := w.packB
	if !p.b.trans {
		p.kern.panels(dst, depth*nr+panelGap, nr, p.b.data[k0*p.b.ld+n0:], p.b.ld, depth, n1-n0)
		return
	}
	for j := n0; j < n1; j += nr {
		panel := dst[:nr*depth]
		dst = dst[nr*depth+panelGap:]
		if n1-j < nr {
			clear(panel)
		}
		p.kern.transpose(panel, nr, p.b.data[j*p.b.ld+k0:], p.b.ld, min(nr, n1-j), depth)
	}
}

// panelsGo copies rows of cols elements into panels of width columns, padded with zeros; panels lie step
// apart. It reads src row by row, in the order in which it lies.
func panelsGo[T compute.Float](dst []T, step, width int, src []T, lds, rows, cols int) {
	for i := range rows {
		row := src[i*lds : i*lds+cols]
		for at := i * width; len(row) > 0; at += step {
			n := copy(dst[at:at+width], row)
			clear(dst[at+n : at+width])
			row = row[n:]
		}
	}
}
