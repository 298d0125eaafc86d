package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// noNegative is a schema check for tests: no argument may be negative.
type noNegative struct{}

func (noNegative) ValidateArguments(tool Tool, arguments json.RawMessage) error {
	var v map[string]float64
	if err := json.Unmarshal(arguments, &v); err != nil {
		return err
	}
	for k, n := range v {
		if n < 0 {
			return fmt.Errorf("%s: %s is negative", tool.Name, k)
		}
	}
	return nil
}

// wantCall is a call and the errors that it must wrap.
type wantCall struct {
	id, name, arguments string
	errs                []error
}

type parseCase struct {
	text     string
	opts     ParseOptions
	content  string
	calls    []wantCall
	problems []string // parts of the messages
	finish   Finish
}

const (
	section = "<|tool_calls_section_begin|>"
	closing = "<|tool_calls_section_end|>"
	begin   = "<|tool_call_begin|>"
	args    = "<|tool_call_argument_begin|>"
	end     = "<|tool_call_end|>"
)

var someTools = []Tool{{Name: "f"}, {Name: "a-b.c:d"}}

var k2Cases = map[string]parseCase{
	"text":              {"Hello.<|im_end|>", ParseOptions{}, "Hello.", nil, nil, FinishStop},
	"nothing":           {"<|im_end|>", ParseOptions{}, "", nil, nil, FinishStop},
	"empty":             {"", ParseOptions{}, "", nil, nil, FinishTruncated},
	"cut text":          {"Hel", ParseOptions{}, "Hel", nil, nil, FinishTruncated},
	"server text":       {"Hello.", ParseOptions{EndStripped: true}, "Hello.", nil, nil, FinishStop},
	"half a mark":       {"a<|im_en", ParseOptions{}, "a<|im_en", nil, nil, FinishTruncated},
	"no mark":           {"1<2 <|x|> <| <<|im_end|>", ParseOptions{}, "1<2 <|x|> <| <", nil, nil, FinishStop},
	"one call":          {"Hm." + section + begin + "functions.f:0" + args + `{"a": 1}` + end + closing + "<|im_end|>", ParseOptions{Tools: someTools}, "Hm.", []wantCall{{"functions.f:0", "f", `{"a": 1}`, nil}}, nil, FinishToolCalls},
	"other spellings":   {"<|tool_call_section_begin|>" + begin + "functions.f:0<|tool_arguments_begin|>{}" + end + "<|tool_call_section_end|><|im_end|>", ParseOptions{Tools: someTools}, "", []wantCall{{"functions.f:0", "f", `{}`, nil}}, nil, FinishToolCalls},
	"whitespace":        {section + "\n" + begin + " functions.f:0\n" + args + "\n{}\n" + end + "\n" + begin + "functions.f:1" + args + "{}" + end + " " + closing + "\n<|im_end|>\n", ParseOptions{}, "", []wantCall{{"functions.f:0", "f", "\n{}\n", nil}, {"functions.f:1", "f", "{}", nil}}, nil, FinishToolCalls},
	"odd names":         {section + begin + "functions.a-b.c:d:12" + args + "{}" + end + begin + "f:0" + args + "{}" + end + closing + "<|im_end|>", ParseOptions{Tools: someTools}, "", []wantCall{{"functions.a-b.c:d:12", "a-b.c:d", "{}", nil}, {"f:0", "f", "{}", nil}}, nil, FinishToolCalls},
	"unknown tool":      {section + begin + "functions.g:0" + args + "{}" + end + closing + "<|im_end|>", ParseOptions{Tools: someTools}, "", []wantCall{{"functions.g:0", "g", "{}", []error{ErrUnknownTool}}}, nil, FinishToolCalls},
	"no tools at all":   {section + begin + "functions.f:0" + args + "{}" + end + closing + "<|im_end|>", ParseOptions{Tools: []Tool{}}, "", []wantCall{{"functions.f:0", "f", "{}", []error{ErrUnknownTool}}}, nil, FinishToolCalls},
	"bad arguments":     {section + begin + "functions.f:0" + args + `{"a": }` + end + begin + "functions.f:1" + args + `[1]` + end + begin + "functions.f:2" + args + end + begin + "functions.f:3" + args + `{} {}` + end + closing + "<|im_end|>", ParseOptions{}, "", []wantCall{{"functions.f:0", "f", `{"a": }`, []error{ErrArguments}}, {"functions.f:1", "f", `[1]`, []error{ErrArguments}}, {"functions.f:2", "f", ``, []error{ErrArguments}}, {"functions.f:3", "f", `{} {}`, []error{ErrArguments}}}, nil, FinishToolCalls},
	"schema":            {section + begin + "functions.f:0" + args + `{"a":-1}` + end + begin + "functions.f:1" + args + `{"a":1}` + end + closing + "<|im_end|>", ParseOptions{Tools: someTools, Arguments: noNegative{}}, "", []wantCall{{"functions.f:0", "f", `{"a":-1}`, []error{ErrSchema}}, {"functions.f:1", "f", `{"a":1}`, nil}}, nil, FinishToolCalls},
	"bad ids":           {section + begin + "call_1" + args + "{}" + end + begin + "functions.f:x" + args + "{}" + end + begin + args + "{}" + end + begin + "functions.:0" + args + "{}" + end + closing + "<|im_end|>", ParseOptions{}, "", []wantCall{{"call_1", "call_1", "{}", []error{ErrCallID}}, {"functions.f:x", "f:x", "{}", []error{ErrCallID}}, {"", "", "{}", []error{ErrCallID}}, {"functions.:0", "", "{}", []error{ErrCallID}}}, nil, FinishToolCalls},
	"cut in arguments":  {section + begin + "functions.f:0" + args + `{"a": "b`, ParseOptions{}, "", []wantCall{{"functions.f:0", "f", `{"a": "b`, []error{ErrTruncated}}}, nil, FinishTruncated},
	"cut in id":         {section + begin + "functions.f", ParseOptions{EndStripped: true}, "", []wantCall{{"functions.f", "f", "", []error{ErrTruncated, ErrCallID}}}, nil, FinishTruncated},
	"cut in section":    {section + begin + "functions.f:0" + args + "{}" + end, ParseOptions{EndStripped: true}, "", []wantCall{{"functions.f:0", "f", "{}", nil}}, nil, FinishTruncated},
	"no call end":       {section + begin + "functions.f:0" + args + "{}" + begin + "functions.f:1" + args + "{}" + closing + "<|im_end|>", ParseOptions{}, "", []wantCall{{"functions.f:0", "f", "{}", []error{ErrStructure}}, {"functions.f:1", "f", "{}", []error{ErrStructure}}}, nil, FinishToolCalls},
	"no section end":    {section + begin + "functions.f:0" + args + "{}" + end + "<|im_end|>", ParseOptions{}, "", []wantCall{{"functions.f:0", "f", "{}", nil}}, []string{"not closed"}, FinishToolCalls},
	"no section":        {"x" + begin + "functions.f:0" + args + "{}" + end + "<|im_end|>", ParseOptions{}, "x", []wantCall{{"functions.f:0", "f", "{}", []error{ErrStructure}}}, nil, FinishToolCalls},
	"empty section":     {"x" + section + closing + "<|im_end|>", ParseOptions{}, "x", nil, nil, FinishStop},
	"text after calls":  {section + begin + "functions.f:0" + args + "{}" + end + closing + "\nso\n<|im_end|>", ParseOptions{}, "\nso\n", []wantCall{{"functions.f:0", "f", "{}", nil}}, []string{"after the calls"}, FinishToolCalls},
	"text between":      {section + "then" + begin + "functions.f:0" + args + "{}" + end + "and" + closing + "<|im_end|>", ParseOptions{}, "", []wantCall{{"functions.f:0", "f", "{}", nil}}, []string{`"then"`, `"and"`}, FinishToolCalls},
	"stray marks":       {"a<|im_user|>b" + end + "c" + closing + "<|im_end|>", ParseOptions{}, "abc", nil, []string{"<|im_user|>", "<|tool_call_end|>", "<|tool_calls_section_end|>"}, FinishStop},
	"after the end":     {"a<|im_end|>\n<|im_user|>user<|im_middle|>b", ParseOptions{}, "a", nil, []string{"after the end"}, FinishStop},
	"end in a call":     {section + begin + "functions.f:0" + args + `{"a"<|im_end|>`, ParseOptions{}, "", []wantCall{{"functions.f:0", "f", `{"a"`, []error{ErrStructure}}}, []string{"not closed"}, FinishToolCalls},
	"second section":    {section + begin + "f:0" + args + "{}" + end + closing + section + begin + "f:1" + args + "{}" + end + closing + "<|im_end|>", ParseOptions{}, "", []wantCall{{"f:0", "f", "{}", nil}, {"f:1", "f", "{}", nil}}, []string{"second section"}, FinishToolCalls},
	"marks in a string": {section + begin + "functions.f:0" + args + `{"a":"</tool_call>"}` + end + closing + "<|im_end|>", ParseOptions{}, "", []wantCall{{"functions.f:0", "f", `{"a":"</tool_call>"}`, nil}}, nil, FinishToolCalls},
}

