package chat

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// toolUse has an answer to parallel calls that comes in another order.
func toolUse() Dialogue {
	m := calls(call("functions.f:0", "f", `{"a": 1}`), call("functions.g:1", "g", `{}`))
	m.Content = "Let me see."
	single := calls(call("functions.f:2", "f", `{"a":"\u00e9"}`))
	r := func(id, name, content string) Message {
		return Message{Role: RoleTool, ToolCallID: id, Name: name, Content: content}
	}
	return Dialogue{
		Messages: []Message{
			{Role: RoleSystem, Content: "s"}, user("a"), m,
			r("functions.g:1", "g", "of g"), r("functions.f:0", "f", `["of f"]`),
			single, r("functions.f:2", "f", `["x"]`), says("done"),
		},
		Tools: []Tool{{Name: "f", Description: "d", Parameters: []byte(`{"z":1,"a": 2}`)}, {Name: "g"}},
	}
}

func TestToShareGPT(t *testing.T) {
	d := toolUse()
	got, err := ToShareGPT(d)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"Let me see."},` +
		`{"from":"function_call","value":"[{\"name\": \"f\", \"arguments\": {\"a\": 1}}, {\"name\": \"g\", \"arguments\": {}}]"},` +
		`{"from":"observation","value":"[\"[\\\"of f\\\"]\", \"of g\"]"},` +
		`{"from":"function_call","value":"{\"name\": \"f\", \"arguments\": {\"a\":\"\\u00e9\"}}"},{"from":"observation","value":"[\"x\"]"},{"from":"gpt","value":"done"}],` +
		`"system":"s","tools":"[{\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"z\":1,\"a\": 2}}, {\"name\":\"g\",\"description\":\"\"}]"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	back, err := FromShareGPT(got)
	if err != nil {
		t.Fatal(err)
	}
	d.Messages[3], d.Messages[4] = d.Messages[4], d.Messages[3] // now in the order of the calls
	if diff := cmp.Diff(d, back, sameDialogue); diff != "" {
		t.Error(diff)
	}
}

func TestToMSSwift(t *testing.T) {
	d := toolUse()
	d.Messages[7].NoLoss = true
	got, err := ToMSSwift(d)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"tools":"[{\"type\": \"function\", \"function\": {\"name\": \"f\", \"description\": \"d\", \"parameters\": {\"z\": 1, \"a\": 2}}}, {\"type\": \"function\", \"function\": {\"name\": \"g\", \"description\": \"\"}}]",` +
		`"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"Let me see."},` +
		`{"role":"tool_call","content":"{\"name\": \"f\", \"arguments\": {\"a\": 1}}"},{"role":"tool_call","content":"{\"name\": \"g\", \"arguments\": {}}"},` +
		`{"role":"tool_response","content":"[\"of f\"]"},{"role":"tool_response","content":"of g"},` +
		`{"role":"tool_call","content":"{\"name\": \"f\", \"arguments\": {\"a\":\"\\u00e9\"}}"},{"role":"tool_response","content":"[\"x\"]"},` +
		`{"role":"assistant","content":"done","loss":false}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// TestConvertersLoseNothing gives the converters what their shapes have no place for.
func TestConvertersLoseNothing(t *testing.T) {
	change := func(f func(d *Dialogue)) Dialogue {
		d := toolUse()
		f(&d)
		return d
	}
	for name, c := range map[string]struct {
		d     Dialogue
		swift bool // ms-swift refuses it too
		lost  bool
	}{
		"name of a user":    {change(func(d *Dialogue) { d.Messages[1].Name = "Ada" }), true, true},
		"weight":            {change(func(d *Dialogue) { d.Messages[7].NoLoss = true }), false, true},
		"late system":       {change(func(d *Dialogue) { d.Messages = append(d.Messages, Message{Role: RoleSystem}) }), false, true},
		"broken arguments":  {change(func(d *Dialogue) { d.Messages[2].ToolCalls[0].Arguments = []byte("{") }), true, false},
		"unanswered call":   {change(func(d *Dialogue) { d.Messages = slices.Delete(d.Messages, 3, 4) }), true, false},
		"answer to nothing": {change(func(d *Dialogue) { d.Messages[3].ToolCallID = "x" }), true, false},
	} {
		_, err := ToShareGPT(c.d)
		if err == nil || errors.Is(err, ErrLost) != c.lost {
			t.Errorf("%s: ShareGPT: %v", name, err)
		}
		if _, err := ToMSSwift(c.d); (err != nil) != c.swift {
			t.Errorf("%s: ms-swift: %v", name, err)
		}
	}
}

func TestFromShareGPT(t *testing.T) {
	in := `{"conversations":[{"from":"system","value":"s"},{"from":"user","value":"a"},{"from":"function_call","value":"{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": 1}\"}"},
		{"from":"function_call","value":"{\"name\":\"g\",\"arguments\":{}}"},{"from":"observation","value":"1"},{"from":"tool","value":"2"},{"from":"assistant","value":"b"}],
		"tools":"[{\"type\":\"function\",\"function\":{\"name\":\"f\"}},{\"name\":\"g\"}]"}`
	want := Dialogue{
		Messages: []Message{
			{Role: RoleSystem, Content: "s"}, user("a"), calls(call("functions.f:0", "f", `{"a": 1}`), call("functions.g:1", "g", "{}")),
			{Role: RoleTool, ToolCallID: "functions.f:0", Name: "f", Content: "1"}, {Role: RoleTool, ToolCallID: "functions.g:1", Name: "g", Content: "2"}, says("b"),
		},
		Tools: []Tool{{Name: "f"}, {Name: "g"}},
	}
	got, err := FromShareGPT([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, sameDialogue); diff != "" {
		t.Error(diff)
	}
	for in, want := range map[string]string{
		`{}`: "no conversations",
		`{"conversations":[{"from":"bot","value":""}]}`:                             `entry 0: unknown speaker "bot"`,
		`{"conversations":[{"from":"observation","value":""}]}`:                     "without a call",
		`{"conversations":[{"from":"function_call","value":"f(1)"}]}`:               "entry 0: function_call: ",
		`{"conversations":[{"from":"function_call","value":"{\"arguments\":{}}"}]}`: "without a name",
		`{"conversations":[],"tools":"["}`:                                          "tools: ",
	} {
		if _, err := FromShareGPT([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", in, err, want)
		}
	}
	for d, err := range ReadShareGPT(strings.NewReader("\n" + `{"conversations":[{"from":"bot"}]}`)) {
		if err == nil || !strings.Contains(err.Error(), "line 2: entry 0") {
			t.Errorf("%v, %v", d, err)
		}
	}
}
