package chat

import (
	"errors"
	"strings"
	"testing"
)

func user(s string) Message { return Message{Role: RoleUser, Content: s} }
func says(s string) Message { return Message{Role: RoleAssistant, Content: s} }

func calls(c ...ToolCall) Message { return Message{Role: RoleAssistant, ToolCalls: c} }

func call(id, name, args string) ToolCall {
	return ToolCall{ID: id, Name: name, Arguments: []byte(args)}
}

func result(id, name string) Message {
	return Message{Role: RoleTool, ToolCallID: id, Name: name, Content: "r"}
}

func TestValidate(t *testing.T) {
	system := Message{Role: RoleSystem, Content: "s"}
	named := says("x")
	named.ToolCallID = "1"
	userCalls := user("x")
	userCalls.ToolCalls = []ToolCall{call("1", "f", "{}")}
	cases := map[string]struct {
		messages []Message
		want     []string // a part of each problem, in order; none for a valid dialogue
	}{
		"talk":                 {[]Message{system, user("a"), says("b"), user("c"), says("d")}, nil},
		"assistant first":      {[]Message{says("How can I help?"), user("a")}, nil},
		"user twice":           {[]Message{user("a"), user("b"), says("c")}, nil},
		"calls":                {[]Message{user("a"), calls(call("1", "f", "{}"), call("2", "f", "{}")), result("2", "f"), result("1", ""), says("b")}, nil},
		"open calls at end":    {[]Message{user("a"), calls(call("1", "f", "{}"), call("2", "f", "{}")), result("2", "f")}, nil},
		"more calls":           {[]Message{user("a"), calls(call("1", "f", "{}")), result("1", "f"), calls(call("2", "f", "{}")), result("2", "f")}, nil},
		"no messages":          {nil, []string{"no messages"}},
		"late system":          {[]Message{user("a"), system}, []string{"message 1: a system message"}},
		"assistant twice":      {[]Message{user("a"), says("b"), says("c")}, []string{"message 2: the assistant speaks twice"}},
		"assistant silent":     {[]Message{user("a"), says("")}, []string{"says and calls nothing"}},
		"role":                 {[]Message{{Role: "developer"}}, []string{`unknown role "developer"`}},
		"result of nothing":    {[]Message{user("a"), result("1", "f")}, []string{"after a message without calls", "answers no call"}},
		"wrong result":         {[]Message{user("a"), calls(call("1", "f", "{}")), result("2", "f"), says("b")}, []string{"answers no call", "1 calls of the turn before"}},
		"result twice":         {[]Message{user("a"), calls(call("1", "f", "{}")), result("1", "f"), result("1", "f")}, []string{"twice or too late"}},
		"result late":          {[]Message{user("a"), calls(call("1", "f", "{}")), user("b"), result("1", "f")}, []string{"1 calls of the turn before", "without calls", "twice or too late"}},
		"result without id":    {[]Message{user("a"), calls(call("1", "f", "{}")), result("", "f")}, []string{"without the id"}},
		"result misnamed":      {[]Message{user("a"), calls(call("1", "f", "{}")), result("1", "g")}, []string{`named "g", its tool "f"`}},
		"user after result":    {[]Message{user("a"), calls(call("1", "f", "{}")), result("1", "f"), user("b")}, []string{"the user speaks where"}},
		"missing result":       {[]Message{user("a"), calls(call("1", "f", "{}"), call("2", "f", "{}")), result("1", "f"), says("b")}, []string{"1 calls"}},
		"same id":              {[]Message{user("a"), calls(call("1", "f", "{}")), result("1", "f"), calls(call("1", "f", "{}"))}, []string{`message 3, call 0: the id "1" is taken`}},
		"no id":                {[]Message{user("a"), calls(call("", "f", "{}"))}, []string{"no id"}},
		"unknown tool":         {[]Message{user("a"), calls(call("1", "h", "{}"))}, []string{`unknown tool "h"`}},
		"broken arguments":     {[]Message{user("a"), calls(call("1", "f", `{"a":`))}, []string{"no JSON object"}},
		"arguments no object":  {[]Message{user("a"), calls(call("1", "f", `[]`), call("2", "f", ``))}, []string{"no JSON object", "no JSON object"}},
		"arguments and schema": {[]Message{user("a"), calls(call("1", "f", `{"n":-1}`))}, []string{"n is negative"}},
		"user calls":           {[]Message{userCalls}, []string{"the user calls tools"}},
		"id on a text":         {[]Message{named}, []string{"the assistant carries the id"}},
		"bad bytes":            {[]Message{user("\xff")}, []string{"UTF-8"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := Validate(Dialogue{Messages: c.messages, Tools: []Tool{{Name: "f", Parameters: []byte("{}")}, {Name: "g"}}}, noNegative{})
			if len(c.want) == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatalf("no error, want %q", c.want)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(c.want) {
				t.Fatalf("got %q, want %q", lines, c.want)
			}
			for i, w := range c.want {
				if !strings.Contains(lines[i], w) {
					t.Errorf("got %q, want %q", lines[i], w)
				}
			}
			var p *Problem
			if !errors.As(err, &p) {
				t.Error("no *Problem in the error")
			}
		})
	}
}

func TestValidateTools(t *testing.T) {
	d := Dialogue{Messages: []Message{user("a")}, Tools: []Tool{{Name: "f"}, {Name: "f"}, {}, {Name: "g", Parameters: []byte("[]")}, {Name: "h", Description: "\xff"}}}
	want := []string{`two tools are named "f"`, "tool 2 has no name", "no JSON object", "UTF-8"}
	err := Validate(d, nil)
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Fatalf("got %q, want %q", lines, want)
	}
	for i := range want {
		if !strings.Contains(lines[i], want[i]) {
			t.Errorf("got %q, want %q", lines[i], want[i])
		}
	}
}

// TestValidateSentinels checks that the cause of a problem can be told.
func TestValidateSentinels(t *testing.T) {
	for args, want := range map[string]error{`[]`: ErrArguments, `{"n":-1}`: ErrSchema} {
		d := Dialogue{Messages: []Message{calls(call("1", "f", args))}, Tools: []Tool{{Name: "f"}}}
		if err := Validate(d, noNegative{}); !errors.Is(err, want) {
			t.Errorf("%s: %v", args, err)
		}
	}
	d := Dialogue{Messages: []Message{calls(call("1", "f", "{}"))}}
	if err := Validate(d, nil); !errors.Is(err, ErrUnknownTool) {
		t.Error(err)
	}
}
