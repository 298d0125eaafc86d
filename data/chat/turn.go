package chat

import (
	"errors"
	"fmt"
	"strings"
)

// turn is what the parsers of all formats share: it collects the output and makes the events.
type turn struct {
	opts    ParseOptions
	out     Output
	content strings.Builder
	args    strings.Builder // of the open call
	callErr error           // of the open call, known from its beginning
	held    string          // whitespace after the calls, which counts only when more text follows
	ended   bool
	// Each of these is reported once.
	saidAfterCalls, saidAfterEnd bool
}

// output is the turn as far as it is known.
func (t *turn) output() Output {
	out := t.out
	out.Content = t.content.String()
	return out
}

// say adds to the content. Text that follows calls is out of place and reported, but not dropped.
func (t *turn) say(dst []Event, s string) []Event {
	if len(t.out.Calls) > 0 && !t.saidAfterCalls {
		t.held += s
		if isSpace(t.held) {
			return dst
		}
		s, t.held, t.saidAfterCalls = t.held, "", true
		dst = t.problem(dst, "text after the calls", "")
	}
	if s == "" {
		return dst
	}
	t.content.WriteString(s)
	return append(dst, Event{Kind: EventContent, Text: s})
}

// begin opens a call.
func (t *turn) begin(dst []Event, id, name string, err error) []Event {
	t.args.Reset()
	t.callErr, t.held = err, ""
	c := Call{ToolCall{ID: id, Name: name}, err}
	t.out.Calls = append(t.out.Calls, c)
	return append(dst, Event{Kind: EventCall, Index: len(t.out.Calls) - 1, Call: c})
}

// argue adds to the arguments of the open call.
func (t *turn) argue(dst []Event, s string) []Event {
	if s == "" {
		return dst
	}
	t.args.WriteString(s)
	return append(dst, Event{Kind: EventArguments, Index: len(t.out.Calls) - 1, Text: s})
}

// end closes the open call. A call that err cuts short is not looked at further.
func (t *turn) end(dst []Event, err error) []Event {
	c := &t.out.Calls[len(t.out.Calls)-1]
	c.Arguments = []byte(t.args.String())
	if err == nil {
		err = t.opts.checkCall(c.ToolCall)
	}
	c.Err = errors.Join(t.callErr, err)
	return append(dst, Event{Kind: EventCallEnd, Index: len(t.out.Calls) - 1, Call: *c})
}

// problem reports something wrong; s is the text that it is about, if that says anything.
func (t *turn) problem(dst []Event, what, s string) []Event {
	if s != "" {
		what = fmt.Sprintf("%s: %q", what, clip(s))
	}
	err := fmt.Errorf("%w: %s", ErrStructure, what)
	t.out.Problems = append(t.out.Problems, err)
	return append(dst, Event{Kind: EventProblem, Err: err})
}

// finish ends the turn.
func (t *turn) finish(dst []Event, truncated bool) []Event {
	switch {
	case truncated:
		t.out.Finish = FinishTruncated
	case len(t.out.Calls) > 0:
		t.out.Finish = FinishToolCalls
	default:
		t.out.Finish = FinishStop
	}
	t.ended = true
	return append(dst, Event{Kind: EventEnd, Finish: t.out.Finish})
}

// afterEnd handles input after the end of the turn.
func (t *turn) afterEnd(dst []Event, s string) []Event {
	if isSpace(s) || t.saidAfterEnd {
		return dst
	}
	t.saidAfterEnd = true
	return t.problem(dst, "output after the end of the turn", "")
}

// isSpace reports whether s is nothing but whitespace.
func isSpace(s string) bool { return strings.TrimSpace(s) == "" }

// endsTurn reports whether a special token ends a turn.
func endsTurn(s string) bool {
	switch s {
	case imEnd, "[EOS]", "[EOT]", "<|endoftext|>":
		return true
	}
	return false
}
