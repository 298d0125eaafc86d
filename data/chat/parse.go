package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"muonclip/data/token"
)

// What can be wrong with a turn that a model wrote; errors of calls and turns wrap these.
var (
	ErrArguments   = errors.New("arguments are no JSON object")
	ErrSchema      = errors.New("arguments do not fit the tool's schema")
	ErrUnknownTool = errors.New("unknown tool")
	ErrStructure   = errors.New("misplaced mark or text")
	ErrTruncated   = errors.New("truncated")
)

// ParseOptions configures a parser. The zero value checks neither names nor schemas.
type ParseOptions struct {
	// Tools are the tools that may be called; nil leaves the names unchecked.
	Tools []Tool
	// Arguments checks arguments against the schema of their tool; nil leaves them unchecked beyond being an object.
	Arguments ArgumentValidator
	// FirstCall is the number of calls before this turn, from which a format without ids (Hermes) numbers its calls.
	FirstCall int
	// EndStripped says that the source drops the token that ends a turn, as servers do: then a turn
	// without it is not truncated.
	EndStripped bool
	// MarksAreSpecial says that the tokenizer has special tokens for marks such as <tool_call>, so that ordinary text that
	// spells one is just text. NewTokenParser sets it.
	MarksAreSpecial bool
}

// Parser reads one turn of an assistant as it is generated. Each method appends to dst what its input
// made known. After the end of the turn, input is ignored and reported.
type Parser interface {
	// Text takes ordinary text, in which no special token is recognised.
	Text(dst []Event, s string) []Event
	// Special takes a special token by its text.
	Special(dst []Event, s string) []Event
	// Plain takes text in which special tokens are spelled out, as a server sends it. A tail that may be the beginning
	// of one waits for the next piece.
	Plain(dst []Event, s string) []Event
	// Close ends the input.
	Close(dst []Event) []Event
	// Output is what is known of the turn; it is complete after Close.
	Output() Output
}

// EventKind tells what an Event is.
type EventKind uint8

const (
	// EventContent is more of the content, in Text.
	EventContent EventKind = iota + 1
	// EventCall is a new call, of which ID and Name are known, in Call.
	EventCall
	// EventArguments is more of the raw arguments of the call Index, in Text.
	EventArguments
	// EventCallEnd is the finished call Index, in Call.
	EventCallEnd
	// EventProblem is something wrong outside of calls, in Err.
	EventProblem
	// EventEnd ends the turn, in Finish.
	EventEnd
)

// Event is news about a turn.
type Event struct {
	Kind   EventKind
	Index  int // of the call within the turn
	Text   string
	Call   Call
	Finish Finish
	Err    error
}

// Call is a call as a model wrote it: the arguments are raw text, unchanged even where they are wrong.
type Call struct {
	ToolCall
	Err error // what is wrong with it; nil for a call that can be run
}

// Finish tells how a turn ended.
type Finish string

// The ways in which a turn ends.
const (
	FinishStop      Finish = "stop"       // with a text
	FinishToolCalls Finish = "tool_calls" // with calls
	FinishTruncated Finish = "length"     // before its end
)

// Output is a parsed turn.
type Output struct {
	Content  string
	Calls    []Call
	Problems []error // what is wrong outside of calls
	Finish   Finish
}

// Err joins everything that is wrong with the turn; nil means that it can be acted on.
func (o Output) Err() error {
	errs := append([]error(nil), o.Problems...)
	for i, c := range o.Calls {
		if c.Err != nil {
			errs = append(errs, fmt.Errorf("call %d: %w", i, c.Err))
		}
	}
	if o.Finish == FinishTruncated {
		errs = append(errs, fmt.Errorf("turn: %w", ErrTruncated))
	}
	return errors.Join(errs...)
}

// Message is the turn as a message, with all calls, also the faulty ones.
func (o Output) Message() Message {
	m := Message{Role: RoleAssistant, Content: o.Content}
	for _, c := range o.Calls {
		m.ToolCalls = append(m.ToolCalls, c.ToolCall)
	}
	return m
}

// ParseText parses a whole turn in which special tokens are spelled out.
func ParseText(f Format, text string, opts ParseOptions) Output {
	p := f.NewParser(opts)
	p.Close(p.Plain(nil, text))
	return p.Output()
}

// ParseIDs parses a whole turn of token ids. The error is about ids that the tokenizer does not have.
func ParseIDs(tok *token.Tokenizer, f Format, ids []int32, opts ParseOptions) (Output, error) {
	p := NewTokenParser(tok, f, opts)
	for _, id := range ids {
		if _, err := p.Next(nil, id); err != nil {
			return p.Output(), err
		}
	}
	p.Close(nil)
	return p.Output(), nil
}

// TokenParser feeds a Parser with token ids.
type TokenParser struct {
	tok    *token.Tokenizer
	stream *token.Stream
	parser Parser
	buf    []byte
}

// NewTokenParser returns a parser for one turn of an assistant.
func NewTokenParser(tok *token.Tokenizer, f Format, opts ParseOptions) *TokenParser {
	_, opts.MarksAreSpecial = tok.ID(toolCallOpen)
	return &TokenParser{tok: tok, stream: tok.NewStream(), parser: f.NewParser(opts)}
}

// Next takes the next id.
func (p *TokenParser) Next(dst []Event, id int32) ([]Event, error) {
	if p.tok.IsSpecial(id) {
		dst = p.flush(dst)
		text, err := p.tok.Bytes(id)
		if err != nil {
			return dst, err
		}
		return p.parser.Special(dst, string(text)), nil
	}
	text, err := p.stream.Next(p.buf[:0], id)
	p.buf = text
	if err != nil || len(text) == 0 {
		return dst, err
	}
	return p.parser.Text(dst, string(text)), nil
}

// Close ends the input.
func (p *TokenParser) Close(dst []Event) []Event { return p.parser.Close(p.flush(dst)) }

// Output is what is known of the turn.
func (p *TokenParser) Output() Output { return p.parser.Output() }

func (p *TokenParser) flush(dst []Event) []Event {
	p.buf = p.stream.Flush(p.buf[:0])
	if len(p.buf) == 0 {
		return dst
	}
	return p.parser.Text(dst, string(p.buf))
}

// checkCall finds out what is wrong with a finished call.
func (o ParseOptions) checkCall(c ToolCall) error {
	var errs []error
	var tool *Tool
	for i := range o.Tools {
		if o.Tools[i].Name == c.Name {
			tool = &o.Tools[i]
		}
	}
	if o.Tools != nil && tool == nil {
		errs = append(errs, fmt.Errorf("%w %q", ErrUnknownTool, clip(c.Name)))
	}
	if err := checkArguments(c.Arguments); err != nil {
		errs = append(errs, err)
	} else if tool != nil && o.Arguments != nil {
		if err := o.Arguments.ValidateArguments(*tool, c.Arguments); err != nil {
			errs = append(errs, fmt.Errorf("%w: %w", ErrSchema, err))
		}
	}
	return errors.Join(errs...)
}

// checkArguments says why arguments are no JSON object.
func checkArguments(raw json.RawMessage) error {
	if isObject(raw) {
		return nil
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return fmt.Errorf("%w: there are none", ErrArguments)
	}
	var v json.RawMessage
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("%w: %w", ErrArguments, err)
	}
	return fmt.Errorf("%w: %s", ErrArguments, clip(strings.TrimSpace(string(raw))))
}
