package cuda

import (
	"unsafe"

	"muonclip/internal/compute"
)

var _ compute.Updater = (*Backend)(nil)

const (
	chunk = 4096 // elements that give one part of a sum of squares
	tile  = 32   // rows and columns of what a block of the matrix passes takes
)

// ReserveSums makes room for sums 0 to n-1.
func (b *Backend) ReserveSums(n int) {
	if int64(n)*8 > b.sums.bytes {
		b.release(b.sums)
		b.sums = b.newSpan(int64(n) * 8)
	}
}

// sum is the place of sum i.
func (b *Backend) sum(i int) uint64 { return uint64(b.sums.at) + uint64(i)*8 }

// Sums waits and returns the first n sums.
func (b *Backend) Sums(n int) []float64 {
	out := make([]float64, n)
	if n > 0 {
		b.download(unsafe.Pointer(unsafe.SliceData(out)), b.sums.at, int64(n)*8)
	}
	return out
}

// SquareSum puts the sum of squares of x into sum i, in a fixed tree.
func (b *Backend) SquareSum(src []float32, i int) {
	parts := ceil(len(src), chunk)
	part := b.temp(scratchA, 8*parts)
	b.launch("sum_squares", x(parts), x(256), 0, part, at(b, src), i64(len(src)))
	b.launch("sum_parts", x(1), x(256), 0, b.sum(i), part, i32(parts))
}

// Scale multiplies x by f.
func (b *Backend) Scale(src []float32, f float32) {
	to := onto(b, src, 0)
	b.strided("scale", len(src), to, to, f32(f), i64(len(src)))
}

// AdamW does one step of AdamW; see compute.AdamStep.
func (b *Backend) AdamW(w, g, m, v []float32, s compute.AdamStep, i int) {
	parts := ceil(len(w), chunk)
	part := b.temp(scratchA, 8*parts)
	b.launch("adamw", x(parts), x(256), 0, onto(b, w, 0), at(b, g), onto(b, m, 0), onto(b, v, 0), part,
		f32(s.B1), f32(s.D1), f32(s.B2), f32(s.D2), f32(s.C1), f32(s.C2), f32(s.Eps), f32(s.Keep), f32(s.Rate), i64(len(w)))
	b.launch("sum_parts", x(1), x(256), 0, b.sum(i), part, i32(parts))
}

// muonElements is how many elements of matrices go through Newton-Schulz at a time, so that its memory stays small beside
// that of the weights.
const muonElements = 1 << 26

// Muon does one step of Muon on a batch of matrices; see compute.MuonBatch.
func (b *Backend) Muon(m *compute.MuonBatch, i int) {
	most := max(1, muonElements/(m.Rows*m.Cols))
	for lo := 0; lo < m.Batch; lo += most {
		b.muon(&muon{MuonBatch: m, first: lo * m.Stride, batch: min(most, m.Batch-lo)}, i+lo)
	}
}

// muon is a part of a batch, and where its work lies.
type muon struct {
	*compute.MuonBatch
	first, batch int    // element of the first matrix, and how many there are
	short, long  int    // sides of the iterate
	x, y         uint64 // iterate and next iterate
	a, p         uint64 // X X' and the polynomial in it
	aa           uint64 // its square, in float32
	kind         element
	transpose    bool
}

func (b *Backend) muon(m *muon, i int) {
	n := m.Rows * m.Cols
	m.short, m.long, m.transpose = min(m.Rows, m.Cols), max(m.Rows, m.Cols), m.Rows > m.Cols
	size := 4
	if b.opt.Precision == BF16 {
		m.kind, size = bf16, 2
	}
	across, down := ceil(m.Cols, tile), ceil(m.Rows, tile)
	parts := ceil(n, chunk)
	part := b.temp(scratchA, 8*m.batch*max(parts, across*down))
	m.x, m.y = b.temp(scratchB, size*m.batch*n), b.temp(scratchC, 4*m.batch*n) // y holds the float32 momentum at first
	square := m.batch * m.short * m.short
	m.a, m.p, m.aa = b.temp(scratchD, size*square), b.temp(scratchE, size*square), b.temp(scratchF, 4*max(square, m.batch))

	b.launch("muon_momentum", xy(parts, m.batch), x(256), 0,
		onto(b, m.M, m.first), from(b, m.G, m.first), m.y, part, f32(m.Mu), flag(m.Nesterov), i64(n), i64(m.Stride))
	b.launch("sum_parts", x(m.batch), x(256), 0, b.sum(i), part, i32(parts))
	b.launch("inverse_norms", x(ceil(m.batch, 256)), x(256), 0, m.aa, b.sum(i), i32(m.batch), f32(m.Eps))
	grid := xyz(across, down, m.batch)
	b.launch("muon_load_"+m.name(), grid, xy(32, 8), 0, m.x, m.y, m.aa, i32(m.Rows), i32(m.Cols), flag(m.transpose))
	for _, c := range m.Coefficients {
		b.iterate(m, c)
	}
	b.launch("muon_apply_"+m.name(), grid, xy(32, 8), 0,
		onto(b, m.W, m.first), m.x, part, f32(m.Keep), f32(m.Rate), i32(m.Rows), i32(m.Cols), i64(m.Stride), flag(m.transpose))
	b.launch("sum_parts", x(m.batch), x(256), 0, b.sum(i), part, i32(across*down))
}

// name is the part of a kernel's name that says what the iterate is made of.
func (m *muon) name() string {
	if m.kind == bf16 {
		return "bf16"
	}
	return "float"
}

// iterate is one step X <- (aI + bA + cAA) X with A = X X'.
func (b *Backend) iterate(m *muon, c [3]float64) {
	n, wide := m.short, m.long
	step, square := int64(n*wide), int64(n*n)
	multiply := func(g gemm) {
		g.batch, g.in = m.batch, m.kind
		b.check()
		b.must("multiply", b.drv.gemm(&g))
		b.block("multiply")
	}
	multiply(gemm{transB: true, m: n, n: n, k: wide, alpha: 1, a: uintptr(m.x), b: uintptr(m.x), c: uintptr(m.a), lda: wide, ldb: wide, ldc: n, stepA: step, stepB: step, stepC: square, out: m.kind})
	ca, cb, cc := float32(c[0]), float32(c[1]), float32(c[2])
	power := gemm{m: n, n: n, k: n, alpha: 1, a: uintptr(m.a), b: uintptr(m.a), c: uintptr(m.aa), lda: n, ldb: n, ldc: n, stepA: square, stepB: square, stepC: square}
	if m.kind == bf16 {
		multiply(power)
		b.launch("muon_polynomial_bf16", xy(ceil(n*n, 1024), m.batch), x(256), 0, m.p, m.aa, m.a, f32(ca), f32(cb), f32(cc), i32(n))
	} else {
		all := int(square) * m.batch
		b.strided("scale", all, m.p, m.a, f32(cb), i64(all))
		power.c, power.alpha, power.beta = uintptr(m.p), cc, 1
		multiply(power)
		b.launch("add_diagonal", xy(ceil(n, 256), m.batch), x(256), 0, m.p, f32(ca), i32(n), i32(n), i64(int(square)))
	}
	multiply(gemm{m: n, n: wide, k: n, alpha: 1, a: uintptr(m.p), b: uintptr(m.x), c: uintptr(m.y), lda: n, ldb: wide, ldc: wide, stepA: square, stepB: step, stepC: step, out: m.kind})
	m.x, m.y = m.y, m.x
}
