package chat

import (
	"encoding/json"
	"fmt"
	"strings"
)

// hermesParser parses a turn in the Hermes format.
//
// Marks may be ordinary text, so a closing mark inside a JSON string of the arguments is taken for text. If the string
// turns out never to end, the JSON is broken, and the first such mark closes the call after all.
type hermesParser struct {
	turn
	all     scanner // the marks that Plain recognises
	tags    scanner // those of them that are found in ordinary text
	newline string  // a line break at the end of the content, which belongs to a call that may follow
	inCall  bool
	body    strings.Builder // of the open call
	quotes  quotes
	closer  int  // where in body a closing mark stands in a string, -1 for nowhere
	naive   bool // strings were found to be broken: marks count everywhere
}

// NewParser implements Format.
func (Hermes) NewParser(opts ParseOptions) Parser {
	return &hermesParser{
		turn:   turn{opts: opts},
		all:    scanner{marks: []string{toolCallOpen, toolCallClose, imStart, imEnd, "<|endoftext|>"}},
		tags:   scanner{marks: []string{toolCallOpen, toolCallClose}},
		closer: -1,
	}
}

// Output implements Parser.
func (p *hermesParser) Output() Output { return p.output() }

// Text implements Parser.
func (p *hermesParser) Text(dst []Event, s string) []Event {
	dst = p.text(dst, p.all.take())
	if p.opts.MarksAreSpecial {
		return p.text(dst, s)
	}
	return p.tags.scan(dst, s, p.text, p.spelled)
}

// Special implements Parser.
func (p *hermesParser) Special(dst []Event, s string) []Event {
	return p.special(p.release(dst), s)
}

// Plain implements Parser.
func (p *hermesParser) Plain(dst []Event, s string) []Event {
	return p.all.scan(p.text(dst, p.tags.take()), s, p.text, p.spelled)
}

// Close implements Parser.
func (p *hermesParser) Close(dst []Event) []Event {
	dst = p.release(dst)
	if p.ended {
		return dst
	}
	dst = p.settle(dst)
	truncated := p.inCall || !p.opts.EndStripped
	return p.finish(p.leave(dst, ErrTruncated), truncated)
}

// release treats what waits to become a mark as text.
func (p *hermesParser) release(dst []Event) []Event {
	return p.text(p.text(dst, p.all.take()), p.tags.take())
}

// text handles ordinary text.
func (p *hermesParser) text(dst []Event, s string) []Event {
	switch {
	case s == "":
	case p.ended:
		dst = p.afterEnd(dst, s)
	case p.inCall:
		p.body.WriteString(s)
		p.quotes.feed(s)
	default:
		s = p.newline + s
		p.newline = ""
		if strings.HasSuffix(s, "\n") {
			s, p.newline = s[:len(s)-1], "\n"
		}
		dst = p.say(dst, s)
	}
	return dst
}

// spelled handles a mark that was found in text.
func (p *hermesParser) spelled(dst []Event, s string) []Event {
	isTag := s == toolCallOpen || s == toolCallClose
	if !isTag || !p.inCall || !p.quotes.inside || p.naive {
		return p.special(dst, s)
	}
	if s == toolCallClose && p.closer < 0 {
		p.closer = p.body.Len()
	}
	return p.text(dst, s)
}

// special handles a mark that is one beyond doubt.
func (p *hermesParser) special(dst []Event, s string) []Event {
	if p.ended {
		return p.afterEnd(dst, s)
	}
	switch {
	case s == toolCallOpen:
		dst = p.cut(p.settle(dst), fmt.Errorf("%w: %s before the call was closed", ErrStructure, s))
		p.newline, p.inCall = "", true
	case s == toolCallClose && p.inCall:
		dst = p.call(dst, p.body.String(), nil)
	case endsTurn(s):
		dst = p.settle(dst)
		dst = p.finish(p.leave(dst, fmt.Errorf("%w: the turn ends before the call is closed", ErrStructure)), false)
	default:
		dst = p.problem(dst, "unexpected mark", s)
	}
	return dst
}

// settle reads the open call again when a closing mark in it was taken for text and its string never ended.
func (p *hermesParser) settle(dst []Event) []Event {
	if !p.inCall || p.closer < 0 || !p.quotes.inside {
		return dst
	}
	body := p.body.String()
	rest := body[p.closer+len(toolCallClose):]
	dst = p.call(dst, body[:p.closer], nil)
	p.naive = true
	again := scanner{marks: p.tags.marks}
	dst = again.scan(dst, rest, p.text, p.spelled)
	return p.text(dst, again.take())
}

// cut closes a call that was left open.
func (p *hermesParser) cut(dst []Event, err error) []Event {
	if !p.inCall {
		return dst
	}
	return p.call(dst, p.body.String(), err)
}

// leave ends what is open at the end of the turn.
func (p *hermesParser) leave(dst []Event, err error) []Event {
	dst = p.cut(dst, err)
	s := p.newline
	p.newline = ""
	return p.say(dst, s)
}

// call makes the events of a call from what stands between its marks. err is what cut it short, if anything.
func (p *hermesParser) call(dst []Event, body string, err error) []Event {
	p.inCall, p.closer, p.quotes = false, -1, quotes{}
	p.body.Reset()
	body = strings.TrimSpace(body)
	index := p.opts.FirstCall + len(p.out.Calls)
	var fields map[string]json.RawMessage
	var name string
	jsonErr := json.Unmarshal([]byte(body), &fields)
	if jsonErr == nil {
		jsonErr = json.Unmarshal(fields["name"], &name)
		if len(fields["name"]) == 0 || jsonErr != nil {
			jsonErr = fmt.Errorf("%w: a call without a name", ErrStructure)
		}
	} else {
		jsonErr = fmt.Errorf("%w: %w", ErrArguments, jsonErr)
	}
	if jsonErr != nil {
		dst = p.argue(p.begin(dst, CallID(name, index), name, err), body)
		return p.end(dst, jsonErr)
	}
	dst = p.argue(p.begin(dst, CallID(name, index), name, nil), string(fields["arguments"]))
	return p.end(dst, err)
}

// quotes follows JSON text and knows whether its end is inside a string.
type quotes struct{ inside, escape bool }

func (q *quotes) feed(s string) {
	for i := range len(s) {
		switch {
		case q.escape:
			q.escape = false
		case q.inside && s[i] == '\\':
			q.escape = true
		case s[i] == '"':
			q.inside = !q.inside
		}
	}
}
