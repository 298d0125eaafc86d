package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"muonclip/data/batch"
	"muonclip/internal/checkpoint"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/metrics"
	"muonclip/internal/rng"
	"muonclip/model"
	"muonclip/optim"
)

var small = model.Config{
	VocabSize: 40, HiddenSize: 32, IntermediateSize: 48, MoeIntermediateSize: 16, NumHiddenLayers: 2, NumAttentionHeads: 2,
	NSharedExperts: 1, NRoutedExperts: 4, NumExpertsPerTok: 2, RoutedScalingFactor: 1.4, NormTopkProb: true, FirstKDenseReplace: 1,
	QLoraRank: 16, KVLoraRank: 16, QKNopeHeadDim: 8, QKRopeHeadDim: 4, VHeadDim: 8, RMSNormEps: 1e-6, RopeTheta: 1e4,
	MaxPositionEmbeddings: 64, InitializerRange: 0.1,
}

// counting gives batches in which each token follows from the one before, but for the indices in noise,
// whose tokens are random.
type counting struct{ noise map[int64]bool }

func (c counting) At(index int64, dst *batch.Batch) error {
	const rows, cols = 4, 16
	*dst = batch.Batch{Rows: rows, Cols: cols, Docs: []batch.DocRef{{Source: "counting", Doc: index}}}
	r := rng.New(1, "counting", uint64(index))
	for range rows {
		id := r.Int32N(20)
		for range cols {
			dst.Inputs = append(dst.Inputs, id)
			id = (id + 1) % 20
			if c.noise[index] {
				id = 20 + r.Int32N(20)
			}
			dst.Targets = append(dst.Targets, id)
		}
	}
	return nil
}

func (c counting) Len() int64 { return 2 }

type trial struct {
	*Loop
	model  *model.Model[float32]
	rows   []metrics.Row
	events []metrics.Event
}

