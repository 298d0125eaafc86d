package cpu

import (
	"slices"
	"unsafe"

	"muonclip/internal/compute"
)

// Matrix products through AMX, the tiles of Intel's processors since Sapphire Rapids, which multiply bfloat16 and add
// up in float32. Each float32 is cut into three parts of eight bits of the significand,
//
//	x = x1 + x2 + x3,
//
// exactly, and a product of two numbers becomes the six products of parts that matter,
//
//	a1 b1 + a1 b2 + a2 b1 + a2 b2 + a1 b3 + a3 b1.
//
// What is left out is below 2^-23 of |a b| and has either sign. Sums are cut into pieces of 32, so that they
// gather fewer errors than those of the other kernels. AMX has twenty times the rate of float32 with AVX-512. A sixth of that,
// less what packing costs, makes most products of training 1.2 to 1.9 times as fast.
//
// The tiles take numbers below 2^-126 for zero, in parts and in results. So numbers below 2^-102 lose
// bits, and the error of a sum of k products of a and b has, beside its share of |a b|, up to k 2^-124 (1 + max|a| + max|b|).
// A sum of parts that comes within one per cent of the largest float32 may become infinite or NaN.
// Tiles whose rows or columns contain an infinity or NaN are left to the kernels of float32, see amxTiles.

// The blocks are other than in gemm.go. amxDepth rows of B for the columns of C that a worker has at a time are packed into the
// second-level cache. amxSide rows of A at a time are packed, stay close, and are multiplied by all of
// that, while the next are being packed. amxDepth decides where sums are cut.
const (
	amxSide  = 32      // rows and columns of C in one run of the innermost loop
	amxStep  = 32      // columns of A and rows of B in one step of that loop
	amxDepth = 256     // a multiple of amxStep
	amxCols  = 512     // a multiple of amxSide
	amxBlock = 1 << 18 // elements of C in a block: the more, the less often B is packed where the depth is cut
	amxRows  = 128     // rows of a transposed A that are turned over at a time, a multiple of amxSide

	// turnedRow is the distance of rows that were turned over. A power of two would map them to the same few lines of
	// the cache.
	turnedRow = amxDepth + 16
)

// amxKernels are the functions in assembly. They read and write packed operands, see amx_pack.go.
type amxKernels[T compute.Float] struct {
	multiply func(*amxJob)

	// rows packs up to amxSide rows of A and tells whether they are finite.
	rows func(dst *uint16, src *T, lds, rows, depth int) (finite bool)

	// pairs packs cols columns of B into panels that lie step apart, and adds to each panel's marks what becomes NaN
	// where it has an infinity or NaN.
	pairs func(dst *uint16, step int, src *T, lds, depth, cols int, marks *T)
}

// amxJob is one call of the kernel: c = alpha a b, or c = alpha a b + beta d where d is not nil. Pointers are to float32
// where they have no type.
type amxJob struct {
	this, next   *uint16 // the first amxSide rows of a, packed, and room for the next
	src          unsafe.Pointer
	lds          int // the rows of a after those, not packed, lie lds apart from src on
	quota        int // how many of them to pack in one step, so that amxSide are ready in time
	depth, steps int // the columns of a, and the same in steps
	rows         int // left to compute: what is not zero in the end was not finite
	b            *uint16
	cols         int // of the first amxSide rows
	more, most   int // how many columns the next amxSide rows have more, and the most of all rows
	c, d         unsafe.Pointer
	ldc          int
	alpha, beta  float32
	sums         unsafe.Pointer // room for a tile
}

// amxPays reports whether AMX is the faster for a product of these sizes: for smaller ones the edges of tiles and the packing of
// B cost more than they bring. It must not ask for anything else, the
// number of threads least of all: results of AMX have other bits than those of the kernels of float32.
func amxPays[T compute.Float](kern *kernels[T], m, n, k int) bool {
	return kern.amx != nil && m >= 64 && n >= 48 && k >= 32
}

