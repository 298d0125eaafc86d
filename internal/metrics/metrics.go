// Package metrics owns the three append-only files that tell the story of a run: metrics.jsonl (one Row
// for every training step), events.jsonl (one Event for everything unusual) and samples.jsonl (one Sample
// for every text generated during training). Each file holds one JSON object a line.
//
// JSON has no number for a loss that went wrong, so non-finite numbers are written as the strings "NaN",
// "Infinity" and "-Infinity" (the rule of the protobuf JSON mapping; JavaScript's Number and Python's float
// both parse them). null is kept for "not measured" and is only ever written for val_loss.
package metrics

import (
	"fmt"
	"iter"
	"math"
	"slices"
)

// Names of the files inside a run folder.
const (
	RowsFile    = "metrics.jsonl"
	EventsFile  = "events.jsonl"
	SamplesFile = "samples.jsonl"
)

// Row is one training step. Steps count from 1: row s is written when s optimizer steps are complete.
type Row struct {
	Step            int64   // optimizer steps done
	Tokens          int64   // tokens trained on since the start of the run
	Seconds         float64 // training wall time since the start of the run, pauses left out
	Loss            float64 // mean next-token cross-entropy of the step's batch, nats per token
	AuxLoss         float64 // weighted sequence-wise balance loss, nats per token
	LR              float64 // learning rate used by the step
	GradNorm        float64 // Euclidean norm of all gradients before clipping
	TokensPerSecond float64
	FlopsPerSecond  float64            // model FLOPs (forward and backward) a second
	PeakShare       float64            // FlopsPerSecond over the measured peak of the machine, 0 to 1
	MaxLogit        [][]float32        // [layer][head] largest attention softmax input of the step
	ExpertLoad      [][]float32        // [MoE layer][expert] fraction of the routed tokens; a layer sums to 1
	UpdateRMS       map[string]float64 // root mean square of the update by parameter kind
	ClippedHeads    int                // heads that QK-Clip rescaled after the step
	ValLoss         *float64           // held-out loss, nats per token; nil except on evaluation steps
	ValLossBy       map[string]float64 // the same by kind of target, such as kinds of turns; nil where there are none
	Skipped         bool               // the update was not applied (loss spike)
}

// Sample is one text that the model generated during training.
type Sample struct {
	Step        int64
	Prompt      string
	Text        string // what followed the prompt; may be any bytes, written as valid UTF-8
	Temperature float64
}

// LargestLogit is the largest entry of MaxLogit, NaN entries passed over, or NaN where there is none.
func (r *Row) LargestLogit() float64 {
	largest := math.NaN()
	for _, heads := range r.MaxLogit {
		for _, v := range heads {
			if f := float64(v); math.IsNaN(largest) || f > largest {
				largest = f
			}
		}
	}
	return largest
}

// Scalars yields the row as (tag, value) pairs for TensorBoard: grouped by a prefix, in a fixed order.
// The load of an MoE layer is given as its largest expert's share over an equal share (1 is balanced).
func (r *Row) Scalars() iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		fixed := [...]struct {
			tag string
			v   float64
		}{
			{"loss/train", r.Loss},
			{"loss/aux", r.AuxLoss},
			{"optim/lr", r.LR},
			{"optim/grad_norm", r.GradNorm},
			{"optim/clipped_heads", float64(r.ClippedHeads)},
			{"speed/tokens_per_second", r.TokensPerSecond},
			{"speed/flops_per_second", r.FlopsPerSecond},
			{"speed/peak_share", r.PeakShare},
			{"progress/tokens", float64(r.Tokens)},
			{"progress/seconds", r.Seconds},
		}
		for _, s := range fixed {
			if !yield(s.tag, s.v) {
				return
			}
		}
		if r.ValLoss != nil && !yield("loss/val", *r.ValLoss) {
			return
		}
		for _, k := range sortedKeys(nil, r.ValLossBy) {
			if !yield("loss/val/"+k, r.ValLossBy[k]) {
				return
			}
		}
		if len(r.MaxLogit) > 0 && !yield("attention/max_logit", r.LargestLogit()) {
			return
		}
		for l, heads := range r.MaxLogit {
			if len(heads) > 0 && !yield(fmt.Sprintf("attention/max_logit/layer_%02d", l), float64(slices.Max(heads))) {
				return
			}
		}
		for l, load := range r.ExpertLoad {
			if len(load) > 0 && !yield(fmt.Sprintf("experts/max_load_ratio/moe_layer_%02d", l), LoadRatio(load)) {
				return
			}
		}
		var keys [16]string
		for _, k := range sortedKeys(keys[:0], r.UpdateRMS) {
			if !yield("update_rms/"+k, r.UpdateRMS[k]) {
				return
			}
		}
	}
}

// LoadRatio is the load of the busiest expert over the mean load: 1 is perfect balance, the number of experts
// is collapse onto one. It is NaN where no token was routed.
func LoadRatio(load []float32) float64 {
	var sum, largest float64
	for _, v := range load {
		sum += float64(v)
		largest = max(largest, float64(v))
	}
	if sum == 0 {
		return math.NaN()
	}
	return largest * float64(len(load)) / sum
}
