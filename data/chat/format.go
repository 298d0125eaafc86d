package chat

import (
	"fmt"
	"strings"

	"muonclip/data/token"
)

// DefaultSystem is the system message that a dialogue without one is rendered with.
const DefaultSystem = "You are a helpful assistant"

// Kind tells how a segment becomes token ids.
type Kind uint8

const (
	// Text is ordinary text: nothing in it is ever taken for a special token.
	Text Kind = iota
	// Special is a special token, given by its text, which the tokenizer must have.
	Special
	// Mark is a special token where the tokenizer has it and ordinary text otherwise, such as <tool_call>.
	Mark
)

// Segment is a piece of a rendered dialogue.
type Segment struct {
	Text    string
	Kind    Kind
	Trained bool // an assistant wrote it, so a model learns to write it
}

// RenderOptions configures Render. The zero value renders a whole dialogue for training.
type RenderOptions struct {
	// GenerationPrompt ends the text with the beginning of an assistant's turn.
	GenerationPrompt bool
	// From is the first message to render; those before it, and the tools, count as rendered already, up to and
	// with the token that ends a turn. So the ids that a model generated can be continued with the ids of what came after
	// them, and need not be made again from their text, which may give others.
	From int
}

// Format is a way to write dialogues down for a model.
type Format interface {
	// Name is the name that ByName knows.
	Name() string
	// Render turns a dialogue into segments. Every dialogue renders, also one that Validate refuses.
	Render(d Dialogue, opts RenderOptions) []Segment
	// NewParser returns a parser for one turn of an assistant.
	NewParser(opts ParseOptions) Parser
}

var _, _ Format = K2{}, Hermes{}

// ByName finds a format.
func ByName(name string) (Format, error) {
	for _, f := range []Format{K2{}, Hermes{}} {
		if f.Name() == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("chat: unknown format %q: want kimi-k2 or hermes", name)
}

// RenderText is the rendered dialogue as one string, as a chat template gives it. Once special tokens are text, anybody
// can have written them: make ids with Encode.
func RenderText(f Format, d Dialogue, opts RenderOptions) string {
	var b strings.Builder
	for _, s := range f.Render(d, opts) {
		b.WriteString(s.Text)
	}
	return b.String()
}

// Encode makes the token ids of a dialogue and their loss mask: mask[i] is true where an assistant
// wrote ids[i], the token that ends its turn included. Special tokens come from the format alone; text
// that spells one is encoded by its bytes.
func Encode(tok *token.Tokenizer, f Format, d Dialogue, opts RenderOptions) (ids []int32, mask []bool, err error) {
	var text builder // of one fate, until the next special token
	flush := func() {
		for _, s := range text.segments {
			ids = tok.Encode(ids, s.Text)
			mask = pad(mask, len(ids), s.Trained)
		}
		text.segments = text.segments[:0]
	}
	for _, s := range f.Render(d, opts) {
		id, isSpecial := int32(0), false
		if s.Kind != Text {
			id, isSpecial = tok.ID(s.Text)
		}
		switch {
		case isSpecial:
			flush()
			ids, mask = append(ids, id), append(mask, s.Trained)
		case s.Kind == Special:
			return nil, nil, fmt.Errorf("chat: the tokenizer has no special token %s, which the format %s needs: "+
				"train it with that token or choose another format", s.Text, f.Name())
		default:
			text.text(s.Text, s.Trained)
		}
	}
	flush()
	return ids, mask, nil
}

// pad makes a mask n long.
func pad(mask []bool, n int, trained bool) []bool {
	for len(mask) < n {
		mask = append(mask, trained)
	}
	return mask
}

// builder collects segments.
type builder struct{ segments []Segment }

// text adds ordinary text. Neighbours of one fate are joined, so that the tokenizer sees them as the one text that
// they are.
func (b *builder) text(s string, trained bool) {
	if s == "" {
		return
	}
	if n := len(b.segments); n > 0 {
		if last := &b.segments[n-1]; last.Kind == Text && last.Trained == trained {
			last.Text += s
			return
		}
	}
	b.segments = append(b.segments, Segment{s, Text, trained})
}

func (b *builder) special(s string, trained bool) {
	b.segments = append(b.segments, Segment{s, Special, trained})
}

func (b *builder) mark(s string, trained bool) {
	b.segments = append(b.segments, Segment{s, Mark, trained})
}