func newTrial(t *testing.T, threads int, data Batches, o Options) *trial {
	t.Helper()
	tr, err := tryTrial(t, threads, data, o)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func tryTrial(t *testing.T, threads int, data Batches, o Options) (*trial, error) {
	t.Helper()
	be := cpu.New[float32](threads)
	m, err := model.New(small, be)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(3)
	opt, err := optim.NewOn(be, OptimParams(m), optim.Config{WeightDecay: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	tr := &trial{model: m}
	if o.Schedule.Kind == "" {
		o.Schedule = optim.Schedule{Kind: optim.WSD, Peak: 0.02, Warmup: 2, Steps: o.Steps, Decay: 4, MinRatio: 0.1}
	}
	o.MicroBatch, o.GradClip, o.BiasRate = 2, 1, 1e-3
	o.OnEvent = func(e metrics.Event) { tr.events = append(tr.events, e) }
	seen := o.OnRow
	o.OnRow = func(r *metrics.Row) {
		tr.rows = append(tr.rows, *r)
		if seen != nil {
			seen(r)
		}
	}
	tr.Loop, err = New(m, opt, data, counting{}, o)
	return tr, err
}

func digest(t *testing.T, dir string) string {
	t.Helper()
	c, damage, err := checkpoint.Latest(dir)
	if err != nil || len(damage) > 0 {
		t.Fatal(err, damage)
	}
	return c.Digest
}

func TestTrainingLearnsAndReports(t *testing.T) {
	dir := t.TempDir()
	tr := newTrial(t, 2, counting{}, Options{Dir: dir, Steps: 40, EvalEvery: 10, QKClip: &optim.QKClip{Tau: 0.5}})
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, last := tr.rows[0], tr.rows[len(tr.rows)-1]
	if last.Loss > first.Loss-1.5 {
		t.Errorf("loss went from %.3f to %.3f; the sequences are predictable", first.Loss, last.Loss)
	}
	if last.ValLoss == nil || math.Abs(*last.ValLoss-last.Loss) > 0.5 {
		t.Errorf("held-out loss is %v beside a training loss of %.3f on data of the same kind", last.ValLoss, last.Loss)
	}
	clips := 0
	for _, e := range tr.events {
		if e.Kind == metrics.KindQKClip {
			clips++
			if math.Abs(e.Gamma*e.MaxLogit-0.5) > 1e-5 {
				t.Errorf("gamma %g of largest logit %g does not lead to tau 0.5", e.Gamma, e.MaxLogit)
			}
		}
	}
	if clips == 0 {
		t.Error("no head was clipped with a threshold below the logits")
	}
	rows, err := metrics.Collect(metrics.Rows(dir))
	if err != nil || len(rows) != 40 {
		t.Errorf("metrics.jsonl has %d rows, error %v", len(rows), err)
	}
	for _, load := range last.ExpertLoad {
		var sum float32
		for _, v := range load {
			sum += v
		}
		if math.Abs(float64(sum)-1) > 1e-5 {
			t.Errorf("expert loads %v do not add up to one", load)
		}
	}
}

func TestResumeAndThreadsGiveTheSameBytes(t *testing.T) {
	o := Options{Steps: 23, CheckpointEvery: 4, KeepLast: 2, Spike: Spike{Action: metrics.ActionSkip, Window: 6, ZLoss: 4, ZGrad: 4}}
	data := counting{noise: map[int64]bool{13: true, 17: true}}
	whole := t.TempDir()
	o.Dir = whole
	if err := newTrial(t, 1, data, o).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := digest(t, whole)
	for _, threads := range []int{1, 2, 4} {
		dir := t.TempDir()
		r := rng.New(9, "stops", uint64(threads))
		stops := 0
		for {
			o.Dir = dir
			ctx, cancel := context.WithCancel(t.Context())
			left := 1 + r.IntN(7)
			o.OnRow = func(*metrics.Row) {
				if left--; left == 0 {
					cancel()
				}
			}
			err := newTrial(t, threads, data, o).Run(ctx)
			cancel()
			if err == nil {
				break
			}
			if !errors.Is(err, ErrInterrupted) {
				t.Fatal(err)
			}
			stops++
		}
		if got := digest(t, dir); got != want {
			t.Errorf("%d threads and %d stops end with another checkpoint than an uninterrupted run", threads, stops)
		}
		rows, err := metrics.Collect(metrics.Rows(dir))
		if err != nil || len(rows) != o.Steps {
			t.Errorf("metrics.jsonl has %d rows after %d stops, error %v", len(rows), stops, err)
		}
	}
}

func TestSpikeActions(t *testing.T) {
	data := counting{noise: map[int64]bool{15: true}}
	for _, action := range []string{metrics.ActionReport, metrics.ActionSkip, metrics.ActionRollback} {
		t.Run(action, func(t *testing.T) {
			tr := newTrial(t, 2, data, Options{
				Dir: t.TempDir(), Steps: 20, CheckpointEvery: 6, Spike: Spike{Action: action, Window: 8, ZLoss: 5},
				Schedule: optim.Schedule{Kind: optim.Constant, Peak: 0.01},
			})
			if err := tr.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			var spikes []metrics.Event
			for _, e := range tr.events {
				if e.Kind == metrics.KindSpike {
					spikes = append(spikes, e)
				}
			}
			if len(spikes) != 1 || spikes[0].Step != 16 || spikes[0].Action != action || spikes[0].Docs[0] != "counting:15" {
				t.Fatalf("spikes are %+v, want one at step 16 that names document counting:15", spikes)
			}
			rows, err := metrics.Collect(metrics.Rows(tr.Dir))
			if err != nil || len(rows) != 20 {
				t.Fatalf("%d rows, error %v", len(rows), err)
			}
			if rows[15].Skipped != (action == metrics.ActionSkip) {
				t.Errorf("step 16 skipped: %v", rows[15].Skipped)
			}
			wantPassed := int64(0)
			if action == metrics.ActionRollback {
				wantPassed = 4 // batches 12 to 15, from the checkpoint of step 12 up to the spike
			}
			if tr.passed != wantPassed {
				t.Errorf("%d batches were passed over, want %d", tr.passed, wantPassed)
			}
		})
	}
}

func TestNonFiniteStepsAreTracedAndEndTheRun(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir, Steps: 20, CheckpointEvery: 6}
	var tr *trial
	o.OnRow = func(r *metrics.Row) {
		if r.Step == 7 {
			tr.model.Param("model.layers.1.self_attn.o_proj.weight").Value[5] = float32(math.NaN())
		}
	}
	tr = newTrial(t, 2, counting{}, o)
	err := tr.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "5 steps in a row gave numbers that are not finite") {
		t.Fatalf("error is %v", err)
	}
	last := tr.events[len(tr.events)-1]
	if last.Kind != metrics.KindNaN || last.Layer != 1 || last.Op != "linear" || last.Step != 12 {
		t.Errorf("the trace says %+v, want linear in layer 1 at step 12", last)
	}
	c, _, err := checkpoint.Latest(dir)
	if err != nil || c.State.Step != 6 {
		t.Errorf("the newest checkpoint is of step %d, error %v; want 6, before the bad weight", c.State.Step, err)
	}
}

func TestBrokenWeightsAreNotSaved(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir, Steps: 20, CheckpointEvery: 3}
	var tr *trial
	o.OnRow = func(r *metrics.Row) {
		if r.Step == 7 {
			tr.model.Param("model.norm.weight").Value[1] = float32(math.Inf(1))
		}
	}
	tr = newTrial(t, 2, counting{}, o)
	if err := tr.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "model.norm.weight") {
		t.Fatalf("error is %v, want one that names model.norm.weight", err)
	}
	if c, _, err := checkpoint.Latest(dir); err != nil || c.State.Step != 6 {
		t.Errorf("the newest checkpoint is %+v, error %v; want step 6", c, err)
	}
}

