package actor

import (
	"fmt"

	"muonclip/data/chat"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
)

// maxAttempts is how often a call is tried before its failure is taken as final.
const maxAttempts = 4

// work is a number of calls that belong together: a step, the calls of its loop, or a group of steps. Calls that
// fail for a while are made again, lost answers are looked into, truncated results completed.
type work struct {
	first, steps int // the steps that it serves
	calls        []*errand
	sent         []*errand // those in the message before, in order
	serial       bool
	say          string // comes with the next calls
}

// errand is one call on its way to a result.
type errand struct {
	step     int
	item     map[string]any
	tool     string
	args     map[string]any
	attempts int
	state    errandState
	wait     int    // seconds to wait before the next attempt
	cursor   string // of the rest of a truncated result
	result   any
	problem  env.Problem
}

type errandState uint8

const (
	ready errandState = iota
	waiting
	continuing
	checking
	succeeded
	failed
)

// begin prepares the calls of the step and of those that go out with it.
func (e *Expert) begin() error {
	steps := e.now().Steps
	for _, s := range e.now().Slots {
		if s.Reveal == task.AfterAll {
			e.learn(s)
		}
	}
	w := &work{first: e.at, steps: 1}
	for g := steps[e.at].Group; g > 0 && e.at+w.steps < len(steps) && steps[e.at+w.steps].Group == g; {
		w.steps++
	}
	for i := e.at; i < e.at+w.steps; i++ {
		step := steps[i]
		sets, err := e.binder.Args(steps, i)
		if err != nil {
			return fmt.Errorf("actor: task %s, segment %d, step %d: %w", e.task.ID(), e.segment, i, err)
		}
		var items []map[string]any
		if step.Each >= 0 {
			items = e.binder.Picked(steps, step.Each)
			w.serial = w.serial || step.Serial
		}
		for k, args := range sets {
			x := &errand{step: i, tool: step.Tool, args: args}
			if items != nil {
				x.item = items[k]
			}
			w.calls = append(w.calls, x)
		}
	}
	w.say = e.announce(steps[e.at])
	e.work = w
	return nil
}

// next makes the next message of calls, or reports that all of them are over.
func (w *work) next(e *Expert) (chat.Message, bool, error) {
	m := chat.Message{Role: chat.RoleAssistant}
	w.sent = w.sent[:0]
	for _, x := range w.calls {
		if x.state == waiting {
			// One wait serves all who wait.
			longest := 0
			for _, y := range w.calls {
				if y.state == waiting {
					longest = max(longest, y.wait)
				}
			}
			w.send(e, &m, x, e.task.RuntimeName(task.WaitTool), map[string]any{"seconds": int64(longest)})
			break
		}
	}
	if len(w.sent) == 0 {
		for _, x := range w.calls {
			if err := w.call(e, &m, x); err != nil {
				return m, false, err
			}
			if w.serial && len(w.sent) > 0 {
				break
			}
		}
	}
	if len(w.sent) == 0 {
		return m, true, nil
	}
	m.Content, w.say = w.say, ""
	return m, false, nil
}

// call adds what an errand has to call next, if anything.
func (w *work) call(e *Expert, m *chat.Message, x *errand) error {
	switch x.state {
	case ready:
		x.attempts++
		w.send(e, m, x, x.tool, x.args)
	case continuing:
		w.send(e, m, x, e.task.RuntimeName(task.MoreTool), map[string]any{"cursor": x.cursor})
	case checking:
		steps := e.now().Steps
		c := steps[x.step].Check
		args, err := e.binder.Bind(steps, c.Args, x.item)
		if err != nil {
			return err
		}
		w.send(e, m, x, c.Tool, args)
	}
	return nil
}

func (w *work) send(e *Expert, m *chat.Message, x *errand, name string, args map[string]any) {
	w.sent = append(w.sent, x)
	m.ToolCalls = append(m.ToolCalls, chat.ToolCall{Name: name, Arguments: task.Encode(e.task.Tool(name), args)})
}

