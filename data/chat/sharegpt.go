package chat

import (
	"encoding/json"
	"errors"
	"fmt"
)

// The speakers of ShareGPT's shape.
const (
	gptHuman       = "human"
	gptAssistant   = "gpt"
	gptCall        = "function_call"
	gptObservation = "observation"
)

// ErrLost says that a shape has no place for something in a dialogue.
var ErrLost = errors.New("the format has no place for it")

// ToShareGPT turns a dialogue into one line of JSON in ShareGPT's shape, as APIGen-MT and LLaMA-Factory have it:
//
//	{"conversations":[{"from":"human","value":"..."},{"from":"function_call","value":"{\"name\": ...}"},
//	 {"from":"observation","value":"..."},{"from":"gpt","value":"..."}],"system":"...","tools":"[...]"}
//
// Several calls of a turn are one function_call with a JSON list, and their results one observation with a JSON list of
// strings. What an assistant says before its calls is a gpt entry of its own. The ids of calls are left out: a reader
// numbers them again. An error wraps ErrLost where a name or NoLoss would get lost.
func ToShareGPT(d Dialogue) ([]byte, error) {
	if err := losable(d, false); err != nil {
		return nil, fmt.Errorf("chat: sharegpt: %w", err)
	}
	g := shareGPT{out: []byte(`{"conversations":[`)}
	system := ""
	for i := 0; i < len(d.Messages); i++ {
		m := d.Messages[i]
		switch m.Role {
		case RoleSystem:
			if i > 0 {
				return nil, fmt.Errorf("chat: sharegpt: message %d: a system message that is not the first: %w", i, ErrLost)
			}
			system = m.Content
		case RoleUser:
			g.add(gptHuman, m.Content)
		case RoleAssistant:
			if m.Content != "" || len(m.ToolCalls) == 0 {
				g.add(gptAssistant, m.Content)
			}
			if len(m.ToolCalls) > 0 {
				g.add(gptCall, string(appendCalls(nil, m.ToolCalls)))
			}
		case RoleTool:
			end := i + 1
			for end < len(d.Messages) && d.Messages[end].Role == RoleTool {
				end++
			}
			if end == i+1 && (i == 0 || len(d.Messages[i-1].ToolCalls) < 2) {
				g.add(gptObservation, m.Content)
				continue
			}
			results, err := inOrderOfCalls(d.Messages, i, end)
			if err != nil {
				return nil, fmt.Errorf("chat: sharegpt: %w", err)
			}
			list := []byte{'['}
			for k, r := range results {
				if k > 0 {
					list = append(list, ", "...)
				}
				list = appendString(list, r)
			}
			g.add(gptObservation, string(append(list, ']')))
			i = end - 1
		}
	}
	out := appendString(append(g.out, `],"system":`...), system)
	tools := []byte{'['}
	for i, t := range d.Tools {
		if i > 0 {
			tools = append(tools, ", "...)
		}
		tools = t.appendFunction(tools)
	}
	out = appendString(append(out, `,"tools":`...), string(append(tools, ']')))
	return append(out, '}'), nil
}

// shareGPT writes entries of a conversation.
type shareGPT struct {
	out []byte
	n   int
}

func (g *shareGPT) add(from, value string) {
	if g.n++; g.n > 1 {
		g.out = append(g.out, ',')
	}
	g.out = appendString(append(g.out, `{"from":`...), from)
	g.out = append(appendString(append(g.out, `,"value":`...), value), '}')
}

// appendCalls appends one call as an object and several as a list.
func appendCalls(dst []byte, calls []ToolCall) []byte {
	if len(calls) == 1 {
		return appendHermesCall(dst, calls[0])
	}
	for i, c := range calls {
		dst = append(dst, ", "...)
		if i == 0 {
			dst = append(dst[:len(dst)-2], '[')
		}
		dst = appendHermesCall(dst, c)
	}
	return append(dst, ']')
}

// inOrderOfCalls lists the results in messages[i:end] in the order of the calls that they answer, since a
// list of results has no ids.
func inOrderOfCalls(messages []Message, i, end int) ([]string, error) {
	if i == 0 || len(messages[i-1].ToolCalls) != end-i {
		return nil, fmt.Errorf("message %d: %d results do not answer the calls before them", i, end-i)
	}
	var out []string
	for _, c := range messages[i-1].ToolCalls {
		found := false
		for _, m := range messages[i:end] {
			if m.ToolCallID == c.ID && !found {
				out, found = append(out, m.Content), true
			}
		}
		if !found {
			return nil, fmt.Errorf("message %d: the call %q has no result", i-1, c.ID)
		}
	}
	return out, nil
}

// losable reports what a shape without names of speakers, and perhaps without weights, would drop, and arguments that
// cannot stand in a JSON object.
func losable(d Dialogue, hasWeights bool) error {
	for i, m := range d.Messages {
		if m.Name != "" && m.Role != RoleTool {
			return fmt.Errorf("message %d: the name %q: %w", i, m.Name, ErrLost)
		}
		if m.NoLoss && !hasWeights {
			return fmt.Errorf("message %d: the weight: %w", i, ErrLost)
		}
		for j, c := range m.ToolCalls {
			if !json.Valid(c.Arguments) {
				return fmt.Errorf("message %d, call %d: %w", i, j, ErrArguments)
			}
		}
	}
	return nil
}
