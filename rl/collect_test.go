package rl

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muonclip/rl/env"
)

// fresh begins groups of the first episodes of copycat.
func fresh(groups, samples int) []*Group {
	var out []*Group
	for i := range groups {
		g := &Group{Env: "copycat", Key: env.Key{Seed: 1, Index: uint64(i)}}
		for k := range samples {
			g.Rollouts = append(g.Rollouts, &Rollout{Env: g.Env, Key: g.Key, Sample: k})
		}
		out = append(out, g)
	}
	return out
}

func finishes(groups []*Group) map[Finish]int {
	out := map[Finish]int{}
	for _, g := range groups {
		for _, r := range g.Rollouts {
			out[r.Finish]++
		}
	}
	return out
}

// TestCuts stops rollouts for each reason there is: they are scored, and the penalty is taken from the reward.
func TestCuts(t *testing.T) {
	half := func(_, _ []string) float64 { return 0.5 }
	for name, c := range map[string]struct {
		want   Finish
		env    hooked
		length int // MaxLength beyond the opening
		steer  string
	}{
		"tokens":  {Budget, hooked{copycat: copycat{turns: 3}, value: half, limit: env.Info{MaxTokens: 5}}, 0, "a"},
		"turns":   {Turns, hooked{copycat: copycat{turns: 3}, value: half, limit: env.Info{MaxTurns: 2, MaxTokens: 100}}, 0, "<|im_end|>"},
		"context": {Context, hooked{value: half, limit: env.Info{MaxTokens: 100}}, 4, "a"},
		"foreign": {Foreign, hooked{value: half, limit: env.Info{MaxTokens: 100}}, 0, ""},
		"done":    {Done, hooked{value: half, limit: env.Info{MaxTokens: 100}}, 0, "<|im_end|>"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLearner(t, c.env, t.TempDir())
			id := int32(303) // of the model's vocabulary, not of the tokenizer's
			if c.steer != "" {
				id = l.id(t, c.steer)
			}
			l.steer(map[int32]float64{id: 9})
			l.trainer.CutPenalty = 0.25
			groups := fresh(2, 6)
			if c.length > 0 {
				probe := fresh(1, 1)
				if _, err := l.trainer.Collect(t.Context(), probe, Sampling{Temperature: 1}); err != nil {
					t.Fatal(err)
				}
				l.trainer.MaxLength = probe[0].Rollouts[0].Turns[0].Start + c.length
			}
			if _, err := l.trainer.Collect(t.Context(), groups, Sampling{Temperature: 1}); err != nil {
				t.Fatal(err)
			}
			if n := finishes(groups)[c.want]; n == 0 {
				t.Fatalf("no rollout ended as %s: %v", c.want, finishes(groups))
			}
			for _, g := range groups {
				for _, r := range g.Rollouts {
					want := 0.5
					if r.Finish != Done {
						want = 0.25
					}
					if r.Error != "" || r.Reward != want || len(r.Components) != 1 {
						t.Errorf("%s: reward %v, want %v; components %v, error %q", r.Finish, r.Reward, want, r.Components, r.Error)
					}
					last := r.IDs[len(r.IDs)-1]
					if foreign := last >= int32(l.trainer.Tokenizer.VocabSize()); foreign != (r.Finish == Foreign) {
						t.Errorf("%s: the last id is %d", r.Finish, last)
					}
					if n := r.Tokens(); n > r.Info.MaxTokens || len(r.Turns) > max(1, r.Info.MaxTurns) || len(r.IDs) > l.trainer.context() {
						t.Errorf("%s: %d tokens in %d turns, %d ids", r.Finish, n, len(r.Turns), len(r.IDs))
					}
				}
			}
		})
	}
}

// TestBudgetBetweenTurns ends turns at the very token at which the budget is used up: no further turn begins.
func TestBudgetBetweenTurns(t *testing.T) {
	l := newLearner(t, hooked{copycat: copycat{turns: 3}, limit: env.Info{MaxTokens: 2}}, t.TempDir())
	l.steer(map[int32]float64{l.id(t, "<|im_end|>"): 12})
	groups := fresh(1, 8)
	if _, err := l.trainer.Collect(t.Context(), groups, Sampling{Temperature: 1}); err != nil {
		t.Fatal(err)
	}
	for _, r := range groups[0].Rollouts {
		if r.Finish != Budget && r.Finish != Foreign || r.Tokens() > 2 {
			t.Errorf("%s after %d tokens, want %s after 2", r.Finish, r.Tokens(), Budget)
		}
	}
}

// collected lets a talking model act in dialogues of up to three turns.
func collected(t *testing.T) (*learner, []*Group) {
	t.Helper()
	l := newLearner(t, copycat{turns: 3}, t.TempDir())
	l.talk(t)
	l.trainer.ctx = t.Context()
	groups := fresh(3, 6)
	if _, err := l.trainer.Collect(t.Context(), groups, Sampling{Temperature: 1, Seed: 9}); err != nil {
		t.Fatal(err)
	}
	return l, groups
}