// take gives a result to the errand that waits for it.
func (w *work) take(e *Expert, m chat.Message) error {
	if len(w.sent) == 0 {
		return fmt.Errorf("actor: one result too many, of %s", m.Name)
	}
	x := w.sent[0]
	w.sent = w.sent[1:]
	res, err := value.Decode([]byte(m.Content))
	if err != nil {
		return fmt.Errorf("actor: the result of %s: %w", m.Name, err)
	}
	problem, bad := env.ParseProblem(res)
	switch {
	case x.state == waiting:
		for _, y := range w.calls {
			if y.state == waiting {
				y.state = ready
			}
		}
	case x.state == checking && !bad:
		w.checked(e, x, res)
	case bad:
		w.fault(e, x, problem)
	case env.IsStale(res):
		w.say = say(e.r, staleWords, nil)
		x.state = ready
	case x.state == continuing:
		x.join(res)
	default:
		x.result, x.state = res, succeeded
		if c, more := env.Cursor(res); more {
			x.cursor, x.state = c, continuing
			w.say = say(e.r, partialWords, nil)
		}
	}
	return nil
}

// fault decides what follows an error.
func (w *work) fault(e *Expert, x *errand, p env.Problem) {
	step := e.now().Steps[x.step]
	x.problem = p
	if x.state == checking { // the check itself failed: try it again, within the same bounds
		if x.attempts++; x.attempts > maxAttempts+2 {
			x.state = failed
		}
		return
	}
	switch {
	case p.Denied() && step.Other != nil && x.tool == step.Tool:
		x.tool = step.Other.Tool
		args, err := e.binder.Bind(e.now().Steps, step.Other.Args, nil)
		if err != nil {
			x.state = failed
			return
		}
		x.args, x.state = args, ready
		w.say = say(e.r, deniedWords, vars{"tool": step.Tool})
	case !p.Transient() || x.attempts >= maxAttempts:
		x.state = failed
	case p.Limited():
		x.state, x.wait = waiting, p.RetryAfter
		w.say = say(e.r, limitWords, vars{"n": fmt.Sprint(p.RetryAfter)})
	case p.Uncertain() && step.Write && step.Check != nil:
		x.state = checking
		w.say = say(e.r, uncertainWords, nil)
	default:
		x.state = ready
		w.say = say(e.r, retryWords, nil)
	}
}

// checked looks at the record that a lost call was to change.
func (w *work) checked(e *Expert, x *errand, res any) {
	c := e.now().Steps[x.step].Check
	if value.Equal(value.At(res, c.Field), c.Want) {
		x.result, x.state = res, succeeded
		return
	}
	x.state = ready
	if x.attempts >= maxAttempts {
		x.state = failed
	}
}

// join adds the rest of a truncated result.
func (x *errand) join(rest any) {
	m, _ := x.result.(map[string]any)
	add, _ := rest.(map[string]any)
	for k, v := range add {
		list, _ := v.([]any)
		have, _ := m[k].([]any)
		m[k] = append(have, list...)
	}
	delete(m, "partial")
	delete(m, "cursor")
	x.state = succeeded
}

// finish hands the results over to the plan. A failure that the plan does not expect ends the segment.
func (e *Expert) finish() {
	w, seg := e.work, e.now()
	e.work = nil
	e.at += w.steps
	fatal := false
	for _, x := range w.calls {
		step := seg.Steps[x.step]
		e.binder.Results[x.step] = append(e.binder.Results[x.step], x.result)
		if x.state != failed {
			continue
		}
		e.trouble.failed = append(e.trouble.failed, x.args)
		e.trouble.reasons = append(e.trouble.reasons, x.problem.Message)
		if !step.MayFail && step.Code != x.problem.Code {
			fatal = true
		}
	}
	if fatal {
		if e.outcome == task.Done {
			e.outcome = task.Failed
		}
		e.at = len(seg.Steps) - 1
	}
}
