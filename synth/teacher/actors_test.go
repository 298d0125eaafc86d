package teacher

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/synth/actor"
	"muonclip/synth/domain"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/tool"
)

// modelFunc is a model made of a function.
type modelFunc func(Request) (Reply, error)

func (m modelFunc) Chat(_ context.Context, r Request) (Reply, error) { return m(r) }

func says(text string) modelFunc {
	return func(Request) (Reply, error) {
		return Reply{Message: chat.Message{Role: chat.RoleAssistant, Content: text}, Finish: "stop"}, nil
	}
}

// pool has the tasks of a few domains.
var pool = sync.OnceValues(func() (*task.Pool, error) {
	ds, err := domain.Load()
	if err != nil {
		return nil, err
	}
	sets, err := tool.EvolveAll(context.Background(), ds[:4], 0)
	if err != nil {
		return nil, err
	}
	return task.NewPool(sets, task.Config{})
})

// tasks samples tasks.
func tasks(t *testing.T, n int) []*task.Task {
	t.Helper()
	p, err := pool()
	if err != nil {
		t.Fatal(err)
	}
	var out []*task.Task
	for i := uint64(0); len(out) < n; i++ {
		if x, err := p.Sample(task.Key{Seed: 5, Index: i}); err == nil {
			out = append(out, x)
		}
	}
	return out
}

func TestAgent(t *testing.T) {
	call := chat.ToolCall{ID: "x", Name: "w", Arguments: []byte(`{"a":`)}
	down := errors.New("the endpoint is down")
	for _, c := range []struct {
		reply  Reply
		err    error
		reason string // of a refusal
		stops  bool
	}{
		{reply: Reply{Message: chat.Message{Content: " hello\n"}, Finish: "stop"}},
		{reply: Reply{Message: chat.Message{ToolCalls: []chat.ToolCall{call}}, Finish: "tool_calls"}},
		{reply: Reply{Message: chat.Message{Content: "hel"}, Finish: "length"}, reason: "model_truncated"},
		{reply: Reply{Finish: "content_filter"}, reason: "model_filtered"},
		{reply: Reply{Message: chat.Message{Content: " \n"}, Finish: "stop"}, reason: "model_empty"},
		{err: &ContentError{"refused_request", "too long"}, reason: "model_refused_request"},
		{err: down, stops: true},
		{err: fmt.Errorf("x: %w", ErrBudget), stops: true},
	} {
		var asked Request
		a := NewAgent(modelFunc(func(r Request) (Reply, error) { asked = r; return c.reply, c.err }), Sampling{Temperature: 0.3}, task.Key{Seed: 1, Index: 2})
		messages := []chat.Message{{Role: chat.RoleSystem, Content: "s"}, {Role: chat.RoleUser, Content: "u"}}
		m, err := a.Act(t.Context(), messages, []chat.Tool{{Name: "w"}})
		var reason interface{ Reason() string }
		var stops interface{ StopsRun() bool }
		switch {
		case c.reason != "":
			if !errors.As(err, &reason) || reason.Reason() != c.reason || errors.As(err, &stops) {
				t.Errorf("%+v: %v, want a refusal for %s", c.reply, err, c.reason)
			}
		case c.stops:
			if !errors.As(err, &stops) || !stops.StopsRun() || !errors.Is(err, c.err) {
				t.Errorf("%v does not stop the run", err)
			}
		case err != nil || m.Content != strings.TrimSpace(c.reply.Message.Content) || !cmp.Equal(m.ToolCalls, c.reply.Message.ToolCalls):
			t.Errorf("%+v, %v", m, err)
		}
		if asked.Purpose != PurposeAgent || asked.Seed != Seed(task.Key{Seed: 1, Index: 2}) || asked.Temperature != 0.3 || asked.MaxTokens != maxAnswer || !cmp.Equal(asked.Messages, messages) {
			t.Errorf("asked %+v", asked)
		}
	}
}

// TestUser plays a user with a model that says the given things.
func TestUser(t *testing.T) {
	x := tasks(t, 1)[0]
	for text, want := range map[string]struct {
		env.Utterance
		reason string
	}{
		" Cancel it, please.\n":                          {Utterance: env.Utterance{Text: "Cancel it, please."}},
		"Thanks! ###STOP###":                             {Utterance: env.Utterance{Text: "Thanks!"}},
		"###STOP###":                                     {Utterance: env.Utterance{Done: true}},
		"Assistant: Done.":                               {reason: "model_user_out_of_role"},
		"Hello! How can I help you today?":               {reason: "model_user_out_of_role"},
		"Is there anything else I can do for you?":       {reason: "model_user_out_of_role"},
		"According to my instructions I want to cancel.": {reason: "model_user_leak"},
		"The rubric says that you must cancel.":          {reason: "model_user_leak"},
		"### Request 1":                                  {reason: "model_user_leak"},
		"":                                               {reason: "model_empty"},
	} {
		u := NewUser(says(text), Sampling{}, x)
		messages := []chat.Message{{Role: chat.RoleSystem}, {Role: chat.RoleUser, Content: "Hi"}, {Role: chat.RoleAssistant, Content: "Yes?"}}
		got, err := u.Say(t.Context(), messages)
		var content *ContentError
		if want.reason != "" {
			if !errors.As(err, &content) || content.Reason() != want.reason {
				t.Errorf("%q: %v, want a refusal for %s", text, err, want.reason)
			}
			continue
		}
		if err != nil || got != want.Utterance {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want.Utterance)
		}
		after, err := u.Say(t.Context(), messages)
		if over := strings.Contains(text, StopMark); err != nil || after.Done != over {
			t.Errorf("%q: %+v after the last words, %v", text, after, err)
		}
	}
	if _, err := NewUser(says(StopMark), Sampling{}, x).Say(t.Context(), []chat.Message{{Role: chat.RoleSystem}}); err == nil {
		t.Error("a user who leaves without a word is taken")
	}
	call := modelFunc(func(Request) (Reply, error) {
		return Reply{Message: chat.Message{Content: "x", ToolCalls: []chat.ToolCall{{Name: "w"}}}}, nil
	})
	if _, err := NewUser(call, Sampling{}, x).Say(t.Context(), nil); err == nil {
		t.Error("a user who calls tools is taken")
	}
}

