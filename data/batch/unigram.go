package batch

import (
	"context"
	"fmt"
	"math"
)

// Unigram is the loss of a model that knows only how frequent each token is: the bar that any
// language model has to clear.
type Unigram struct {
	Loss        float64 `json:"loss"`         // mean cross-entropy of the held-out targets, nats per token
	Targets     int64   `json:"targets"`      // held-out targets
	TrainTokens int64   `json:"train_tokens"` // tokens counted, separators included
	Smoothing   float64 `json:"smoothing"`
}

// UnigramLoss fits a unigram model to one epoch of the training data and evaluates it on the
// held-out targets, exactly those that evaluation of a model sees, separators included:
//
//	p(v) = (c(v) + a) / (C + a*V)        loss = -1/N * sum over the N held-out targets t of ln p(t)
//
// c(v) is how often v occurs in training, C the sum of c, V the vocabulary size and a the smoothing
// (1 is add-one). With several sources c(v) is the sum over sources k of w_k*C/C_k*c_k(v), so that the
// counts follow the mixture weights w_k. It reads all training tokens once.
func UnigramLoss(ctx context.Context, train *Loader, val Evaluation, vocab int, smoothing float64) (Unigram, error) {
	if vocab <= 0 || !(smoothing > 0) {
		return Unigram{}, fmt.Errorf("batch: unigram loss: vocabulary %d and smoothing %v, want positive numbers; without smoothing an unseen token has infinite loss", vocab, smoothing)
	}
	u := Unigram{Smoothing: smoothing}
	for _, s := range train.streams {
		u.TrainTokens += s.length
	}
	mixed := make([]float64, vocab)
	for i, s := range train.streams {
		counts, err := s.count(ctx, vocab)
		if err != nil {
			return Unigram{}, fmt.Errorf("unigram loss: %w", err)
		}
		scale := train.mix.Weight(i) * float64(u.TrainTokens) / float64(s.length)
		if len(train.streams) == 1 {
			scale = 1
		}
		for v, n := range counts {
			mixed[v] += scale * float64(n)
		}
	}
	seen := make([]int64, vocab)
	var b Batch
	for i := range val.Len() {
		if err := ctx.Err(); err != nil {
			return Unigram{}, err
		}
		if err := val.At(i, &b); err != nil {
			return Unigram{}, fmt.Errorf("unigram loss: %w", err)
		}
		for p, t := range b.Targets {
			if t == -1 {
				continue
			}
			if t < 0 || int(t) >= vocab {
				return Unigram{}, fmt.Errorf("unigram loss: held-out batch %d, row %d: %w: %d, the vocabulary has %d", i, p/b.Cols, ErrTokenRange, t, vocab)
			}
			seen[t]++
			u.Targets++
		}
	}
	logTotal := math.Log(float64(u.TrainTokens) + smoothing*float64(vocab))
	var sum float64
	for v, n := range seen {
		if n > 0 {
			sum += float64(n) * (logTotal - math.Log(mixed[v]+smoothing))
		}
	}
	u.Loss = sum / float64(u.Targets)
	return u, nil
}

// count counts the tokens of one epoch, separators included.
func (s *stream) count(ctx context.Context, vocab int) ([]int64, error) {
	counts := make([]int64, vocab)
	add := func(ids []int32, times, pos int64) error {
		for i, id := range ids {
			if id < 0 || int(id) >= vocab {
				return fmt.Errorf("batch: source %q, token %d: %w: %d, the vocabulary has %d", s.name, pos+int64(i), ErrTokenRange, id, vocab)
			}
			counts[id] += times
		}
		return nil
	}
	for _, separators := range [][]int32{s.before, s.after} {
		if err := add(separators, s.docs.NumDocs(), 0); err != nil {
			return nil, err
		}
	}
	buf := make([]int32, 1<<16)
	for pos, n := int64(0), s.docs.NumTokens(); pos < n; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		ids := buf[:min(int64(len(buf)), n-pos)]
		if err := s.docs.ReadTokens(ids, pos); err != nil {
			return nil, fmt.Errorf("batch: source %q: %w", s.name, err)
		}
		if err := add(ids, 1, pos); err != nil {
			return nil, err
		}
		pos += int64(len(ids))
	}
	return counts, nil
}
