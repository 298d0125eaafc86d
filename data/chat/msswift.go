package chat

import "fmt"

// ToMSSwift turns a dialogue into one line of JSON in the shape of ms-swift's agent data sets:
//
//	{"tools":"[...]","messages":[{"role":"user","content":"..."},{"role":"tool_call","content":"{\"name\": ...}"},
//	 {"role":"tool_response","content":"..."},{"role":"assistant","content":"..."}]}
//
// Each call is a message of its own, and so is what an assistant says before its calls. The ids of calls are
// left out, so results stand in the order of the calls. NoLoss becomes "loss": false. An error wraps ErrLost where the
// name of a speaker would get lost.
func ToMSSwift(d Dialogue) ([]byte, error) {
	if err := losable(d, true); err != nil {
		return nil, fmt.Errorf("chat: ms-swift: %w", err)
	}
	out := []byte{'{'}
	if len(d.Tools) > 0 {
		tools := appendCanonical(nil, AppendTools(nil, d.Tools), spaced)
		out = append(appendString(append(out, `"tools":`...), string(tools)), ',')
	}
	out = append(out, `"messages":[`...)
	n := 0
	add := func(role, content string, noLoss bool) {
		if n++; n > 1 {
			out = append(out, ',')
		}
		out = appendString(append(out, `{"role":`...), role)
		out = appendString(append(out, `,"content":`...), content)
		if noLoss {
			out = append(out, `,"loss":false`...)
		}
		out = append(out, '}')
	}
	for i := 0; i < len(d.Messages); i++ {
		m := d.Messages[i]
		switch {
		case m.Role == RoleTool:
			end := i + 1
			for end < len(d.Messages) && d.Messages[end].Role == RoleTool {
				end++
			}
			results, err := inOrderOfCalls(d.Messages, i, end)
			if err != nil {
				return nil, fmt.Errorf("chat: ms-swift: %w", err)
			}
			for _, r := range results {
				add("tool_response", r, false)
			}
			i = end - 1
		case len(m.ToolCalls) > 0:
			if m.Content != "" {
				add(string(m.Role), m.Content, m.NoLoss)
			}
			for _, c := range m.ToolCalls {
				add("tool_call", string(appendHermesCall(nil, c)), m.NoLoss)
			}
		default:
			add(string(m.Role), m.Content, m.NoLoss)
		}
	}
	return append(out, "]}"...), nil
}