var hermesCases = map[string]parseCase{
	"text":             {"Hello.\n\n<|im_end|>", ParseOptions{}, "Hello.\n\n", nil, nil, FinishStop},
	"cut text":         {"Hello.\n", ParseOptions{}, "Hello.\n", nil, nil, FinishTruncated},
	"one call":         {"Hm.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call><|im_end|>", ParseOptions{Tools: someTools, FirstCall: 3}, "Hm.", []wantCall{{"functions.f:3", "f", `{"a": 1}`, nil}}, nil, FinishToolCalls},
	"two calls":        {"<tool_call>{\"arguments\":{},\"name\":\"f\"}</tool_call>\n<tool_call>\n{\"name\":\"g\",\"arguments\":{}}</tool_call>\n<|im_end|>", ParseOptions{Tools: someTools}, "", []wantCall{{"functions.f:0", "f", `{}`, nil}, {"functions.g:1", "g", `{}`, []error{ErrUnknownTool}}}, nil, FinishToolCalls},
	"marks in strings": {`<tool_call>{"name":"f","arguments":{"a":"</tool_call> \"<tool_call>"}}</tool_call><|im_end|>`, ParseOptions{}, "", []wantCall{{"functions.f:0", "f", `{"a":"</tool_call> \"<tool_call>"}`, nil}}, nil, FinishToolCalls},
	"open string":      {`<tool_call>{"name":"f","arguments":{"a":"b}}</tool_call>` + "\n" + `<tool_call>{"name":"f","arguments":{"c":1}}</tool_call><|im_end|>`, ParseOptions{}, "", []wantCall{{"functions.:0", "", `{"name":"f","arguments":{"a":"b}}`, []error{ErrArguments}}, {"functions.f:1", "f", `{"c":1}`, nil}}, nil, FinishToolCalls},
	"no object":        {`<tool_call>{"name":"f","arguments":"{}"}</tool_call><tool_call>{"name":"f"}</tool_call><tool_call>{"arguments":{}}</tool_call><|im_end|>`, ParseOptions{}, "", []wantCall{{"functions.f:0", "f", `"{}"`, []error{ErrArguments}}, {"functions.f:1", "f", ``, []error{ErrArguments}}, {"functions.:2", "", `{"arguments":{}}`, []error{ErrStructure}}}, nil, FinishToolCalls},
	"cut in a call":    {`x<tool_call>{"name":"f","argum`, ParseOptions{EndStripped: true}, "x", []wantCall{{"functions.:0", "", `{"name":"f","argum`, []error{ErrArguments}}}, nil, FinishTruncated},
	"end in a call":    {`<tool_call>{"name":"f","arguments":{}}<|im_end|>`, ParseOptions{}, "", []wantCall{{"functions.f:0", "f", `{}`, []error{ErrStructure}}}, nil, FinishToolCalls},
	"no close":         {`<tool_call>{"name":"f","arguments":{}}<tool_call>{"name":"f","arguments":{}}</tool_call><|im_end|>`, ParseOptions{}, "", []wantCall{{"functions.f:0", "f", `{}`, []error{ErrStructure}}, {"functions.f:1", "f", `{}`, nil}}, nil, FinishToolCalls},
	"stray close":      {"a</tool_call>b<|im_start|><|im_end|>", ParseOptions{}, "ab", nil, []string{"</tool_call>", "<|im_start|>"}, FinishStop},
	"text after calls": {`<tool_call>{"name":"f","arguments":{}}</tool_call> so<|im_end|>`, ParseOptions{}, " so", []wantCall{{"functions.f:0", "f", `{}`, nil}}, []string{"after the calls"}, FinishToolCalls},
	"server text":      {`<tool_call>{"name":"f","arguments":{}}</tool_call>`, ParseOptions{EndStripped: true}, "", []wantCall{{"functions.f:0", "f", `{}`, nil}}, nil, FinishToolCalls},
}

