package critic

import (
	"cmp"
	"context"
	"muonclip/internal/wilson"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Agreement is how far a judge agrees with the verifiable reward. Where Pairs is 0, nothing is known and all else is 0.
type Agreement struct {
	Share
	// AUC is the probability that the judge favours the first response more in a presentation where it is better than in one
	// where it is worse; 0.5 is chance. Every pair is presented in both orders, so a judge that looks at the position alone has 0.5.
	AUC         float64 `json:"auc"`
	Consistency float64 `json:"consistency"` // share of pairs whose verdict the order did not turn
	FirstBias   float64 `json:"first_bias"`  // as in Ranking
	ByGap       []Share `json:"by_gap"`      // by the difference of the rewards
}

// Share is the share of pairs in which the judge preferred the better response in both orders; ties and inconsistent
// verdicts count half.
type Share struct {
	// Over and UpTo bound the difference of the rewards.
	Over     float64 `json:"over"`
	UpTo     float64 `json:"up_to"`
	Pairs    int     `json:"pairs"`
	Accuracy float64 `json:"accuracy"`
	// Low and High are the 95 % Wilson interval. It takes pairs as independent; those of one prompt are not quite.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

type presented struct {
	score       float64
	firstBetter bool
}

// Agree asks a judge about the pairs of groups whose reward is known, with at most workers questions at a time (0 means 1).
// The groups should not be those that it learned from. The error wraps reward.ErrUnavailable.
func Agree(ctx context.Context, j Judge, groups []Group, o Pairing, workers int) (Agreement, error) {
	pairs, rubric := Pairs(groups, o), o.rubric()
	verdicts, shown := make([]verdict, len(pairs)), make([]presented, 2*len(pairs))
	g, groupCtx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, workers))
	for i, p := range pairs {
		g.Go(func() (err error) {
			record := recorder{next: j, better: p.Better, into: shown[2*i : 2*i+2]}
			verdicts[i], err = settle(groupCtx, &record, p.Prompt, p.Better, p.Worse, rubric)
			if err == nil && !verdicts[i].asked { // a blank response lost without a question
				shown[2*i], shown[2*i+1] = presented{verdicts[i].a, true}, presented{1 - verdicts[i].a, false}
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return Agreement{}, err
	}
	if len(pairs) == 0 {
		return Agreement{}, nil
	}
	a := Agreement{Share: share(pairs, verdicts, 0, 1), AUC: auc(shown), Consistency: 1}
	var asked, turned, bias float64
	for _, v := range verdicts {
		if v.asked {
			asked++
			bias += v.firstBias
		}
		if v.inconsistent {
			turned++
		}
	}
	if asked > 0 {
		a.Consistency, a.FirstBias = 1-turned/asked, bias/asked
	}
	for _, over := range []float64{0, 0.25, 0.5, 0.75} {
		a.ByGap = append(a.ByGap, share(pairs, verdicts, over, over+0.25))
	}
	return a, nil
}

// recorder keeps what a judge said about one pair.
type recorder struct {
	next   Judge
	better string
	into   []presented
}

func (r *recorder) Compare(ctx context.Context, p Prompt, first, second string, rubric Rubric) (Preference, error) {
	preference, err := r.next.Compare(ctx, p, first, second, rubric)
	at := 1
	if first == r.better {
		at = 0
	}
	r.into[at] = presented{preference.First, at == 0}
	return preference, err
}

func share(pairs []Pair, verdicts []verdict, over, upTo float64) Share {
	s := Share{Over: over, UpTo: upTo}
	var right float64
	for i, p := range pairs {
		if p.Gap > over && p.Gap <= upTo {
			s.Pairs++
			right += verdicts[i].a
		}
	}
	if s.Pairs > 0 {
		s.Accuracy = right / float64(s.Pairs)
		s.Low, s.High = wilson.Interval(s.Accuracy, float64(s.Pairs))
	}
	return s
}

// auc is the Mann-Whitney statistic: ties count half.
func auc(shown []presented) float64 {
	s := slices.Clone(shown)
	slices.SortFunc(s, func(a, b presented) int { return cmp.Compare(a.score, b.score) })
	var wins, good, bad float64
	for i := 0; i < len(s); {
		var g, b float64
		j := i
		for ; j < len(s) && s[j].score == s[i].score; j++ {
			if s[j].firstBetter {
				g++
			} else {
				b++
			}
		}
		wins += g * (bad + b/2)
		good, bad, i = good+g, bad+b, j
	}
	return wins / (good * bad)
}
