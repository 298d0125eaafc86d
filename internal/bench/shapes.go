package bench

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/compute/cuda"
	"muonclip/model"
	"muonclip/optim"
)

// Purposes of a matrix product in a training step.
const (
	Forward        = "forward"
	InputGradient  = "input gradient"
	WeightGradient = "weight gradient"
	NewtonSchulz   = "Newton-Schulz"
)

// Shape is a matrix product C = op(A) op(B), op(A) of M x K and op(B) of K x N.
type Shape struct {
	Purpose   string `json:"purpose"`
	TransA    bool   `json:"trans_a,omitempty"`
	TransB    bool   `json:"trans_b,omitempty"`
	M         int    `json:"m"`
	N         int    `json:"n"`
	K         int    `json:"k"`
	Add       bool   `json:"add,omitempty"`       // to what C holds
	Symmetric bool   `json:"symmetric,omitempty"` // A Aᵀ: half is computed
	Batch     int    `json:"batch"`               // equal products that are done together: a layer's experts, or the optimizer's matrices
	grouped   bool   // by the kernels for experts
	large     bool   // of the optimizer: spread over all threads, where small ones have one thread each
}

// FLOPs counts all products of the batch; of a symmetric product, half. The diagonal counts half too, as everywhere
// in this program.
func (s Shape) FLOPs() float64 {
	f := 2 * float64(s.M) * float64(s.N) * float64(s.K) * float64(s.Batch)
	if s.Symmetric {
		f /= 2
	}
	return f
}

// String is such as "2048x256x768 ABᵀ".
func (s Shape) String() string {
	text := fmt.Sprintf("%dx%dx%d ", s.M, s.N, s.K)
	switch {
	case s.Symmetric:
		text += "AAᵀ"
	case s.TransA:
		text += "AᵀB"
	case s.TransB:
		text += "ABᵀ"
	default:
		text += "AB"
	}
	if s.Batch > 1 {
		text = fmt.Sprintf("%d x ", s.Batch) + text
	}
	return text
}

// CountedShape is a product and how often one training step does it.
type CountedShape struct {
	Shape
	Count int `json:"count"`
}

// StepShapes lists the products of one training step of a model: those that the model's own code asks its backend for,
// and those of Newton-Schulz. The products inside the attention kernel are not among them: they are tiles of
// one kernel, which its own benchmark measures. Experts are taken to be evenly loaded.
func StepShapes(o TrainOptions) ([]CountedShape, error) {
	rec := &recorder{Backend: cpu.New[float32](1), seen: map[Shape]int{}}
	var be compute.Backend[float32] = rec
	if o.GPU != nil {
		be = gpuRecorder{rec}
	}
	m, err := model.New(o.Model, be)
	if err != nil {
		return nil, err
	}
	in := randomInput(o)
	if err := m.Check(in); err != nil {
		return nil, err
	}
	m.Step(in, 1, 1)
	newtonSchulzShapes(o.Model, newtonSchulzSteps(o.Optim), rec.seen)
	out := make([]CountedShape, 0, len(rec.seen))
	for s := range maps.Keys(rec.seen) {
		out = append(out, CountedShape{s, rec.seen[s]})
	}
	order := []string{Forward, InputGradient, WeightGradient, NewtonSchulz}
	slices.SortFunc(out, func(a, b CountedShape) int {
		return cmp.Or(
			slices.Index(order, a.Purpose)-slices.Index(order, b.Purpose),
			cmp.Compare(float64(b.Count)*b.FLOPs(), float64(a.Count)*a.FLOPs()),
			cmp.Compare(a.String(), b.String()),
		)
	})
	return out, nil
}

