package critic

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"muonclip/data/chat"
	"muonclip/rl/reward"
)

func groups() []Group {
	return []Group{
		{Prompt: prompt, Rollouts: []Rollout{{"aaaa", 1}, {"a", 0}, {"aa", 0.5}, {"a", 0}, {"aaa", math.NaN()}}},
		{Prompt: prompt, Rollouts: []Rollout{{"same", 1}, {"same", 0}}},
		{Prompt: prompt, Rollouts: []Rollout{{"x", 1}, {"yy", 0}, {"x", 0}, {"yy", 1}}},
		{Prompt: prompt, Rollouts: []Rollout{{"bbbbbb", 0.3}, {"bbb", 0.1}}},
		{Prompt: prompt, Rollouts: nil},
	}
}

func TestPairs(t *testing.T) {
	count := map[int]int{}
	for _, p := range Pairs(groups(), Pairing{}) {
		count[p.Group]++
		if len(p.Better) <= len(p.Worse) || p.Gap <= 0 || p.Better == "aaa" || p.Worse == "aaa" {
			t.Errorf("%+v", p)
		}
	}
	// In group 0 the pairs are aaaa-a, aaaa-aa and aa-a, each once; group 2 contradicts itself.
	if count[0] != 3 || count[1] != 0 || count[2] != 0 || count[3] != 1 {
		t.Errorf("pairs by group: %v", count)
	}
	if n := len(Pairs(groups(), Pairing{MinGap: 0.9})); n != 1 {
		t.Errorf("%d pairs with a gap of 0.9, want 1", n)
	}
	if n := len(Pairs(groups(), Pairing{PerGroup: 1})); n != 2 {
		t.Errorf("%d pairs with one a group, want 2", n)
	}
}

func TestRefine(t *testing.T) {
	examples := Refine(groups(), Pairing{Seed: 1})
	if len(examples) != 8 {
		t.Fatalf("%d examples, want both orders of 4 pairs", len(examples))
	}
	answer := map[string]int{}
	for _, d := range examples {
		if err := chat.Validate(d, nil); err != nil {
			t.Error(err)
		}
		last := d.Messages[len(d.Messages)-1]
		answer[last.Content]++
		if last.Role != chat.RoleAssistant || !strings.Contains(d.Messages[1].Content, Correctness().Text) {
			t.Errorf("%+v", d)
		}
	}
	if answer["A"] != 4 || answer["B"] != 4 {
		t.Errorf("answers %v, want 4 of each", answer)
	}
}

// A judge that has learned the examples by heart answers all of them right: the question is the same in training and use.
func TestRefineTeachesTheQuestionThatIsAsked(t *testing.T) {
	known := map[string]string{}
	for _, d := range Refine(groups(), Pairing{}) {
		known[d.Messages[1].Content] = d.Messages[2].Content
	}
	learned := ChoiceJudge{Model: chooser(func(_ context.Context, m []chat.Message) ([]float64, error) {
		switch known[m[1].Content] {
		case "A":
			return []float64{-0.1, -3}, nil
		case "B":
			return []float64{-3, -0.1}, nil
		}
		return nil, errors.New("an unknown question")
	})}
	a, err := Agree(context.Background(), learned, groups(), Pairing{}, 2)
	if err != nil || a.Pairs != 4 || a.Accuracy != 1 || a.AUC != 1 || a.Consistency != 1 || a.FirstBias != 0 {
		t.Errorf("%+v, %v", a, err)
	}
	if a.Low > 0.52 || a.Low < 0.50 || math.Abs(a.High-1) > 1e-9 { // 4 of 4: 1/(1+z²/4) = 0.5101
		t.Errorf("interval %v to %v", a.Low, a.High)
	}
	if len(a.ByGap) != 4 || a.ByGap[0].Pairs != 1 || a.ByGap[1].Pairs != 2 || a.ByGap[3].Pairs != 1 || a.ByGap[2].Pairs != 0 {
		t.Errorf("by gap: %+v", a.ByGap)
	}
}

func TestAgree(t *testing.T) {
	for _, c := range []struct {
		name          string
		judge         Judge
		accuracy, auc float64
		consistency   float64
	}{
		{"right", &longer{}, 1, 1, 1}, {"right with a bias", &longer{bias: 0.2}, 1, 1, 1}, {"position only", answers{first: 0.8}, 0.5, 0.5, 0},
		{"ties", answers{first: 0.5}, 0.5, 0.5, 1},
	} {
		a, err := Agree(context.Background(), c.judge, groups(), Pairing{}, 3)
		if err != nil || a.Accuracy != c.accuracy || a.AUC != c.auc || a.Consistency != c.consistency {
			t.Errorf("%s: %+v, %v", c.name, a, err)
		}
	}
	if a, err := Agree(context.Background(), &longer{}, nil, Pairing{}, 1); err != nil || a.Pairs != 0 || a.Accuracy != 0 {
		t.Errorf("no pairs: %+v, %v", a, err)
	}
	if _, err := Agree(context.Background(), answers{err: errors.New("down")}, groups(), Pairing{}, 1); !errors.Is(err, reward.ErrUnavailable) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
	blank := []Group{{Prompt: prompt, Rollouts: []Rollout{{"text", 1}, {"", 0}}}}
	if a, err := Agree(context.Background(), answers{err: errors.New("not asked")}, blank, Pairing{}, 1); err != nil || a.Accuracy != 1 ||
		a.AUC != 1 {
		t.Errorf("a blank response: %+v, %v", a, err)
	}
}

func TestAUC(t *testing.T) {
	shown := []presented{{0.9, true}, {0.4, true}, {0.4, false}, {0.1, false}}
	if got := auc(shown); got != 0.875 { // 3 pairs are in order, one ties
		t.Errorf("%v, want 0.875", got)
	}
}
