package optim

import "math"

// rate is the factor of the orthogonal rows x cols matrix O in the update, learning rate included.
//
// Moonlight (arXiv 2502.16982, equation 4) takes lr*scale*sqrt(max(rows, cols)), since O has a root mean square of
// 1/sqrt(max(rows, cols)): all updates then have the same one, that of AdamW.
//
// Muon as first published (Keller Jordan, "Muon: an optimizer for hidden layers in neural networks", 2024) takes
// lr*sqrt(max(1, rows/cols)), so that an update changes outputs of unit size by about lr in each element, whatever the
// shape. It has neither a common size with AdamW's updates nor weight decay of its own: see Config.AdamWRatio and
// Config.WeightDecay. Its momentum is an average, mu M + (1-mu) G, where ours is a sum; Newton-Schulz divides by the
// norm, so both give the same update.
func (r *muonRule) rate(lr float64, rows, cols int) float64 {
	if r.spectral {
		return lr * math.Sqrt(max(1, float64(rows)/float64(cols)))
	}
	return lr * r.scale * math.Sqrt(float64(max(rows, cols)))
}