func TestParse(t *testing.T) {
	for _, f := range formats {
		cases := k2Cases
		if f.Name() == "hermes" {
			cases = hermesCases
		}
		for name, c := range cases {
			t.Run(f.Name()+"/"+name, func(t *testing.T) { c.check(t, f, ParseText(f, c.text, c.opts)) })
			t.Run(f.Name()+"/"+name+"/in bytes", func(t *testing.T) {
				p := f.NewParser(c.opts)
				for i := range len(c.text) {
					p.Plain(nil, c.text[i:i+1])
				}
				p.Close(nil)
				c.check(t, f, p.Output())
			})
		}
	}
}

func (c parseCase) check(t *testing.T, f Format, got Output) {
	t.Helper()
	if got.Content != c.content || got.Finish != c.finish {
		t.Errorf("content %q, finish %q; want %q, %q", got.Content, got.Finish, c.content, c.finish)
	}
	if len(got.Calls) != len(c.calls) {
		t.Fatalf("%d calls, want %d: %+v", len(got.Calls), len(c.calls), got.Calls)
	}
	faults := len(c.problems)
	for i, w := range c.calls {
		g := got.Calls[i]
		if g.ID != w.id || g.Name != w.name || string(g.Arguments) != w.arguments {
			t.Errorf("call %d: %q %q %q, want %q %q %q", i, g.ID, g.Name, g.Arguments, w.id, w.name, w.arguments)
		}
		if len(w.errs) == 0 && g.Err != nil {
			t.Errorf("call %d: %v", i, g.Err)
		}
		for _, e := range w.errs {
			if faults++; !errors.Is(g.Err, e) {
				t.Errorf("call %d: error %v, want %v", i, g.Err, e)
			}
		}
	}
	if len(got.Problems) != len(c.problems) {
		t.Errorf("problems %v, want %q", got.Problems, c.problems)
	}
	for i, p := range got.Problems {
		if i < len(c.problems) && (!strings.Contains(p.Error(), c.problems[i]) || !errors.Is(p, ErrStructure)) {
			t.Errorf("problem %v, want %q", p, c.problems[i])
		}
	}
	if isGood := faults == 0 && c.finish != FinishTruncated; isGood != (got.Err() == nil) {
		t.Errorf("error of the turn: %v", got.Err())
	}
}

