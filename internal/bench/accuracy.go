package bench

import (
	"context"
	"math"
	"slices"

	"muonclip/internal/compute/cpu"
	"muonclip/model"
	"muonclip/model/generate"
)

// Accuracy is what storing weights in fewer bits costs on held-out text.
type Accuracy struct {
	Tokens    int     `json:"tokens"`
	FullLoss  float64 `json:"full_loss"` // nats per token with float32 weights
	Loss      float64 `json:"loss"`
	KL        float64 `json:"kl"`        // mean divergence from the distribution of float32 weights, nats
	Agreement float64 `json:"agreement"` // share of tokens with the same likeliest next token
}

// accuracyRows is how many rows are read side by side.
const accuracyRows = 16

// measureAccuracy reads rows of text token by token, once with weights as they are and once with stored ones.
func measureAccuracy(ctx context.Context, m *model.Model[float32], be *cpu.Backend[float32], weights cpu.Format, rows [][]int32) (*Accuracy, error) {
	a := &Accuracy{}
	engines := []*generate.Engine[float32]{generate.New(m, be), generate.NewWith(m, be, generate.Options{Weights: weights})}
	for some := range slices.Chunk(rows, accuracyRows) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := a.read(engines, some); err != nil {
			return nil, err
		}
	}
	n := float64(a.Tokens)
	a.FullLoss, a.Loss, a.KL, a.Agreement = a.FullLoss/n, a.Loss/n, a.KL/n, a.Agreement/n
	return a, nil
}

// read adds up the figures of some rows.
func (a *Accuracy) read(engines []*generate.Engine[float32], rows [][]int32) error {
	seqs := make([][]*generate.Sequence[float32], len(engines))
	for i, e := range engines {
		for range rows {
			s := e.NewSequence()
			defer s.Release()
			seqs[i] = append(seqs[i], s)
		}
	}
	vocab := engines[0].Config().VocabSize
	ids := make([]int32, len(rows))
	full, stored := make([]float64, vocab), make([]float64, vocab)
	for t := range len(rows[0]) - 1 {
		for i, row := range rows {
			ids[i] = row[t]
		}
		logits := make([][]float32, len(engines))
		for i, e := range engines {
			var err error
			if logits[i], err = e.Step(seqs[i], ids); err != nil {
				return err
			}
		}
		for i, row := range rows {
			logProbs(full, logits[0][i*vocab:])
			logProbs(stored, logits[1][i*vocab:])
			a.add(full, stored, row[t+1])
		}
	}
	return nil
}

// add takes in one position: the log-probabilities of both and the token that follows.
func (a *Accuracy) add(full, stored []float64, next int32) {
	a.Tokens++
	a.FullLoss -= full[next]
	a.Loss -= stored[next]
	best, second := 0, 0
	for i, l := range full {
		a.KL += math.Exp(l) * (l - stored[i])
		if l > full[best] {
			best = i
		}
		if stored[i] > stored[second] {
			second = i
		}
	}
	if best == second {
		a.Agreement++
	}
}

// logProbs writes the log-probabilities of the first len(dst) logits.
func logProbs(dst []float64, logits []float32) {
	peak, sum := math.Inf(-1), 0.0
	for i := range dst {
		peak = max(peak, float64(logits[i]))
	}
	for i := range dst {
		dst[i] = float64(logits[i]) - peak
		sum += math.Exp(dst[i])
	}
	norm := math.Log(sum)
	for i := range dst {
		dst[i] -= norm
	}
}
