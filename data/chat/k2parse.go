package chat

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// k2Marks are the special tokens of K2 that Plain recognises, with other spellings: appendix B of
// arXiv 2507.20534 prints some, and models and servers write them.
var k2Marks = map[string]string{
	sectionBegin:                    sectionBegin,
	"<|tool_call_section_begin|>":   sectionBegin,
	sectionEnd:                      sectionEnd,
	"<|tool_call_section_end|>":     sectionEnd,
	callBegin:                       callBegin,
	argumentBegin:                   argumentBegin,
	"<|tool_arguments_begin|>":      argumentBegin,
	"<|tool_call_arguments_begin|>": argumentBegin,
	callEnd:                         callEnd,
	imEnd:                           imEnd,
	imSystem:                        imSystem,
	imUser:                          imUser,
	imAssistant:                     imAssistant,
	imMiddle:                        imMiddle,
}

// k2State is where in a turn a K2 parser is.
type k2State uint8

const (
	k2Content   k2State = iota // outside the section of calls
	k2Section                  // in the section, between calls
	k2ID                       // in the id of a call
	k2Arguments                // in the arguments of a call
)

// k2Parser parses a turn in K2's format.
type k2Parser struct {
	turn
	scanner scanner
	state   k2State
	id      strings.Builder
	between strings.Builder // text in the section outside of calls
	outside bool            // the open call is in no section
}

// NewParser implements Format.
func (K2) NewParser(opts ParseOptions) Parser {
	return &k2Parser{turn: turn{opts: opts}, scanner: scanner{marks: slices.Sorted(maps.Keys(k2Marks))}}
}

// Output implements Parser.
func (p *k2Parser) Output() Output { return p.output() }

// Text implements Parser.
func (p *k2Parser) Text(dst []Event, s string) []Event {
	return p.text(p.text(dst, p.scanner.take()), s)
}

// Special implements Parser.
func (p *k2Parser) Special(dst []Event, s string) []Event {
	return p.special(p.text(dst, p.scanner.take()), s)
}

// Plain implements Parser.
func (p *k2Parser) Plain(dst []Event, s string) []Event {
	return p.scanner.scan(dst, s, p.text, p.special)
}

// Close implements Parser.
func (p *k2Parser) Close(dst []Event) []Event {
	dst = p.text(dst, p.scanner.take())
	if p.ended {
		return dst
	}
	truncated := p.state != k2Content || !p.opts.EndStripped
	return p.finish(p.flushBetween(p.cut(dst, ErrTruncated)), truncated)
}

// text handles ordinary text.
func (p *k2Parser) text(dst []Event, s string) []Event {
	switch {
	case s == "":
	case p.ended:
		dst = p.afterEnd(dst, s)
	case p.state == k2Content:
		dst = p.say(dst, s)
	case p.state == k2Section:
		p.between.WriteString(s)
	case p.state == k2ID:
		p.id.WriteString(s)
	case p.state == k2Arguments:
		dst = p.argue(dst, s)
	}
	return dst
}

// special handles a special token.
func (p *k2Parser) special(dst []Event, s string) []Event {
	if p.ended {
		return p.afterEnd(dst, s)
	}
	mark := s
	if m, known := k2Marks[s]; known {
		mark = m
	}
	misplaced := fmt.Errorf("%w: %s before the call was closed", ErrStructure, clip(s))
	switch {
	case mark == callEnd && p.state == k2Arguments:
		dst = p.end(dst, nil)
		p.state = k2Section
		if p.outside {
			p.state, p.outside = k2Content, false
		}
	case mark == argumentBegin && p.state == k2ID:
		dst = p.open(dst, nil)
		p.state = k2Arguments
	case mark == callBegin:
		dst = p.flushBetween(p.cut(dst, misplaced))
		if p.state == k2Content {
			p.outside = true
		}
		p.state = k2ID
		p.id.Reset()
	case mark == sectionBegin && p.state == k2Content:
		p.state = k2Section
		if len(p.out.Calls) > 0 {
			dst = p.problem(dst, "a second section of calls", "")
		}
	case mark == sectionEnd && p.state != k2Content:
		dst = p.flushBetween(p.cut(dst, misplaced))
		p.state = k2Content
	case endsTurn(mark):
		dst = p.cut(dst, misplaced)
		if p.state == k2Section {
			dst = p.problem(p.flushBetween(dst), "the section of calls is not closed", "")
		}
		dst = p.finish(dst, false)
	default:
		dst = p.problem(dst, "unexpected special token", s)
	}
	return dst
}

// open begins the call whose id was read.
func (p *k2Parser) open(dst []Event, err error) []Event {
	id := strings.TrimSpace(p.id.String())
	name, _, idErr := ParseCallID(id)
	if p.outside {
		err = errors.Join(fmt.Errorf("%w: a call outside the section of calls", ErrStructure), err)
	}
	return p.begin(dst, id, name, errors.Join(idErr, err))
}

// cut closes a call that was left open.
func (p *k2Parser) cut(dst []Event, err error) []Event {
	switch p.state {
	case k2ID:
		dst = p.end(p.open(dst, nil), err)
	case k2Arguments:
		dst = p.end(dst, err)
	default:
		return dst
	}
	p.state = k2Section
	if p.outside {
		p.state, p.outside = k2Content, false
	}
	return dst
}

// flushBetween reports text in the section outside of calls.
func (p *k2Parser) flushBetween(dst []Event) []Event {
	if s := p.between.String(); !isSpace(s) {
		dst = p.problem(dst, "text between calls", s)
	}
	p.between.Reset()
	return dst
}
