package agent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/data/token"
	"muonclip/synth/actor"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/task/tasktest"
)

// tokenizer has all bytes, a few longer tokens and the special tokens of K2's format.
func tokenizer(t testing.TB) *token.Tokenizer {
	t.Helper()
	var tokens [][]byte
	for b := range 256 {
		tokens = append(tokens, []byte{byte(b)})
	}
	for _, s := range []string{"th", "he", "in", "er", "an", "re", "on"} {
		tokens = append(tokens, []byte(s))
	}
	tok, err := token.New(token.PatternK2, tokens, token.K2Specials())
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// script is a model that writes given turns whatever it reads.
type script struct {
	turns   [][]int32
	prompts [][]int32
	full    bool
}

func (s *script) Write(_ context.Context, prompt, _ []int32) ([]int32, error) {
	s.prompts = append(s.prompts, slices.Clone(prompt))
	if s.full {
		return nil, ErrFull
	}
	if len(s.turns) == 0 {
		return nil, errors.New("the script is at its end")
	}
	next := s.turns[0]
	s.turns = s.turns[1:]
	return next, nil
}

// spelled encodes what a turn renders as, byte by byte where loose is set: ids that the tokenizer itself would not choose.
func spelled(t testing.TB, tok *token.Tokenizer, m chat.Message, calls int, loose bool) []int32 {
	t.Helper()
	before := chat.Dialogue{Messages: []chat.Message{{Role: chat.RoleUser, Content: "?"}}}
	for i := range m.ToolCalls {
		if m.ToolCalls[i].ID == "" {
			m.ToolCalls[i].ID = chat.CallID(m.ToolCalls[i].Name, calls+i)
		}
	}
	d := chat.Dialogue{Messages: append(before.Messages, m)}
	skip := len(chat.K2{}.Render(before, chat.RenderOptions{GenerationPrompt: true}))
	var ids []int32
	for _, s := range (chat.K2{}).Render(d, chat.RenderOptions{})[skip:] {
		switch {
		case s.Kind == chat.Special:
			id, ok := tok.ID(s.Text)
			if !ok {
				t.Fatalf("the tokenizer has no %s", s.Text)
			}
			ids = append(ids, id)
		case loose:
			for _, b := range []byte(s.Text) {
				ids = append(ids, int32(b))
			}
		default:
			ids = tok.Encode(ids, s.Text)
		}
	}
	return ids
}

func gym() *env.Gym {
	return &env.Gym{NewUser: func(t *task.Task) (env.User, error) { return actor.NewUser(t), nil }}
}

// TestWritesTheExpertsDialogue: a model that writes the expert's turns has the expert's dialogue, and the ids of the
// dialogue hold what it wrote, also where the tokenizer would have chosen other ids.
func TestWritesTheExpertsDialogue(t *testing.T) {
	tok := tokenizer(t)
	for i := range uint64(12) {
		pool := tasktest.Pool(t)
		if i%2 == 1 {
			pool = tasktest.Compact(t)
		}
		x, err := pool.Sample(task.Key{Seed: 61, Index: i})
		if err != nil {
			t.Fatal(err)
		}
		want, err := actor.Play(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		model := &script{}
		calls := 0
		for _, m := range want.Dialogue.Messages {
			if m.Role == chat.RoleAssistant {
				model.turns = append(model.turns, spelled(t, tok, m, calls, true))
				calls += len(m.ToolCalls)
			}
		}
		turns := model.turns
		a, err := New(Config{Writer: model, Tokenizer: tok})
		if err != nil {
			t.Fatal(err)
		}
		got, err := gym().Run(context.Background(), x, a)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Dialogue, got.Dialogue); diff != "" {
			t.Fatalf("%d: the dialogue differs: %s", i, diff)
		}
		if s := env.Judge(got); !s.Passed {
			t.Errorf("%d: %v", i, s.Failures)
		}
		if len(a.Turns()) != len(turns) {
			t.Fatalf("%d: %d turns, want %d", i, len(a.Turns()), len(turns))
		}
		for k, turn := range a.Turns() {
			if !slices.Equal(a.IDs()[turn.Start:turn.End], turns[k]) {
				t.Errorf("%d: turn %d is not kept as it was written", i, k)
			}
			if !slices.Equal(a.IDs()[:turn.Start], model.prompts[k]) {
				t.Errorf("%d: the prompt of turn %d is not the dialogue before it", i, k)
			}
		}
		text := chat.RenderText(chat.K2{}, got.Dialogue, chat.RenderOptions{})
		raw, err := tok.Decode(nil, a.IDs())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(text, string(raw)) {
			t.Errorf("%d: the ids spell\n%s\nthe dialogue is\n%s", i, raw, text)
		}
	}
}

// TestMalformedTurns: what is wrong is answered, cut turns are closed, and the dialogue goes on.
func TestMalformedTurns(t *testing.T) {
	tok := tokenizer(t)
	x, err := tasktest.Compact(t).Sample(task.Key{Seed: 61, Index: 3})
	if err != nil {
		t.Fatal(err)
	}
	name := x.Tools[0].Name
	id := func(s string) int32 {
		n, ok := tok.ID(s)
		if !ok {
			t.Fatalf("the tokenizer has no %s", s)
		}
		return n
	}
	bad := spelled(t, tok, chat.Message{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{{ID: "functions." + name, Name: name, Arguments: []byte(`{`)}}}, 0, false)
	cut := append([]int32{id("<|tool_calls_section_begin|>"), id("<|tool_call_begin|>")}, tok.Encode(nil, "functions."+name+":1")...)
	model := &script{turns: [][]int32{bad, cut, tok.Encode(nil, "I was cut"), append(tok.Encode(nil, "Goodbye."), id("[EOS]"))}}
	a, err := New(Config{Writer: model, Tokenizer: tok})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := gym().Run(context.Background(), x, a)
	if err == nil && tr.Ended != "user" || err != nil && !strings.Contains(err.Error(), "the script is at its end") {
		t.Fatalf("ended %v, %v", tr, err)
	}
	if len(a.Turns()) < 3 {
		t.Fatalf("%d turns", len(a.Turns()))
	}
	if o := a.Turns()[0].Output; len(o.Calls) != 1 || !errors.Is(o.Calls[0].Err, chat.ErrCallID) {
		t.Errorf("the first turn is read as %+v", o)
	}
	for _, k := range []int{1, 2} {
		turn := a.Turns()[k]
		if turn.Output.Finish != chat.FinishTruncated {
			t.Errorf("turn %d ended with %q", k, turn.Output.Finish)
		}
		if turn.End < len(a.IDs()) && a.IDs()[turn.End] != id("<|im_end|>") {
			t.Errorf("turn %d is not closed", k)
		}
	}
	first, err := tok.Decode(nil, model.prompts[1])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(first), `"code":"malformed_call"`) {
		t.Errorf("the malformed call is answered with\n%s", first)
	}
}

func TestFullEndsTheDialogue(t *testing.T) {
	x, err := tasktest.Compact(t).Sample(task.Key{Seed: 61, Index: 1})
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(Config{Writer: &script{full: true}, Tokenizer: tokenizer(t)})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := gym().Run(context.Background(), x, a)
	if err != nil {
		t.Fatal(err)
	}
	if tr.Ended != "agent" || env.Judge(tr).Passed {
		t.Errorf("ended by %q, passed %v", tr.Ended, env.Judge(tr).Passed)
	}
	if _, err := a.Act(context.Background(), nil, nil); !errors.Is(err, ErrFull) || !errors.Is(err, env.ErrStop) {
		t.Errorf("the error is %v", err)
	}
}

func TestNeedsAnEnd(t *testing.T) {
	var tokens [][]byte
	for b := range 256 {
		tokens = append(tokens, []byte{byte(b)})
	}
	tok, err := token.New(token.PatternK2, tokens, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Writer: &script{}, Tokenizer: tok}); err == nil || !strings.Contains(err.Error(), "ends a turn") {
		t.Errorf("the error is %v", err)
	}
}