// TestEvents pins the order of news while a turn comes in.
func TestEvents(t *testing.T) {
	p := K2{}.NewParser(ParseOptions{})
	var events []Event
	events = p.Text(events, "Hm")
	events = p.Text(events, ".")
	events = p.Special(events, sectionBegin)
	events = p.Special(events, callBegin)
	events = p.Text(events, "functions.f")
	if len(events) != 2 {
		t.Errorf("%d events before the call is known", len(events))
	}
	events = p.Text(events, ":0")
	events = p.Special(events, argumentBegin)
	events = p.Text(events, `{"a":`)
	events = p.Text(events, `1}`)
	events = p.Special(events, callEnd)
	events = p.Special(events, sectionEnd)
	events = p.Special(events, imEnd)
	events = p.Close(events)
	call := Call{ToolCall: ToolCall{ID: "functions.f:0", Name: "f"}}
	done := call
	done.Arguments = json.RawMessage(`{"a":1}`)
	want := []Event{
		{Kind: EventContent, Text: "Hm"},
		{Kind: EventContent, Text: "."},
		{Kind: EventCall, Call: call},
		{Kind: EventArguments, Text: `{"a":`},
		{Kind: EventArguments, Text: `1}`},
		{Kind: EventCallEnd, Call: done},
		{Kind: EventEnd, Finish: FinishToolCalls},
	}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Error(diff)
	}
}

// TestHoldback shows that no part of a mark is given away as content, and everything else at once.
func TestHoldback(t *testing.T) {
	p := K2{}.NewParser(ParseOptions{})
	for _, step := range []struct{ in, out string }{
		{"a", "a"}, {"<", ""}, {"b", "<b"}, {"c<|im", "c"}, {"_", ""}, {"x", "<|im_x"}, {"<<|im_end|", "<"}, {"> tail", ""},
	} {
		got := ""
		for _, e := range p.Plain(nil, step.in) {
			if e.Kind == EventContent {
				got += e.Text
			}
		}
		if got != step.out {
			t.Errorf("%q gives %q, want %q", step.in, got, step.out)
		}
	}
	if out := p.Output(); out.Content != "a<bc<|im_x<" || out.Finish != FinishStop {
		t.Errorf("%+v", out)
	}
}

// TestOrdinaryTextIsNoMark feeds text that spells marks as what it is, text.
func TestOrdinaryTextIsNoMark(t *testing.T) {
	p := K2{}.NewParser(ParseOptions{})
	p.Text(nil, "a<|im_end|>b<|tool_calls_section_begin|>")
	p.Special(nil, imEnd)
	p.Close(nil)
	if out := p.Output(); out.Content != "a<|im_end|>b<|tool_calls_section_begin|>" || out.Err() != nil {
		t.Errorf("%+v", out)
	}
	h := Hermes{}.NewParser(ParseOptions{MarksAreSpecial: true})
	h.Text(nil, "a<tool_call>b")
	h.Special(nil, imEnd)
	h.Close(nil)
	if out := h.Output(); out.Content != "a<tool_call>b" || out.Err() != nil {
		t.Errorf("%+v", out)
	}
}
