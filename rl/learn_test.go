package rl

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muonclip/data/batch"
	"muonclip/model"
)

// TestNothingToLearn has all rewards equal: the weights of the batches are 0, and without weight decay the model stays bit
// for bit what it was. Anything else would be rounding that Muon scales up to whole steps.
func TestNothingToLearn(t *testing.T) {
	for _, o := range []Objective{{Kind: K2, Tau: 0.05}, {Kind: GRPO, Clip: 0.2}} {
		l := newLearner(t, hooked{value: func(_, _ []string) float64 { return 0.7 }}, t.TempDir())
		l.talk(t)
		l.trainer.Objective, l.trainer.Prompts, l.trainer.Samples = o, 4, 3
		before := map[string][]float32{}
		for _, p := range l.model.Params() {
			before[p.Name] = slices.Clone(p.Value)
		}
		if err := l.learn(t.Context(), 2); err != nil {
			t.Fatalf("%s: %v", o.Kind, err)
		}
		for _, p := range l.model.Params() {
			if !slices.Equal(before[p.Name], p.Value) {
				t.Errorf("%s: %s has changed", o.Kind, p.Name)
			}
		}
		if it := l.trainer.Past()[1]; it.Equal != it.Groups || it.Groups != 4 {
			t.Errorf("%s: %d of %d groups are equal", o.Kind, it.Equal, it.Groups)
		}
	}
}

// TestRoundingIsNoReward divides by no standard deviation that is rounding alone.
func TestRoundingIsNoReward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Float64Range(-1, 1).Draw(t, "reward")
		var rollouts []*Rollout
		var now [][]float64
		for range rapid.IntRange(2, 9).Draw(t, "samples") {
			p := []float64{rapid.Float64Range(-5, 0).Draw(t, "logprob")}
			rollouts, now = append(rollouts, &Rollout{Reward: value, Turns: []Turn{{LogProbs: p}}}), append(now, p)
		}
		for _, o := range []Objective{{Kind: K2, Tau: 0.5}, {Kind: GRPO, Clip: 0.2}} {
			for _, w := range o.Weights(rollouts, now) {
				if math.Abs(w[0]) > 1e-12 {
					t.Fatalf("%s: weight %v where all rewards are %v", o.Kind, w[0], value)
				}
			}
		}
	})
}

// TestParts deals any groups to the updates of an iteration: none gets a group without a reward, none is without a group,
// and every group that tells something is learned from.
func TestParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := &Trainer{Updates: rapid.IntRange(1, 4).Draw(t, "updates")}
		telling, any := map[*Group]int{}, false
		for _, kind := range rapid.SliceOfN(rapid.SampledFrom([]string{"failed", "equal", "telling"}), 1, 9).Draw(t, "groups") {
			g := &Group{Rollouts: []*Rollout{{Finish: Done, Reward: 1}, {Finish: Done, Reward: 1}, {Finish: Failed, Error: "x"}}}
			switch kind {
			case "failed":
				g.Rollouts[0].Error, g.Rollouts[1].Error = "x", "x"
			case "telling":
				g.Rollouts[0].Reward, telling[g] = 0, 0
			}
			any = any || kind != "failed"
			tr.groups = append(tr.groups, g)
		}
		for update := range tr.Updates {
			part := tr.part(update)
			if len(part) > 0 != any {
				t.Fatalf("update %d has %d groups", update, len(part))
			}
			n := 0
			for _, g := range part {
				if len(g.Rewarded()) != 2 {
					t.Fatalf("update %d has a group without rewards", update)
				}
				if _, ok := telling[g]; ok {
					n++
					telling[g]++
				}
			}
			if n > 0 && n < len(part) {
				t.Fatalf("update %d has groups that tell something and others", update)
			}
		}
		for _, n := range telling {
			if n == 0 {
				t.Fatal("a group that tells something was left out")
			}
		}
	})
}

func TestGRPO(t *testing.T) {
	l := newLearner(t, copycat{turns: 2}, t.TempDir())
	l.talk(t)
	l.trainer.Objective = Objective{Kind: GRPO, Clip: 0.2}
	before := slices.Clone(l.model.Param("lm_head.weight").Value)
	if err := l.learn(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	after := l.model.Param("lm_head.weight").Value
	if len(l.trainer.Past()) != 2 || slices.Equal(before, after) {
		t.Errorf("%d iterations, model changed: %v", len(l.trainer.Past()), !slices.Equal(before, after))
	}
	for _, v := range after {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			t.Fatalf("the head has a weight of %v", v)
		}
	}
}

