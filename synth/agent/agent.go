// Package agent lets a model of our own act in dialogues, in process: token ids go in and token ids come out. What the
// model wrote is never made from text again, so the ids of a dialogue are those that it was generated with.
package agent

import (
	"context"
	"errors"
	"fmt"

	"muonclip/data/chat"
	"muonclip/data/token"
	"muonclip/synth/env"
)

// Writer is a model.
type Writer interface {
	// Write continues a prompt until it has written one of the stop ids, which is the last id returned, or as many
	// tokens as it may; then the turn counts as cut off. The prompts of one dialogue extend each other. It returns
	// ErrFull where the prompt leaves no room.
	Write(ctx context.Context, prompt, stop []int32) (ids []int32, err error)
}

// ErrFull says that a dialogue is as long as the model reads. It ends the dialogue.
var ErrFull = fmt.Errorf("agent: the dialogue is longer than the model reads: %w", env.ErrStop)

// Config says what an agent is made of.
type Config struct {
	Writer    Writer
	Tokenizer *token.Tokenizer
	Format    chat.Format            // nil means chat.K2
	Arguments chat.ArgumentValidator // nil leaves the arguments of calls unchecked beyond being an object
}

// Turn is a stretch of a dialogue's ids that the model wrote.
type Turn struct {
	Start, End int // in the ids of the dialogue
	Output     chat.Output
}

// Agent is a model in one dialogue.
type Agent struct {
	cfg   Config
	stop  []int32
	ids   []int32
	read  int // messages that ids hold
	turns []Turn
}

var (
	_ env.Agent    = (*Agent)(nil)
	_ env.RawAgent = (*Agent)(nil)
)

// turnEnds are the special tokens that end a turn; a tokenizer has some of them.
var turnEnds = []string{"<|im_end|>", "[EOS]", "[EOT]", "<|endoftext|>"}

// New returns an agent for one dialogue. It fails where the tokenizer has no token that ends a turn.
func New(c Config) (*Agent, error) {
	if c.Format == nil {
		c.Format = chat.K2{}
	}
	a := &Agent{cfg: c}
	for _, s := range turnEnds {
		if id, ok := c.Tokenizer.ID(s); ok && c.Tokenizer.IsSpecial(id) {
			a.stop = append(a.stop, id)
		}
	}
	if len(a.stop) == 0 {
		return nil, errors.New("agent: the tokenizer has no special token that ends a turn, such as <|im_end|>: train it with the special tokens of the chat format")
	}
	return a, nil
}

// IDs are the ids of the dialogue up to the last turn of the model; do not modify.
func (a *Agent) IDs() []int32 { return a.ids }

// Turns are the turns that the model wrote; do not modify.
func (a *Agent) Turns() []Turn { return a.turns }

// Act implements env.Agent. Calls that are malformed are in the message as they were written.
func (a *Agent) Act(ctx context.Context, messages []chat.Message, tools []chat.Tool) (chat.Message, error) {
	out, err := a.Turn(ctx, messages, tools)
	return out.Message(), err
}

// Turn implements env.RawAgent. Messages extend those of the turn before by that turn and what followed it.
func (a *Agent) Turn(ctx context.Context, messages []chat.Message, tools []chat.Tool) (chat.Output, error) {
	if len(messages) < a.read {
		return chat.Output{}, fmt.Errorf("agent: the dialogue has %d messages, %d were read before: use a new agent for each dialogue", len(messages), a.read)
	}
	d := chat.Dialogue{Messages: messages, Tools: tools}
	more, _, err := chat.Encode(a.cfg.Tokenizer, a.cfg.Format, d, chat.RenderOptions{GenerationPrompt: true, From: a.read})
	if err != nil {
		return chat.Output{}, fmt.Errorf("agent: %w", err)
	}
	a.ids = append(a.ids, more...)
	start := len(a.ids)
	written, err := a.cfg.Writer.Write(ctx, a.ids, a.stop)
	if err != nil {
		return chat.Output{}, fmt.Errorf("agent: %w", err)
	}
	out, err := chat.ParseIDs(a.cfg.Tokenizer, a.cfg.Format, written, chat.ParseOptions{Tools: tools, Arguments: a.cfg.Arguments, FirstCall: d.Calls()})
	if err != nil {
		return chat.Output{}, fmt.Errorf("agent: the model wrote what the tokenizer does not have: %w", err)
	}
	a.ids = append(a.ids, written...)
	a.turns = append(a.turns, Turn{start, len(a.ids), out})
	if out.Finish == chat.FinishTruncated { // the dialogue goes on as if the turn had ended
		a.ids = append(a.ids, a.stop[0])
	}
	a.read = len(messages) + 1
	return out, nil
}
