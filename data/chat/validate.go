package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ArgumentValidator checks the arguments of a call, which are a JSON object, against the schema of its tool. It must
// be safe for use by many goroutines.
type ArgumentValidator interface {
	ValidateArguments(tool Tool, arguments json.RawMessage) error
}

// Problem is something that Validate found.
type Problem struct {
	Message int // index of the message, -1 for the dialogue as a whole
	Call    int // index of the call in the message, -1 for the message as a whole
	Err     error
}

// Error says where and what.
func (p *Problem) Error() string {
	switch {
	case p.Message < 0:
		return p.Err.Error()
	case p.Call < 0:
		return fmt.Sprintf("message %d: %v", p.Message, p.Err)
	}
	return fmt.Sprintf("message %d, call %d: %v", p.Message, p.Call, p.Err)
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Validate checks that a dialogue is one that a model can learn from or continue. It returns all it finds: an error
// that joins values of *Problem. The rules:
//
//   - a system message only at the beginning; no assistant speaks twice in a row;
//   - after an assistant's calls come their results, one for each in any order, and then the assistant; a dialogue may
//     end anywhere;
//   - the ids of calls are unique in the dialogue, and a result that carries a name carries that of its tool;
//   - calls name tools of the dialogue, and their arguments are JSON objects and, by schemas if it is not nil, fit;
//   - tools have different names and schemas that are JSON objects; all text is UTF-8.
func Validate(d Dialogue, schemas ArgumentValidator) error {
	v := validator{schemas: schemas, tools: map[string]Tool{}, ids: map[string]bool{}}
	v.declare(d.Tools)
	for i, m := range d.Messages {
		v.at = i
		v.order(m)
		v.message(m)
	}
	if len(d.Messages) == 0 {
		v.at = -1
		v.report("no messages")
	}
	return errors.Join(v.found...)
}

// validator walks over a dialogue.
type validator struct {
	schemas ArgumentValidator
	tools   map[string]Tool
	ids     map[string]bool   // of all calls so far
	open    map[string]string // the calls of the turn without a result: id to name
	last    Role              // of the message before
	at      int               // the message
	found   []error
}

func (v *validator) report(format string, args ...any) {
	v.found = append(v.found, &Problem{v.at, -1, fmt.Errorf(format, args...)})
}

func (v *validator) declare(tools []Tool) {
	v.at = -1
	for i, t := range tools {
		if t.Name == "" {
			v.report("tool %d has no name", i)
		}
		if _, twice := v.tools[t.Name]; twice {
			v.report("two tools are named %q", t.Name)
		}
		if !utf8.ValidString(t.Name) || !utf8.ValidString(t.Description) || !utf8.Valid(t.Parameters) {
			v.report("tool %q is not valid UTF-8", t.Name)
		}
		if t.Parameters != nil && !isObject(t.Parameters) {
			v.report("tool %q: parameters are no JSON object", t.Name)
		}
		v.tools[t.Name] = t
	}
}

// order checks who speaks after whom.
func (v *validator) order(m Message) {
	switch {
	case m.Role == RoleTool:
		if v.last != RoleTool && len(v.open) == 0 {
			v.report("a tool's result after a message without calls")
		}
	case len(v.open) > 0:
		v.report("%d calls of the turn before have no result", len(v.open))
	case v.last == RoleTool && m.Role != RoleAssistant:
		v.report("the %s speaks where the assistant has to answer to results", m.Role)
	case m.Role == RoleSystem && v.at > 0:
		v.report("a system message that is not the first")
	case m.Role == RoleAssistant && v.last == RoleAssistant:
		v.report("the assistant speaks twice in a row")
	}
	v.last = m.Role
}

func (v *validator) message(m Message) {
	if !utf8.ValidString(m.Content) || !utf8.ValidString(m.Name) || !utf8.ValidString(m.ToolCallID) {
		v.report("not valid UTF-8")
	}
	if m.Role != RoleTool {
		v.open = nil
		if m.ToolCallID != "" {
			v.report("the %s carries the id of a call", m.Role)
		}
	}
	if m.Role != RoleAssistant && len(m.ToolCalls) > 0 {
		v.report("the %s calls tools", m.Role)
	}
	switch m.Role {
	case RoleSystem, RoleUser:
	case RoleTool:
		v.result(m)
	case RoleAssistant:
		if m.Content == "" && len(m.ToolCalls) == 0 {
			v.report("the assistant says and calls nothing")
		}
		for i, c := range m.ToolCalls {
			for _, err := range v.call(c) {
				v.found = append(v.found, &Problem{v.at, i, err})
			}
		}
	default:
		v.report("unknown role %q", m.Role)
	}
}

func (v *validator) result(m Message) {
	name, isOpen := v.open[m.ToolCallID]
	switch {
	case m.ToolCallID == "":
		v.report("a result without the id of its call")
	case !isOpen && v.ids[m.ToolCallID]:
		v.report("the result of %q comes twice or too late", m.ToolCallID)
	case !isOpen:
		v.report("the result of %q answers no call", m.ToolCallID)
	case m.Name != "" && m.Name != name:
		v.report("the result of %q is named %q, its tool %q", m.ToolCallID, m.Name, name)
	}
	delete(v.open, m.ToolCallID)
}

func (v *validator) call(c ToolCall) (found []error) {
	report := func(format string, args ...any) { found = append(found, fmt.Errorf(format, args...)) }
	switch {
	case c.ID == "":
		report("no id")
	case v.ids[c.ID]:
		report("the id %q is taken", c.ID)
	}
	if v.open == nil {
		v.open = map[string]string{}
	}
	v.ids[c.ID], v.open[c.ID] = true, c.Name
	if !utf8.ValidString(c.ID) || !utf8.ValidString(c.Name) || !utf8.Valid(c.Arguments) {
		report("not valid UTF-8")
	}
	tool, known := v.tools[c.Name]
	if !known {
		report("%w %q", ErrUnknownTool, c.Name)
	}
	if err := checkArguments(c.Arguments); err != nil {
		report("%w", err)
	} else if known && v.schemas != nil {
		if err := v.schemas.ValidateArguments(tool, c.Arguments); err != nil {
			report("%w: %w", ErrSchema, err)
		}
	}
	return found
}
