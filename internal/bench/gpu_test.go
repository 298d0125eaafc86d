package bench

import (
	"bytes"
	"testing"
	"time"

	"muonclip/internal/compute/cuda"
)

// dryGPU lets measurements run on a backend that hands out memory and computes nothing.
func dryGPU(t *testing.T) {
	t.Helper()
	open := openGPU
	openGPU = cuda.Dry
	t.Cleanup(func() { openGPU = open })
}

// The figures of a GPU that computes nothing mean nothing, but all are there, and what is allocated is what was predicted.
func TestMeasureTrainGPU(t *testing.T) {
	dryGPU(t)
	o := smallTrain(t)
	o.GPU, o.MicroBatches, o.Recompute = &cuda.Options{Precision: cuda.BF16}, 3, true
	res, err := MeasureTrain(o)
	if err != nil {
		t.Fatal(err)
	}
	text := printed(t, func(b *bytes.Buffer) error { return res.Print(b) }, res)
	wantWords(t, text, "none, 1 multiprocessors", "bf16", "micro-batches of a step", "memory predicted", "memory allocated", "memory occupied", "QK-Clip")
	if res.TokensPerStep != 96 || res.GPU.MicroBatches != 3 {
		t.Errorf("%d tokens in %d micro-batches, want 96 in 3", res.TokensPerStep, res.GPU.MicroBatches)
	}
	if ratio := float64(res.GPU.Allocated) / float64(res.GPU.Predicted); ratio < 0.98 || ratio > 1.02 {
		t.Errorf("%d bytes were predicted and %d allocated", res.GPU.Predicted, res.GPU.Allocated)
	}
	o.Profile = true
	openProfiled = func(o cuda.Options) (*cuda.Backend, *cuda.Profile, error) {
		be, err := cuda.Dry(o)
		return be, &cuda.Profile{}, err
	}
	t.Cleanup(func() { openProfiled = cuda.OpenProfiled })
	if res, err = MeasureTrain(o); err != nil {
		t.Fatal(err)
	}
	res.GPU.Profile.Rows = []cuda.ProfileRow{{Name: "route", Calls: 4, Seconds: 0.002}, {Name: "product 2x3x4 nt", Calls: 2, Seconds: 0.001, FLOPs: 3e9}}
	wantWords(t, printed(t, func(b *bytes.Buffer) error { return res.Print(b) }, res), "ms of a step", "1.000", "66.7 %", "500.0", "3.0")
	o.CompareThreads = true
	if _, err := MeasureTrain(o); err == nil {
		t.Error("no error where threads are to be compared on a GPU")
	}
}

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

func TestMeasureGemmGPU(t *testing.T) {
	dryGPU(t)
	step := smallTrain(t)
	step.GPU, step.MicroBatches = &cuda.Options{Precision: cuda.BF16}, 2
	res, err := MeasureGemmGPU(GemmOptions{Models: []GemmModel{{"small", step}}, Rounds: 1, Sample: time.Microsecond})
	if err != nil {
		t.Fatal(err)
	}
	text := printed(t, func(b *bytes.Buffer) error { return res.Print(b) }, res)
	wantWords(t, text, Forward, WeightGradient, "Muon", "of peak")
	products, err := StepShapes(step)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, s := range products {
		counts[s.Purpose] += 2 * s.Count
	}
	for _, r := range res.Rows {
		counts[r.Purpose] -= r.Count
	}
	for _, purpose := range []string{Forward, InputGradient, WeightGradient} {
		if counts[purpose] != 0 {
			t.Errorf("%s: %d products of two micro-batches are missing", purpose, counts[purpose])
		}
	}
}

func TestGenerateGPU(t *testing.T) {
	_, err := MeasureGenerate(t.Context(), GenerateOptions{Prompt: 1, Tokens: 2, Batch: 1, Rounds: 1, GPU: &cuda.Options{}})
	if err == nil {
		t.Error("no error for generation on a GPU")
	}
}
