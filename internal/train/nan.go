package train

import (
	"muonclip/internal/metrics"
	"muonclip/model"
)

// findNaN runs the micro-batches once more and names the first operation with an output, or in the
// backward pass an incoming gradient, that is not finite.
func (l *Loop) findNaN(inputs []model.Input) metrics.Event {
	e := metrics.Event{Kind: metrics.KindNaN, Layer: -1, Head: -1, Op: "gradient norm"}
	found := false
	l.model.Inspect(func(op string, layer int, backward bool, data []float32) {
		for _, v := range data {
			if !finite(float64(v)) {
				found = true
				l.model.Inspect(nil) // which would go on bringing everything to the host
				e.Op, e.Layer = op, layer
				if backward {
					e.Op = "gradient of " + op
				}
				return
			}
		}
	})
	defer l.model.Inspect(nil)
	for i := 0; i < len(inputs) && !found; i++ {
		l.model.Step(inputs[i], 1, 1)
	}
	return e
}
