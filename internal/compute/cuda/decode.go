package cuda

import (
	"fmt"

	"muonclip/internal/compute"
)

var _ compute.Decoder[float32] = (*Backend)(nil)

// Room is how many more elements Alloc can give out.
func (b *Backend) Room() int { return int(max(0, b.limit-b.used) / 4) }

// ShortSize is how many floats hold n numbers of a cache or a product's operand, which are bf16 in that precision.
func (b *Backend) ShortSize(n int) int {
	if b.opt.Precision == BF16 {
		return ceil(n, 2)
	}
	return n
}

// cacheKind is the part of a kernel's name that says what the cache is made of.
func (b *Backend) cacheKind() string {
	if b.opt.Precision == BF16 {
		return "bf16"
	}
	return "float"
}

// PageName is a page's address.
func (b *Backend) PageName(page []float32) [2]int32 {
	a := at(b, page)
	return [2]int32{int32(uint32(a)), int32(uint32(a >> 32))} //nolint:gosec // the words of an address
}

// CopyPage copies src to dst.
func (b *Backend) CopyPage(dst, src []float32) {
	b.check()
	b.must("copy a page", b.drv.copy(uintptr(into(b, dst)), address(b, src), int64(len(src))*4))
	b.block("copy a page")
}

// The sizes that the kernels of attention over pages have room for.
const (
	mostLatent = 576 // elements of a latent with its rotary key
	mostRank   = 512 // of a latent, for the tensor cores
)

// KeepKeys puts keys and values into their pages; see compute.DecodeArgs. Queries of latents, which a product reads next, get
// their copy.
func (b *Backend) KeepKeys(a *compute.DecodeArgs[float32]) {
	rows := len(a.At)
	if a.Rank > 0 {
		b.launch("keep_latent_"+b.cacheKind(), x(rows), x(256), 0,
			at(b, a.Table), at(b, a.Owner), at(b, a.At), at(b, a.Key), at(b, a.Norm), f32(a.Eps), at(b, a.Q), onto(b, a.Query, 0), b.room(a.Q), at(b, a.Cos), at(b, a.Sin),
			i32(a.Heads), i32(a.Nope), i32(a.Rope), i32(a.Rank), i32(a.PageTokens), i32(a.Span), i64(a.Layer*a.PageTokens*(a.Rank+a.Rope)))
		return
	}
	groups := a.Heads / a.Group
	b.launch("keep_grouped_"+b.cacheKind(), x(rows), x(256), 0,
		at(b, a.Table), at(b, a.Owner), at(b, a.At), onto(b, a.Q, 0), at(b, a.Key), at(b, a.Value), at(b, a.Cos), at(b, a.Sin),
		i32(a.Heads), i32(groups), i32(a.Rope), i32(a.PageTokens), i32(a.Span), i64(a.Layer*a.PageTokens*2*groups*a.Rope))
}

// pageKernel is a kernel of attention over pages.
type pageKernel struct {
	name   string
	blocks int // of a row and a split, or of a row and several splits
	splits int // of a block
	shared int
	shape  []uint64 // its arguments between rows and pages
	query  []float32
	width  int // elements of a cache row
	value  int // elements of a head's output
}

// pageKernel picks the kernel for a model and a precision.
func (b *Backend) pageKernel(a *compute.DecodeArgs[float32]) pageKernel {
	if a.Rank == 0 {
		const heads, splits = 4, 4
		return pageKernel{
			name: "decode_grouped_" + b.cacheKind(), blocks: a.Heads / a.Group * ceil(a.Group, heads), splits: splits, query: a.Q,
			width: 2 * a.Heads / a.Group * a.Rope, value: a.Rope, shape: []uint64{i32(a.Heads), i32(a.Group), i32(a.Rope)},
		}
	}
	d := a.Rank + a.Rope
	k := pageKernel{query: a.Query, splits: 1, width: d, value: a.Rank, shape: []uint64{i32(a.Heads), i32(d), i32(a.Rank)}}
	if b.opt.Precision == BF16 && d%16 == 0 && a.Rank%16 == 0 && a.Rank <= mostRank {
		k.name, k.blocks, k.shared = "decode_latent_mma", ceil(a.Heads, 16), 2*(80*(d+8)+16)+4*16*33
		return k
	}
	k.name, k.blocks, k.shared = "decode_latent_"+b.cacheKind(), ceil(a.Heads, 8), 4*(8*d+16*(d+1)+8*17)
	return k
}

