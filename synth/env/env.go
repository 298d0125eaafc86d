// Package env executes calls on the world of a task. It answers as a real service does: arguments are checked
// against the schema, the calls named by the task's fault plan fail, state is kept, and everything is recorded. A
// trajectory is a function of the task's key and of what the agent does, so it can be run again and compared byte
// by byte.
package env

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"muonclip/synth/task"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

// Call is the record of one call.
type Call struct {
	Index    int             `json:"index"`
	Message  int             `json:"message"` // the assistant's message that made it
	Tool     string          `json:"tool"`
	Args     json.RawMessage `json:"args"`
	Result   json.RawMessage `json:"result"`
	Code     string          `json:"code,omitempty"` // of the error; "" for success
	Fault    *task.Fault     `json:"fault,omitempty"`
	Applied  bool            `json:"applied,omitempty"` // it took effect, whatever the answer says
	Diff     []world.Change  `json:"diff,omitempty"`
	Violated []string        `json:"violated,omitempty"` // rules that the call broke, by what they say
	Touched  []tool.Touch    `json:"touched,omitempty"`
	Consent  bool            `json:"consent,omitempty"` // the call needs the user's consent
	Clock    int             `json:"clock"`             // seconds since the beginning
}

// Record is all that happened in the world during a dialogue.
type Record struct {
	Key     task.Key       `json:"key"`
	Initial string         `json:"initial_state"`
	Final   string         `json:"final_state"`
	Calls   []Call         `json:"calls"`
	Diff    []world.Change `json:"diff"` // from the initial to the final state
	Seconds int            `json:"seconds"`
}

// Service executes the calls of one dialogue. It is not safe for concurrent use.
type Service struct {
	task   *task.Task
	world  *world.World
	tools  map[string]*tool.Tool
	counts map[string]int // calls of each tool so far
	until  map[string]int // clock until which a rate limit holds
	pages  map[string]page
	style  style
	clock  int
	calls  []Call
}

// page is what a truncated result withheld.
type page struct {
	items string // key of the list
	rest  []json.RawMessage
}

// NewService returns the service of a task in its initial state.
func NewService(t *task.Task) *Service {
	s := &Service{task: t, world: t.World.Clone(), tools: make(map[string]*tool.Tool, len(t.Tools)), counts: map[string]int{}, until: map[string]int{}, style: styleOf(t)}
	for _, x := range t.Tools {
		s.tools[x.Name] = x
	}
	return s
}

// World is the present state; do not write to it.
func (s *Service) World() *world.World { return s.world }

// Calls lists what was called so far; do not modify.
func (s *Service) Calls() []Call { return s.calls }

// Record closes the books.
func (s *Service) Record() *Record {
	return &Record{Key: s.task.Key, Initial: s.task.Initial, Final: s.world.Hash(), Calls: s.calls, Diff: world.Diff(s.task.World, s.world), Seconds: s.clock}
}

// Call executes one call of the assistant's message with that index in the dialogue and returns its result. It
// never fails: what goes wrong is the result.
func (s *Service) Call(message int, name string, args json.RawMessage) json.RawMessage {
	c := Call{Index: len(s.calls), Message: message, Tool: name, Args: args, Clock: s.clock}
	s.clock += 1 + len(s.calls)%2
	s.execute(&c)
	s.calls = append(s.calls, c)
	return c.Result
}

// Reject answers a call that could not be read, for the reason given. It is recorded but not executed.
func (s *Service) Reject(message int, name string, args json.RawMessage, why error) json.RawMessage {
	c := Call{Index: len(s.calls), Message: message, Tool: name, Args: args, Clock: s.clock}
	s.clock += 1 + len(s.calls)%2
	s.fail(&c, codeMalformed, why.Error(), nil)
	s.calls = append(s.calls, c)
	return c.Result
}

func (s *Service) execute(c *Call) {
	t := s.tools[c.Tool]
	if t == nil {
		s.fail(c, codeUnknownTool, fmt.Sprintf("there is no tool named %q", c.Tool), nil)
		return
	}
	nth := s.counts[c.Tool]
	s.counts[c.Tool]++
	if problems := task.Validate(t, c.Args); len(problems) > 0 {
		s.fail(c, codeInvalid, "the arguments do not fit the schema", problems)
		return
	}
	switch task.RuntimeTool(t) {
	case task.WaitTool:
		s.wait(c)
		return
	case task.MoreTool:
		s.more(c)
		return
	}
	if f := s.fault(c.Tool, nth); f != nil {
		c.Fault = f
		if s.before(c, t, f) {
			return
		}
	}
	result := s.run(c, t)
	if c.Fault != nil && c.Code == "" {
		result = s.after(c, t, result)
	}
	if c.Code == "" || c.Applied && c.Result == nil {
		c.Result = result
	}
}

// fault finds the planned fault that befalls the nth call of a tool.
func (s *Service) fault(name string, nth int) *task.Fault {
	for i := range s.task.Faults {
		f := &s.task.Faults[i]
		if f.Tool == name && f.Hits(nth) {
			return f
		}
	}
	return nil
}

// run executes the tool's program and notes what it did.
func (s *Service) run(c *Call, t *tool.Tool) json.RawMessage {
	c.Consent = t.Consent
	var before *world.World
	if t.Writes {
		before = s.world.Clone()
		if v, err := value.Decode(c.Args); err == nil {
			args, _ := v.(map[string]any)
			c.Touched = t.Touches(s.world, args)
			if rules, err := t.Violations(s.world, args); err == nil {
				for _, r := range rules {
					c.Violated = append(c.Violated, r.Say)
				}
			}
		}
	}
	res, err := t.Call(s.world, c.Args)
	if err != nil {
		s.fail(c, string(world.CodeOf(err)), message(err), nil)
		return c.Result
	}
	if before != nil {
		c.Diff = world.Diff(before, s.world)
		c.Applied = len(c.Diff) > 0
	}
	return res.JSON()
}

// message is what an error says without its code.
func message(err error) string {
	var e *world.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}

// wait lets time pass.
func (s *Service) wait(c *Call) {
	v, _ := value.Decode(c.Args)
	n, _ := value.Number(value.At(v, "seconds"))
	s.clock += int(n)
	c.Result = json.RawMessage(fmt.Sprintf(`{"waited":%d}`, int(n)))
}

// Now is the day on which everything happens.
func (s *Service) Now() time.Time { return s.task.Today }
