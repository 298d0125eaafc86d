package actor

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"muonclip/data/chat"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/task/tasktest"

	"github.com/google/go-cmp/cmp"
)

func TestExpertServesEveryTask(t *testing.T) {
	for i := range uint64(300) {
		tr, err := play(t, task.Key{Seed: 7, Index: i})
		if err != nil {
			t.Errorf("%d: %v", i, err)
			continue
		}
		if s := env.Judge(tr); !s.Passed || s.Broken > 0 {
			t.Errorf("%s (%s): %+v", tr.Task.ID(), tr.Task.Kind, s)
		}
		if err := chat.Validate(tr.Dialogue, nil); err != nil {
			t.Errorf("%s: %v", tr.Task.ID(), err)
		}
	}
}

func TestTrajectoryIsAFunctionOfItsKey(t *testing.T) {
	n := 80
	print := func(i int) string {
		tr, err := play(t, task.Key{Seed: 12, Index: uint64(i)})
		if err != nil {
			t.Error(err)
			return ""
		}
		b, err := json.MarshalIndent([]any{tr.Dialogue, tr.Record}, "", " ")
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	first := make([]string, n)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < n; i += 4 {
				first[i] = print(i)
			}
		})
	}
	wg.Wait()
	for i := n - 1; i >= 0; i-- {
		if d := cmp.Diff(first[i], print(i)); d != "" {
			t.Fatalf("dialogue %d differs: %s", i, d)
		}
	}
}

// prober asks the same again and again.
type prober struct{}

func (prober) Act(context.Context, []chat.Message, []chat.Tool) (chat.Message, error) {
	return chat.Message{Content: "What is the colour of the sky?"}, nil
}

func TestUserGivesUp(t *testing.T) {
	for i := range uint64(20) {
		x, err := tasktest.Pool(t).Sample(task.Key{Seed: 8, Index: i})
		if err != nil {
			t.Fatal(err)
		}
		g := env.Gym{NewUser: func(t *task.Task) (env.User, error) { return NewUser(t), nil }}
		tr, err := g.Run(context.Background(), x, prober{})
		if err != nil {
			t.Fatal(err)
		}
		if tr.Ended != "user" || len(tr.Dialogue.Messages) > 2*(x.Persona.Patience+len(x.Segments[0].Slots))+8 {
			t.Errorf("task %d: %d messages with a user of patience %d", i, len(tr.Dialogue.Messages), x.Persona.Patience)
		}
	}
}

func TestPoliteQuestionsWantNoAnswer(t *testing.T) {
	for s, want := range map[string]string{
		"Done. Is there anything else I can do for you?":            "",
		"I need the date. What is it?":                              "I need the date. What is it?",
		"The status is open. Shall I close it? Anything else?":      "The status is open. Shall I close it?",
		"What do you need?":                                         "What do you need?",
		"All set. Can I help you with anything else? Have fun.":     "",
		"I found two.\n- A-1\n- A-2\nWhich one do you mean?":        "I found two.\n- A-1\n- A-2\nWhich one do you mean?",
		"The price is 3 USD; something else? What is your account?": " What is your account?",
	} {
		if got := questions(s); got != want {
			t.Errorf("%q: questions %q, want %q", s, got, want)
		}
	}
	if questions(strings.Repeat("Fine. ", 3)) != "" {
		t.Error("statements read as questions")
	}
}
