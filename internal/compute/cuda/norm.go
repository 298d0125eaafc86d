package cuda

import "muonclip/internal/compute"

// normThreads is the block of a kernel with one row a block.
func normThreads(width int) [3]int { return threads(ceil(width, 4)) }

// RMSNorm computes y = x rstd w, which products read: it comes with its copy. See compute.Backend.
func (b *Backend) RMSNorm(y, rstd, src []float32, ldx int, delta, w []float32, eps float32) {
	to, sum := into(b, y), onto(b, delta, 0)
	b.launch("rmsnorm", x(len(rstd)), normThreads(len(w)), 0,
		to, b.room(y), into(b, rstd), at(b, src), i32(ldx), sum, at(b, w), i32(len(w)), f32(eps))
}

// RMSNormBackward adds to dx and to dw, the latter through sums over 16 rows each. A dx of whole rows is what the backward pass
// of a product reads next: it comes with its copy.
func (b *Backend) RMSNormBackward(dx []float32, lddx int, dw, dy, src []float32, ldx int, w, rstd []float32) {
	rows, width := len(rstd), len(w)
	parts := ceil(rows, 16)
	partial := b.temp(scratchA, 4*parts*width)
	sum, half := onto(b, dx, 0), uint64(0)
	if lddx == width {
		half = b.room(dx)
	}
	b.launch("rmsnorm_backward", x(parts), normThreads(width), 4*width,
		sum, i32(lddx), half, partial, at(b, dy), at(b, src), i32(ldx), at(b, w), at(b, rstd), i32(rows), i32(width))
	b.launch("column_sums", x(ceil(width, 32)), xy(32, 32), 0, onto(b, dw, 0), partial, i32(parts), i32(width))
}

// AddHeads adds the columns of heads; see compute.Backend.
func (b *Backend) AddHeads(dst, src compute.HeadCols[float32], rows, heads, width int) {
	b.launch("add_heads", x(rows), threads(heads*width), 0,
		onto(b, dst.Data, dst.Off), i32(dst.Ld), i32(dst.Stride), from(b, src.Data, src.Off), i32(src.Ld), i32(src.Stride), i32(heads), i32(width))
}
