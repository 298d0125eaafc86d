package bench

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/config"
	"muonclip/model"
	"muonclip/optim"
)

func printed(t *testing.T, print func(*bytes.Buffer) error, v any) string {
	t.Helper()
	var b bytes.Buffer
	if err := print(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(v); err != nil { // refuses NaN and infinities
		t.Errorf("the result is no JSON: %v", err)
	}
	for _, bad := range []string{"NaN", "Inf", "%!"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("the table has %q:\n%s", bad, b.String())
		}
	}
	return b.String()
}

func wantWords(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("the table lacks %q:\n%s", w, text)
		}
	}
}

func TestMeasureTrain(t *testing.T) {
	o := smallTrain(t)
	o.CompareThreads, o.Recompute = true, true
	res, err := MeasureTrain(o)
	if err != nil {
		t.Fatal(err)
	}
	text := printed(t, func(b *bytes.Buffer) error { return res.Print(b) }, res)
	wantWords(t, text, "machine", "tokens per second", "optimizer", "QK-Clip", "loading the batch", "measured peak", "bound of the step", "optimizer state", "without recomputation", "times one thread")
	if res.TokensPerStep != 32 || res.Threads != 2 || res.Scaling == nil {
		t.Errorf("%d tokens a step, %d threads, scaling %v", res.TokensPerStep, res.Threads, res.Scaling)
	}
	if res.ActivationsKept <= res.Memory.Activations {
		t.Errorf("activations of %d bytes without recomputation, %d with it", res.ActivationsKept, res.Memory.Activations)
	}
	parts := res.ForwardBackward.Min + res.Optimizer.Min + res.QKClip.Min
	if res.StepSeconds.Max < parts*(1-1e-9) {
		t.Errorf("the slowest step took %g s, its parts at least %g s", res.StepSeconds.Max, parts)
	}
	left, err := os.ReadDir(o.Temp)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
	if _, err := MeasureTrain(TrainOptions{Model: o.Model, Rows: 1, Cols: 8}); err == nil {
		t.Error("no error for zero steps")
	}
}

