package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// UnmarshalJSON reads a dialogue in OpenAI's shape. messages and tools may also be strings that hold
// the JSON, as they are in Parquet files. Other fields are ignored.
func (d *Dialogue) UnmarshalJSON(data []byte) error {
	var in struct {
		ID       json.RawMessage `json:"id"`
		Messages json.RawMessage `json:"messages"`
		Tools    json.RawMessage `json:"tools"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if isNull(in.Messages) {
		return errors.New("no messages")
	}
	var out Dialogue
	if !isNull(in.ID) && json.Unmarshal(in.ID, &out.ID) != nil {
		out.ID = string(in.ID) // a number
	}
	var messages, tools []json.RawMessage
	if err := unmarshalText(in.Messages, &messages); err != nil {
		return fmt.Errorf("messages: %w", err)
	}
	if err := unmarshalText(in.Tools, &tools); err != nil {
		return fmt.Errorf("tools: %w", err)
	}
	for i, raw := range messages {
		var m Message
		if err := m.UnmarshalJSON(raw); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
		out.Messages = append(out.Messages, m)
	}
	for i, raw := range tools {
		var t Tool
		if err := t.UnmarshalJSON(raw); err != nil {
			return fmt.Errorf("tool %d: %w", i, err)
		}
		out.Tools = append(out.Tools, t)
	}
	*d = out
	return nil
}

// UnmarshalJSON reads a message in OpenAI's shape. Content may be null or a list of text parts, which are joined; a
// part of another kind is an error.
func (m *Message) UnmarshalJSON(data []byte) error {
	var in struct {
		Role         Role              `json:"role"`
		Name         string            `json:"name"`
		Content      json.RawMessage   `json:"content"`
		ToolCalls    []json.RawMessage `json:"tool_calls"`
		ToolCallID   string            `json:"tool_call_id"`
		FunctionCall json.RawMessage   `json:"function_call"`
		Weight       *float64          `json:"weight"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	switch in.Role {
	case RoleSystem, RoleUser, RoleAssistant, RoleTool:
	case "":
		return errors.New("no role")
	default:
		return fmt.Errorf("role %q: want system, user, assistant or tool", in.Role)
	}
	if !isNull(in.FunctionCall) {
		return errors.New("function_call is the old form of a call: turn it into tool_calls")
	}
	out := Message{Role: in.Role, Name: in.Name, ToolCallID: in.ToolCallID}
	var err error
	if out.Content, err = contentText(in.Content); err != nil {
		return err
	}
	for i, raw := range in.ToolCalls {
		var c ToolCall
		if err := c.UnmarshalJSON(raw); err != nil {
			return fmt.Errorf("call %d: %w", i, err)
		}
		out.ToolCalls = append(out.ToolCalls, c)
	}
	if in.Weight != nil {
		if *in.Weight != 0 && *in.Weight != 1 {
			return fmt.Errorf("weight %v: want 0 or 1", *in.Weight)
		}
		out.NoLoss = *in.Weight == 0
	}
	*m = out
	return nil
}

// contentText is the text of a message's content.
func contentText(raw json.RawMessage) (string, error) {
	if isNull(raw) {
		return "", nil
	}
	var text string
	if raw[0] == '"' {
		return text, json.Unmarshal(raw, &text)
	}
	var parts []struct {
		Type string  `json:"type"`
		Text *string `json:"text"`
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return "", errors.New("content: want a string, null or a list of text parts")
	}
	var b strings.Builder
	for i, p := range parts {
		if p.Type != "text" || p.Text == nil {
			return "", fmt.Errorf("content: part %d has type %q: only text is known", i, p.Type)
		}
		b.WriteString(*p.Text)
	}
	return b.String(), nil
}

// UnmarshalJSON reads a call in OpenAI's shape. Arguments are a string or, as in some data sets, the object itself,
// whose bytes are then kept.
func (c *ToolCall) UnmarshalJSON(data []byte) error {
	var in struct {
		ID       string `json:"id"`
		Function *struct {
			Name      string          `json:"name"`
			Arguments json.RawMessage `json:"arguments"`
		} `json:"function"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if in.Function == nil {
		return errors.New("a call without function")
	}
	*c = ToolCall{ID: in.ID, Name: in.Function.Name}
	var err error
	c.Arguments, err = argumentText(in.Function.Arguments)
	return err
}

// argumentText is the JSON text of arguments that are a string with the text in it or the value itself.
func argumentText(raw json.RawMessage) (json.RawMessage, error) {
	if isNull(raw) {
		return nil, nil
	}
	if raw[0] != '"' {
		return slices.Clone(raw), nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, err
	}
	return json.RawMessage(text), nil
}

// UnmarshalJSON reads a tool in OpenAI's shape, or name, description and parameters without the wrapping.
func (t *Tool) UnmarshalJSON(data []byte) error {
	type function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
	}
	var in struct {
		function
		Function *function `json:"function"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	f := in.function
	if in.Function != nil {
		f = *in.Function
	}
	if f.Name == "" {
		return errors.New("a tool without a name")
	}
	*t = Tool{Name: f.Name, Description: f.Description}
	if !isNull(f.Parameters) {
		t.Parameters = slices.Clone(f.Parameters)
	}
	return nil
}

// unmarshalText reads JSON that may be wrapped in a string; an absent or null value leaves v alone.
func unmarshalText(raw json.RawMessage, v any) error {
	if isNull(raw) {
		return nil
	}
	if raw[0] == '"' {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
		if raw = json.RawMessage(text); strings.TrimSpace(text) == "" {
			return nil
		}
	}
	return json.Unmarshal(raw, v)
}
