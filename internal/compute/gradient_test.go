package compute_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
)

// graph is a piece of a model: weights, and an output made of them on a tape.
type graph struct {
	name  string
	sizes [][2]int // rows and columns of the weights
	build func(t *compute.Tape[float64], w []*compute.Tensor[float64]) *compute.Tensor[float64]
	extra func() float64 // a loss beside the output, nil for none; called once after build
}

// weightsOf draws the weights of a graph, with their gradients zero.
func weightsOf(g graph) []*compute.Tensor[float64] {
	r := rand.New(rand.NewPCG(21, uint64(len(g.sizes))))
	var ws []*compute.Tensor[float64]
	for _, s := range g.sizes {
		data := make([]float64, s[0]*s[1])
		for i := range data {
			data[i] = r.NormFloat64()
		}
		ws = append(ws, compute.Parameter(s[0], s[1], data, make([]float64, len(data))))
	}
	return ws
}

// input turns a weight into a tensor with a producer, as an operation in the middle of a model sees it.
func input(t *compute.Tape[float64], w *compute.Tensor[float64]) *compute.Tensor[float64] {
	ids := make([]int32, w.Rows)
	for i := range ids {
		ids[i] = int32(i)
	}
	return t.Embed(w, t.Device(ids))
}

// functional is a fixed random linear function of the output plus the extra loss. With gradients it
// runs the backward pass too.
func functional(t *compute.Tape[float64], g graph, w []*compute.Tensor[float64], gradients bool) float64 {
	t.Reset()
	t.Grad = gradients
	y := g.build(t, w)
	var sum float64
	if y != nil {
		r := rand.New(rand.NewPCG(22, 22))
		factors := make([]float64, y.Rows*y.Cols)
		for i := range factors {
			factors[i] = r.NormFloat64()
			sum += factors[i] * y.Data[i]
		}
		if gradients {
			copy(compute.GradientOf(t, y), factors)
		}
	}
	if g.extra != nil {
		sum += g.extra()
	}
	if gradients {
		t.Backward()
	}
	return sum
}

// TestGradients compares the gradients of every operation with finite differences. The tape's free
// memory is full of NaN.
func TestGradients(t *testing.T) {
	for _, g := range graphs() {
		t.Run(g.name, func(t *testing.T) {
			worst := checkGradients(t, g, 60)
			t.Logf("worst error %.1e", worst)
		})
	}
}

// checkGradients compares at most samples elements of each weight's gradient with differences of
// fourth order. Errors are relative to the weight's largest derivative.
func checkGradients(t *testing.T, g graph, samples int) (worst float64) {
	t.Helper()
	const h, tolerance = 1e-3, 1e-8
	w := weightsOf(g)
	tape, _ := newStrict(t, compute.Backend[float64](cpu.New[float64](2)))
	functional(tape, g, w, true)
	r := rand.New(rand.NewPCG(23, 23))
	for i, x := range w {
		grad := append([]float64(nil), compute.GradientOf(tape, x)...)
		top := 0.0
		for _, v := range grad {
			top = math.Max(top, math.Abs(v))
		}
		if !(top > 1e-3) || math.IsInf(top, 0) {
			t.Fatalf("weight %d: largest derivative is %g, so the test shows nothing", i, top)
		}
		for n := range min(samples, len(grad)) {
			at := n
			if len(grad) > samples {
				at = r.IntN(len(grad))
			}
			old := x.Data[at]
			var sum float64
			for _, term := range []struct{ step, factor float64 }{{-2, 1}, {-1, -8}, {1, 8}, {2, -1}} {
				x.Data[at] = old + term.step*h
				sum += term.factor * functional(tape, g, w, false)
			}
			x.Data[at] = old
			err := math.Abs(grad[at]-sum/(12*h)) / top
			if !(err <= tolerance) {
				t.Errorf("weight %d element %d: derivative %.10g, differences %.10g", i, at, grad[at], sum/(12*h))
			}
			worst = math.Max(worst, err)
		}
	}
	return worst
}

// TestGradientsAccumulate: a second backward pass adds the same gradient again.
func TestGradientsAccumulate(t *testing.T) {
	for _, g := range graphs() {
		w := weightsOf(g)
		tape, _ := newStrict(t, compute.Backend[float64](cpu.New[float64](1)))
		functional(tape, g, w, true)
		var once [][]float64
		for _, x := range w {
			once = append(once, append([]float64(nil), compute.GradientOf(tape, x)...))
		}
		functional(tape, g, w, true)
		for i, x := range w {
			for j, v := range compute.GradientOf(tape, x) {
				if math.Abs(v-2*once[i][j]) > 1e-12*(1+math.Abs(v)) {
					t.Fatalf("%s: weight %d element %d: %g after two passes, %g after one", g.name, i, j, v, once[i][j])
				}
			}
		}
	}
}

// manyRows and manyWords make more logits than HeadLoss holds at a time.
const manyRows, manyWords = 70, 1<<20/64 + 5

// TestLosses computes the losses of many rows together and by the definition, one by one.
func TestLosses(t *testing.T) {
	const hidden = 2
	r := rand.New(rand.NewPCG(24, 24))
	x, w := make([]float64, manyRows*hidden), make([]float64, manyWords*hidden)
	for _, data := range [][]float64{x, w} {
		for i := range data {
			data[i] = r.NormFloat64()
		}
	}
	targets := make([]int32, manyRows)
	for i := range targets {
		targets[i] = int32(r.IntN(manyWords))
	}
	targets[2], targets[manyRows-1] = -1, -1
	tape, _ := newStrict(t, compute.Backend[float64](cpu.New[float64](2)))
	losses := tape.HeadLoss(compute.Parameter(manyRows, hidden, x, nil), compute.Parameter(manyWords, hidden, w, nil), tape.Targets(targets), ones(manyRows))
	for i, target := range targets {
		logit := func(word int) float64 { return x[2*i]*w[2*word] + x[2*i+1]*w[2*word+1] }
		want := 0.0
		if target >= 0 {
			for word := range manyWords {
				want += math.Exp(logit(word))
			}
			want = math.Log(want) - logit(int(target))
		}
		if math.Abs(losses[i]-want) > 1e-12*(1+want) {
			t.Errorf("loss of row %d is %.15g, want %.15g", i, losses[i], want)
		}
	}
}

// TestManyLogits takes the gradients of many rows, made in parts.
func TestManyLogits(t *testing.T) {
	if testing.Short() {
		t.Skip("a million exponentials for each difference")
	}
	const rows, vocab = manyRows, manyWords
	worst := checkGradients(t, headLoss(fmt.Sprintf("%d x %d", rows, vocab), rows, vocab, 2), 6)
	t.Logf("worst error %.1e", worst)
}
