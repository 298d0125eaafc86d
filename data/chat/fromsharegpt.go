package chat

import (
	"encoding/json"
	"errors"
	"fmt"
)

// FromShareGPT reads a dialogue in the shape that ToShareGPT writes; tools may also be in OpenAI's shape, and
// the speakers may be called user, assistant, function and tool. Calls get the ids of K2's format.
func FromShareGPT(data []byte) (Dialogue, error) {
	var in struct {
		ID            json.RawMessage `json:"id"`
		Conversations []struct {
			From  string `json:"from"`
			Value string `json:"value"`
		} `json:"conversations"`
		System string          `json:"system"`
		Tools  json.RawMessage `json:"tools"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return Dialogue{}, err
	}
	if in.Conversations == nil {
		return Dialogue{}, errors.New("no conversations")
	}
	var d Dialogue
	if err := unmarshalText(in.Tools, &d.Tools); err != nil {
		return Dialogue{}, fmt.Errorf("tools: %w", err)
	}
	if in.System != "" {
		d.Messages = append(d.Messages, Message{Role: RoleSystem, Content: in.System})
	}
	count := 0
	for i, c := range in.Conversations {
		var err error
		switch c.From {
		case "system":
			d.Messages = append(d.Messages, Message{Role: RoleSystem, Content: c.Value})
		case gptHuman, "user":
			d.Messages = append(d.Messages, Message{Role: RoleUser, Content: c.Value})
		case gptAssistant, "assistant":
			d.Messages = append(d.Messages, Message{Role: RoleAssistant, Content: c.Value})
		case gptCall, "function":
			err = addCalls(&d, c.Value, &count)
		case gptObservation, "tool":
			err = addResults(&d, c.Value)
		default:
			err = fmt.Errorf("unknown speaker %q", c.From)
		}
		if err != nil {
			return Dialogue{}, fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return d, nil
}

// addCalls adds calls to what the assistant just said, or as a message of their own.
func addCalls(d *Dialogue, value string, count *int) error {
	type call struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	}
	var calls []call
	if err := json.Unmarshal([]byte(value), &calls); err != nil {
		calls = make([]call, 1)
		if err := json.Unmarshal([]byte(value), &calls[0]); err != nil {
			return fmt.Errorf("function_call: %w", err)
		}
	}
	last := len(d.Messages) - 1
	if last < 0 || d.Messages[last].Role != RoleAssistant {
		d.Messages = append(d.Messages, Message{Role: RoleAssistant})
		last++
	}
	for _, c := range calls {
		if c.Name == "" {
			return errors.New("function_call without a name")
		}
		args, err := argumentText(c.Arguments)
		if err != nil {
			return fmt.Errorf("function_call: %w", err)
		}
		m := &d.Messages[last]
		m.ToolCalls = append(m.ToolCalls, ToolCall{CallID(c.Name, *count), c.Name, args})
		*count++
	}
	return nil
}

// addResults adds an observation as the results of the calls before it: one, or a list of as many as there are calls.
func addResults(d *Dialogue, value string) error {
	// Observations in a row answer the calls one by one.
	n := len(d.Messages)
	answered := 0
	for n > 0 && d.Messages[n-1].Role == RoleTool {
		n, answered = n-1, answered+1
	}
	if n == 0 || len(d.Messages[n-1].ToolCalls) <= answered {
		return errors.New("an observation without a call")
	}
	calls := d.Messages[n-1].ToolCalls[answered:]
	values := []string{value}
	if len(calls) > 1 {
		var list []string
		if json.Unmarshal([]byte(value), &list) == nil && len(list) == len(calls) {
			values = list
		}
	}
	for i, v := range values {
		d.Messages = append(d.Messages, Message{Role: RoleTool, Name: calls[i].Name, ToolCallID: calls[i].ID, Content: v})
	}
	return nil
}
