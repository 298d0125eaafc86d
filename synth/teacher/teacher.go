// Package teacher lets language models behind OpenAI-compatible endpoints speak in synthesized dialogues, as the
// assistant, as the user or as a judge. A Client bounds what a run can cost and survives what an endpoint does: calls are
// retried, rate-limited, answered from a cache on disk where they were made before, and refused before they would
// exceed the budget. The dialogues are proved like those of scripted actors; nothing that a model says is taken on trust.
package teacher

import (
	"context"

	"muonclip/data/chat"
)

// Request is one call of a model. Requests that are equal in all fields are the same request: its answer is paid for
// once.
type Request struct {
	Messages    []chat.Message
	Tools       []chat.Tool
	Temperature float64
	TopP        float64 // 0 means 1
	MaxTokens   int     // 0 means the endpoint's default
	Seed        int64   // sent as seed
	JSON        bool    // ask for a JSON object (response_format json_object)
	Purpose     string  // agent, user, judge, evolve, simulate: for the ledger
	Sample      int     // tells equal requests apart, so that the cache does not answer the second with the first
}

// Reply is what a model answered.
type Reply struct {
	Message chat.Message
	Finish  string // stop, tool_calls, length, content_filter
	Usage   Usage
	Cached  bool   // from the cache: nothing was paid now
	Model   string // as the endpoint names it
}

// Usage is what a call took.
type Usage struct {
	PromptTokens, CompletionTokens int
	Cost                           float64 // in the currency of the price list
}

// Model answers requests. It is safe for concurrent use.
type Model interface {
	Chat(ctx context.Context, r Request) (Reply, error)
}
