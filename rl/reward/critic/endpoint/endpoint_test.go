package endpoint

import (
	"context"
	"errors"
	"testing"

	"muonclip/data/chat"
	"muonclip/rl/reward"
	"muonclip/rl/reward/critic"
	"muonclip/synth/teacher"
)

type model func(teacher.Request) (teacher.Reply, error)

func (m model) Chat(_ context.Context, r teacher.Request) (teacher.Reply, error) { return m(r) }

func TestWriter(t *testing.T) {
	prompt := critic.Prompt{{Role: chat.RoleUser, Content: "Hi"}}
	var last teacher.Request
	w := Writer{Seed: 7, Model: model(func(r teacher.Request) (teacher.Reply, error) {
		last = r
		return teacher.Reply{Message: chat.Message{Role: chat.RoleAssistant, Content: "B"}}, nil
	})}
	p, err := critic.TextJudge{Model: w}.Compare(context.Background(), prompt, "x", "y", critic.Correctness())
	if err != nil || p.First != 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	if last.MaxTokens != 16 || last.Seed != 7 || last.Purpose != "judge" || last.Temperature != 0 || len(last.Messages) != 2 {
		t.Errorf("asked %+v", last)
	}
	down := errors.New("down")
	w.Model = model(func(teacher.Request) (teacher.Reply, error) { return teacher.Reply{}, down })
	_, err = critic.Critic{Judge: critic.TextJudge{Model: w}}.Rank(context.Background(), prompt, []string{"a", "b"})
	if !errors.Is(err, reward.ErrUnavailable) || !errors.Is(err, down) {
		t.Errorf("%v, want ErrUnavailable and its cause", err)
	}
}