// TestUserSees: the model that plays the user is told what the user knows, and sees what was said with the roles turned
// around, but neither the system prompt of the assistant nor its calls.
func TestUserSees(t *testing.T) {
	for _, x := range tasks(t, 150) {
		var asked Request
		u := NewUser(modelFunc(func(r Request) (Reply, error) { asked = r; return says("Fine.")(r) }), Sampling{}, x)
		_, err := u.Say(t.Context(), []chat.Message{
			{Role: chat.RoleSystem, Content: x.System}, {Role: chat.RoleUser, Content: "one"},
			{Role: chat.RoleAssistant, Content: "hidden", ToolCalls: []chat.ToolCall{{Name: "w"}}}, {Role: chat.RoleTool, Content: "hidden"},
			{Role: chat.RoleAssistant, Content: "two"},
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []chat.Message{{Role: chat.RoleUser, Content: greeting}, {Role: chat.RoleAssistant, Content: "one"}, {Role: chat.RoleUser, Content: "two"}}
		if diff := cmp.Diff(want, asked.Messages[1:]); diff != "" || len(asked.Tools) > 0 {
			t.Fatal(diff)
		}
		prompt := asked.Messages[0].Content
		for _, hidden := range []string{x.Goal, x.Initial, x.System, "%!"} {
			if strings.Contains(prompt, hidden) {
				t.Errorf("task %s: %q stands in\n%s", x.ID(), hidden, prompt)
			}
		}
		known := []string{x.Persona.Name, StopMark}
		for _, seg := range x.Segments {
			for _, s := range seg.Slots {
				if id, ok := s.Value.V.(string); ok && s.Reveal == task.OnAsk && s.Value.Type == domain.Ref {
					known = append(known, id)
				}
			}
		}
		for _, s := range known {
			if !strings.Contains(prompt, s) {
				t.Errorf("task %s: %q does not stand in\n%s", x.ID(), s, prompt)
			}
		}
	}
}

// TestInRole: no scripted user says anything that would be refused.
func TestInRole(t *testing.T) {
	n := 0
	for _, x := range tasks(t, 400) {
		tr, err := actor.Play(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range tr.Dialogue.Messages {
			if m.Role != chat.RoleUser {
				continue
			}
			n++
			if err := inRole(m.Content); err != nil {
				t.Errorf("%q: %v", m.Content, err)
			}
		}
	}
	if n < 800 {
		t.Errorf("only %d messages of users", n)
	}
}

func TestCast(t *testing.T) {
	dir := t.TempDir()
	agent := Speaker{URL: "http://127.0.0.1:1/v1", Model: "m", APIKey: "secret", PriceIn: 1, PriceOut: 1}
	if c, err := NewCast(CastConfig{Dir: dir}); c != nil || err != nil {
		t.Errorf("nobody is a cast: %v, %v", c, err)
	}
	c, err := NewCast(CastConfig{Agent: agent, User: Speaker{Model: "small"}, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if c.Agent == nil || c.User == nil || c.Describe["user_endpoint"] != "127.0.0.1:1/v1" || c.Describe["user_model"] != "small" || c.Describe["user_prompt"] == "" {
		t.Errorf("%+v", c.Describe)
	}
	if text := fmt.Sprintf("%+v", c.Describe); strings.Contains(text, "secret") {
		t.Errorf("the key stands in %s", text)
	}
	free := agent
	free.PriceIn, free.PriceOut = 0, 0
	for want, bad := range map[string]CastConfig{
		"without the URL": {Agent: Speaker{Model: "m"}, Dir: dir}, "needs the prices": {Agent: free, Budget: 1, Dir: dir},
		"no model is named": {Agent: Speaker{URL: agent.URL}, Dir: dir}, "must not be negative": {Agent: agent, Budget: -1, Dir: dir},
		"no model is named for the user": {Agent: agent, User: Speaker{URL: agent.URL}, Dir: dir},
	} {
		if _, err := NewCast(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
}
