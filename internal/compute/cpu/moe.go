package cpu

import (
	"cmp"
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

// Balance moves the biases towards an even load; see compute.Backend.
func (b *Backend[T]) Balance(bias []T, load []int32, rate float64) {
	var total, above int64
	for _, n := range load {
		total += int64(n)
	}
	sign := func(n int32) int64 { return int64(cmp.Compare(total, int64(n)*int64(len(load)))) }
	for _, n := range load {
		above += sign(n)
	}
	mean := float64(above) / float64(len(load))
	for i, n := range load {
		bias[i] += T(rate * (float64(sign(n)) - mean))
	}
}

// minGroupRows is the fewest rows of one expert that are worth packing its matrix for.
const minGroupRows = 64

// GroupedGemm multiplies rows ends[e-1]..ends[e] of x by expert e's matrix: y = x W_e, or x W_e^T
// where transW is set; see compute.Backend. W_e is out x in (in x out transposed) and begins at e*stride.
func (b *Backend[T]) GroupedGemm(y, x []T, rows []int32, w []T, ends []int32, stride, out, in int, transW bool) {
	tasks := b.groupTasks(ends)
	b.For(len(tasks), func(wk *Worker[T], i int) {
		t := tasks[i]
		ldw := out
		if transW {
			ldw = in
		}
		part := x[min(t.lo*in, len(x)):]
		if rows != nil {
			part = wk.pick(x, in, rows[t.lo:t.hi], 0, in)
		}
		amx := amxPays(wk.kern, groupRows(ends, t.expert), out, in)
		wk.gemm(amx, false, transW, t.hi-t.lo, out, in, 1, part, in, w[t.expert*stride:], ldw, 0, y[t.lo*out:], out)
	})
}

// GroupedGemmWeights computes dW_e = dy_e^T x_e + beta dW_e, out x in; see compute.Backend. Two tasks an expert
// even out the load. Each takes half of the columns of the operand whose rows are picked.
func (b *Backend[T]) GroupedGemmWeights(beta T, dw, dy []T, dyRows []int32, x []T, xRows []int32, ends []int32, stride, out, in int) {
	b.For(2*len(ends), func(wk *Worker[T], i int) {
		e := i / 2
		hi := int(ends[e])
		lo := hi - groupRows(ends, e)
		amx := amxPays(wk.kern, out, in, hi-lo)
		if xRows != nil {
			from, to := half(in, i%2)
			part := wk.pick(x, in, xRows[lo:hi], from, to)
			wk.gemm(amx, true, false, out, to-from, hi-lo, 1, dy[min(lo*out, len(dy)):], out, part, to-from, beta, dw[e*stride+from:], in)
			return
		}
		from, to := half(out, i%2)
		part, ld := dy[min(lo*out+from, len(dy)):], out
		if dyRows != nil {
			part, ld = wk.pick(dy, out, dyRows[lo:hi], from, to), to-from
		}
		wk.gemm(amx, true, false, to-from, in, hi-lo, 1, part, ld, x[min(lo*in, len(x)):], in, beta, dw[e*stride+from*in:], in)
	})
}

// groupRows is the number of rows of expert e.
func groupRows(ends []int32, e int) int {
	if e == 0 {
		return int(ends[0])
	}
	return int(ends[e] - ends[e-1])
}

// half is the first or second half of n.
func half(n, i int) (from, to int) { return i * ceil(n, 2), min((i+1)*ceil(n, 2), n) }

// pick copies columns [from, to) of the given rows of x to lie one behind the other.
func (w *Worker[T]) pick(x []T, width int, rows []int32, from, to int) []T {
	n := to - from
	w.scratch = grow(w.scratch, len(rows)*n)
	for i, r := range rows {
		copy(w.scratch[i*n:(i+1)*n], x[int(r)*width+from:])
	}
	return w.scratch
}

type groupTask struct{ expert, lo, hi int }

// groupTasks cuts the experts' rows into tasks. The cut decides nothing but which worker computes a row.
func (b *Backend[T]) groupTasks(ends []int32) []groupTask {
	b.tasks = b.tasks[:0]
	most := max(minGroupRows, int(ends[len(ends)-1])/(8*len(b.workers)))
	most = ceil(most, amxSide) * amxSide // groups of rows in AMX are the same, however many threads there are
	lo := 0
	for e, end := range ends {
		for lo < int(end) {
			hi := min(lo+most, int(end))
			b.tasks = append(b.tasks, groupTask{e, lo, hi})
			lo = hi
		}
	}
	return b.tasks
}
