package lab

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muonclip/internal/metrics"
)

// small is an experiment whose runs take a fraction of a second; %s is the folder of the text.
const small = `title: Smoke
claim: Muon is better than AdamW.
source: nobody
base:
  preset: mini
  set:
    model.vocab_size: 320
    model.hidden_size: 32
    model.intermediate_size: 48
    model.moe_intermediate_size: 16
    model.num_hidden_layers: 2
    model.num_attention_heads: 2
    model.num_key_value_heads: 2
    model.n_routed_experts: 4
    model.num_experts_per_tok: 2
    model.q_lora_rank: 16
    model.kv_lora_rank: 16
    model.qk_nope_head_dim: 8
    model.qk_rope_head_dim: 4
    model.v_head_dim: 8
    model.max_position_embeddings: 64
    data.sources: [{path: %q}]
    data.min_bytes: 0
    data.val_fraction: 0.1
    train.batch_size: 2
    train.seq_len: 16
    train.warmup_steps: 2
    train.checkpoint_every: 4
    train.eval_every: 4
    train.sample_every: 0
    train.sample_prompts: []
grid:
  arms:
    - {name: muon}
    - {name: adamw, set: {optim.kind: adamw}}
seeds: [1, 2]
budget: {steps: 8}
measure: [val_loss, max_logit]
accept:
  - {quantity: val_loss, difference: [muon, adamw], below: 0}
objections: [tiny]
`

// books writes a folder of predictable texts.
func books(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "books")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		var text strings.Builder
		for j := range 6 {
			fmt.Fprintf(&text, "the cat %d sat on the mat %d and the dog ran to the cat %d\n", i, j, (i*j)%5)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.txt", i)), []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// parse reads an experiment that must be right, after replacing pairs of texts in it.
func parse(t *testing.T, text string, replace ...string) *Experiment {
	t.Helper()
	e, err := Parse("test", []byte(strings.NewReplacer(replace...).Replace(text)))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// table is made-up results: by cell a quantity for each seed, NaN for a run that lacks it.
func table(quantity string, values map[string][]float64, cells ...string) *Table {
	seeds := make([]uint64, len(values[cells[0]]))
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	t := newTable(cells, seeds)
	for cell, list := range values {
		for i, v := range list {
			r := &Result{Job: Job{Arm: cell, Cell: cell, Seed: seeds[i]}, Values: map[string]float64{}, Status: Finished}
			if !math.IsNaN(v) {
				r.Values[quantity] = v
			}
			t.add(r)
		}
	}
	return t
}

// fake writes a run folder as a run of the job would leave it, with a loss that falls by the law loss.
func fake(t *testing.T, dir string, j Job, status string, loss func(tokens float64) float64, logit float64) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), j.Config.Marshal(), 0o644); err != nil {
		t.Fatal(err)
	}
	log, err := metrics.Open(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for s := int64(1); s <= int64(j.Config.Train.TotalSteps()); s++ {
		tokens := s * j.Config.Train.TokensPerStep()
		row := metrics.Row{Step: s, Tokens: tokens, Seconds: float64(s), Loss: loss(float64(tokens)), GradNorm: 1, MaxLogit: [][]float32{{float32(logit), 1}, {2, 3}}}
		if s%4 == 0 {
			v := row.Loss + 0.1
			row.ValLoss = &v
		}
		if err := log.Row(&row); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Event(metrics.Event{Step: 3, Kind: metrics.KindQKClip, Layer: 0, Head: 0, MaxLogit: logit, Gamma: 0.5}); err != nil {
		t.Fatal(err)
	}
	if err := (outcome{Experiment: "test", Arm: j.Arm, Seed: j.Seed, Status: status, UnigramLoss: 5}).write(dir); err != nil {
		t.Fatal(err)
	}
}
