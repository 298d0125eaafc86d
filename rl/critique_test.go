package rl

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"

	"muonclip/data/chat"
	"muonclip/model/generate"
	"muonclip/rl/reward"
	"muonclip/rl/reward/critic"
)

// judgeFunc is a judge that a function is.
type judgeFunc func(p critic.Prompt, first, second string) (float64, error)

func (f judgeFunc) Compare(_ context.Context, p critic.Prompt, first, second string, _ critic.Rubric) (critic.Preference, error) {
	v, err := f(p, first, second)
	return critic.Preference{First: v}, err
}

// later prefers what comes later in the alphabet.
func later(_ critic.Prompt, first, second string) (float64, error) {
	switch {
	case first > second:
		return 1, nil
	case first < second:
		return 0, nil
	}
	return 0.5, nil
}

// judged is a learner whose arena needs a critic for half of its reward.
func judged(t *testing.T, c *Critique) *learner {
	t.Helper()
	l := newLearner(t, copycat{}, t.TempDir())
	l.talk(t)
	a := l.trainer.Arenas["copycat"]
	a.Rule, a.Ranked = reward.Rule{Weights: map[string]float64{"correct": 1, "critic": 1}}, true
	l.trainer.Prompts, l.trainer.Samples, l.trainer.CutPenalty, l.trainer.Critique = 2, 6, 0.125, c
	c.Rubrics = []critic.Rubric{{Name: "plain", Text: "The better response is better."}}
	return l
}

func TestCritique(t *testing.T) {
	l := judged(t, &Critique{Judge: judgeFunc(later), Arenas: []string{"copycat"}, Verifiable: []string{"copycat"}})
	l.iteration(t)
	for _, g := range l.trainer.groups {
		rollouts := g.Rewarded()
		if len(rollouts) != 6 {
			t.Fatalf("%d rollouts with a reward, want 6", len(rollouts))
		}
		_, said, err := l.trainer.answers(t.Context(), g, rollouts)
		if err != nil {
			t.Fatal(err)
		}
		different := false
		for i, r := range rollouts {
			ranked, ok := r.Component("critic")
			correct, _ := r.Component("correct")
			want := (correct + ranked) / 2
			if r.Finish.Cut() {
				want -= 0.125
			}
			if !ok || len(r.Components) != 2 || math.Abs(r.Reward-want) > 1e-12 {
				t.Errorf("components %v make a reward of %v, want %v (%s)", r.Components, r.Reward, want, r.Finish)
			}
			for j, o := range rollouts {
				other, _ := o.Component("critic")
				blank := strings.TrimSpace(said[i]) == "" || strings.TrimSpace(said[j]) == ""
				if !blank && said[i] > said[j] && ranked <= other {
					t.Errorf("%q has %v, %q has %v: the judge prefers the first", said[i], ranked, said[j], other)
				}
				different = different || ranked != other
			}
		}
		if !different {
			t.Error("all rollouts of a group rank the same: that tests nothing")
		}
	}
	it := l.trainer.now
	if it.CriticConsistency != 1 || it.Components["copycat"]["critic"] == 0 {
		t.Errorf("consistency %v, want 1; components %v", it.CriticConsistency, it.Components)
	}
	if it.Agreement == nil || it.Agreement.Pairs == 0 || it.Agreement.Consistency != 1 {
		t.Errorf("agreement %+v", it.Agreement)
	}
	if it.Lessons != 0 {
		t.Errorf("%d lessons for a judge that is not the policy", it.Lessons)
	}
}