// TestPackedLogProbs compares the log-probabilities that were recorded token by token with those of one pass over packed
// rollouts.
func TestPackedLogProbs(t *testing.T) {
	l, groups := collected(t)
	rollouts := flatten(groups)
	lengths, turns := map[int]bool{}, map[int]int{}
	for _, r := range rollouts {
		lengths[len(r.IDs)] = true
		turns[len(r.Turns)]++
	}
	b := lay(rollouts, l.trainer.cols(rollouts))
	if len(lengths) < 3 || turns[3] == 0 || turns[1] == len(rollouts) || b.Rows >= len(rollouts) {
		t.Fatalf("%d lengths, turns %v, %d rows for %d rollouts: that tests nothing", len(lengths), turns, b.Rows, len(rollouts))
	}
	now, err := l.trainer.logProbs(b, rollouts)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rollouts {
		k := 0
		for _, turn := range r.Turns {
			for _, p := range turn.LogProbs {
				if math.Abs(now[i][k]-p) > 1e-5 {
					t.Errorf("rollout %d, token %d: %v when it was written, %v in the rows", i, k, p, now[i][k])
				}
				k++
			}
		}
		if k != len(now[i]) {
			t.Errorf("rollout %d has %d tokens, %d log-probabilities", i, k, len(now[i]))
		}
	}
}

// TestPartialRolloutsGoOnTheSame interrupts the collection after every token.
func TestPartialRolloutsGoOnTheSame(t *testing.T) {
	l, want := collected(t)
	got := fresh(3, 6)
	rounds := 0
	for slices.ContainsFunc(got, func(g *Group) bool { return !g.Finished() }) {
		if rounds++; rounds > 1000 {
			t.Fatalf("after %d collections there are still rollouts in progress", rounds)
		}
		if _, err := l.trainer.Collect(t.Context(), got, Sampling{Temperature: 1, Seed: 9, Tokens: 1}); err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(got) // nothing but what is stored is carried over
		if err != nil {
			t.Fatal(err)
		}
		got = nil
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
	}
	if rounds < 3 {
		t.Errorf("only %d rounds: nothing was interrupted", rounds)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("interrupted rollouts differ (-alone +interrupted):\n%s", diff)
	}
}

// TestLay checks the packing of any rollouts: every token of the policy is a target exactly once, and nothing looks at
// another rollout.
func TestLay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rollouts []*Rollout
		longest := 0
		for i := range rapid.IntRange(1, 8).Draw(t, "rollouts") {
			r := &Rollout{Env: "e", Key: env.Key{Index: uint64(i)}, IDs: []int32{int32(1000 * (i + 1))}}
			for range rapid.IntRange(1, 3).Draw(t, "turns") {
				grow := func(n int) {
					for range n {
						r.IDs = append(r.IDs, r.IDs[len(r.IDs)-1]+1) // no id comes twice
					}
				}
				grow(rapid.IntRange(0, 4).Draw(t, "read"))
				n := rapid.IntRange(1, 5).Draw(t, "written")
				r.Turns = append(r.Turns, Turn{Start: len(r.IDs), LogProbs: make([]float64, n)})
				grow(n)
			}
			longest = max(longest, len(r.IDs)-1)
			rollouts = append(rollouts, r)
		}
		cols := longest + rapid.IntRange(0, 20).Draw(t, "room")
		b := lay(rollouts, cols)
		owner := make([]int, b.Rows*cols) // 0 is padding
		targets := 0
		for i, r := range rollouts {
			p := b.places[i]
			if p.col+len(r.IDs)-1 > cols {
				t.Fatalf("rollout %d does not fit where it lies", i)
			}
			for k := range len(r.IDs) - 1 {
				at := p.row*cols + p.col + k
				if owner[at] != 0 {
					t.Fatalf("rollouts %d and %d overlap", owner[at]-1, i)
				}
				owner[at] = i + 1
				if b.Inputs[at] != r.IDs[k] || int(b.DocStart[at]) != p.col {
					t.Fatalf("rollout %d, position %d: input %d attends from %d on, want %d from %d on", i, k, b.Inputs[at], b.DocStart[at], r.IDs[k], p.col)
				}
			}
			var want, got []int32
			for _, turn := range r.Turns {
				want = append(want, r.IDs[turn.Start:turn.Start+len(turn.LogProbs)]...)
			}
			b.each(i, r, func(token, position int) {
				if token != len(got) || owner[position] != i+1 || b.Inputs[position] != b.Targets[position]-1 {
					t.Fatalf("rollout %d, token %d is at a wrong position", i, token)
				}
				got = append(got, b.Targets[position])
			})
			if !slices.Equal(want, got) {
				t.Fatalf("targets of rollout %d are %v, want %v", i, got, want)
			}
			targets += len(want)
		}
		all := 0
		for at, id := range b.Targets {
			if id >= 0 {
				all++
			}
			if start := int(b.DocStart[at]); start > at%cols {
				t.Fatalf("position %d attends to nothing: from %d on", at%cols, start)
			}
			if owner[at] == 0 && (id >= 0 || owner[at/cols*cols+int(b.DocStart[at])] != 0) {
				t.Fatalf("padding at %d has a target or attends to a rollout", at)
			}
		}
		if all != targets {
			t.Fatalf("%d targets, the policy wrote %d tokens", all, targets)
		}
	})
}
