package generate

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"muonclip/model"
)

// defaultBatch is Request.MaxBatch where that is 0.
const defaultBatch = 32

// Request describes what Generate does.
type Request struct {
	Prompts   [][]int32     // at least one token each
	Samples   int           // completions of each prompt; 0 means 1
	MaxTokens int           // most tokens of a completion; 0 means up to max_position_embeddings
	Sample    SampleOptions // how tokens are drawn
	MaxBatch  int           // most completions that advance together; 0 means 32; never changes a result

	// Stop lists the tokens that end a completion. The end-of-text token is not among them by itself.
	Stop []int32
	// Text makes the decoder of one completion; nil for completions without text.
	Text func() TextStream
	// StopStrings end a completion as soon as its text contains one. They need Text.
	StopStrings []string

	// OnToken, where set, is called with every token in the order in which they are drawn, on the
	// goroutine that called Generate.
	OnToken func(Token)
}

// Finish says why a completion ended.
type Finish string

// Reasons for the end of a completion. It is empty while the completion goes on.
const (
	FinishStop   Finish = "stop"   // a stop token or a stop string
	FinishLength Finish = "length" // Request.MaxTokens or max_position_embeddings
)

// Token is one step of one completion.
type Token struct {
	Prompt, Sample int // which completion
	Index          int // of the token in the completion
	Choice
	// Text is what the token adds to the text: whole characters, nothing of a stop token or a stop
	// string, and later than its token where it might have become part of a stop string.
	Text   string
	Finish Finish // set with the last token
}

// Completion is one continuation of a prompt.
type Completion struct {
	Prompt, Sample int
	// IDs are the tokens as drawn, with the stop token and the tokens of a stop string.
	IDs []int32
	// LogProbs and SampledLogProbs belong to the IDs; see Choice.
	LogProbs, SampledLogProbs []float64
	// Text is the text before the stop token or the stop string.
	Text   string
	Finish Finish // empty where Generate was interrupted
}

// check names everything that is wrong with a request.
func (r *Request) check(c model.Config) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("generate: "+format, args...)) }
	for i, p := range r.Prompts {
		if err := checkIDs(c, p); err != nil {
			bad("prompt %d: %w", i, err)
		} else if len(p) >= c.MaxPositionEmbeddings {
			bad("prompt %d: %d tokens leave no room within max_position_embeddings %d; shorten the prompt", i, len(p), c.MaxPositionEmbeddings)
		}
	}
	for _, f := range []struct {
		name string
		v    int
	}{{"samples", r.Samples}, {"max tokens", r.MaxTokens}, {"max batch", r.MaxBatch}} {
		if f.v < 0 {
			bad("%s is %d, want 0 or more", f.name, f.v)
		}
	}
	for _, id := range r.Stop {
		if id < 0 || int(id) >= c.VocabSize {
			bad("stop token %d is outside the vocabulary of %d", id, c.VocabSize)
		}
	}
	for _, s := range r.StopStrings {
		if s == "" || !utf8.ValidString(s) {
			bad("stop string %q, want a text in UTF-8 that is not empty", s)
		}
	}
	if len(r.StopStrings) > 0 && r.Text == nil {
		bad("stop strings need a decoder of the text")
	}
	return errors.Join(append(errs, r.Sample.Validate())...)
}
