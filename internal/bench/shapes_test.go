package bench

import (
	"math"
	"testing"
)

// What the model asks its backend for must add up to the counted work: every linear product once, and Newton-Schulz.
func TestStepShapesAddUpToTheCountedWork(t *testing.T) {
	for _, preset := range []string{"tiny", "mini", "small-moe", "dense-124m"} {
		cfg := presetModel(t, preset)
		const rows, cols = 4, 64
		shapes, err := StepShapes(TrainOptions{Model: cfg, Rows: rows, Cols: cols})
		if err != nil {
			t.Fatal(err)
		}
		var products, newtonSchulz float64
		for _, s := range shapes {
			if s.Purpose == NewtonSchulz {
				newtonSchulz += s.FLOPs() * float64(s.Count)
			} else {
				products += s.FLOPs() * float64(s.Count)
			}
		}
		want := cfg.TrainFLOPs(cols).Linear * rows * cols
		if math.Abs(products/want-1) > 1e-12 {
			t.Errorf("%s: forward and backward products are %.6g FLOPs, want %.6g", preset, products, want)
		}
		if want := cfg.NewtonSchulzFLOPs(5); math.Abs(newtonSchulz/want-1) > 1e-12 {
			t.Errorf("%s: Newton-Schulz products are %.6g FLOPs, want %.6g", preset, newtonSchulz, want)
		}
	}
}

func TestStepShapesRefusesTooLongSequences(t *testing.T) {
	if _, err := StepShapes(TrainOptions{Model: presetModel(t, "tiny"), Rows: 1, Cols: 4096}); err == nil {
		t.Error("no error for sequences beyond max_position_embeddings")
	}
}
