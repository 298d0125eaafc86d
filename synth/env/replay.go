package env

import (
	"bytes"
	"fmt"

	"muonclip/data/chat"
	"muonclip/synth/task"
)

// Rerun takes what the user and the assistant said and called, and executes the calls again from the initial
// state. The results in messages are not looked at; the returned trajectory has new ones. Assistant messages
// whose calls changed in number are numbered again.
func Rerun(t *task.Task, messages []chat.Message) *Trajectory {
	s := NewService(t)
	d := Opening(t)
	d.Messages = d.Messages[:0]
	counter := 0
	for _, m := range messages {
		if m.Role == chat.RoleTool {
			continue
		}
		at := len(d.Messages)
		calls := make([]chat.ToolCall, len(m.ToolCalls))
		for i, c := range m.ToolCalls {
			calls[i] = chat.ToolCall{ID: chat.CallID(c.Name, counter), Name: c.Name, Arguments: c.Arguments}
			counter++
		}
		if len(calls) > 0 {
			m.ToolCalls = calls
		}
		d.Messages = append(d.Messages, m)
		for _, c := range calls {
			result := s.Call(at, c.Name, c.Arguments)
			d.Messages = append(d.Messages, chat.Message{Role: chat.RoleTool, Name: c.Name, ToolCallID: c.ID, Content: string(result)})
		}
	}
	return &Trajectory{Task: t, Dialogue: d, Record: s.Record(), Ended: "user", World: s.world}
}

// Replay runs a trajectory again and compares all results, the states and the record. It returns the first
// difference, nil when everything is identical.
func Replay(tr *Trajectory) error {
	again := Rerun(tr.Task, tr.Dialogue.Messages)
	if a, b := len(tr.Dialogue.Messages), len(again.Dialogue.Messages); a != b {
		return fmt.Errorf("env: replay gives %d messages, the dialogue has %d", b, a)
	}
	for i := range again.Dialogue.Messages {
		a, b := &tr.Dialogue.Messages[i], &again.Dialogue.Messages[i]
		if a.Role != b.Role || a.Content != b.Content || a.ToolCallID != b.ToolCallID {
			return fmt.Errorf("env: message %d is %q in the dialogue, replay gives %q", i, clip(a.Content), clip(b.Content))
		}
	}
	if len(tr.Record.Calls) != len(again.Record.Calls) {
		return fmt.Errorf("env: replay makes %d calls, the record has %d", len(again.Record.Calls), len(tr.Record.Calls))
	}
	for i := range again.Record.Calls {
		a, b := &tr.Record.Calls[i], &again.Record.Calls[i]
		if a.Tool != b.Tool || a.Code != b.Code || a.Clock != b.Clock || a.Applied != b.Applied || !bytes.Equal(a.Args, b.Args) || !bytes.Equal(a.Result, b.Result) {
			return fmt.Errorf("env: call %d (%s) is %s with code %q in the record, replay gives %s with %q", i, a.Tool, clip(string(a.Result)), a.Code, clip(string(b.Result)), b.Code)
		}
	}
	if tr.Record.Initial != again.Record.Initial || tr.Record.Final != again.Record.Final {
		return fmt.Errorf("env: the final state is %s in the record, replay gives %s", tr.Record.Final, again.Record.Final)
	}
	return nil
}

func clip(s string) string {
	if len(s) > 120 {
		return s[:120] + "…"
	}
	return s
}
