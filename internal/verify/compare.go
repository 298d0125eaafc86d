package verify

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"muonclip/internal/naive"
)

// noteMaxLogits compares layer x head values, each relative to its size or to 1 if that is smaller.
func (r *run) noteMaxLogits(batch string, got, want [][]float64) {
	if !sameShape(got, want) {
		r.maxLogit.note(math.Inf(1), fmt.Sprintf("%s: not one value for each layer and head", batch))
		return
	}
	for l, heads := range want {
		for h, v := range heads {
			r.maxLogit.note(math.Abs(got[l][h]-v)/math.Max(math.Abs(v), 1), fmt.Sprintf("%s: layer %d head %d: %.15g, want %.15g", batch, l, h, got[l][h], v))
		}
	}
}

// noteLoads compares MoE layer x expert counts; the error is a number of tokens.
func (r *run) noteLoads(batch string, got, want [][]int) {
	if !sameShape(got, want) {
		r.load.note(math.Inf(1), fmt.Sprintf("%s: not one count for each MoE layer and expert", batch))
		return
	}
	for l, experts := range want {
		for e, n := range experts {
			r.load.note(math.Abs(float64(got[l][e]-n)), fmt.Sprintf("%s: MoE layer %d expert %d: %d tokens, want %d", batch, l, e, got[l][e], n))
		}
	}
}

func sameShape[T any](a, b [][]T) bool {
	return slices.EqualFunc(a, b, func(x, y []T) bool { return len(x) == len(y) })
}

// noteGradients compares tensor by tensor: the norm of the difference over the norm of the tensor.
func (r *run) noteGradients(batch string, got, want map[string][]float64) {
	floor := gradientFloor(want)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		g, ok := got[name]
		if !ok {
			r.referee.note(math.Inf(1), fmt.Sprintf("%s: no gradient of %s", batch, name))
			continue
		}
		r.referee.note(relativeError(g, want[name], floor), fmt.Sprintf("%s: %s", batch, name))
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok && !strings.HasSuffix(name, "e_score_correction_bias") {
			r.referee.note(math.Inf(1), fmt.Sprintf("%s: gradient of %s, which the model does not have", batch, name))
		}
	}
}

// noteDifferences compares sampled elements with finite differences: of every tensor the one with the largest
// derivative and random ones. The error is relative to that largest derivative.
func (r *run) noteDifferences(ctx context.Context, batch string, got, ref map[string][]float64, ids, docStart [][]int32, routes naive.Routes) error {
	floor := gradientFloor(ref)
	for _, name := range slices.Sorted(maps.Keys(ref)) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		g, ok := got[name]
		if !ok || len(g) != len(r.w[name]) {
			r.differences.note(math.Inf(1), fmt.Sprintf("%s: gradient of %s has %d elements, want %d", batch, name, len(g), len(r.w[name])))
			continue
		}
		at := largest(ref[name])
		scale := math.Max(math.Abs(ref[name][at]), floor)
		for i := range r.opt.Coordinates {
			if i > 0 {
				at = naive.RandomIndex(r.opt.Seed, batch+name, i, len(g))
			}
			d, err := naive.Difference(r.cfg, r.w, ids, docStart, routes, name, at)
			if err != nil {
				return fmt.Errorf("verify: batch %s: %w", batch, err)
			}
			r.differences.note(math.Abs(g[at]-d)/scale, fmt.Sprintf("%s: %s[%d]: %.10g, want %.10g", batch, name, at, g[at], d))
		}
	}
	return nil
}

// gradientFloor is the norm below which a tensor's gradient counts as zero: rounding decides the digits
// of, say, the query weights' gradient when every position sees itself only.
func gradientFloor(grads map[string][]float64) float64 {
	var sum float64
	for _, name := range slices.Sorted(maps.Keys(grads)) {
		for _, v := range grads[name] {
			sum += v * v
		}
	}
	return 1e-5 * math.Sqrt(sum)
}

// largest is the index of the element of largest magnitude.
func largest(x []float64) int {
	at := 0
	for i, v := range x {
		if math.Abs(v) > math.Abs(x[at]) {
			at = i
		}
	}
	return at
}

// relativeError is |got-want| / max(|want|, floor) in the Euclidean norm, infinite for another length.
func relativeError(got, want []float64, floor float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var diff, norm float64
	for i, v := range want {
		diff += (got[i] - v) * (got[i] - v)
		norm += v * v
	}
	if diff == 0 {
		return 0
	}
	return math.Sqrt(diff) / math.Max(math.Sqrt(norm), floor)
}