// AttendPages is attention over pages; see compute.DecodeArgs. Sequences are cut into as many splits as keep the device busy,
// a number that depends on how many rows there are and how long the longest sequence may be.
func (b *Backend) AttendPages(a *compute.DecodeArgs[float32]) {
	if d := a.Rank + a.Rope; a.Rank == 0 && d > mostHead || d > mostLatent {
		b.fail(&Error{Op: fmt.Sprintf("generate with keys of %d elements: the kernels have room for %d of a latent with its rotary key, and %d of a head; use the processor for this model", d, mostLatent, mostHead)})
	}
	rows := len(a.At)
	k := b.pageKernel(a)
	splits := min(a.Span, ceil(2*b.info.Processors, rows*k.blocks))
	n := rows * splits * k.splits * a.Heads
	part, peak, sum := b.temp(scratchA, 4*n*k.value), b.temp(scratchB, 4*n), b.temp(scratchC, 4*n)
	args := append([]uint64{part, peak, sum, at(b, k.query), at(b, a.Table), at(b, a.Owner), at(b, a.At)}, k.shape...)
	args = append(args, i32(a.PageTokens), i32(a.Span), i64(a.Layer*a.PageTokens*k.width), f32(a.Scale))
	b.launch(k.name, xyz(splits, k.blocks, rows), x(128), k.shared, args...)
	b.launch("decode_merge", xy(a.Heads, rows), x(128), 0, into(b, a.Out), b.room(a.Out), part, peak, sum, i32(a.Heads), i32(k.value), i32(splits*k.splits))
}

// GemmBatch multiplies matrices that lie evenly spaced, the first ones in the same rows; see compute.Decoder. In bf16 precision
// results that fill whole rows are bf16: a product reads them.
func (b *Backend) GemmBatch(transB bool, batch, m, n, k int, left []float32, lda, stepA int, right []float32, ldb, stepB int, c []float32, ldc, stepC int) {
	g := gemm{
		transB: transB, m: m, n: n, k: k, batch: batch, alpha: 1, lda: lda, ldb: ldb, ldc: ldc,
		stepA: int64(stepA), stepB: int64(stepB), stepC: int64(stepC),
	}
	short := false
	if b.opt.Precision == BF16 {
		x, y := b.halfPair(left[:m*lda], lda, right, ldb)
		g.in, g.a, g.lda, g.b, g.ldb = bf16, uintptr(x.at), x.ld, uintptr(y.at), y.ld
		short = stepC == n && batch*n == ldc
	} else {
		g.a, g.b = uintptr(at(b, left)), uintptr(at(b, right))
	}
	if short {
		g.c, g.out, g.ldc = uintptr(into(b, c)), bf16, 2*ldc
	} else {
		g.c = uintptr(onto(b, c, 0))
	}
	b.check()
	b.must("multiply", b.drv.gemm(&g))
	b.block("multiply")
	if short {
		b.narrowed(c[:m*ldc], ldc)
	}
}

// FewGroup is Group for few choices; see compute.Decoder.
func (b *Backend) FewGroup(index []int32, k int, load []int32, g compute.Groups) {
	const most = 1024 // threads of a block
	if len(index) > most || len(g.Ends) > most {
		b.Group(index, k, load, g)
		return
	}
	b.launch("few_group", x(1), x(most), 0,
		at(b, index), i32(len(index)), i32(k), i32(len(g.Ends)), at(b, g.Ends), at(b, g.Token), at(b, g.Choice), at(b, g.Slot), at(b, load))
}

// fewRows is how many rows an expert may have, on average, for its matrix to be streamed for eight of them at a time.
const fewRows = 8

// FewGemm is GroupedGemm for few rows; see compute.Decoder.
func (b *Backend) FewGemm(y, src []float32, rows []int32, w []float32, ends []int32, stride, out, in int) {
	if len(y)/out > fewRows*len(ends) {
		b.GroupedGemm(y, src, rows, w, ends, stride, out, in, true)
		return
	}
	grid := xy(ceil(out, 32), len(ends))
	if b.opt.Precision == BF16 {
		h, m := b.halfPair(src, in, w, len(w))
		b.launch("few_rows_bf16", grid, x(256), 0, into(b, y), h.at, i32(h.ld), at(b, rows), m.at, at(b, ends), i64(stride), i32(out), i32(in))
		return
	}
	b.launch("few_rows_float", grid, x(256), 0, into(b, y), at(b, src), i32(in), at(b, rows), at(b, w), at(b, ends), i64(stride), i32(out), i32(in))
}

// Draw draws tokens; see compute.DrawArgs.
func (b *Backend) Draw(a *compute.DrawArgs[float32]) {
	b.launch("draw_token", x(len(a.Rows)), x(1024), 0,
		at(b, a.Drawn), at(b, a.Logits), at(b, a.Rows), at(b, a.U), i32(a.Vocab), f32(a.Temperature))
}