// TestFailingJudge has the judge fail on one group of two: that one has no reward, which is no zero, and the other is judged.
func TestFailingJudge(t *testing.T) {
	broken := ""
	l := judged(t, &Critique{Arenas: []string{"copycat"}, Judge: judgeFunc(func(p critic.Prompt, first, second string) (float64, error) {
		if broken == "" {
			broken = p[len(p)-1].Content
		}
		if p[len(p)-1].Content == broken {
			return 0, errors.New("the judge is out")
		}
		return later(p, first, second)
	})})
	for range 20 { // two prompts that differ
		groups, err := l.trainer.choose(t.Context(), 0, 2)
		if err != nil {
			t.Fatal(err)
		}
		a, _, _ := l.trainer.answers(t.Context(), groups[0], nil)
		b, _, _ := l.trainer.answers(t.Context(), groups[1], nil)
		if a[0].Content != b[0].Content {
			break
		}
		l.trainer.Seed++
	}
	l.iteration(t)
	failed := 0
	for _, g := range l.trainer.groups {
		n := len(g.Rewarded())
		if n == 6 {
			continue
		}
		failed++
		if n != 0 {
			t.Errorf("%d of 6 rollouts of a group have a reward: it is judged as a whole", n)
		}
		for _, r := range g.Rollouts {
			if !strings.Contains(r.Error, "the judge is out") || r.Reward != 0 {
				t.Errorf("error %q, reward %v", r.Error, r.Reward)
			}
		}
	}
	if failed != 1 || l.trainer.now.Unavailable != 6 || l.trainer.now.Groups != 2 {
		t.Errorf("%d groups failed, %d rollouts without a reward in %d groups", failed, l.trainer.now.Unavailable, l.trainer.now.Groups)
	}
}

// TestLessons has the policy judge itself and learn from verified pairs, in both orders.
func TestLessons(t *testing.T) {
	if testing.Short() {
		t.Skip("a model that reads 4,096 tokens; not with -short")
	}
	for _, verifiable := range []bool{true, false} {
		l := longLearner(t, copycat{}, t.TempDir(), 4096)
		l.talk(t)
		l.trainer.Prompts, l.trainer.Samples, l.trainer.Updates, l.trainer.Critique = 2, 4, 1, &Critique{}
		if verifiable {
			l.trainer.Critique.Verifiable = []string{"copycat"}
		}
		b := l.iteration(t)
		lessons, err := l.trainer.lessons(t.Context(), l.trainer.groups)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := ReadIterations(l.trainer.Dir)
		if err != nil || len(stored) != 1 || stored[0].Lessons != len(lessons) {
			t.Fatalf("%d lessons, stored %+v, error %v", len(lessons), stored, err)
		}
		if !verifiable {
			if len(lessons) > 0 || stored[0].Agreement != nil {
				t.Errorf("%d lessons from an arena that no program verifies", len(lessons))
			}
			continue
		}
		if len(lessons) == 0 || stored[0].Agreement == nil {
			t.Fatal("no lessons: that tests nothing")
		}
		answers := map[string]int{}
		longest, last := 0, 0
		for _, r := range lessons {
			text, err := l.trainer.Tokenizer.Decode(nil, r.IDs[r.Turns[len(r.Turns)-1].Start:])
			if err != nil || len(r.Turns) != 1 {
				t.Fatalf("%d turns, error %v", len(r.Turns), err)
			}
			answers[string(text[:1])]++
			longest, last = max(longest, len(r.IDs)), last+r.Tokens()
		}
		if answers["A"] == 0 || answers["A"] != answers["B"] || len(answers) != 2 {
			t.Errorf("answers %v, want as many A as B", answers)
		}
		if longest <= 256 || b.Cols < longest-1 || b.Cols > 4096 {
			t.Fatalf("rows of %d tokens for lessons of %d", b.Cols, longest)
		}
		// The lessons' rows follow the rollouts'; the weights of their targets add up to lessonWeight.
		rollouts := flatten(l.trainer.part(0))
		first := lay(rollouts, l.trainer.cols(rollouts)).Rows * b.Cols
		sum, targets := 0.0, 0
		for i := first; i < len(b.Targets); i++ {
			if b.Targets[i] >= 0 {
				sum, targets = sum+float64(b.Weights[i]), targets+1
			}
		}
		if targets != last || math.Abs(sum-lessonWeight) > 1e-6 {
			t.Errorf("%d targets of weight %v, want %d of %v", targets, sum, last, lessonWeight)
		}
	}
}

