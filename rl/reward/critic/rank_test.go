package critic

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muonclip/data/chat"
	"muonclip/rl/reward"
)

var prompt = Prompt{{Role: chat.RoleUser, Content: "Tell me about trains."}}

// longer prefers the longer response by a margin, and what stands first by bias.
type longer struct {
	bias  float64
	asked atomic.Int64
}

func (l *longer) Compare(_ context.Context, _ Prompt, first, second string, _ Rubric) (Preference, error) {
	l.asked.Add(1)
	share := 0.5 + l.bias
	if d := len(first) - len(second); d != 0 {
		share += math.Copysign(0.25, float64(d))
	}
	return Preference{First: min(1, max(0, share))}, nil
}

// answers is a judge that always says the same.
type answers struct {
	first float64
	err   error
}

func (a answers) Compare(context.Context, Prompt, string, string, Rubric) (Preference, error) {
	return Preference{First: a.first}, a.err
}

var one = []Rubric{{Name: "length", Text: "Longer is better."}}

func TestRank(t *testing.T) {
	responses := []string{"aa", "aaaa", "a", "aaa"}
	j := &longer{}
	r, err := Critic{Judge: j, Rubrics: one}.Rank(context.Background(), prompt, responses)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{1.0 / 3, 1, 0, 2.0 / 3}, r.Scores); diff != "" {
		t.Error(diff)
	}
	if r.Asked != 6 || j.asked.Load() != 12 || r.Consistency() != 1 || r.FirstBias != 0 || r.Ties != 0 {
		t.Errorf("%+v, %d questions", r, j.asked.Load())
	}
	if c := r.Component(1); c.Name != "critic" || c.Value != 1 || !strings.Contains(c.Evidence, "length 1.00") {
		t.Errorf("%+v", c)
	}
}

func TestABiasedJudgeCountsHalf(t *testing.T) {
	r, err := Critic{Judge: answers{first: 0.9}, Rubrics: one}.Rank(context.Background(), prompt, []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{0.5, 0.5, 0.5}, r.Scores); diff != "" {
		t.Error(diff)
	}
	if r.Inconsistent != 3 || r.Consistency() != 0 || math.Abs(r.FirstBias-0.4) > 1e-12 {
		t.Errorf("%+v", r)
	}
	// A bias below the margin leaves the order alone, and is reported.
	r, err = Critic{Judge: &longer{bias: 0.1}, Rubrics: one}.Rank(context.Background(), prompt, []string{"a", "bb"})
	if err != nil || r.Scores[1] != 1 || r.Inconsistent != 0 || math.Abs(r.FirstBias-0.1) > 1e-12 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestGroupsThatTeachNothing(t *testing.T) {
	for name, responses := range map[string][]string{"one": {"a"}, "equal": {"a", "a", "a"}, "blank": {"", " ", "\n"}} {
		j := &longer{}
		r, err := Critic{Judge: j, Rubrics: one}.Rank(context.Background(), prompt, responses)
		if err != nil || j.asked.Load() != 0 || r.Consistency() != 1 {
			t.Errorf("%s: %+v, %v, %d questions", name, r, err, j.asked.Load())
		}
		for _, s := range r.Scores {
			if s != 0.5 {
				t.Errorf("%s: scores %v, want 0.5 each", name, r.Scores)
			}
		}
	}
	if _, err := (Critic{Judge: &longer{}}).Rank(context.Background(), prompt, nil); err == nil {
		t.Error("no responses were ranked")
	}
	r, err := Critic{Judge: answers{first: 0.5}, Rubrics: one}.Rank(context.Background(), prompt, []string{"a", "b"})
	if err != nil || r.Ties != 1 || r.Scores[0] != 0.5 {
		t.Errorf("a tie: %+v, %v", r, err)
	}
	r, err = Critic{Judge: &longer{}, Rubrics: one}.Rank(context.Background(), prompt, []string{"", "b"})
	if err != nil || r.Asked != 0 || r.Scores[0] != 0 || r.Scores[1] != 1 {
		t.Errorf("a blank response: %+v, %v", r, err)
	}
}

func TestAFailingJudgeIsUnavailable(t *testing.T) {
	down := errors.New("down")
	for name, j := range map[string]Judge{"error": answers{err: down}, "NaN": answers{first: math.NaN()}, "2": answers{first: 2},
		"-1": answers{first: -1}} {
		_, err := Critic{Judge: j, Rubrics: one, Workers: 4}.Rank(context.Background(), prompt, []string{"a", "b", "c"})
		if !errors.Is(err, reward.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", name, err)
		}
		if name == "error" && !errors.Is(err, down) {
			t.Errorf("the cause is lost: %v", err)
		}
	}
}

func TestWeights(t *testing.T) {
	rubrics := []Rubric{{Name: "length", Weight: 3}, {Name: "no_initial_praise", Detect: InitialPraise}}
	r, err := Critic{Judge: Referee{Next: &longer{}},
		Rubrics: rubrics}.Rank(context.Background(), prompt, []string{"Great question! Trains are long.", "Trains."})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{0.75, 0.25}, r.Scores); diff != "" {
		t.Error(diff)
	}
}

func TestRankProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		responses := rapid.SliceOfN(rapid.StringMatching(`[ab ]{0,6}`), 1, 6).Draw(t, "responses")
		bias := rapid.Float64Range(-0.5, 0.5).Draw(t, "bias")
		rank := func(workers int, responses []string) Ranking {
			r, err := Critic{Judge: &longer{bias: bias},
				Workers: workers, Rubrics: append(one, Prescriptive()...)}.Rank(context.Background(), prompt, responses)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		r := rank(1, responses)
		if diff := cmp.Diff(r, rank(5, responses)); diff != "" {
			t.Fatalf("the number of workers matters: %s", diff)
		}
		var sum float64
		for _, s := range r.Scores {
			if s < 0 || s > 1 || math.IsNaN(s) {
				t.Fatalf("score %v", s)
			}
			sum += s
		}
		if mean := sum / float64(len(responses)); math.Abs(mean-0.5) > 1e-9 {
			t.Fatalf("the mean score is %v, want 0.5", mean)
		}
		reversed := make([]string, len(responses))
		for i, x := range responses {
			reversed[len(responses)-1-i] = x
		}
		back := rank(1, reversed)
		for i := range responses {
			if math.Abs(r.Scores[i]-back.Scores[len(responses)-1-i]) > 1e-9 {
				t.Fatalf("the order of the group matters: %v and %v", r.Scores, back.Scores)
			}
		}
	})
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	j := ChoiceJudge{Model: chooser(func(ctx context.Context, _ []chat.Message) ([]float64, error) { return nil, ctx.Err() })}
	if _, err := (Critic{Judge: j, Rubrics: one}).Rank(ctx, prompt, []string{"a", "b"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the cause", err)
	}
}

type chooser func(context.Context, []chat.Message) ([]float64, error)

func (c chooser) LogProbs(ctx context.Context, m []chat.Message, choices []string) ([]float64, error) {
	if len(choices) != 2 || choices[0] != "A" || choices[1] != "B" {
		return nil, fmt.Errorf("choices %q", choices)
	}
	return c(ctx, m)
}