func TestCheckpointOfAnotherRunIsRefused(t *testing.T) {
	dir := t.TempDir()
	o := Options{
		Dir: dir, Steps: 2, ConfigFingerprint: "a", TokenizerFingerprint: "b", Schedule: optim.Schedule{Kind: optim.Constant, Peak: 0.01},
	}
	if err := newTrial(t, 1, counting{}, o).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"config":    func(o *Options) { o.ConfigFingerprint = "c" },
		"tokenizer": func(o *Options) { o.TokenizerFingerprint = "c" },
		"steps":     func(o *Options) { o.Steps = 1 },
	} {
		changed := o
		change(&changed)
		if _, err := tryTrial(t, 1, counting{}, changed); err == nil {
			t.Errorf("a checkpoint of another %s was accepted", name)
		}
	}
}

type broken struct{ counting }

func (b broken) At(index int64, dst *batch.Batch) error {
	if err := b.counting.At(index, dst); err != nil {
		return err
	}
	if index == 3 {
		dst.Inputs[7] = int32(small.VocabSize)
	}
	return nil
}

func TestTokenOutOfRangeNamesTheDocument(t *testing.T) {
	err := newTrial(t, 1, broken{}, Options{Dir: t.TempDir(), Steps: 9}).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "counting:3") || !strings.Contains(err.Error(), "token id 40") {
		t.Errorf("error is %v", err)
	}
}

func TestSteadyStepsAllocateLittle(t *testing.T) {
	tr := newTrial(t, 2, counting{}, Options{Dir: t.TempDir(), Steps: 60})
	var stats [2]runtime.MemStats
	tr.OnRow = func(r *metrics.Row) {
		switch r.Step {
		case 20:
			runtime.ReadMemStats(&stats[0])
		case 50:
			runtime.ReadMemStats(&stats[1])
		}
	}
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if per := (stats[1].TotalAlloc - stats[0].TotalAlloc) / 30; per > 1<<20 {
		t.Errorf("a step allocates %d bytes, want under 1 MB", per)
	}
}

func TestScoreIsCalmOnAFlatCurve(t *testing.T) {
	flat := []float64{2, 2, 2, 2}
	if z := score(flat, 2.0001); z > 1 {
		t.Errorf("a change by rounding scores %g", z)
	}
	if z := score([]float64{1, 3, 1, 3}, 8); math.Abs(z-6) > 1e-12 {
		t.Errorf("score is %g, want (8-2)/1", z)
	}
}

func ExampleEvaluate() {
	m, _ := model.New(small, cpu.New[float32](1))
	loss, _, err := Evaluate(m, counting{}, 0)
	fmt.Printf("%.4f %v\n", loss, err) // all weights zero: every token is equally likely
	// Output: 3.6889 <nil>
}
