package cpu

import "math"

// CrossEntropy replaces each row of logits by its gradient times the row's scale and writes the loss of
// each row: loss = log sum exp(z) - z[target], gradient = softmax(z) - onehot(target).
func (b *Backend[T]) CrossEntropy(loss, logits []T, targets []int32, vocab int, scale []T) {
	b.chunks(len(loss), 8, func(w *Worker[T], lo, hi int) {
		for i := lo; i < hi; i++ {
			row := logits[i*vocab : (i+1)*vocab]
			target := targets[i]
			if target < 0 {
				loss[i] = 0
				clear(row)
				continue
			}
			shift := w.kern.max(row)
			hit := row[target]
			sum := w.kern.expSum(row, row, shift)
			loss[i] = T(math.Log(float64(sum))) + (shift - hit) // the difference first: it is exact where logits are large
			w.kern.scale(row, row, scale[i]/sum)
			row[target] -= scale[i]
		}
	})
}
