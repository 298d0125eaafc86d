package bench

import (
	"bytes"
	"testing"

	"muonclip/internal/compute/cuda"
)

// The measurements themselves are tested beside the fake GPU, in package cuda.

// A step of several micro-batches has the tokens of all of them.
func TestMicroBatches(t *testing.T) {
	o := smallTrain(t)
	o.MicroBatches, o.Steps = 2, 1
	res, err := MeasureTrain(o)
	if err != nil {
		t.Fatal(err)
	}
	if res.TokensPerStep != 64 {
		t.Errorf("%d tokens a step, want 64", res.TokensPerStep)
	}
}

// A GPU takes the logits of more rows at a time than a processor.
func TestGPUShapes(t *testing.T) {
	o := smallTrain(t)
	o.Rows, o.Cols, o.Model.VocabSize = 32, 256, 1000
	rows := func() (most int) {
		shapes, err := StepShapes(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range shapes {
			if s.Purpose == Forward && s.N == o.Model.VocabSize {
				most = max(most, s.M)
			}
		}
		return most
	}
	host := rows()
	o.GPU = &cuda.Options{}
	if got := rows(); got != 8192 || host >= got {
		t.Errorf("logits of %d rows at a time on a GPU and %d on a processor, want all 8192 and fewer", got, host)
	}
}

func TestGPUOptions(t *testing.T) {
	o := smallTrain(t)
	o.Profile = true
	if _, err := MeasureTrain(o); err == nil {
		t.Error("no error where operations are to be timed on the processor")
	}
	o.GPU, o.CompareThreads = &cuda.Options{}, true
	if _, err := MeasureTrain(o); err == nil {
		t.Error("no error where threads are to be compared on a GPU")
	}
}

func TestPrintProfile(t *testing.T) {
	p := &StepProfile{Steps: 2, LeastSeconds: 5e-6, Rows: []cuda.ProfileRow{
		{Name: "route", Calls: 4, Seconds: 0.002}, {Name: "product 2x3x4 nt", Calls: 2, Seconds: 0.001, FLOPs: 3e9},
	}}
	var b bytes.Buffer
	tab := newTable(&b)
	p.rows(tab)
	if err := tab.Flush(); err != nil {
		t.Fatal(err)
	}
	wantWords(t, b.String(), "each with 5 µs", "ms of a step", "1.000", "66.7 %", "500.0", "3.0")
}
