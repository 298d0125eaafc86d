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
	if _, err := MeasureGenerate(t.Context(), GenerateOptions{Prompt: 1, Tokens: 2, Batch: 1, Rounds: 1, GPU: &cuda.Options{}}); err == nil {
		t.Error("no error for generation on a GPU")
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