// blockAMX is block with AMX. The right operand is packed already.
func (p *product[T]) blockAMX(w *Worker[T], i0, i1, n0, n1, k0, depth int) {
	if !p.a.trans {
		p.amxGroups(w, i0, i1, n0, n1, k0, depth, p.a.data[i0*p.a.ld+k0:], p.a.ld)
		return
	}
	for i := i0; i < i1; i += amxRows {
		end := min(i+amxRows, i1)
		if p.lower && end <= n0 {
			continue
		}
		p.kern.transpose(w.amx.turned, turnedRow, p.a.data[k0*p.a.ld+i:], p.a.ld, depth, end-i)
		p.amxGroups(w, i, end, n0, n1, k0, depth, w.amx.turned, turnedRow)
	}
}

// amxGroups multiplies rows [i0, i1) of op(A), which lie lda apart in a, by the packed columns.
func (p *product[T]) amxGroups(w *Worker[T], i0, i1, n0, n1, k0, depth int, a []T, lda int) {
	x := w.amx
	strange := slices.Contains(x.strange, true)
	for i := i0; i < i1; {
		rows, cols, more := i1-i, n1-n0, 0
		if p.lower { // tiles above the diagonal are left out
			if i+amxSide <= n0 {
				i += amxSide
				continue
			}
			cols, more = min(cols, i+amxSide-n0), amxSide
		}
		first := min(amxSide, rows)
		src := a[(i-i0)*lda:]
		_ = src[(rows-1)*lda+depth-1]
		finite := p.kern.amx.rows(&x.left[0], &src[0], lda, first, depth)
		if !finite || strange {
			p.amxTiles(w, i, i+first, n0, n0+cols, k0, depth, finite)
			i += first
			continue
		}
		x.job = p.amxJob(x, i, n0, k0, depth)
		j := &x.job
		if rows > first {
			j.src = unsafe.Pointer(&src[first*lda])
		}
		j.lds, j.rows, j.cols, j.more, j.most = lda, rows, cols, more, n1-n0
		j.quota = ceil(amxSide, ceil(cols, amxSide)*j.steps)
		p.kern.amx.multiply(j)
		i = i1 - j.rows
	}
	x.job = amxJob{} // keeps no memory alive
}

// amxJob is a job for the elements of C from row i and column j on.
func (p *product[T]) amxJob(x *amxBuffers[T], i, j, k0, depth int) amxJob {
	at := i*p.ldc + j
	job := amxJob{
		this: &x.left[0], next: &x.left[len(x.left)/2], b: &x.right[0], depth: depth, steps: ceil(depth, amxStep),
		c: unsafe.Pointer(&p.c[at]), ldc: p.ldc, alpha: float32(p.alpha), beta: float32(p.beta), sums: unsafe.Pointer(&x.sums[0]),
	}
	switch {
	case k0 > 0:
		job.d, job.beta = job.c, 1
	case p.beta != 0:
		job.d = unsafe.Pointer(&p.d[at])
	}
	return job
}

// amxTiles multiplies rows [i0, i1), packed and perhaps finite, by columns [n0, n1) where these may be strange: not finite. Of an
// infinity, parts would make inf - inf or inf times zero, NaN where float32 has an infinity. So tiles that one
// reaches are left to the kernels of float32.
func (p *product[T]) amxTiles(w *Worker[T], i0, i1, n0, n1, k0, depth int, finite bool) {
	x := w.amx
	plain := *p
	plain.lower = false
	for j := n0; j < n1; j += amxSide {
		cols, panel := min(amxSide, n1-j), (j-n0)/amxSide
		if !finite || x.strange[panel] {
			p.packRight(w, j, j+cols, k0, depth)
			plain.block(w, i0, i1, j, j+cols, k0, depth)
			continue
		}
		x.job = p.amxJob(x, i0, j, k0, depth)
		x.job.b, x.job.rows, x.job.cols = &x.right[panel*packedLen(x.job.steps)], i1-i0, cols
		p.kern.amx.multiply(&x.job)
	}
}
