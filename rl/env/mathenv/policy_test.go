package mathenv

import (
	"strings"
	"testing"

	"muonclip/data/chat"
	"muonclip/rl/env"
)

// TestGoldScoresOne plays the gold policy on 2,000 problems of every kind.
func TestGoldScoresOne(t *testing.T) {
	n := uint64(2000)
	if testing.Short() {
		n = 200
	}
	for _, name := range Kinds() {
		e := mustNew(t, Config{Kinds: []string{name}, Style: Mixed})
		for i := range n {
			key := env.Key{Seed: 1, Index: i}
			ep, err := e.Reset(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			open := ep.Opening()
			if err := chat.Validate(open, nil); err != nil {
				t.Fatal(err)
			}
			m, err := ep.Gold().Act(t.Context(), open.Messages, open.Tools)
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Content) > ep.Info().MaxTokens {
				t.Fatalf("%s: a solution of %d bytes and a budget of %d tokens:\n%s", name, len(m.Content), ep.Info().MaxTokens, m.Content)
			}
			if _, _, err := ep.Step(t.Context(), chat.Output{Content: m.Content, Finish: chat.FinishStop}); err != nil {
				t.Fatal(err)
			}
			if correct, format, evidence := components(t, ep); correct != 1 || format != 1 {
				t.Fatalf("%s: %s\n%s\ncorrect %v, format %v: %s", name, open.Messages[0].Content, m.Content, correct, format, evidence)
			}
		}
	}
}

// TestOtherPoliciesScoreLittle plays silent policies, and ones that state the answer of another problem of the same kind and
// difficulty, which are numbers from the same range.
func TestOtherPoliciesScoreLittle(t *testing.T) {
	const n = 300
	for _, k := range kinds {
		for d := k.min; d <= k.max; d++ {
			e := mustNew(t, Config{Kinds: []string{k.name}, MinDifficulty: d, MaxDifficulty: d})
			lucky := 0.0
			for i := range uint64(n) {
				key := env.Key{Seed: 2, Index: i}
				other := mustProblem(t, e, 3, i)
				correct, format, _ := play(t, e, key, func(Problem) string { return "#### " + other.Gold })
				if lucky += correct; format != 1 {
					t.Fatalf("%s: %q is stated as asked", k.name, "#### "+other.Gold)
				}
				if i >= 20 {
					continue
				}
				for _, said := range []string{"", "I do not know.", "####", "#### ", "#### ?", "#### the answer", "The answer is unknown."} {
					if correct, format, evidence := play(t, e, key, func(Problem) string { return said }); correct != 0 || format != 0 && len(said) < 6 {
						t.Fatalf("%s: %q scores %v and %v: %s", k.name, said, correct, format, evidence)
					}
				}
			}
			if share := lucky / n; share >= 0.1 && !k.few {
				t.Errorf("%s, difficulty %d: the answer of another problem is right in %.1f %%", k.name, d, 100*share)
			}
		}
	}
}

// TestRestatingIsWrong answers with the question's own expression.
func TestRestatingIsWrong(t *testing.T) {
	e := mustNew(t, Config{Kinds: []string{"addition", "multiplication", "division", "expression", "expand"}, Style: Terse})
	for i := range uint64(500) {
		said := func(p Problem) string {
			return "#### " + strings.TrimPrefix(strings.TrimSuffix(p.Question, "="), "expand ")
		}
		if correct, _, evidence := play(t, e, env.Key{Seed: 4, Index: i}, said); correct != 0 {
			t.Fatalf("%q is correct: %s", said(mustProblem(t, e, 4, i)), evidence)
		}
	}
}

// TestGuessing holds that no answer is frequent in a kind that is not marked as having few, and logs the rates.
func TestGuessing(t *testing.T) {
	all, err := Guesses(Config{}, 5, 1000)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, g := range all {
		seen[g.Kind] = true
		t.Logf("%-15s %d  most frequent %-12s %5.1f %%  another problem's answer %5.1f %%  few answers: %t",
			g.Kind, g.Difficulty, g.Answer, 100*g.Share, 100*g.Chance, g.Few)
		if !g.Few && (g.Share >= 0.2 || g.Chance >= 0.1) {
			t.Errorf("%s, difficulty %d: %q is the answer of %.1f %%, another problem's answer is right in %.1f %%",
				g.Kind, g.Difficulty, g.Answer, 100*g.Share, 100*g.Chance)
		}
		if g.Share > 0.4 {
			t.Errorf("%s, difficulty %d: %q is the answer of %.1f %%", g.Kind, g.Difficulty, g.Answer, 100*g.Share)
		}
	}
	if len(seen) != len(kinds) {
		t.Errorf("%d kinds were measured, want %d", len(seen), len(kinds))
	}
}
