package env_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"muonclip/data/chat"
	"muonclip/synth/actor"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
	"muonclip/synth/tool/tooltest"
)

func pool(t testing.TB, kinds ...task.Kind) *task.Pool {
	t.Helper()
	w := map[task.Kind]int{}
	for _, k := range kinds {
		w[k] = 1
	}
	p, err := task.NewPool(tooltest.Sets(t), task.Config{Weights: w})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// faulty finds a task with a fault for which ok holds.
func faulty(t *testing.T, ok func(*task.Task, task.Fault) bool) *task.Task {
	t.Helper()
	p := pool(t, task.Recovery)
	for i := range uint64(400) {
		x, err := p.Sample(task.Key{Seed: 2, Index: i})
		if err != nil {
			t.Fatal(err)
		}
		if ok(x, x.Faults[0]) {
			return x
		}
	}
	t.Fatal("no such fault in 400 tasks")
	return nil
}

// befallen plays the scripted dialogue of a task again up to the first call that a fault befalls.
func befallen(t *testing.T, x *task.Task) (*env.Service, env.Call) {
	t.Helper()
	tr, err := actor.Play(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	s := env.NewService(x)
	for _, c := range tr.Record.Calls {
		if c.Fault != nil {
			return s, c
		}
		s.Call(c.Message, c.Tool, c.Args)
	}
	t.Fatalf("task %s: the fault %+v never befell a call", x.ID(), x.Faults[0])
	return nil, env.Call{}
}

func decode(t *testing.T, raw json.RawMessage) any {
	t.Helper()
	v, err := value.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRateLimitLastsAsLongAsItSays(t *testing.T) {
	s, c := befallen(t, faulty(t, func(_ *task.Task, f task.Fault) bool { return f.Kind == task.RateLimit && f.Wait > 20 }))
	p, bad := env.ParseProblem(decode(t, s.Call(0, c.Tool, c.Args)))
	if !bad || !p.Limited() || p.RetryAfter < 10 {
		t.Fatalf("first call: %+v", p)
	}
	wait := ""
	for _, n := range []string{"wait", "sleep_seconds"} {
		if r := string(s.Call(0, n, json.RawMessage(`{"seconds":5}`))); !strings.Contains(r, "unknown_tool") {
			wait = n
		}
	}
	if p, bad := env.ParseProblem(decode(t, s.Call(0, c.Tool, c.Args))); !bad || !p.Limited() {
		t.Fatalf("after 5 seconds: %+v", p)
	}
	s.Call(0, wait, json.RawMessage(`{"seconds":60}`))
	if p, bad := env.ParseProblem(decode(t, s.Call(0, c.Tool, c.Args))); bad {
		t.Fatalf("after the limit: %+v", p)
	}
}

func TestPartialResultContinues(t *testing.T) {
	x := faulty(t, func(_ *task.Task, f task.Fault) bool { return f.Kind == task.Partial })
	s, c := befallen(t, x)
	items := x.Tool(c.Tool).Returns.Items
	first := decode(t, s.Call(0, c.Tool, c.Args))
	cursor, ok := env.Cursor(first)
	if !ok {
		t.Fatalf("not partial: %v", first)
	}
	args, _ := json.Marshal(map[string]string{"cursor": cursor})
	rest := decode(t, s.Call(0, x.RuntimeName(task.MoreTool), args))
	again := decode(t, s.Call(0, c.Tool, c.Args))
	count := func(v any) int { l, _ := value.At(v, items).([]any); return len(l) }
	if count(first) == 0 || count(rest) == 0 || count(first)+count(rest) != count(again) {
		t.Errorf("%d and %d items, the whole list has %d", count(first), count(rest), count(again))
	}
	if p, bad := env.ParseProblem(decode(t, s.Call(0, x.RuntimeName(task.MoreTool), json.RawMessage(`{"cursor":"c9"}`)))); !bad || p.Code != "not_found" {
		t.Errorf("a cursor that nobody gave: %+v", p)
	}
}

func TestLostAnswerTookEffect(t *testing.T) {
	for _, lost := range []bool{true, false} {
		x := faulty(t, func(x *task.Task, f task.Fault) bool {
			return f.Kind == task.Timeout && f.Lost == lost && x.Tool(f.Tool).Writes
		})
		s, c := befallen(t, x)
		before := s.World().Hash()
		p, bad := env.ParseProblem(decode(t, s.Call(0, c.Tool, c.Args)))
		if !bad || !p.Uncertain() || (before != s.World().Hash()) != lost {
			t.Errorf("lost %v: %+v, state changed %v", lost, p, before != s.World().Hash())
		}
	}
}

func TestStaleAndDenied(t *testing.T) {
	x := faulty(t, func(_ *task.Task, f task.Fault) bool { return f.Kind == task.Stale })
	s, c := befallen(t, x)
	old, fresh := decode(t, s.Call(0, c.Tool, c.Args)), decode(t, s.Call(0, c.Tool, c.Args))
	if k := x.Faults[0].Entry; !env.IsStale(old) || env.IsStale(fresh) || value.Equal(value.At(old, k), value.At(fresh, k)) {
		t.Errorf("stale %v, then %v", old, fresh)
	}
	x = faulty(t, func(_ *task.Task, f task.Fault) bool { return f.Kind == task.Denied })
	s, c = befallen(t, x)
	for range 3 {
		if p, bad := env.ParseProblem(decode(t, s.Call(0, c.Tool, c.Args))); !bad || !p.Denied() {
			t.Errorf("%+v", p)
		}
	}
}

func TestBadCallsAreAnswered(t *testing.T) {
	x, err := pool(t, task.Single).Sample(task.Key{Seed: 1, Index: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := env.NewService(x)
	for name, c := range map[string]struct{ tool, args, code string }{
		"unknown tool": {"no_such_tool", `{}`, "unknown_tool"},
		"no JSON":      {x.Tools[0].Name, `{"a":`, "invalid_request"},
		"no object":    {x.Tools[0].Name, `[1]`, "invalid_request"},
		"nothing":      {x.Tools[0].Name, ``, "invalid_request"},
	} {
		if p, bad := env.ParseProblem(decode(t, s.Call(0, c.tool, json.RawMessage(c.args)))); !bad || p.Code != c.code {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if s.World().Hash() != x.Initial {
		t.Error("bad calls changed the state")
	}
}

// agent is an agent that always does the same.
type agent struct{ message chat.Message }

func (a agent) Act(context.Context, []chat.Message, []chat.Tool) (chat.Message, error) {
	return a.message, nil
}

func newUser(t *task.Task) (env.User, error) { return actor.NewUser(t), nil }

func TestGymScoresAgents(t *testing.T) {
	p := pool(t, task.Kinds()...)
	g := env.Gym{Sample: p.Sample, NewUser: newUser}
	ctx := context.Background()
	for i := range uint64(60) {
		for name, a := range map[string]env.Agent{
			"silent":   agent{},
			"boastful": agent{chat.Message{Content: "Done. Everything has been taken care of."}},
			"refusing": agent{chat.Message{Content: "I'm sorry, I cannot do that."}},
			"curious":  agent{chat.Message{Content: "Could you tell me more?"}},
		} {
			if _, err := g.Reset(ctx, task.Key{Seed: 4, Index: i}); err != nil {
				t.Fatal(err)
			}
			for done := false; !done; {
				m, _ := a.Act(ctx, nil, nil)
				var err error
				if _, done, err = g.Step(ctx, m); err != nil {
					t.Fatal(err)
				}
			}
			if s := g.Score(); s.Passed || s.Reward > 0.5 {
				t.Errorf("task %d: a %s agent scores %v", i, name, s.Reward)
			}
			if _, _, err := g.Step(ctx, chat.Message{}); !errors.Is(err, env.ErrDone) {
				t.Errorf("a step after the end gives %v", err)
			}
		}
		x, err := p.Sample(task.Key{Seed: 4, Index: i})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Run(ctx, x, actor.NewExpert(x)); err != nil {
			t.Fatal(err)
		}
		if s := g.Score(); !s.Passed || s.Reward != 1 {
			t.Errorf("task %d (%s): the expert scores %+v", i, x.Kind, s)
		}
	}
}

func TestReplayIsIdenticalAndSeesChanges(t *testing.T) {
	p := pool(t, task.Kinds()...)
	for i := range uint64(60) {
		x, err := p.Sample(task.Key{Seed: 6, Index: i})
		if err != nil {
			t.Fatal(err)
		}
		tr, err := actor.Play(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		if err := env.Replay(tr); err != nil {
			t.Errorf("task %d: %v", i, err)
		}
		if len(tr.Record.Calls) == 0 {
			continue
		}
		for k, m := range tr.Dialogue.Messages {
			if m.Role == chat.RoleTool {
				tr.Dialogue.Messages[k].Content = strings.Replace(m.Content, "e", "E", 1)
				break
			}
		}
		if err := env.Replay(tr); err == nil {
			t.Errorf("task %d: an edited result is not seen", i)
		}
	}
}
