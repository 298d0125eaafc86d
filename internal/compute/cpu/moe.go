package cpu

import (
	"math"

	"muonclip/internal/compute"
)

// Route picks the experts of each token; see compute.RouteArgs.
func (b *Backend[T]) Route(a *compute.RouteArgs[T]) {
	b.chunks(a.Tokens, rowChunk, func(w *Worker[T], lo, hi int) {
		w.scratch = grow(w.scratch, a.Experts)
		for t := lo; t < hi; t++ {
			scores := a.Scores[t*a.Experts : (t+1)*a.Experts]
			for e, z := range scores {
				s := T(1 / (1 + math.Exp(-float64(z))))
				scores[e] = s
				w.scratch[e] = s + a.Bias[e]
			}
			index, weight := a.Index[t*a.TopK:][:a.TopK], a.Weight[t*a.TopK:][:a.TopK]
			var sum T
			for j := range index {
				best := 0
				for e, s := range w.scratch {
					if s > w.scratch[best] {
						best = e
					}
				}
				w.scratch[best] = T(math.Inf(-1))
				index[j], weight[j] = int32(best), scores[best]
				sum += scores[best]
			}
			for j := range weight {
				if a.Norm {
					weight[j] /= sum + 1e-20
				}
				weight[j] *= a.Scale
			}
		}
	})
	if a.AuxWeight != 0 {
		b.For(a.Tokens/a.Seq, func(w *Worker[T], i int) { auxLoss(w, a, i) })
	}
}

// auxLoss computes the balance loss of sequence i and its expert frequencies.
func auxLoss[T compute.Float](w *Worker[T], a *compute.RouteArgs[T], i int) {
	freq := a.Frequency[i*a.Experts : (i+1)*a.Experts]
	clear(freq)
	for _, e := range a.Index[i*a.Seq*a.TopK : (i+1)*a.Seq*a.TopK] {
		freq[e] += T(a.Experts) / T(a.TopK*a.Seq)
	}
	var loss T
	for t := i * a.Seq; t < (i+1)*a.Seq; t++ {
		scores := a.Scores[t*a.Experts : (t+1)*a.Experts]
		loss += w.kern.dot(freq, scores) / (sum(scores) + 1e-20)
	}
	a.AuxLoss[i] = a.AuxWeight * loss / T(a.Seq)
}

func sum[T compute.Float](x []T) T {
	var s T
	for _, v := range x {
		s += v
	}
	return s
}

// RouteBackward turns the gradient of the routing weights into that of the router's logits. With
// w_j = c s_j / S and S the sum of the chosen scores, ds_j = (c/S) (dw_j - sum_i dw_i s_i / S).
func (b *Backend[T]) RouteBackward(a *compute.RouteArgs[T]) {
	b.chunks(a.Tokens, rowChunk, func(w *Worker[T], lo, hi int) {
		for t := lo; t < hi; t++ {
			scores := a.Scores[t*a.Experts : (t+1)*a.Experts]
			index, dw := a.Index[t*a.TopK:][:a.TopK], a.DWeight[t*a.TopK:][:a.TopK]
			dz := a.DLogits[t*a.Experts : (t+1)*a.Experts]
			clear(dz)
			factor, mean := a.Scale, T(0)
			if a.Norm {
				var sum T
				for _, e := range index {
					sum += scores[e]
				}
				sum += 1e-20
				for j, e := range index {
					mean += dw[j] * scores[e] / sum
				}
				factor /= sum
			}
			for j, e := range index {
				dz[e] = factor * (dw[j] - mean)
			}
			if a.AuxWeight != 0 {
				freq := a.Frequency[t/a.Seq*a.Experts:][:a.Experts]
				total := sum(scores) + 1e-20
				share := w.kern.dot(freq, scores) / total
				for e := range dz {
					dz[e] += a.AuxWeight / T(a.Seq) / total * (freq[e] - share)
				}
			}
			for e, s := range scores {
				dz[e] *= s * (1 - s)
			}
		}
	})
}

// Group sorts the choices by expert; see compute.Groups.
func (b *Backend[T]) Group(index []int32, k int, load []int32, g compute.Groups) {
	clear(g.Ends)
	for _, e := range index {
		g.Ends[e]++
	}
	var next int32
	for e, count := range g.Ends {
		load[e] += count
		g.Ends[e] = next // where the expert's rows begin, for now
		next += count
	}
	for c, e := range index {
		row := g.Ends[e]
		g.Ends[e]++
		g.Slot[c], g.Choice[row], g.Token[row] = row, int32(c), int32(c/k)
	}
}

// minGroupRows is the fewest rows of one expert that are worth packing its matrix for.
const minGroupRows = 64

// GroupedGemm multiplies rows ends[e-1]..ends[e] of x by expert e's matrix: y = x W_e, or x W_e^T
// where transW is set. W_e is out x in (in x out transposed) and begins at e*stride.
func (b *Backend[T]) GroupedGemm(y, x, w []T, ends []int32, stride, out, in int, transW bool) {
	tasks := b.groupTasks(ends)
	b.For(len(tasks), func(wk *Worker[T], i int) {
		t := tasks[i]
		ldw := out
		if transW {
			ldw = in
		}
		wk.Gemm(false, transW, t.hi-t.lo, out, in, 1, x[t.lo*in:], in, w[t.expert*stride:], ldw, 0, y[t.lo*out:], out)
	})
}

// GroupedGemmWeights adds dy_e^T x_e to expert e's gradient, out x in.
func (b *Backend[T]) GroupedGemmWeights(dw, dy, x []T, ends []int32, stride, out, in int) {
	half := ceil(out, 2) // two tasks an expert even out the load
	b.For(2*len(ends), func(wk *Worker[T], i int) {
		e, r0 := i/2, i%2*half
		lo, hi := 0, int(ends[e])
		if e > 0 {
			lo = int(ends[e-1])
		}
		if lo == hi {
			return
		}
		wk.Gemm(true, false, min(half, out-r0), in, hi-lo, 1, dy[lo*out+r0:], out, x[lo*in:], in, 1, dw[e*stride+r0*in:], in)
	})
}

type groupTask struct{ expert, lo, hi int }

// groupTasks cuts the experts' rows into tasks. The cut decides nothing but which worker computes a row.
func (b *Backend[T]) groupTasks(ends []int32) []groupTask {
	b.tasks = b.tasks[:0]
	groupRows := max(minGroupRows, int(ends[len(ends)-1])/(8*len(b.workers)))
	lo := 0
	for e, end := range ends {
		for lo < int(end) {
			hi := min(lo+groupRows, int(end))
			b.tasks = append(b.tasks, groupTask{e, lo, hi})
			lo = hi
		}
	}
	return b.tasks
}
