package model_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/config"
	"muonclip/internal/naive"
	"muonclip/model"
)

// now is the clock of BenchmarkStep.
var now = func() time.Duration { return time.Since(clockZero) }

var clockZero = time.Now()

// BenchmarkStep is the forward and backward pass of the preset mini, with the least time that each kernel of the backend
// took of it and the rate of the model's floating-point operations.
func BenchmarkStep(b *testing.B) {
	cfg := preset(b, "mini")
	for _, s := range [][2]int{{8, 256}, {1, 256}, {4, 1024}} {
		b.Run(fmt.Sprintf("mini/%dx%d", s[0], s[1]), func(b *testing.B) { benchmarkStep(b, cfg, s[0], s[1]) })
	}
}

func benchmarkStep(b *testing.B, cfg model.Config, rows, cols int) {
	be := &timed[float32]{Backend: cpu.New[float32](0), parts: map[string]time.Duration{}}
	m, err := model.New(cfg, compute.Backend[float32](be))
	if err != nil {
		b.Fatal(err)
	}
	m.Init(1)
	in := input(naive.RandomTokens(cfg.VocabSize, rows, cols, 8), nil)
	step := func() time.Duration {
		start := now()
		m.Renew()
		m.ResetStats()
		m.Step(in, 1/float64(rows*cols), 1)
		return now() - start
	}
	step()
	best, parts := time.Duration(math.MaxInt64), map[string]time.Duration{}
	for b.Loop() {
		clear(be.parts)
		d := step()
		rest := d
		for _, p := range be.parts {
			rest -= p
		}
		be.parts["rest"] = rest
		best = min(best, d)
		for name, p := range be.parts {
			if old, ok := parts[name]; !ok || p < old {
				parts[name] = p
			}
		}
	}
	b.ReportMetric(cfg.TrainFLOPs(cols).Total()*float64(rows*cols)/best.Seconds()/1e9, "GFLOP/s(best)")
	b.ReportMetric(best.Seconds()*1e3, "ms(best)")
	names := make([]string, 0, len(parts))
	for name := range parts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int { return int(parts[y] - parts[x]) })
	for _, name := range names {
		b.ReportMetric(parts[name].Seconds()*1e3, "ms/"+name)
	}
}

func preset(tb testing.TB, name string) model.Config {
	tb.Helper()
	c, _, err := config.Load(config.Options{Preset: name})
	if err != nil {
		tb.Fatal(err)
	}
	return c.Model
}

// timed adds up the time in each kernel.
type timed[T compute.Float] struct {
	compute.Backend[T]
	parts map[string]time.Duration
}

func (t *timed[T]) in(part string, begin time.Duration) { t.parts[part] += now() - begin }

func (t *timed[T]) Gemm(transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	defer t.in("gemm", now())
	t.Backend.Gemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func (t *timed[T]) Zero(dst []T) {
	defer t.in("zero", now())
	t.Backend.Zero(dst)
}

func (t *timed[T]) Embed(out, table []T, ids []int32, width int) {
	defer t.in("embed", now())
	t.Backend.Embed(out, table, ids, width)
}

func (t *timed[T]) EmbedBackward(dTable, dOut []T, ids []int32, width int) {
	defer t.in("embed-back", now())
	t.Backend.EmbedBackward(dTable, dOut, ids, width)
}

func (t *timed[T]) RMSNorm(y, rstd, x []T, ldx int, delta, w []T, eps T) {
	defer t.in("norm", now())
	t.Backend.RMSNorm(y, rstd, x, ldx, delta, w, eps)
}

func (t *timed[T]) RMSNormBackward(dx []T, lddx int, dw, dy, x []T, ldx int, w, rstd []T) {
	defer t.in("norm-back", now())
	t.Backend.RMSNormBackward(dx, lddx, dw, dy, x, ldx, w, rstd)
}

func (t *timed[T]) Attention(a *compute.AttentionArgs[T]) {
	defer t.in("attention", now())
	t.Backend.Attention(a)
}

func (t *timed[T]) AttentionBackward(a *compute.AttentionArgs[T]) {
	defer t.in("attention-back", now())
	t.Backend.AttentionBackward(a)
}

func (t *timed[T]) SwiGLU(act, gu []T, width int) {
	defer t.in("swiglu", now())
	t.Backend.SwiGLU(act, gu, width)
}

func (t *timed[T]) SwiGLUBackward(gu, dAct, act, scale, dScale []T, width int) {
	defer t.in("swiglu-back", now())
	t.Backend.SwiGLUBackward(gu, dAct, act, scale, dScale, width)
}

func (t *timed[T]) Route(a *compute.RouteArgs[T]) {
	defer t.in("route", now())
	t.Backend.Route(a)
}

func (t *timed[T]) RouteBackward(a *compute.RouteArgs[T]) {
	defer t.in("route", now())
	t.Backend.RouteBackward(a)
}

func (t *timed[T]) Group(index []int32, k int, load []int32, g compute.Groups) {
	defer t.in("route", now())
	t.Backend.Group(index, k, load, g)
}

func (t *timed[T]) Gather(dst, src []T, rows []int32, width int) {
	defer t.in("gather", now())
	t.Backend.Gather(dst, src, rows, width)
}

func (t *timed[T]) Combine(dst, src []T, slot []int32, w []T, k, width int) {
	defer t.in("combine", now())
	t.Backend.Combine(dst, src, slot, w, k, width)
}

func (t *timed[T]) GroupedGemm(y, x []T, rows []int32, w []T, ends []int32, stride, out, in int, transW bool) {
	defer t.in("grouped", now())
	t.Backend.GroupedGemm(y, x, rows, w, ends, stride, out, in, transW)
}

func (t *timed[T]) GroupedGemmWeights(beta T, dw, dy []T, dyRows []int32, x []T, xRows []int32, ends []int32, stride, out, in int) {
	defer t.in("grouped-weights", now())
	t.Backend.GroupedGemmWeights(beta, dw, dy, dyRows, x, xRows, ends, stride, out, in)
}

func (t *timed[T]) CrossEntropy(loss, logits []T, targets []int32, vocab int, scale []T) {
	defer t.in("cross-entropy", now())
	t.Backend.CrossEntropy(loss, logits, targets, vocab, scale)
}
