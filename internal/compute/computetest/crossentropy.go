package computetest

import (
	"fmt"
	"math"

	"muonclip/internal/compute"
)

// crossEntropy is the loss and the scaled gradient of one row of logits.
func crossEntropy(z []float64, target int32, scale float64) (loss float64, grad []float64) {
	grad = make([]float64, len(z))
	if target < 0 {
		return 0, grad
	}
	p, top, above := softmax(z)
	for i, v := range p {
		grad[i] = scale * v
	}
	grad[target] -= scale
	return above + (top - z[target]), grad
}

func testCrossEntropy[T compute.Float](c *check[T]) {
	for _, vocab := range []int{1, 2, 7, 8, 9, 16, 17, 31, 300, 1000} {
		for _, rows := range []int{1, 7, 8, 9, 65} {
			for _, largest := range []float64{1, 0.125, 0} {
				logits, targets, scale := c.random(rows*vocab), c.indices(rows, vocab), c.random(rows)
				for i := range scale {
					scale[i] *= T(largest)
				}
				for i := range logits {
					logits[i] *= 5
				}
				for i := 0; i < rows; i += 3 {
					targets[i] = -1
				}
				if rows == 9 { // no target at all
					for i := range targets {
						targets[i] = -1
					}
				}
				compareCrossEntropy(c, fmt.Sprintf("%d rows of %d, scale up to %g", rows, vocab, largest), logits, targets, vocab, scale)
			}
		}
	}
}

func compareCrossEntropy[T compute.Float](c *check[T], what string, logits []T, targets []int32, vocab int, scale []T) {
	c.Helper()
	loss := c.nan(len(targets))
	targets = c.ints(targets)
	wantLoss, wantGrad, size := make([]float64, len(targets)), make([]float64, len(logits)), make([]float64, len(targets))
	for i, target := range targets {
		var g []float64
		wantLoss[i], g = crossEntropy(wide(logits[i*vocab:(i+1)*vocab]), target, float64(scale[i]))
		copy(wantGrad[i*vocab:], g)
		size[i] = 1 + math.Abs(wantLoss[i])
	}
	c.be.CrossEntropy(loss, logits, targets, vocab, scale)
	c.nearEach(what+": loss", loss, wantLoss, size)
	c.near(what+": gradient", logits, wantGrad, 1)
}

// testCrossEntropyExtremes: large logits lose nothing, a masked logit has no share, and NaN stays in its row.
func testCrossEntropyExtremes[T compute.Float](c *check[T]) {
	const vocab, rows = 37, 30
	logits, targets := c.random(rows*vocab), c.indices(rows, vocab)
	at := func(row, i int) *T { return &logits[row*vocab+i] }
	for i := range vocab {
		for row := 11; row < rows; row += 2 { // all large: the loss is that of the differences
			*at(row-1, i) += 1e4
			*at(row, i) -= 1e4
		}
		*at(3, i) *= 1e4
		*at(8, i) = 0
		if i != 5 {
			*at(9, i) = T(math.Inf(-1))
		}
	}
	*at(4, 0), targets[4] = 1e4, 0  // certain and right: no loss
	*at(5, 0), targets[5] = 1e4, 1  // certain and wrong: a loss of 1e4
	*at(6, 0), targets[6] = -1e4, 0 // improbable target
	*at(7, 20) = T(math.NaN())
	*at(9, 5), targets[9] = 2, 5 // all other words are masked
	targets[0] = -1
	*at(0, 0) = T(math.NaN()) // no loss here, so no NaN either
	compareCrossEntropy(c, "extreme rows", logits, targets, vocab, c.filled(rows, 0.5))
}
