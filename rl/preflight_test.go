package rl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// TestPreflightUnavailable: what cannot be measured of a policy that knows nothing is not won; anything else that goes
// wrong, and a gold solution that cannot be measured, are errors.
func TestPreflightUnavailable(t *testing.T) {
	away := fmt.Errorf("the language cannot be told: %w", reward.ErrUnavailable)
	for name, c := range map[string]struct {
		err  error
		gold env.Policy
		says string
	}{
		"unavailable":      {away, nil, ""},
		"another failure":  {errors.New("the disk is full"), nil, "the disk is full"},
		"unavailable gold": {away, scripted{}, "the language cannot be told"},
	} {
		h := hooked{copycat: copycat{broken: func(env.Key) error { return c.err }}, gold: c.gold}
		p, err := (&Arena{Environment: h}).Check(t.Context(), 12, 5)
		switch {
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: error %v, want one that says %q", name, err, c.says)
		case c.says == "" && (err != nil || p.Silent.Of != 12 || p.Silent.Successes != 0 || p.Random.Of != 12 || p.Random.Successes != 0):
			t.Errorf("%s: %+v, error %v", name, p, err)
		}
	}
}

// TestPreflightLuck: the random policy is judged by its lower bound, the silent one by its share.
func TestPreflightLuck(t *testing.T) {
	for _, c := range []struct {
		silent bool
		wins   uint64
		fails  bool
	}{{false, 4, false}, {false, 5, true}, {true, 2, false}, {true, 3, true}} {
		a := &Arena{Environment: lucky{c.silent, c.wins}}
		p, err := a.Check(t.Context(), 20, 5)
		won := p.Random.Successes
		if c.silent {
			won = p.Silent.Successes
		}
		if (err != nil) != c.fails || uint64(won) != c.wins {
			t.Errorf("silent %v, %d wins of 20: %+v, error %v", c.silent, c.wins, p, err)
		}
	}
}

// lucky is won in the first episodes, by silence or by any words.
type lucky struct {
	silent bool
	wins   uint64
}

func (l lucky) Name() string { return "lucky" }
func (l lucky) Len() uint64  { return 0 }
func (l lucky) Reset(ctx context.Context, key env.Key) (env.Episode, error) {
	return hooked{value: func(said, _ []string) float64 {
		if key.Index < l.wins && (strings.Join(said, "") == "") == l.silent {
			return 1
		}
		return 0
	}}.Reset(ctx, key)
}

// TestPreflightRanked: where a critic has to speak, only silence is tried.
func TestPreflightRanked(t *testing.T) {
	any := hooked{value: func(said, _ []string) float64 { return map[bool]float64{true: 1}[strings.Join(said, "") != ""] }}
	rule := reward.Rule{Weights: map[string]float64{"critic": 1}, Gates: []string{"correct"}}
	if p, err := (&Arena{Environment: any, Rule: rule, Ranked: true}).Check(t.Context(), 12, 5); err != nil || p.Random.Of != 0 || p.Silent.Of != 12 || p.Silent.Successes != 0 {
		t.Errorf("%+v, error %v", p, err)
	}
	none := hooked{value: func(said, _ []string) float64 { return map[bool]float64{true: 1}[strings.Join(said, "") == ""] }}
	if _, err := (&Arena{Environment: none, Rule: rule, Ranked: true}).Check(t.Context(), 12, 5); err == nil || !strings.Contains(err.Error(), "a silent policy") {
		t.Errorf("error %v", err)
	}
}
