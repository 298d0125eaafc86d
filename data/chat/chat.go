// Package chat holds dialogues with tool calls and turns them into what models read, and back.
//
// A Dialogue is typed messages and tools in OpenAI's JSON shape. A Format (K2, Hermes) renders it to
// segments: ordinary text and special tokens, each with its place in the loss. Encode makes token ids
// and the loss mask from the segments, so that a special token in the result was put there by the
// format, never by what somebody wrote. A Parser reads what a model wrote, token by token, and reports
// what is wrong in it without repairing anything.
//
// JSON Schemas and arguments stay the bytes that they were: the order of keys and the spelling of
// numbers carry meaning for a model that reads them as text.
package chat

import (
	"encoding/json"
	"slices"
)

// Role tells who speaks.
type Role string

// The roles of OpenAI's messages.
const (
	RoleSystem    Role = "system"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleTool      Role = "tool"
)

// Message is one turn of a dialogue.
type Message struct {
	Role Role
	// Name is who speaks within the role, for a tool's result the name of the tool; empty means none.
	Name    string
	Content string
	// ToolCalls are the calls that an assistant makes after saying Content.
	ToolCalls []ToolCall
	// ToolCallID is the call that a tool's message answers.
	ToolCallID string
	// NoLoss keeps what an assistant wrote here out of the loss, for turns that show a mistake. In JSON it is
	// OpenAI's "weight": 0.
	NoLoss bool
}

// ToolCall asks for a tool to be run.
type ToolCall struct {
	ID   string // unique in the dialogue; CallID makes the ids that K2 is trained on
	Name string
	// Arguments is a JSON object as text. It is kept as it was written and may hold anything when a model
	// wrote it.
	Arguments json.RawMessage
}

// Tool describes a function that an assistant may call.
type Tool struct {
	Name, Description string
	Parameters        json.RawMessage // a JSON Schema, kept byte for byte; nil for a tool without parameters
}

// Dialogue is messages and the tools at their disposal.
type Dialogue struct {
	ID       string // optional
	Messages []Message
	Tools    []Tool
}

// Clone copies a dialogue so that neither its messages nor its lists of calls and tools are shared. The bytes of
// arguments and schemas are.
func (d Dialogue) Clone() Dialogue {
	d.Messages, d.Tools = slices.Clone(d.Messages), slices.Clone(d.Tools)
	for i := range d.Messages {
		d.Messages[i].ToolCalls = slices.Clone(d.Messages[i].ToolCalls)
	}
	return d
}

// Tool finds a tool by its name.
func (d Dialogue) Tool(name string) (Tool, bool) {
	for _, t := range d.Tools {
		if t.Name == name {
			return t, true
		}
	}
	return Tool{}, false
}

// Calls counts the tool calls of all messages.
func (d Dialogue) Calls() int {
	n := 0
	for _, m := range d.Messages {
		n += len(m.ToolCalls)
	}
	return n
}
