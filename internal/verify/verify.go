// Package verify checks an implementation of the model against independent referees at a reduced
// size: a plain float64 forward pass (package naive), the same model built from Gorgonia's own ops
// (package referee), and finite differences. It is what `muonclip verify` runs on the user's own config.
package verify

import (
	"context"
	"fmt"
	"math"

	"muonclip/internal/naive"
	"muonclip/internal/referee"
	"muonclip/model"
)

// Subject is the implementation under test, computing in float64. Token ids come as rows of T+1:
// position t reads ids[t] and predicts ids[t+1]. A negative id stands for token 0 as an input and carries
// no loss as a target. docStart, if not nil, has T entries a row: position t attends to
// docStart[t]..t.
type Subject interface {
	// Set replaces all weights, row-major under their Hugging Face names. The subject copies what it keeps.
	Set(w map[string][]float64)
	// LossAndGrads gives the loss (with the auxiliary loss, if the config has one), its derivative for
	// every weight but the correction biases, the largest scaled attention logit as layer x head,
	// and the tokens of each expert as MoE layer x expert.
	LossAndGrads(ids [][]int32, docStart [][]int32) (loss float64, grads map[string][]float64, maxLogit [][]float64, load [][]int, err error)
	// Logits gives the output of the model without a document mask as rows x T x vocabulary.
	Logits(ids [][]int32) ([]float64, error)
}

// Options say how large the checks are. Every zero field has a default.
type Options struct {
	Seed        uint64 // of weights and tokens
	Rows        int    // sequences of the batch, 0 for 2
	Cols        int    // positions of a sequence, 0 for 8
	Coordinates int    // elements of each weight for finite differences, 0 for 4
}

// Run puts random weights into the subject and compares it with the referees on two batches, a plain one
// and one with document masks and padding. cfg must be the config of the subject and small, as Reduce
// makes it: the cost is some thousand forward passes of package naive. A subject that fails
// ends the run with an error; one that is wrong gives checks that are not OK.
func Run(ctx context.Context, cfg model.Config, subject Subject, opt Options) ([]Check, error) {
	opt.Rows, opt.Cols, opt.Coordinates = orDefault(opt.Rows, 2), orDefault(opt.Cols, 8), orDefault(opt.Coordinates, 4)
	w := naive.RandomWeights(naive.Params(cfg), opt.Seed)
	subject.Set(w)
	r := newRun(cfg, w, opt)
	ids := naive.RandomTokens(cfg.VocabSize, opt.Rows, opt.Cols, opt.Seed)
	if err := r.batch(ctx, subject, "plain", ids, nil); err != nil {
		return nil, err
	}
	masked, docStart := maskedBatch(cfg, opt)
	if err := r.batch(ctx, subject, "documents", masked, docStart); err != nil {
		return nil, err
	}
	return r.checks(), nil
}

// maskedBatch has two documents in every row, split at another place in each, and padding for the last
// target and, in rows long enough, for a token in the middle.
func maskedBatch(cfg model.Config, opt Options) (ids, docStart [][]int32) {
	ids = naive.RandomTokens(cfg.VocabSize, opt.Rows, opt.Cols, opt.Seed+1)
	for b := range ids {
		split := 1 + b%max(opt.Cols-1, 1)
		starts := make([]int32, opt.Cols)
		for t := split; t < opt.Cols; t++ {
			starts[t] = int32(split)
		}
		docStart = append(docStart, starts)
		if opt.Cols > 1 {
			ids[b][opt.Cols] = -1
		}
		if opt.Cols > 4 {
			ids[b][opt.Cols/2] = -1
		}
	}
	return ids, docStart
}

// run collects the worst case of every check over the batches.
type run struct {
	cfg model.Config
	w   map[string][]float64
	opt Options

	logits, loss, maxLogit, load, referee, differences *Check
}

func newRun(cfg model.Config, w map[string][]float64, opt Options) *run {
	return &run{cfg: cfg, w: w, opt: opt,
		logits:      &Check{Name: "logits", What: "forward pass against plain float64 loops", Tolerance: 1e-10},
		loss:        &Check{Name: "loss", What: "loss against plain float64 loops", Tolerance: 1e-12},
		maxLogit:    &Check{Name: "max-logit", What: "largest attention logit of each head against plain loops", Tolerance: 1e-10},
		load:        &Check{Name: "expert-load", What: "tokens of each expert against plain loops", Tolerance: 0},
		referee:     &Check{Name: "gradients-gorgonia", What: "every gradient against Gorgonia's own ops", Tolerance: 1e-9},
		differences: &Check{Name: "gradients-differences", What: "sampled gradients against finite differences", Tolerance: 1e-6},
	}
}

// checks are the finished checks. A batch without experts has nothing to say about the load.
func (r *run) checks() []Check {
	list := []*Check{r.logits, r.loss, r.maxLogit, r.load, r.referee, r.differences}
	var out []Check
	for _, c := range list {
		if c == r.load && r.cfg.NRoutedExperts == 0 {
			continue
		}
		c.OK = c.Worst <= c.Tolerance
		out = append(out, *c)
	}
	return out
}

// batch compares everything on one batch.
func (r *run) batch(ctx context.Context, subject Subject, name string, ids, docStart [][]int32) error {
	want, err := naive.Forward(r.cfg, r.w, ids, docStart)
	if err != nil {
		return fmt.Errorf("verify: batch %s: %w", name, err)
	}
	loss, grads, maxLogit, load, err := subject.LossAndGrads(ids, docStart)
	if err != nil {
		return fmt.Errorf("verify: batch %s: loss and gradients of the subject: %w", name, err)
	}
	r.loss.note(math.Abs(loss-want.Loss)/math.Max(math.Abs(want.Loss), 1e-3), fmt.Sprintf("%s: %.15g, want %.15g", name, loss, want.Loss))
	r.noteMaxLogits(name, maxLogit, want.MaxLogit)
	r.noteLoads(name, load, want.ExpertLoad)
	if docStart == nil {
		logits, err := subject.Logits(ids)
		if err != nil {
			return fmt.Errorf("verify: batch %s: logits of the subject: %w", name, err)
		}
		r.logits.note(relativeError(logits, want.Logits, 0), fmt.Sprintf("%s: %d values", name, len(want.Logits)))
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	ref, err := referee.Run(r.cfg, r.w, ids, docStart)
	if err != nil {
		return fmt.Errorf("verify: batch %s: %w", name, err)
	}
	r.noteGradients(name, grads, ref.Grads)
	return r.noteDifferences(ctx, name, grads, ref.Grads, ids, docStart, want.Routes)
}

func orDefault(v, def int) int {
	if v == 0 {
		return def
	}
	return v
}
