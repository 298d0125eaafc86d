package naive

import "math"

// crossEntropy is the mean of -log softmax(logits)[target] over the targets that are not negative.
func crossEntropy(logits []float64, vocab int, ids [][]int32) float64 {
	var sum float64
	var count, i int
	for _, row := range ids {
		for _, target := range row[1:] {
			if target >= 0 {
				z := logits[i*vocab : (i+1)*vocab]
				sum += logSumExp(z) - z[target]
				count++
			}
			i++
		}
	}
	if count == 0 {
		return 0
	}
	return sum / float64(count)
}

// logSumExp is log(sum exp(z)), with the largest element taken out so that nothing overflows.
func logSumExp(z []float64) float64 {
	top := math.Inf(-1)
	for _, v := range z {
		top = math.Max(top, v)
	}
	var sum float64
	for _, v := range z {
		sum += math.Exp(v - top)
	}
	return top + math.Log(sum)
}

func rootMeanSquare(x []float64, eps float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum/float64(len(x)) + eps)
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
