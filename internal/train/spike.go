package train

import (
	"math"

	"muonclip/internal/metrics"
)

// watch keeps the losses and gradient norms of the last ordinary steps. It is part of a checkpoint,
// so that a resumed run judges as an uninterrupted one does.
type watch struct {
	Loss []float64 `json:"loss"`
	Grad []float64 `json:"grad"`
}

// judge returns what is out of the ordinary about a step, or nil. It says nothing before its
// window is full.
func (w *watch) judge(s Spike, loss, norm float64) *metrics.Event {
	if s.Action == "" || len(w.Loss) < s.Window {
		return nil
	}
	if z := score(w.Loss, loss); s.ZLoss > 0 && z > s.ZLoss {
		return &metrics.Event{Kind: metrics.KindSpike, Signal: "loss", Value: loss, Z: z, Action: s.Action}
	}
	if z := score(w.Grad, norm); s.ZGrad > 0 && z > s.ZGrad {
		return &metrics.Event{Kind: metrics.KindSpike, Signal: "grad_norm", Value: norm, Z: z, Action: s.Action}
	}
	return nil
}

// observe adds an ordinary step.
func (w *watch) observe(s Spike, loss, norm float64) {
	if s.Action == "" {
		return
	}
	w.Loss, w.Grad = slide(w.Loss, loss, s.Window), slide(w.Grad, norm, s.Window)
}

func slide(x []float64, v float64, window int) []float64 {
	if len(x) < window {
		return append(x, v)
	}
	copy(x, x[1:])
	x[len(x)-1] = v
	return x
}

// score is how many standard deviations v lies above the mean of x. A deviation below a
// thousandth of the mean counts as that: a curve that is flat to rounding has no spikes in its noise.
func score(x []float64, v float64) float64 {
	var mean, square float64
	for _, a := range x {
		mean += a
	}
	mean /= float64(len(x))
	for _, a := range x {
		square += (a - mean) * (a - mean)
	}
	return (v - mean) / math.Max(math.Sqrt(square/float64(len(x))), 1e-3*math.Abs(mean)+1e-12)
}
