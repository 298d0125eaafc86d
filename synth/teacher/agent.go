package teacher

import (
	"context"
	"fmt"
	"strings"

	"muonclip/data/chat"
	"muonclip/internal/rng"
	"muonclip/synth/env"
	"muonclip/synth/task"
)

// Sampling says how a model draws its answers.
type Sampling struct {
	Temperature float64
	TopP        float64 // 0 means 1
	MaxTokens   int     // of an answer; 0 means 2048
}

// maxAnswer is the default of Sampling.MaxTokens.
const maxAnswer = 2048

// request makes a request with the sampling of a speaker.
func (s Sampling) request(purpose string, seed int64) Request {
	if s.MaxTokens == 0 {
		s.MaxTokens = maxAnswer
	}
	return Request{Temperature: s.Temperature, TopP: s.TopP, MaxTokens: s.MaxTokens, Seed: seed, Purpose: purpose}
}

// The purposes of the two speakers, for the ledger.
const (
	PurposeAgent = "agent"
	PurposeUser  = "user"
)

// Agent is a model that serves the user of a dialogue. It sees what the assistant sees: the system prompt of the task, the
// messages and the tools. It keeps no state, so one may serve many dialogues of one task.
type Agent struct {
	model    Model
	sampling Sampling
	seed     int64
}

var _ env.Agent = (*Agent)(nil)

// NewAgent returns the agent for a task. Its seed comes from the task's key, so that two tasks that begin alike are
// not answered alike.
func NewAgent(m Model, s Sampling, key task.Key) *Agent { return &Agent{m, s, Seed(key)} }

// Seed is the seed that requests about a task carry, at least 0 and below 2^53, which every JSON reader takes.
func Seed(key task.Key) int64 {
	return int64(rng.New(key.Seed, "synth teacher", key.Index).Uint64() >> 11)
}

// Act implements env.Agent. Calls are passed on as the model wrote them, malformed ones too.
func (a *Agent) Act(ctx context.Context, messages []chat.Message, tools []chat.Tool) (chat.Message, error) {
	r := a.sampling.request(PurposeAgent, a.seed)
	r.Messages, r.Tools = messages, tools
	reply, err := a.model.Chat(ctx, r)
	if err != nil {
		return chat.Message{}, stop(err)
	}
	if err := usable(reply); err != nil {
		return chat.Message{}, err
	}
	m := reply.Message
	m.Content = strings.TrimSpace(m.Content)
	return m, nil
}

// usable refuses answers that did not come to their end or hold nothing.
func usable(r Reply) error {
	switch {
	case r.Finish == "length":
		return &ContentError{"truncated", fmt.Sprintf("the answer was cut off after %d tokens", r.Usage.CompletionTokens)}
	case r.Finish == "content_filter":
		return &ContentError{"filtered", "the endpoint withheld the answer"}
	case strings.TrimSpace(r.Message.Content) == "" && len(r.Message.ToolCalls) == 0:
		return &ContentError{"empty", "the answer holds neither text nor calls"}
	}
	return nil
}