// TestChooserLogProbs compares the chooser with generation, with the training pass and with what probabilities add up to.
func TestChooserLogProbs(t *testing.T) {
	l := newLearner(t, copycat{}, t.TempDir())
	l.steer(map[int32]float64{l.id(t, "b"): 9})
	tok, c := l.trainer.Tokenizer, &chooser{Collector: l.trainer.Collector}
	messages := []chat.Message{{Role: chat.RoleUser, Content: "a"}}
	var single []string
	for id := range int32(tok.VocabSize()) {
		text, err := tok.Bytes(id)
		if err != nil {
			t.Fatal(err)
		}
		if ids := tok.Encode(nil, string(text)); len(ids) == 1 && ids[0] == id {
			single = append(single, string(text))
		}
	}
	got, err := c.LogProbs(t.Context(), messages, single)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, p := range got {
		sum += math.Exp(p)
	}
	if len(single) < 250 || !(sum > 0.5 && sum <= 1+1e-6) {
		t.Errorf("%d choices have a probability of %v together", len(single), sum)
	}

	prompt, _, err := chat.Encode(tok, l.trainer.Format, chat.Dialogue{Messages: messages}, chat.RenderOptions{GenerationPrompt: true})
	if err != nil {
		t.Fatal(err)
	}
	written, err := l.trainer.Engine.Generate(t.Context(), generate.Request{Prompts: [][]int32{prompt}, MaxTokens: 3})
	if err != nil {
		t.Fatal(err)
	}
	want := 0.0
	for k, p := range written[0].LogProbs {
		want += p
		text, err := tok.Decode(nil, written[0].IDs[:k+1])
		if err != nil {
			t.Fatal(err)
		}
		if n := len(tok.Encode(nil, string(text))); n != k+1 {
			continue // the same text in other tokens
		}
		got, err := c.LogProbs(t.Context(), messages, []string{string(text)})
		if err != nil || math.Abs(got[0]-want) > 1e-6 {
			t.Errorf("%q has log-probability %v (error %v), generation says %v", text, got, err, want)
		}
	}

	choices := []string{"A", "B", "abcd ab", "zebra"}
	got, err = c.LogProbs(t.Context(), messages, choices)
	if err != nil {
		t.Fatal(err)
	}
	l.trainer.ctx = t.Context()
	for i, choice := range choices {
		ids := tok.Encode(nil, choice)
		r := &Rollout{IDs: append(append([]int32(nil), prompt...), ids...), Turns: []Turn{{Start: len(prompt), LogProbs: make([]float64, len(ids))}}}
		now, err := l.trainer.logProbs(lay([]*Rollout{r}, 256), []*Rollout{r})
		if err != nil {
			t.Fatal(err)
		}
		want := 0.0
		for _, p := range now[0] {
			want += p
		}
		if math.Abs(got[i]-want) > 1e-5*float64(len(ids)) {
			t.Errorf("%q has log-probability %v, the training pass says %v", choice, got[i], want)
		}
	}

	long := []chat.Message{{Role: chat.RoleUser, Content: strings.Repeat("x", 300)}}
	if _, err := c.LogProbs(t.Context(), long, choices); !errors.Is(err, reward.ErrUnavailable) {
		t.Errorf("error %v of a question that is too long", err)
	}
}

// TestUnmeasuredCritic trains on where the critic's agreement cannot be measured.
func TestUnmeasuredCritic(t *testing.T) {
	l := judged(t, &Critique{Verifiable: []string{"copycat"}, Judge: judgeFunc(func(critic.Prompt, string, string) (float64, error) { return 0, errors.New("out") })})
	var log strings.Builder
	l.trainer.Log = slog.New(slog.NewTextHandler(&log, nil))
	l.iteration(t)
	if l.trainer.now.Agreement != nil || !strings.Contains(log.String(), "could not be measured") {
		t.Errorf("agreement %+v, log %q", l.trainer.now.Agreement, log.String())
	}
}
