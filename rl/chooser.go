package rl

import (
	"context"
	"fmt"
	"math"
	"sync"

	"muonclip/data/chat"
	"muonclip/model/generate"
	"muonclip/rl/reward"
)

// chooser reads from the policy's own probabilities which of some answers it would give: the critic of K2 is the
// policy itself. It implements critic.Chooser.
type chooser struct {
	*Collector
	mu sync.Mutex // the engine is used by one goroutine at a time
}

// LogProbs gives the log-probability of each choice as the beginning of the assistant's next turn.
func (c *chooser) LogProbs(ctx context.Context, messages []chat.Message, choices []string) ([]float64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	prompt, _, err := chat.Encode(c.Tokenizer, c.Format, chat.Dialogue{Messages: messages}, chat.RenderOptions{GenerationPrompt: true})
	if err != nil {
		return nil, err
	}
	if len(prompt) >= c.context() {
		return nil, fmt.Errorf("rl: a comparison of %d tokens is longer than the %d that the model reads: %w", len(prompt), c.context(), reward.ErrUnavailable)
	}
	base := c.Engine.NewSequence()
	defer base.Release()
	logits, err := c.Engine.Prefill([]*generate.Sequence[float32]{base}, prompt)
	if err != nil {
		return nil, err
	}
	first := append([]float32(nil), logits...)
	out := make([]float64, len(choices))
	for i, choice := range choices {
		ids := c.Tokenizer.Encode(nil, choice)
		row := first
		seq := base.Fork()
		for k, id := range ids {
			out[i] += logSoftmax(row, id)
			if k == len(ids)-1 {
				break
			}
			if row, err = c.Engine.Step([]*generate.Sequence[float32]{seq}, []int32{id}); err != nil {
				seq.Release()
				return nil, err
			}
		}
		seq.Release()
	}
	return out, nil
}

// logSoftmax is the log-probability of an id.
func logSoftmax(logits []float32, id int32) float64 {
	top := math.Inf(-1)
	for _, v := range logits {
		top = math.Max(top, float64(v))
	}
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - top)
	}
	return float64(logits[id]) - top - math.Log(sum)
}
