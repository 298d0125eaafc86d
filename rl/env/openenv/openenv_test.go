package openenv

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/rl/env"
	"muonclip/rl/reward"
	"muonclip/rl/reward/critic"
)

func score(t *testing.T, e *Env, out chat.Output) (*Episode, []reward.Component) {
	t.Helper()
	ep, err := e.Reset(context.Background(), env.Key{})
	if err != nil {
		t.Fatal(err)
	}
	if _, done, err := ep.Step(context.Background(), out); err != nil || !done {
		t.Fatalf("done %t, %v", done, err)
	}
	c, err := ep.Score(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return ep.(*Episode), c
}

func TestScore(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		out  chat.Output
		want []float64
	}{
		{chat.Output{Content: "Start with herbs."}, []float64{1, 1, 1}},
		{chat.Output{Content: "Great question! Start with herbs."}, []float64{1, 0, 1}},
		{chat.Output{Content: "Start with herbs. This response fully addresses it."}, []float64{1, 1, 0}},
		{chat.Output{Content: "Start with", Finish: chat.FinishTruncated}, []float64{0, 1, 1}},
		{chat.Output{}, []float64{0, 1, 1}},
	} {
		_, components := score(t, e, c.out)
		var got []float64
		for _, x := range components {
			got = append(got, x.Value)
			if x.Value == 0 && x.Evidence == "" {
				t.Errorf("%s has no evidence", x.Name)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: %s", c.out.Content, diff)
		}
		if _, err := e.Rule().Compose(components); !errors.Is(err, reward.ErrUnavailable) {
			t.Errorf("%q: a reward without the critic: %v", c.out.Content, err)
		}
	}
}

// byLength prefers the longer response.
type byLength struct{}

func (byLength) Compare(_ context.Context, _ critic.Prompt, first, second string, _ critic.Rubric) (critic.Preference, error) {
	if len(first) > len(second) {
		return critic.Preference{First: 1}, nil
	}
	return critic.Preference{First: 0}, nil
}

func TestGroupWithTheCritic(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	var responses []string
	var prompt critic.Prompt
	var all [][]reward.Component
	for _, text := range []string{"Herbs.", "Herbs and beans are a start.", "Good question! Herbs and beans are a very good start.", ""} {
		ep, components := score(t, e, chat.Output{Content: text})
		var response string
		prompt, response = ep.Judged()
		responses, all = append(responses, response), append(all, components)
	}
	ranking, err := critic.Critic{Judge: critic.Referee{Next: byLength{}}}.Rank(context.Background(), prompt, responses)
	if err != nil {
		t.Fatal(err)
	}
	var got []float64
	for i, components := range all {
		total, err := e.Rule().Compose(append(components, ranking.Component(i)))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, total)
	}
	if got[0] <= 0 || got[1] <= got[0] || got[2] != 0 || got[3] != 0 {
		t.Errorf("rewards %v, want the second above the first, and nothing for praise and silence", got)
	}
}

func TestFileAndSplits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prompts.jsonl")
	var b strings.Builder
	for _, x := range "abcdefghijklmnopqrstuvwxyz" {
		b.WriteString(`{"prompt": "Tell me about ` + string(x) + `."}` + "\n")
	}
	b.WriteString("\n" + `{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}`)
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	var sizes []uint64
	for _, o := range []Options{{File: path}, {File: path, Part: env.Train}, {File: path, Part: env.HeldOut}} {
		e, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, e.Len())
		for index := range e.Len() {
			ep, err := e.Reset(context.Background(), env.Key{Seed: 5, Index: index})
			if err != nil {
				t.Fatal(err)
			}
			m := ep.Opening().Messages
			if m[len(m)-1].Role != chat.RoleUser {
				t.Errorf("%+v does not end with the user", m)
			}
			seen[m[len(m)-1].Content]++
		}
	}
	if sizes[0] != 27 || sizes[1]+sizes[2] != 27 || sizes[1] <= sizes[2] {
		t.Errorf("%v prompts in all, train and held out", sizes)
	}
	for text, n := range seen {
		if n != 2 { // in all and in one of the splits
			t.Errorf("%q came %d times in one round each, want 2", text, n)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.jsonl")
	if err := os.WriteFile(bad, []byte("{\"prompt\": \"fine\"}\n{\"text\": \"other\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{File: bad}); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a bad line: %v", err)
	}
	for _, o := range []Options{{File: "missing.jsonl"}, {Part: "test"}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func FuzzParsePrompt(f *testing.F) {
	f.Add([]byte(`{"prompt": "Hi"}`))
	f.Add([]byte(`{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		p, err := ParsePrompt(line)
		if err != nil {
			return
		}
		if last := p[len(p)-1]; last.Role != chat.RoleUser || strings.TrimSpace(last.Content) == "" {
			t.Fatalf("%q: the prompt ends with %+v", line, last)
		}
	})
}