// TestPastAfterAResume goes on in the middle of an iteration: no iteration is counted twice.
func TestPastAfterAResume(t *testing.T) {
	dir := t.TempDir()
	for _, steps := range []int{3, 6} {
		l := newLearner(t, copycat{}, dir)
		loop, err := l.loop(dir, 3)
		if err != nil {
			t.Fatal(err)
		}
		loop.Options.Steps = steps
		if err := l.trainer.Start(t.Context(), loop.Done()); err != nil {
			t.Fatal(err)
		}
		if err := loop.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, it := range l.trainer.Past() {
			got = append(got, it.Iteration)
		}
		if want := []int{0, 1, 2}[:(steps+1)/2]; !slices.Equal(got, want) {
			t.Errorf("after %d steps the iterations are %v, want %v", steps, got, want)
		}
	}
}

// rowsOf gives the same batch always.
type rowsOf struct {
	batch.Batch
	err error
}

func (r rowsOf) At(_ int64, dst *batch.Batch) error {
	*dst = r.Batch
	return r.err
}

// chosenRows are rows in which every token after the second is learned.
func chosenRows(rows, cols int) batch.Batch {
	b := batch.Batch{Rows: rows, Cols: cols}
	for range rows {
		for c := range cols {
			target := int32(-1)
			if c >= 2 {
				target = int32(c%300 + 1)
			}
			b.Inputs, b.Targets, b.DocStart = append(b.Inputs, int32(c%300)), append(b.Targets, target), append(b.DocStart, 0)
		}
		b.Docs = append(b.Docs, batch.DocRef{Source: "ptx"})
	}
	return b
}

// TestPTX joins rows of chosen data, shorter, as long and longer than those of the rollouts.
func TestPTX(t *testing.T) {
	for _, cols := range []int{16, 256, 400} {
		l := longLearner(t, copycat{}, t.TempDir(), 512)
		l.talk(t)
		l.trainer.Prompts, l.trainer.Updates = 2, 1
		alone := l.iteration(t)
		l.trainer.PTX, l.trainer.PTXWeight = rowsOf{Batch: chosenRows(3, cols)}, 0.3
		var b batch.Batch
		if err := l.trainer.At(0, &b); err != nil {
			t.Fatal(err)
		}
		if b.Rows != alone.Rows+3 || b.Cols != max(alone.Cols, cols) || len(b.Docs) != len(alone.Docs)+3 {
			t.Fatalf("%d rows of %d tokens joined with 3 of %d are %d of %d", alone.Rows, alone.Cols, cols, b.Rows, b.Cols)
		}
		sum, targets := 0.0, 0
		for i, id := range b.Targets {
			row, col := i/b.Cols, i%b.Cols
			if start := int(b.DocStart[i]); start > col {
				t.Fatalf("row %d, position %d attends to nothing: from %d on", row, col, start)
			}
			switch {
			case row >= alone.Rows:
				if (col < cols) != (b.DocStart[i] == 0) || (id >= 0) != (col >= 2 && col < cols) || id >= 0 && b.Inputs[i] != id-1 {
					t.Fatalf("chosen row %d, position %d: input %d, target %d, from %d on", row-alone.Rows, col, b.Inputs[i], id, b.DocStart[i])
				}
				if id >= 0 {
					sum, targets = sum+float64(b.Weights[i]), targets+1
				}
			case col < alone.Cols:
				at := row*alone.Cols + col
				if id != alone.Targets[at] || b.Inputs[i] != alone.Inputs[at] || b.Weights[i] != alone.Weights[at] || b.DocStart[i] != alone.DocStart[at] {
					t.Fatalf("row %d, position %d of the rollouts has changed", row, col)
				}
			case id != -1:
				t.Fatalf("row %d, position %d is padding with a target", row, col)
			}
		}
		if targets != 3*(cols-2) || math.Abs(sum-0.3) > 1e-5 {
			t.Errorf("%d targets of chosen rows with a weight of %v together, want %d of 0.3", targets, sum, 3*(cols-2))
		}
		if err := l.model.Check(model.Input{Rows: b.Rows, Cols: b.Cols, IDs: b.Inputs, Targets: b.Targets, DocStart: b.DocStart, Weights: b.Weights}); err != nil {
			t.Error(err)
		}

		none := chosenRows(1, 2)
		l.trainer.PTX = rowsOf{Batch: none}
		if err := l.trainer.At(0, &b); err != nil || b.Rows != alone.Rows {
			t.Errorf("rows without targets: %d rows, error %v", b.Rows, err)
		}
		l.trainer.PTX = rowsOf{Batch: chosenRows(1, 600)}
		if err := l.trainer.At(0, &b); err == nil || !strings.Contains(err.Error(), "max_position_embeddings 512") {
			t.Errorf("error %v of rows that are too long", err)
		}
		gone := errors.New("the shard is gone")
		l.trainer.PTX = rowsOf{err: gone}
		if err := l.trainer.At(0, &b); !errors.Is(err, gone) {
			t.Errorf("error %v, want %v", err, gone)
		}
	}
}
