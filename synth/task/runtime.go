package task

import (
	"encoding/json"
	"fmt"

	"muonclip/synth/task/value"
	"muonclip/synth/tool"
)

// Runtime is what a tool of the environment itself does; these are offered beside the tools of a product.
type Runtime string

// The tools of the environment.
const (
	WaitTool Runtime = "wait" // let time pass
	MoreTool Runtime = "more" // the rest of a truncated result
)

// runtimeOrigin marks the tools of the environment.
const runtimeOrigin = "runtime"

var runtimeListing = json.RawMessage(`{"tools":[
{"name":"wait","description":"Wait for a number of seconds, for example until a rate limit is over.","inputSchema":{"type":"object","properties":{"seconds":{"type":"integer","description":"How long to wait.","minimum":1,"maximum":600}},"required":["seconds"],"additionalProperties":false}},
{"name":"sleep_seconds","description":"Pause before the next call. Use it when a service asks to be called later.","inputSchema":{"type":"object","properties":{"seconds":{"type":"integer","description":"Length of the pause in seconds.","minimum":1,"maximum":600}},"required":["seconds"],"additionalProperties":false}},
{"name":"next_page","description":"Fetch the rest of a result that was cut off, by the cursor that it carried.","inputSchema":{"type":"object","properties":{"cursor":{"type":"string","description":"The cursor of the partial result.","minLength":1}},"required":["cursor"],"additionalProperties":false}},
{"name":"continue_result","description":"Continue a partial result. Results that are marked as partial carry a cursor for this tool.","inputSchema":{"type":"object","properties":{"cursor":{"type":"string","description":"The cursor of the partial result.","minLength":1}},"required":["cursor"],"additionalProperties":false}}
]}`)

// runtimeTools makes the tools of the environment: two spellings each of wait and more.
func runtimeTools() (wait, more []*tool.Tool, err error) {
	var listing struct {
		Tools []struct {
			Name, Description string
			InputSchema       json.RawMessage
		}
	}
	if err := json.Unmarshal(runtimeListing, &listing); err != nil {
		return nil, nil, fmt.Errorf("task: tools of the environment: %w", err)
	}
	for _, t := range listing.Tools {
		x := &tool.Tool{Name: t.Name, Description: t.Description, Parameters: t.InputSchema, Origin: runtimeOrigin}
		if RuntimeTool(x) == WaitTool {
			wait = append(wait, x)
		} else {
			more = append(more, x)
		}
	}
	return wait, more, nil
}

// Validate checks the arguments of a call against the tool's schema; nil when they fit.
func Validate(t *tool.Tool, args json.RawMessage) []tool.Problem {
	r := RuntimeTool(t)
	if r == "" {
		return t.Validate(args)
	}
	v, err := value.Decode(args)
	m, ok := v.(map[string]any)
	if err != nil || !ok {
		return []tool.Problem{{Message: "the arguments must be a JSON object"}}
	}
	var out []tool.Problem
	want := map[Runtime]string{WaitTool: "seconds", MoreTool: "cursor"}[r]
	for k := range m {
		if k != want {
			out = append(out, tool.Problem{Path: "/" + k, Message: "is not known"})
		}
	}
	if n, ok := m["seconds"].(int64); r == WaitTool && (!ok || n < 1 || n > 600) {
		out = append(out, tool.Problem{Path: "/seconds", Message: "must be an integer from 1 to 600"})
	}
	if s, ok := m["cursor"].(string); r == MoreTool && (!ok || s == "") {
		out = append(out, tool.Problem{Path: "/cursor", Message: "must be a text that is not empty"})
	}
	return out
}

// Encode writes the arguments of a call with their keys in the order of the tool's parameters.
func Encode(t *tool.Tool, args map[string]any) json.RawMessage {
	if RuntimeTool(t) == "" {
		return t.Encode(args)
	}
	b, err := json.Marshal(args)
	if err != nil {
		panic("task: " + err.Error()) // one number or one text
	}
	return b
}

// RuntimeTool says what a tool of the environment does; "" for the tools of products.
func RuntimeTool(t *tool.Tool) Runtime {
	if t.Origin != runtimeOrigin {
		return ""
	}
	switch t.Name {
	case "wait", "sleep_seconds":
		return WaitTool
	}
	return MoreTool
}

// RuntimeName is the name under which a task offers a tool of the environment; "" when it does not.
func (t *Task) RuntimeName(r Runtime) string {
	for _, x := range t.Tools {
		if RuntimeTool(x) == r {
			return x.Name
		}
	}
	return ""
}
