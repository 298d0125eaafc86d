// Package endpoint lets a model behind an OpenAI-compatible endpoint be the critic.
package endpoint

import (
	"context"

	"muonclip/data/chat"
	"muonclip/rl/reward/critic"
	"muonclip/synth/teacher"
)

// Writer asks a teacher for verdicts, at temperature 0 and under the purpose "judge". It implements critic.Writer.
type Writer struct {
	Model     teacher.Model
	MaxTokens int   // 0 means 16: the answer is one letter. A model that thinks aloud needs more.
	Seed      int64 // sent with every question
}

var _ critic.Writer = Writer{}

// Write implements critic.Writer.
func (w Writer) Write(ctx context.Context, messages []chat.Message) (string, error) {
	limit := w.MaxTokens
	if limit == 0 {
		limit = 16
	}
	r, err := w.Model.Chat(ctx, teacher.Request{Messages: messages, MaxTokens: limit, Seed: w.Seed, Purpose: "judge"})
	return r.Message.Content, err
}
