package critic

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"golang.org/x/sync/errgroup"

	"muonclip/rl/reward"
)

// Critic ranks the responses to one prompt.
type Critic struct {
	Judge Judge
	// Rubrics by which responses are compared; none means Core and Prescriptive.
	Rubrics []Rubric
	// Workers is the number of comparisons at the same time; 0 means 1. The result does not depend on it.
	Workers int
}

// Ranking is what came of a group of K responses.
type Ranking struct {
	// Scores are the weighted mean of the win rates by the rubrics: 0 lost everything, 1 won everything, 0.5 is the mean of
	// every group. In a round robin the order by win rate is that of a Bradley-Terry fit, which needs no fitting then.
	Scores []float64
	// Rubrics are the win rates by each rubric.
	Rubrics []RubricScores
	// Asked counts the comparisons in both orders that a judge was asked for; the fields below count among them.
	Asked int
	// Inconsistent counts those where a judge preferred the first response in both orders, or the second in both. They count
	// half for each, as ties do.
	Inconsistent int
	// Ties counts those without a preference in either or in one of the orders.
	Ties int
	// FirstBias is how much a judge prefers what stands first, from -0.5 (never) over 0 (no bias) to 0.5 (always).
	FirstBias float64
}

// RubricScores are the win rates by one rubric.
type RubricScores struct {
	Name   string
	Scores []float64
}

// Consistency is the share of comparisons in which the order of the responses did not turn the verdict; 1 where nothing
// was asked.
func (r Ranking) Consistency() float64 {
	if r.Asked == 0 {
		return 1
	}
	return 1 - float64(r.Inconsistent)/float64(r.Asked)
}

// Component is the score of one response as a component named critic.
func (r Ranking) Component(response int) reward.Component {
	parts := make([]string, len(r.Rubrics))
	for i, s := range r.Rubrics {
		parts[i] = fmt.Sprintf("%s %.2f", s.Name, s.Scores[response])
	}
	return reward.Component{Name: "critic", Value: r.Scores[response],
		Evidence: fmt.Sprintf("win rates: %s; consistency %.2f", strings.Join(parts, ", "), r.Consistency())}
}

// duel is one pair of responses by one rubric.
type duel struct {
	rubric, a, b int
	verdict
}

// verdict is the outcome of both orders.
type verdict struct {
	a            float64 // 1 where a is better, 0 where b is, 0.5 where neither
	asked        bool
	inconsistent bool
	tie          bool
	firstBias    float64
}

// Rank compares every pair in both orders by every rubric: K(K-1) questions for each. Equal responses tie and a blank one
// loses without a question. A single response and a group of equal ones get 0.5 each, so that they teach nothing. The error
// wraps reward.ErrUnavailable where a judge fails or gives a number that is none.
func (c Critic) Rank(ctx context.Context, p Prompt, responses []string) (Ranking, error) {
	rubrics := c.Rubrics
	if len(rubrics) == 0 {
		rubrics = append(Core(), Prescriptive()...)
	}
	k := len(responses)
	if k == 0 {
		return Ranking{}, errors.New("critic: there is no response to rank")
	}
	var duels []duel
	for r := range rubrics {
		for a := range k {
			for b := a + 1; b < k; b++ {
				duels = append(duels, duel{rubric: r, a: a, b: b})
			}
		}
	}
	g, groupCtx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, c.Workers))
	for i := range duels {
		g.Go(func() (err error) {
			d := &duels[i]
			d.verdict, err = settle(groupCtx, c.Judge, p, responses[d.a], responses[d.b], rubrics[d.rubric])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return Ranking{}, err
	}
	return tally(duels, rubrics, k), nil
}

func tally(duels []duel, rubrics []Rubric, k int) Ranking {
	out := Ranking{Scores: make([]float64, k), Rubrics: make([]RubricScores, len(rubrics))}
	for r := range rubrics {
		out.Rubrics[r] = RubricScores{Name: rubrics[r].Name, Scores: make([]float64, k)}
	}
	for _, d := range duels {
		out.Rubrics[d.rubric].Scores[d.a] += d.verdict.a
		out.Rubrics[d.rubric].Scores[d.b] += 1 - d.verdict.a
		if !d.asked {
			continue
		}
		out.Asked++
		out.FirstBias += d.firstBias
		if d.inconsistent {
			out.Inconsistent++
		}
		if d.tie {
			out.Ties++
		}
	}
	if out.Asked > 0 {
		out.FirstBias /= float64(out.Asked)
	}
	var weights float64
	for r, rubric := range rubrics {
		w := weight(rubric)
		weights += w
		for i := range k {
			s := &out.Rubrics[r].Scores[i]
			if *s /= float64(max(1, k-1)); k == 1 {
				*s = 0.5
			}
			out.Scores[i] += w * *s
		}
	}
	for i := range out.Scores {
		out.Scores[i] = min(1, out.Scores[i]/weights) // rounding may exceed 1
	}
	return out
}

func weight(r Rubric) float64 {
	if r.Weight == 0 {
		return 1
	}
	return r.Weight
}

// settle asks a judge in both orders.
func settle(ctx context.Context, j Judge, p Prompt, a, b string, r Rubric) (verdict, error) {
	blankA, blankB := strings.TrimSpace(a) == "", strings.TrimSpace(b) == ""
	switch {
	case a == b || blankA && blankB:
		return verdict{a: 0.5}, nil
	case blankA:
		return verdict{a: 0}, nil
	case blankB:
		return verdict{a: 1}, nil
	}
	ahead, err := ask(ctx, j, p, a, b, r)
	if err != nil {
		return verdict{}, err
	}
	behind, err := ask(ctx, j, p, b, a, r)
	if err != nil {
		return verdict{}, err
	}
	v := verdict{a: 0.5, asked: true, firstBias: (ahead+behind)/2 - 0.5}
	const even = 1e-9
	switch x, y := ahead-0.5, 0.5-behind; { // in favour of a
	case math.Abs(x) < even || math.Abs(y) < even:
		v.tie = true
	case x > 0 && y > 0:
		v.a = 1
	case x < 0 && y < 0:
		v.a = 0
	default:
		v.inconsistent = true
	}
	return v, nil
}

// ask takes a judge's answer, or an error that wraps reward.ErrUnavailable.
func ask(ctx context.Context, j Judge, p Prompt, first, second string, r Rubric) (float64, error) {
	preference, err := j.Compare(ctx, p, first, second, r)
	if err != nil {
		return 0, fmt.Errorf("critic: rubric %s: %w: %w", r.Name, reward.ErrUnavailable, err)
	}
	if math.IsNaN(preference.First) || preference.First < 0 || preference.First > 1 {
		return 0, fmt.Errorf("critic: rubric %s: the judge prefers the first by %v, want 0 to 1: %w", r.Name, preference.First, reward.ErrUnavailable)
	}
	return preference.First, nil
}
