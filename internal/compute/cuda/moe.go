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
		at(b, a.Scores), at(b, a.Bias), at(b, a.Index), at(b, a.Weight), i32(a.Tokens), i32(a.Experts), i32(a.TopK), flag(a.Norm), f32(a.Scale))
	if a.AuxWeight != 0 {
		b.launch("route_aux", x(a.Tokens/a.Seq), x(256), 4*a.Experts,
			at(b, a.Scores), at(b, a.Index), at(b, a.Frequency), at(b, a.AuxLoss), i32(a.Experts), i32(a.TopK), i32(a.Seq), f32(a.AuxWeight))
	}
}

// RouteBackward turns the gradient of the routing weights into that of the router's logits.
func (b *Backend) RouteBackward(a *compute.RouteArgs[float32]) {
	var frequency []float32
	if a.AuxWeight != 0 {
		frequency = a.Frequency
	}
	b.launch("route_backward", x(ceil(a.Tokens, 4)), x(128), 0,
		at(b, a.Scores), at(b, a.Index), at(b, a.DWeight), at(b, frequency), at(b, a.DLogits),
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

// kind is the part of a kernel's name that says how it multiplies.
func (b *Backend) kind() string {
	if b.opt.Precision == BF16 {
		return "bf16"
	}
	return "float"
}

// GroupedGemm multiplies rows ends[e-1]..ends[e] of x by expert e's matrix; see compute.Backend. The ends stay on the
// device: every block finds its tiles by itself.
func (b *Backend) GroupedGemm(y, src []float32, rows []int32, w []float32, ends []int32, stride, out, in int, transW bool) {
	b.checkExperts(len(ends))
	name := "grouped_gemm_" + b.kind() + "_nn"
	if transW {
		name = "grouped_gemm_" + b.kind() + "_nt"
	}
	b.launch(name, x(4*b.info.Processors), x(256), 0,
		at(b, y), at(b, src), at(b, rows), at(b, w), at(b, ends), i32(len(ends)), i64(stride), i32(out), i32(in))
}

// GroupedGemmWeights computes dW_e = dy_e^T x_e + beta dW_e; see compute.Backend.
func (b *Backend) GroupedGemmWeights(beta float32, dw, dy []float32, dyRows []int32, src []float32, xRows []int32, ends []int32, stride, out, in int) {
	b.checkExperts(len(ends))
	tile := 64
	if b.opt.Precision == BF16 {
		tile = 128
	}
	b.launch("grouped_weights_"+b.kind(), xyz(ceil(in, tile), ceil(out, tile), len(ends)), x(256), 0,
		at(b, dw), at(b, dy), at(b, dyRows), at(b, src), at(b, xRows), at(b, ends), i64(stride), i32(out), i32(in), f32(beta))
}
