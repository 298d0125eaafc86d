package rl

import (
	"strings"
	"testing"
)

// TestWatch makes up a calm history and one last iteration for each sign that something is wrong.
func TestWatch(t *testing.T) {
	calm := func() *Iteration {
		return &Iteration{
			Cut: 0.1, LogProbMax: 1e-6, Length: 100, Repetition: 0.05, Reward: 0.5,
			Components: map[string]map[string]float64{"math": {"format": 0.8, "correct": 0.5}, "code": {"tampering": 1, "all": 0.5}},
		}
	}
	var past []*Iteration
	for range history {
		past = append(past, calm())
	}
	past[2].HeldOut = map[string]Rates{"math": {Success: NewRate(60, 100)}}
	for name, c := range map[string]struct {
		change func(*Iteration)
		want   string // part of the only warning; none where empty
		always bool   // also without a history
	}{
		"calm":             {func(*Iteration) {}, "", false},
		"cut off":          {func(it *Iteration) { it.Cut = 0.6 }, "60 % of the rollouts were cut off", true},
		"another model":    {func(it *Iteration) { it.LogProbMax = 0.5 }, "do not see the same model", true},
		"longer":           {func(it *Iteration) { it.Length = 250 }, "length grows: 250 tokens a rollout, 100 at the start", false},
		"a little longer":  {func(it *Iteration) { it.Length = 150 }, "", false},
		"repeats":          {func(it *Iteration) { it.Repetition = 0.4 }, "it repeats itself: 40 %", false},
		"repeats a little": {func(it *Iteration) { it.Repetition = 0.15 }, "", false},
		"form instead of substance": {func(it *Iteration) {
			it.Components["math"] = map[string]float64{"format": 0.9, "correct": 0.3}
		}, "math: format rises (0.90) while correct falls (0.30", false},
		"form and substance":         {func(it *Iteration) { it.Components["math"] = map[string]float64{"format": 0.9, "correct": 0.6} }, "", false},
		"both fall":                  {func(it *Iteration) { it.Components["math"] = map[string]float64{"format": 0.5, "correct": 0.3} }, "", false},
		"tests touched":              {func(it *Iteration) { it.Components["code"]["tampering"] = 0.9 }, "10.0 % of the rollouts touched their tests", false},
		"an environment that is new": {func(it *Iteration) { it.Components["open"] = map[string]float64{"format": 1, "correct": 0} }, "", false},
		"reward without success": {func(it *Iteration) {
			it.Reward, it.HeldOut = 0.7, map[string]Rates{"math": {Success: NewRate(20, 100)}}
		}, "math: reward rises", false},
		"less of both": {func(it *Iteration) {
			it.Reward, it.HeldOut = 0.3, map[string]Rates{"math": {Success: NewRate(20, 100)}}
		}, "", false},
		"within the interval": {func(it *Iteration) {
			it.Reward, it.HeldOut = 0.7, map[string]Rates{"math": {Success: NewRate(55, 100)}}
		}, "", false},
		"held out for the first time": {func(it *Iteration) { it.Reward, it.HeldOut = 0.7, map[string]Rates{"code": {Success: NewRate(0, 100)}} }, "", false},
	} {
		now := calm()
		c.change(now)
		got := watch(past, now)
		switch {
		case c.want == "" && len(got) > 0:
			t.Errorf("%s: %q", name, got)
		case c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)):
			t.Errorf("%s: %q, want one warning that says %q", name, got, c.want)
		}
		if early := watch(past[:history-1], now); (len(early) > 0) != c.always {
			t.Errorf("%s: %q after %d iterations", name, early, history-1)
		}
	}
}