// What is counted must be what a model of this shape has: 4 bytes an element, momentum for matrices and two moments for the rest.
func TestCountMemory(t *testing.T) {
	o := smallTrain(t)
	s, err := newStepper(o, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.step(); err != nil {
		t.Fatal(err)
	}
	var elems, state int64
	for _, p := range o.Model.Shapes() {
		elems += p.Elems()
		switch {
		case p.Muon:
			state += p.Elems()
		case p.Trained:
			state += 2 * p.Elems()
		}
	}
	m := countMemory(s.model, s.opt)
	if m.Weights != 4*elems || m.Gradients != 4*elems || m.Optimizer != 4*state {
		t.Errorf("weights %d, gradients %d, state %d bytes; want %d, %d, %d", m.Weights, m.Gradients, m.Optimizer, 4*elems, 4*elems, 4*state)
	}
	if m.Activations <= 0 || m.Needed() != m.Weights+m.Gradients+m.Optimizer+m.Activations {
		t.Errorf("%+v", m)
	}
}

func TestTrainRates(t *testing.T) {
	o := smallTrain(t)
	r := Train{TokensPerStep: o.Rows * o.Cols}
	r.fill([]stepTimes{{3, 1, 0.5}, {2, 1, 0.5}, {4, 2, 1}})
	if diff := cmp.Diff(Spread{3.5, 4.5, 7}, r.StepSeconds); diff != "" {
		t.Error(diff)
	}
	if r.OptimizerShare != 1/4.5 || r.QKClipShare != 0.5/4.5 {
		t.Errorf("shares %g, %g", r.OptimizerShare, r.QKClipShare)
	}
	if diff := cmp.Diff(Spread{32 / 7.0, 32 / 4.5, 32 / 3.5}, r.TokensPerSecond); diff != "" {
		t.Error(diff)
	}
	r.rates(o, 2)
	model := o.Model.TrainFLOPs(o.Cols).Total() * 32 / 1e9
	if got, want := r.PeakShare, model/3/2; math.Abs(got-want) > 1e-12 {
		t.Errorf("share of the peak %g, want %g", got, want)
	}
	if got, want := r.BoundSeconds, (model+o.Model.NewtonSchulzFLOPs(5)/1e9)/2; math.Abs(got-want) > 1e-12 || math.Abs(r.BoundShare-want/4.5) > 1e-12 {
		t.Errorf("bound %g s, share %g; want %g s", got, r.BoundShare, want)
	}
}

func TestNewtonSchulzSteps(t *testing.T) {
	three := []optim.Coefficients{{1}, {2}, {3}}
	for want, ns := range map[int]optim.NewtonSchulz{5: {}, 7: {Steps: 7}, 3: {Coefficients: three}} {
		if got := newtonSchulzSteps(optim.Config{NewtonSchulz: ns}); got != want {
			t.Errorf("%+v: %d steps, want %d", ns, got, want)
		}
	}
}

func TestMeasureOptimizer(t *testing.T) {
	o := smallTrain(t)
	res, err := MeasureOptimizer(o)
	if err != nil {
		t.Fatal(err)
	}
	text := printed(t, func(b *bytes.Buffer) error { return res.Print(b) }, res)
	wantWords(t, text, "Muon alone", "AdamW alone", "one Newton-Schulz iteration", "without symmetry", "every head clipped", "bound of the optimizer")
	var muon, adamw int64
	for _, p := range o.Model.Shapes() {
		switch {
		case p.Muon:
			muon += p.Elems()
		case p.Trained:
			adamw += p.Elems()
		}
	}
	if res.MuonElements != muon || res.AdamWElements != adamw {
		t.Errorf("%d and %d elements, want %d and %d", res.MuonElements, res.AdamWElements, muon, adamw)
	}
}

func TestOptimizerBound(t *testing.T) {
	cfg := small(t)
	r := Optimizer{Iterations: 5, Iteration: Spread{Median: 0.5}, Update: Spread{Median: 4}}
	r.bound(cfg, 1e9, 3e9, 2e9)
	symmetric := cfg.NewtonSchulzFLOPs(5) / 1e9
	if math.Abs(r.IterationGflops-symmetric/5/0.5) > 1e-12 || math.Abs(r.PeakShare-r.IterationGflops) > 1e-12 {
		t.Errorf("rate %g, share %g", r.IterationGflops, r.PeakShare)
	}
	if want := symmetric + 1.5; math.Abs(r.BoundSeconds-want) > 1e-12 || math.Abs(r.BoundShare-want/4) > 1e-12 {
		t.Errorf("bound %g s, share %g; want %g s", r.BoundSeconds, r.BoundShare, want)
	}
	// A square matrix costs 2 n^3 of 6 n^3 less a third by symmetry: 4 of 6.
	square := model.Config{}
	if fullNewtonSchulzFLOPs(square, 5) != 0 {
		t.Error("a model without matrices has products")
	}
	if r.FullGflop <= r.SymmetricGflop || r.FullGflop > 1.5*r.SymmetricGflop+1e-12 {
		t.Errorf("%g GFLOP in full, %g with symmetry: want between 1 and 1.5 times", r.FullGflop, r.SymmetricGflop)
	}
}

func TestMeasureTokenizer(t *testing.T) {
	docs, size, err := Text(context.Background(), []config.Source{{Path: "."}}, 20_000)
	if err != nil {
		t.Fatal(err)
	}
	if size < 20_000 || len(docs) < 2 {
		t.Fatalf("%d bytes in %d documents", size, len(docs))
	}
	res, err := MeasureTokenizer(context.Background(), TokenizerOptions{Docs: docs, Vocab: 400, Rounds: 1})
	if err != nil {
		t.Fatal(err)
	}
	text := printed(t, func(b *bytes.Buffer) error { return res.Print(b) }, res)
	wantWords(t, text, "learn a vocabulary of 400", "encode", "decode", "in the first pass")
	if res.Bytes != size || res.BytesPerToken < 1 {
		t.Errorf("%d bytes, %g bytes a token", res.Bytes, res.BytesPerToken)
	}
}

func TestTextErrors(t *testing.T) {
	for name, sources := range map[string][]config.Source{
		"none":      nil,
		"made":      {{Path: config.Recall}},
		"not there": {{Path: filepath.Join(t.TempDir(), "nothing")}},
	} {
		if _, _, err := Text(context.Background(), sources, 0); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMeasureLoader(t *testing.T) {
	o := smallTrain(t)
	res, err := MeasureLoader(LoaderOptions{Train: o, Tokens: 10_000, Batches: 5})
	if err != nil {
		t.Fatal(err)
	}
	text := printed(t, func(b *bytes.Buffer) error { return res.Print(b) }, res)
	wantWords(t, text, "shards in memory", "read from files", "training step", "tokens/s", "bound")
	if left, err := os.ReadDir(o.Temp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
	l := Loader{Rows: 2, Cols: 50, Resident: Spread{Median: 0.01}, FromFiles: Spread{Median: 0.02}}
	l.fill(Spread{Median: 2}, 1e6)
	if l.Share != 0.005 || l.FileShare != 0.01 || l.TokensPerS != 1e4 || l.SequencesS != 200 || l.BoundSeconds != 0.0016 || math.Abs(l.BoundShare-0.16) > 1e-12 {
		t.Errorf("%+v", l)
	}
}

func TestScalingLaws(t *testing.T) {
	point := func(over string, tokens int, flops, seconds float64, activations, peak int64) ScalingPoint {
		return ScalingPoint{
			Over: over, Tokens: tokens, flops: flops, updateFLOPs: 2 * flops, PerToken: Spread{Median: seconds}, Update: Spread{Median: 3 * seconds},
			Memory: Memory{Weights: 100, Gradients: 100, Optimizer: 50, Activations: activations, Peak: peak},
		}
	}
	s := Scaling{Points: []ScalingPoint{
		point(OverBatch, 10, 6, 1, 40, 300), point(OverBatch, 20, 6, 1.5, 85, 350), point(OverVocab, 10, 4, 2, 60, 400), point(OverVocab, 10, 8, 5, 60, 400),
	}}
	s.laws()
	var time, update []float64
	var memory []int64
	for _, p := range s.Points {
		time, update, memory = append(time, p.LawPerToken), append(update, p.LawUpdate), append(memory, p.LawMemory)
	}
	if diff := cmp.Diff([]float64{1, 1, 2, 4}, time); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{3, 3, 6, 12}, update); diff != "" {
		t.Error(diff)
	}
	// 300 at the first point, of which 10 are beside what is counted; 40 more of activations at twice the tokens.
	if diff := cmp.Diff([]int64{300, 340, 400, 400}, memory); diff != "" {
		t.Error(diff)
	}
}

func TestMeasureScaling(t *testing.T) {
	dir := t.TempDir()
	o := ScalingOptions{
		Train: smallTrain(t), Lengths: []int{8, 16}, Tokens: 32, Experts: []int{4, 8}, Batches: []int{1, 2}, Vocabs: []int{128},
		Out: []string{filepath.Join(dir, "s.svg"), filepath.Join(dir, "s.csv")},
	}
	o.Train.Steps = 1
	res, err := MeasureScaling(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	text := printed(t, func(b *bytes.Buffer) error { return res.Print(b) }, res)
	wantWords(t, text, OverLength, OverExperts, OverBatch, OverVocab, "of law")
	if len(res.Points) != 7 || res.Points[1].Tokens != 32 || res.Points[0].LawPerToken != res.Points[0].PerToken.Median {
		t.Errorf("%d points, the second of %d tokens; the first law %g for %g", len(res.Points), res.Points[1].Tokens, res.Points[0].LawPerToken, res.Points[0].PerToken.Median)
	}
	svg, err := os.ReadFile(o.Out[0])
	if err != nil {
		t.Fatal(err)
	}
	wantWords(t, string(svg), "<svg", "measured", "by FLOPs", "routed experts", "tokens in the vocabulary")
	table, err := os.ReadFile(o.Out[1])
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
	if err != nil || len(lines) != 8 || lines[0][0] != "over" || lines[3][0] != OverExperts || lines[3][1] != "4" {
		t.Errorf("%v, lines %q", err, lines)
	}
	o.Out = []string{"scaling.png"}
	if _, err := MeasureScaling(context.Background(), o); err == nil {
		t.Error("no error for a kind of file that cannot be written")
	}
}

func TestMachine(t *testing.T) {
	if got := cpuModel([]byte("processor\t: 0\nmodel name\t: A B @ 2 GHz\nmodel name : other\n")); got != "A B @ 2 GHz" {
		t.Errorf("model %q", got)
	}
	if got := cpuModel([]byte("processor : 0\n")); got != "" {
		t.Errorf("model %q of a text without one", got)
	}
	m := Machine{CPU: "X", Cores: 2, System: "linux/amd64", Go: "go1", Kernels: "avx2", Threads: 1, Load: 0.25}
	if got, want := m.String(), "X, cores: 2, linux/amd64, go1, kernels avx2, 1 thread, load 0.25"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSpread(t *testing.T) {
	if diff := cmp.Diff(Spread{1, 2.5, 9}, spread([]float64{9, 1, 3, 2})); diff != "" {
		t.Error(diff)
	}
	if got := geomean([]float64{2, 8}); math.Abs(got-4) > 1e-12 {
		t.Errorf("geometric mean %g, want 4", got)
	}
}
