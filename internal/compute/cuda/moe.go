package cuda

import (
	"fmt"

	"muonclip/internal/compute"
)

// mostExperts is how many the sort of the choices and the scheduler of grouped products can tell apart.
const mostExperts = 1 << digit

func (b *Backend) checkExperts(n int) {
	if n > mostExperts {
		b.fail(&Error{Op: fmt.Sprintf("%d experts: the kernels have room for %d; set train.device=cpu for this model", n, mostExperts)})
	}
}

// Route picks the experts of each token; see compute.RouteArgs.
func (b *Backend) Route(a *compute.RouteArgs[float32]) {
	b.launch("route", x(ceil(a.Tokens, 4)), x(128), 16*a.Experts,
		onto(b, a.Scores, 0), at(b, a.Bias), at(b, a.Index), into(b, a.Weight), i32(a.Tokens), i32(a.Experts), i32(a.TopK), flag(a.Norm), f32(a.Scale))
	if a.AuxWeight != 0 {
		b.launch("route_aux", x(a.Tokens/a.Seq), x(256), 4*a.Experts,
			at(b, a.Scores), at(b, a.Index), into(b, a.Frequency), into(b, a.AuxLoss), i32(a.Experts), i32(a.TopK), i32(a.Seq), f32(a.AuxWeight))
	}
}

// RouteBackward turns the gradient of the routing weights into that of the router's logits.
func (b *Backend) RouteBackward(a *compute.RouteArgs[float32]) {
	var frequency []float32
	if a.AuxWeight != 0 {
		frequency = a.Frequency
	}
	b.launch("route_backward", x(ceil(a.Tokens, 4)), x(128), 0,
		at(b, a.Scores), at(b, a.Index), at(b, a.DWeight), at(b, frequency), into(b, a.DLogits),
		i32(a.Tokens), i32(a.Experts), i32(a.TopK), flag(a.Norm), f32(a.Scale), i32(max(1, a.Seq)), f32(a.AuxWeight))
}

// Group sorts the choices by expert; see compute.Groups.
func (b *Backend) Group(index []int32, k int, load []int32, g compute.Groups) {
	n, experts := len(index), len(g.Ends)
	b.checkExperts(experts)
	counts := b.temp(scratchA, 4*experts*ceil(n, 1024))
	b.sort(at(b, index), 0, n, 0, experts, counts, 0, at(b, g.Choice))
	b.launch("group_finish", x(ceil(max(n, experts), 256)), x(256), 0,
		counts, at(b, g.Choice), i32(n), i32(k), i32(experts), at(b, g.Ends), at(b, g.Token), at(b, g.Slot), at(b, load))
}

// groupedShared is the shared memory of the bf16 kernels: three slices of two operands.
const groupedShared = 3 * 2 * 128 * 40 * 2

// GroupedGemm multiplies rows ends[e-1]..ends[e] of x by expert e's matrix; see compute.Backend. The ends stay on the
// device: every block finds its tiles by itself.
func (b *Backend) GroupedGemm(y, src []float32, rows []int32, w []float32, ends []int32, stride, out, in int, transW bool) {
	b.checkExperts(len(ends))
	kind, grid := "_nn", x(4*b.info.Processors)
	if transW {
		kind = "_nt"
	}
	n := i32(len(ends))
	if b.opt.Precision == BF16 {
		h, m := b.halfPair(src, in, w, len(w))
		b.launch("grouped_gemm_bf16"+kind, grid, x(128), groupedShared,
			into(b, y), h.at, i32(h.ld), at(b, rows), m.at, at(b, ends), n, i64(stride), i32(out), i32(in))
		return
	}
	b.launch("grouped_gemm_float"+kind, grid, x(256), 0, into(b, y), at(b, src), at(b, rows), at(b, w), at(b, ends), n, i64(stride), i32(out), i32(in))
}

// GroupedGemmWeights computes dW_e = dy_e^T x_e + beta dW_e; see compute.Backend.
func (b *Backend) GroupedGemmWeights(beta float32, dw, dy []float32, dyRows []int32, src []float32, xRows []int32, ends []int32, stride, out, in int) {
	b.checkExperts(len(ends))
	size := []uint64{i64(stride), i32(out), i32(in), f32(beta)}
	if b.opt.Precision == BF16 {
		d, h := b.halfPair(dy, out, src, in)
		b.launch("grouped_weights_bf16", xyz(ceil(in, 128), ceil(out, 128), len(ends)), x(128), groupedShared,
			append([]uint64{onto(b, dw, 0), d.at, i32(d.ld), at(b, dyRows), h.at, i32(h.ld), at(b, xRows), at(b, ends)}, size...)...)
		return
	}
	b.launch("grouped_weights_float", xyz(ceil(in, 64), ceil(out, 64), len(ends)), x(256), 0,
		append([]uint64{onto(b, dw, 0), at(b, dy), at(b, dyRows), at(b, src), at(b, xRows), at(b, ends)}, size...)...)
}
