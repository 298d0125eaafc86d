// Package env is what reinforcement learning trains in: environments make episodes by key, a policy takes turns in
// an episode until it is over, and the episode scores what was done.
package env

import (
	"context"
	"fmt"

	"muonclip/data/chat"
	"muonclip/rl/reward"
)

// Key names an episode: with the same environment it is always the same one.
type Key struct {
	Seed  uint64 `json:"seed"`
	Index uint64 `json:"index"`
}

// String writes a key as seed-index.
func (k Key) String() string { return fmt.Sprintf("%d-%d", k.Seed, k.Index) }

// Environment makes episodes. It is used by many goroutines at a time.
type Environment interface {
	// Name tells environments apart: math, code, tools, instructions, open.
	Name() string
	// Len is the number of different episodes, those with Index below it; 0 means that any index has one.
	Len() uint64
	// Reset begins the episode of a key, a pure function of it. The error is about an environment that cannot serve, never
	// about a policy; it wraps reward.ErrUnavailable where a later attempt may succeed.
	Reset(ctx context.Context, key Key) (Episode, error)
}

// Episode is one dialogue between a policy and its task. It belongs to one goroutine. What happens in it is a function
// of its key and of the turns taken, so an episode is continued elsewhere by taking the same turns again.
type Episode interface {
	// Info describes the task to schedulers and reports.
	Info() Info
	// Opening is the dialogue that the policy sees first; it ends with a message of the user.
	Opening() chat.Dialogue
	// Step takes the policy's turn, which may be malformed, and returns the messages that follow it: results of calls or
	// the user's answer. done says that the episode is over; then messages may be empty. The error is about the
	// environment, as with Reset.
	Step(ctx context.Context, turn chat.Output) (messages []chat.Message, done bool, err error)
	// Score judges what was done. It may be called once, after done or where the policy was cut off. The error is about
	// the environment: a failing judge or sandbox is an error, never a zero.
	Score(ctx context.Context) ([]reward.Component, error)
	// Gold is a policy that does the task right, nil where nobody knows one. It serves this episode only.
	Gold() Policy
}

// Info describes the task of an episode.
type Info struct {
	Kind       string // within the environment, such as single_call or addition
	Difficulty int    // 1 (easy) to 5
	MaxTokens  int    // budget of the policy's tokens in all turns (K2 sets it by kind of task); 0 means the run's
	MaxTurns   int    // of the policy; 0 means 1
}

// Policy takes turns: a model, a scripted expert, or something silent or random to compare with.
type Policy interface {
	Act(ctx context.Context, messages []chat.Message, tools []chat.Tool) (chat.Message, error)
}