// newtonSchulzShapes adds the products of one update: X Xᵀ, A A and the last, for matrices with a short side n and a long
// side m. All matrices of one shape form a batch.
func newtonSchulzShapes(cfg model.Config, steps int, seen map[Shape]int) {
	same := map[[2]int]int{}
	for _, p := range cfg.Shapes() {
		if p.Muon {
			same[[2]int{min(p.Rows, p.Cols), max(p.Rows, p.Cols)}]++
		}
	}
	for shape, count := range same {
		n, m := shape[0], shape[1]
		s := Shape{Purpose: NewtonSchulz, M: n, Batch: count, large: n*n*m >= optim.ThreadedCost}
		last, xx := s, s
		last.N, last.K = m, n
		xx.N, xx.K, xx.TransB, xx.Symmetric = n, m, true, true
		aa := xx
		aa.K, aa.Add = n, true
		for _, s := range []Shape{xx, aa, last} {
			seen[s] += steps
		}
	}
}

// recorder is a backend that writes down which products it is asked for and computes nothing, so that the shapes of a
// large model cost no time, and no memory but addresses.
type recorder struct {
	compute.Backend[float32]
	seen map[Shape]int
}

// gpuRecorder takes as many logits at a time as a GPU does.
type gpuRecorder struct{ *recorder }

func (gpuRecorder) LossLogits() int { return new(cuda.Backend).LossLogits() }

func purpose(transA, transB bool) string {
	switch {
	case transA:
		return WeightGradient
	case transB:
		return Forward
	}
	return InputGradient
}

func (r *recorder) Gemm(transA, transB bool, m, n, k int, _ float32, _ []float32, _ int, _ []float32, _ int, beta float32, _ []float32, _ int) {
	r.seen[Shape{Purpose: purpose(transA, transB), TransA: transA, TransB: transB, M: m, N: n, K: k, Add: beta != 0, Batch: 1}]++
}

func (r *recorder) GroupedGemm(_, _ []float32, _ []int32, _ []float32, ends []int32, _, out, in int, transW bool) {
	experts := len(ends)
	r.seen[Shape{Purpose: purpose(false, transW), TransB: transW, M: perExpert(ends), N: out, K: in, Batch: experts, grouped: true}]++
}

func (r *recorder) GroupedGemmWeights(_ float32, _, _ []float32, _ []int32, _ []float32, _ []int32, ends []int32, _, out, in int) {
	r.seen[Shape{Purpose: WeightGradient, TransA: true, M: out, N: in, K: perExpert(ends), Add: true, Batch: len(ends), grouped: true}]++
}

// perExpert is the number of rows of each expert where all have the same, or the mean.
func perExpert(ends []int32) int { return int(ends[len(ends)-1]) / len(ends) }

// Route sends the tokens to the experts in turn.
func (r *recorder) Route(a *compute.RouteArgs[float32]) {
	for i := range a.Index {
		a.Index[i] = int32(i % a.Experts)
	}
}

// The rest does nothing.

func (*recorder) Zero([]float32)                                                               {}
func (*recorder) Add(_, _ []float32)                                                           {}
func (*recorder) Embed(_, _ []float32, _ []int32, _ int)                                       {}
func (*recorder) EmbedBackward(_, _ []float32, _ []int32, _ int)                               {}
func (*recorder) RMSNorm(_, _, _ []float32, _ int, _, _ []float32, _ float32)                  {}
func (*recorder) RMSNormBackward(_ []float32, _ int, _, _, _ []float32, _ int, _, _ []float32) {}
func (*recorder) Attention(*compute.AttentionArgs[float32])                                    {}
func (*recorder) AttentionBackward(*compute.AttentionArgs[float32])                            {}
func (*recorder) SwiGLU(_, _ []float32, _ int)                                                 {}
func (*recorder) SwiGLUBackward(_, _, _, _, _ []float32, _ int)                                {}
func (*recorder) RouteBackward(*compute.RouteArgs[float32])                                    {}
func (*recorder) Gather(_, _ []float32, _ []int32, _ int)                                      {}
func (*recorder) Combine(_, _ []float32, _ []int32, _ []float32, _, _ int)                     {}
func (*recorder) CrossEntropy(_, _ []float32, _ []int32, _ int, _ []float32)                   {}
