package toolenv

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/internal/rng"
	"muonclip/rl/env"
	"muonclip/rl/reward"
	"muonclip/synth/task"
	"muonclip/synth/task/tasktest"
	"muonclip/synth/tool/tooltest"
)

// play lets a policy act in an episode to its end. It returns the turns taken, what followed each, and the components.
func play(t *testing.T, ep env.Episode, p env.Policy) (turns []chat.Output, answers [][]chat.Message, score map[string]reward.Component) {
	t.Helper()
	d := ep.Opening()
	for done := false; !done; {
		m, err := p.Act(context.Background(), d.Messages, d.Tools)
		if err != nil {
			t.Fatal(err)
		}
		turn := outputOf(m, d.Calls())
		var more []chat.Message
		if more, done, err = ep.Step(context.Background(), turn); err != nil {
			t.Fatal(err)
		}
		turns, answers = append(turns, turn), append(answers, more)
		d.Messages = append(append(d.Messages, turn.Message()), more...)
	}
	components, err := ep.Score(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	score = map[string]reward.Component{}
	for _, c := range components {
		if c.Value < 0 || c.Value > 1 {
			t.Fatalf("%s is %v", c.Name, c.Value)
		}
		score[c.Name] = c
	}
	return turns, answers, score
}

// outputOf is a message as a parser gives it.
func outputOf(m chat.Message, calls int) chat.Output {
	out := chat.Output{Content: m.Content, Finish: chat.FinishStop}
	for i, c := range m.ToolCalls {
		c.ID = chat.CallID(c.Name, calls+i)
		out.Calls, out.Finish = append(out.Calls, chat.Call{ToolCall: c}), chat.FinishToolCalls
	}
	return out
}

type policy func(messages []chat.Message, tools []chat.Tool) chat.Message

func (p policy) Act(_ context.Context, messages []chat.Message, tools []chat.Tool) (chat.Message, error) {
	return p(messages, tools), nil
}

func silent([]chat.Message, []chat.Tool) chat.Message { return chat.Message{} }

// echo says what was said last.
func echo(messages []chat.Message, _ []chat.Tool) chat.Message {
	return chat.Message{Content: messages[len(messages)-1].Content}
}

// wild calls offered tools with arguments that fit, and says that all is done.
func wild(t *testing.T, ep env.Episode, r *rand.Rand) policy {
	task := ep.(*episode).task
	n := 0
	return func([]chat.Message, []chat.Tool) chat.Message {
		n++
		x := task.Tools[r.IntN(len(task.Tools))]
		if n > 4 || x.Program == nil || x.Domain != task.Domain.Name {
			return chat.Message{Content: "Done. Everything has been taken care of."}
		}
		args, ok := x.Sample(task.World, r)
		if !ok {
			return chat.Message{Content: "I'm sorry, I cannot do that."}
		}
		return chat.Message{ToolCalls: []chat.ToolCall{{Name: x.Name, Arguments: x.Encode(args)}}}
	}
}

func reset(t *testing.T, e *Env, seed, index uint64) env.Episode {
	t.Helper()
	ep, err := e.Reset(context.Background(), env.Key{Seed: seed, Index: index})
	if err != nil {
		t.Fatal(err)
	}
	return ep
}

func TestGoldSolves(t *testing.T) {
	for _, kind := range []struct {
		name     string
		pool     *task.Pool
		episodes uint64
	}{{"default", tasktest.Pool(t), 500}, {"compact", tasktest.Compact(t), 500}} {
		t.Run(kind.name, func(t *testing.T) {
			if testing.Short() {
				kind.episodes = 100
			}
			e := New(kind.pool, Config{})
			for i := range kind.episodes {
				ep := reset(t, e, 41, i)
				turns, _, score := play(t, ep, ep.Gold())
				for _, name := range []string{WellFormed, State, Facts, Policy, Rubric, Solved} {
					if score[name].Value != 1 {
						t.Errorf("%d (%s): %s of the expert is %v: %s", i, ep.Info().Kind, name, score[name].Value, score[name].Evidence)
					}
				}
				chars := 0
				for _, turn := range turns {
					chars += len(turn.Content)
					for _, c := range turn.Calls {
						chars += len(c.ID) + len(c.Arguments)
					}
				}
				if in := ep.Info(); len(turns) > in.MaxTurns || chars > 3*in.MaxTokens || in.MaxTokens == 0 {
					t.Errorf("%d (%s): the expert takes %d turns and %d characters; allowed are %d turns and %d tokens", i, in.Kind, len(turns), chars, in.MaxTurns, in.MaxTokens)
				}
			}
		})
	}
}

// TestCheapPoliciesFail: who does nothing, repeats the user or calls anything solves hardly any task, and silence earns
// nothing even where nothing had to change.
func TestCheapPoliciesFail(t *testing.T) {
	n := uint64(300)
	if testing.Short() {
		n = 100
	}
	for name, pool := range map[string]*task.Pool{"default": tasktest.Pool(t), "compact": tasktest.Compact(t)} {
		e := New(pool, Config{})
		solved := map[string]uint64{}
		for i := range n {
			for who, p := range map[string]func(env.Episode) env.Policy{
				"silent": func(env.Episode) env.Policy { return policy(silent) },
				"echo":   func(env.Episode) env.Policy { return policy(echo) },
				"wild":   func(ep env.Episode) env.Policy { return wild(t, ep, rng.New(3, "wild", i)) },
			} {
				ep := reset(t, e, 42, i)
				_, _, score := play(t, ep, p(ep))
				if score[Solved].Value == 1 {
					solved[who]++
				}
				if who != "silent" {
					continue
				}
				for _, name := range []string{WellFormed, State, Rubric, Solved} {
					if c := score[name]; c.Value != 0 {
						t.Errorf("%s %d (%s): silence earns %s %v: %s", name, i, ep.Info().Kind, name, c.Value, c.Evidence)
					}
				}
			}
		}
		for who, k := range solved {
			if 50*k > n {
				t.Errorf("%s: %s solves %d of %d tasks", name, who, k, n)
			}
		}
		t.Logf("%s: %v of %d tasks are solved by policies that do no work", name, solved, n)
	}
}

// TestPure: an episode depends on its key and the turns alone, and is continued elsewhere by the same turns.
func TestPure(t *testing.T) {
	e, again := New(tasktest.Pool(t), Config{}), New(tasktest.Pool(t), Config{Name: "again", Episodes: 9})
	for i := range uint64(20) {
		ep := reset(t, e, 43, i)
		turns, answers, score := play(t, ep, ep.Gold())
		other := reset(t, again, 43, i)
		if diff := cmp.Diff(ep.Opening(), other.Opening()); diff != "" {
			t.Fatalf("%d: the openings differ: %s", i, diff)
		}
		if ep.Info() != other.Info() {
			t.Errorf("%d: %v and %v", i, ep.Info(), other.Info())
		}
		for k, turn := range turns {
			got, done, err := other.Step(context.Background(), turn)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(answers[k], got); diff != "" || done != (k == len(turns)-1) {
				t.Fatalf("%d: turn %d is answered in another way (done %v): %s", i, k, done, diff)
			}
		}
		got, err := other.Score(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range got {
			if diff := cmp.Diff(score[c.Name], c); diff != "" {
				t.Errorf("%d: %s", i, diff)
			}
		}
		if _, _, err := other.Step(context.Background(), chat.Output{}); err == nil {
			t.Error("a step after the end is taken")
		}
		if _, err := other.Score(context.Background()); err == nil {
			t.Error("an episode is scored twice")
		}
	}
	if again.Name() != "again" || again.Len() != 9 || e.Name() != "tools" || e.Len() != 0 {
		t.Errorf("names %s and %s, lengths %d and %d", e.Name(), again.Name(), e.Len(), again.Len())
	}
}

// TestRoundTrip: a malformed turn is answered, the dialogue goes on, and its messages render to the text that the model
// wrote.
func TestRoundTrip(t *testing.T) {
	e := New(tasktest.Compact(t), Config{})
	const begin, arg, end = "<|tool_calls_section_begin|><|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|><|tool_calls_section_end|><|im_end|>"
	ep := reset(t, e, 44, 0)
	name := ep.Opening().Tools[0].Name
	for _, c := range []struct{ turn, code string }{
		{begin + "functions." + name + ":0" + arg + `{"id": ` + end, "invalid_request"},
		{begin + "functions." + name + ":0" + arg + `[1, 2]` + end, "invalid_request"},
		{begin + "functions." + name + ":0" + arg + `{"no_such_parameter": 1, "id":"ä\u00e4"}` + end, "invalid_request"},
		{begin + "functions.no_such_tool:0" + arg + `{}` + end, "unknown_tool"},
		{begin + name + arg + `{}` + end, "malformed_call"},
		{begin + "functions." + name + ":17" + arg + `{"id":3}` + end, "invalid_request"},
		{"Let me see." + begin + "functions." + name + ":x" + arg + `{}` + end, "malformed_call"},
	} {
		ep := reset(t, e, 44, 0)
		d := ep.Opening()
		before := chat.RenderText(chat.K2{}, d, chat.RenderOptions{GenerationPrompt: true})
		turn := chat.ParseText(chat.K2{}, c.turn, chat.ParseOptions{Tools: d.Tools})
		more, done, err := ep.Step(context.Background(), turn)
		if err != nil || done {
			t.Fatalf("%s: done %v, %v", c.turn, done, err)
		}
		if len(more) != 1 || more[0].Role != chat.RoleTool || !strings.Contains(more[0].Content, `"code":"`+c.code+`"`) {
			t.Errorf("%s is answered with %v, want %s", c.turn, more, c.code)
		}
		d.Messages = append(d.Messages, turn.Message())
		if got := chat.RenderText(chat.K2{}, d, chat.RenderOptions{}); got != before+c.turn {
			t.Errorf("the turn\n%s\nrenders as\n%s", c.turn, strings.TrimPrefix(got, before))
		}
		d.Messages = append(d.Messages, more...)
		if more[0].ToolCallID != turn.Calls[0].ID {
			t.Errorf("the result answers %q, the call is %q", more[0].ToolCallID, turn.Calls[0].ID)
		}
		if more, _, err = ep.Step(context.Background(), chat.Output{Content: "Sorry, what do you want?", Problems: []error{fmt.Errorf("a stray mark")}, Finish: chat.FinishStop}); err != nil {
			t.Fatal(err)
		}
		if len(more) != 1 || more[0].Role != chat.RoleUser {
			t.Errorf("a turn without calls is followed by %v", more)
		}
		score, err := ep.Score(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if score[0].Name != WellFormed || score[0].Value != 0 || !strings.Contains(score[0].Evidence, "turn 1:") || !strings.Contains(score[0].Evidence, "turn 2:") {
			t.Errorf("%s: %+v, want two malformed turns", c.turn, score[0])
		}
	}
}

// TestActed: a call or a word, whether right or wrong, is what tells a policy from a silent one; white space is not.
func TestActed(t *testing.T) {
	e := New(tasktest.Compact(t), Config{})
	for _, c := range []struct {
		name  string
		turn  chat.Output
		acted bool
	}{
		{"nothing", chat.Output{Finish: chat.FinishStop}, false},
		{"white space", chat.Output{Content: " \n", Finish: chat.FinishStop}, false},
		{"a word", chat.Output{Content: "Hm.", Finish: chat.FinishStop}, true},
		{"an unknown tool", outputOf(chat.Message{ToolCalls: []chat.ToolCall{{Name: "no_such_tool", Arguments: []byte(`{}`)}}}, 0), true},
	} {
		for i := range uint64(20) {
			ep := reset(t, e, 46, i)
			if _, _, err := ep.Step(context.Background(), c.turn); err != nil {
				t.Fatal(err)
			}
			x := ep.(*episode)
			same := x.gym.Trajectory().Record.Final == x.task.Goal
			components, err := ep.Score(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range components {
				switch {
				case got.Name == State && got.Value != one(c.acted && same):
					t.Errorf("%s, %d: state is %v (%s)", c.name, i, got.Value, got.Evidence)
				case !c.acted && (got.Name == Rubric || got.Name == WellFormed) && (got.Value != 0 || !strings.Contains(got.Evidence, "nothing was said")):
					t.Errorf("%s, %d: %s is %v (%s)", c.name, i, got.Name, got.Value, got.Evidence)
				case c.name == "a word" && got.Name == WellFormed && got.Value != 1:
					t.Errorf("%s, %d: %s is %v (%s)", c.name, i, got.Name, got.Value, got.Evidence)
				}
			}
		}
	}
}

// TestConsent: the right calls do not solve a task when the user was not asked where they had to be.
func TestConsent(t *testing.T) {
	p, err := task.NewPool(tooltest.Sets(t), task.Config{Weights: map[task.Kind]int{task.Consent: 1}})
	if err != nil {
		t.Fatal(err)
	}
	e := New(p, Config{})
	tried := 0
	for i := range uint64(60) {
		ep := reset(t, e, 45, i)
		if x := ep.(*episode).task; len(x.Segments) > 1 || x.Segments[0].Outcome != task.Done {
			continue
		}
		tried++
		turns, _, _ := play(t, ep, ep.Gold())
		rude := reset(t, e, 45, i)
		for k, turn := range turns {
			if len(turn.Calls) == 0 && strings.Contains(turn.Content, "?") && k < len(turns)-1 && len(turns[k+1].Calls) > 0 {
				continue // the question
			}
			if _, done, err := rude.Step(context.Background(), turn); err != nil || done {
				break
			}
		}
		components, err := rude.Score(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range components {
			if want := map[string]float64{State: 1, Policy: 0, Solved: 0}; c.Name == State || c.Name == Policy || c.Name == Solved {
				if c.Value != want[c.Name] {
					t.Errorf("%d: %s is %v (%s), want %v", i, c.Name, c.Value, c.Evidence, want[c.Name])
				}
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d of 60 tasks were fit for the test", tried)
	}
}
