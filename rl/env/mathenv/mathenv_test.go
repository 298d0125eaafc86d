package mathenv

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/internal/rng"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

func mustNew(t *testing.T, c Config) *Env {
	t.Helper()
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustProblem(t *testing.T, e *Env, seed, index uint64) Problem {
	t.Helper()
	p, err := e.Problem(env.Key{Seed: seed, Index: index})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// play runs an episode in which the policy says one text.
func play(t *testing.T, e *Env, key env.Key, say func(Problem) string) (correct, format float64, evidence string) {
	t.Helper()
	ep, err := e.Reset(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.Problem(key)
	if err != nil {
		t.Fatal(err)
	}
	more, done, err := ep.Step(t.Context(), chat.Output{Content: say(p), Finish: chat.FinishStop})
	if err != nil || !done || len(more) > 0 {
		t.Fatalf("a step gave %d messages, done is %t: %v", len(more), done, err)
	}
	return components(t, ep)
}

func components(t *testing.T, ep env.Episode) (correct, format float64, evidence string) {
	t.Helper()
	all, err := ep.Score(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Name != "correct" || all[1].Name != "format" {
		t.Fatalf("the components are %+v", all)
	}
	if _, err := (reward.Rule{}).Compose(all); err != nil {
		t.Fatal(err)
	}
	return all[0].Value, all[1].Value, all[0].Evidence + "; " + all[1].Evidence
}

// TestPure makes problems again, in another order and by another environment.
func TestPure(t *testing.T) {
	c := Config{Style: Mixed, Part: env.Train}
	a, b := mustNew(t, c), mustNew(t, c)
	want := map[uint64]Problem{}
	for i := range uint64(500) {
		want[i] = mustProblem(t, a, 6, i)
	}
	for i := uint64(500); i > 0; i-- {
		if got := mustProblem(t, b, 6, i-1); got != want[i-1] {
			t.Fatalf("problem %d is\n%+v and then\n%+v", i-1, want[i-1], got)
		}
	}
	same := 0
	for i := range uint64(500) {
		if mustProblem(t, a, 7, i).Question == want[i].Question {
			same++
		}
	}
	if same > 25 {
		t.Errorf("another seed has %d of 500 problems in the same place", same)
	}
}

// TestFewRepetitions counts problems that come twice among 10,000: the small ones repeat, from difficulty 3 on nearly none.
func TestFewRepetitions(t *testing.T) {
	seen := map[string]bool{}
	total, twice := [6]int{}, [6]int{}
	e := mustNew(t, Config{})
	for i := range uint64(10_000) {
		p := mustProblem(t, e, 8, i)
		total[p.Difficulty]++
		if seen[p.key] {
			twice[p.Difficulty]++
		}
		seen[p.key] = true
	}
	limits := []float64{0, 0.20, 0.06, 0.05, 0.03, 0.02}
	for d := 1; d <= 5; d++ {
		share := float64(twice[d]) / float64(total[d])
		t.Logf("difficulty %d: %d problems, %d of them again (%.1f %%)", d, total[d], twice[d], 100*share)
		if share > limits[d] {
			t.Errorf("difficulty %d: %.1f %% of the problems come again, want at most %.0f %%", d, 100*share, 100*limits[d])
		}
	}
}

// TestParts holds that no held-out problem, in whatever wording and from whatever seed, occurs in training, and that every
// kind serves both parts.
func TestParts(t *testing.T) {
	texts := map[string]string{} // question in sentences or terse, to its key
	side := map[string]env.Part{}
	for _, part := range []env.Part{env.Train, env.HeldOut} {
		for _, style := range []Style{Plain, Terse} {
			for _, name := range Kinds() {
				e := mustNew(t, Config{Kinds: []string{name}, Style: style, Part: part})
				for i := range uint64(300) {
					p := mustProblem(t, e, 9+uint64(len(part))*100+uint64(style), i)
					if key, ok := texts[p.Question]; ok && key != p.key {
						t.Fatalf("%q is about %q and about %q", p.Question, key, p.key)
					}
					texts[p.Question] = p.key
					if had, ok := side[p.key]; ok && had != part {
						t.Fatalf("%q is on both sides", p.Question)
					}
					side[p.key] = part
				}
			}
		}
	}
	e := mustNew(t, Config{})
	out := 0
	for i := range uint64(5000) {
		if env.HeldOut.Has(mustProblem(t, e, 10, i).key) {
			out++
		}
	}
	if share := float64(out) / 5000; share < 0.07 || share > 0.13 {
		t.Errorf("%.3f of all problems are held out, want 0.1", share)
	}
}

// TestScore covers how an answer is stated.
func TestScore(t *testing.T) {
	e := mustNew(t, Config{Kinds: []string{"addition"}, MinDifficulty: 3, MaxDifficulty: 3})
	key := env.Key{Seed: 11, Index: 0}
	sum := mustProblem(t, e, 11, 0).Gold
	for _, c := range []struct {
		name            string
		turn            chat.Output
		correct, format float64
	}{
		{"as asked", chat.Output{Content: "#### " + sum, Finish: chat.FinishStop}, 1, 1},
		{"with working", chat.Output{Content: "so\n#### " + sum + "\n", Finish: chat.FinishStop}, 1, 1},
		{"boxed", chat.Output{Content: `\boxed{` + sum + "}", Finish: chat.FinishStop}, 1, 0},
		{"a phrase", chat.Output{Content: "The answer is " + sum + ".", Finish: chat.FinishStop}, 1, 0},
		{"a last number", chat.Output{Content: "It is " + sum, Finish: chat.FinishStop}, 1, 0},
		{"a last number, cut off", chat.Output{Content: "It is " + sum, Finish: chat.FinishTruncated}, 0, 0},
		{"stated, then cut off", chat.Output{Content: "#### " + sum, Finish: chat.FinishTruncated}, 1, 0},
		{"words after it", chat.Output{Content: "#### " + sum + "\nDone.", Finish: chat.FinishStop}, 1, 0},
		{"two answers", chat.Output{Content: "#### 1\n#### " + sum, Finish: chat.FinishStop}, 1, 0},
		{"two on a line", chat.Output{Content: "#### 1 or " + sum, Finish: chat.FinishStop}, 0, 1},
		{"another", chat.Output{Content: "#### 1", Finish: chat.FinishStop}, 0, 1},
		{"a call", chat.Output{Content: "#### " + sum, Finish: chat.FinishToolCalls, Calls: []chat.Call{{}}}, 1, 0},
		{"malformed", chat.Output{Content: "#### " + sum, Finish: chat.FinishStop, Problems: []error{chat.ErrStructure}}, 1, 0},
	} {
		ep, err := e.Reset(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := ep.Step(t.Context(), c.turn); err != nil {
			t.Fatal(err)
		}
		if correct, format, evidence := components(t, ep); correct != c.correct || format != c.format {
			t.Errorf("%s: correct %v, format %v, want %v and %v: %s", c.name, correct, format, c.correct, c.format, evidence)
		}
		if _, done, err := ep.Step(t.Context(), c.turn); err == nil || !done {
			t.Errorf("%s: a second turn was taken", c.name)
		}
	}
	ep, err := e.Reset(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if correct, format, _ := components(t, ep); correct != 0 || format != 0 {
		t.Errorf("without a turn: correct %v, format %v", correct, format)
	}
	if got := ep.Info(); got.Kind != "addition" || got.Difficulty != 3 || got.MaxTokens <= 0 {
		t.Errorf("the episode is %+v", got)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{
		{Kinds: []string{"topology"}}, {Kinds: []string{}}, {MinDifficulty: 4, MaxDifficulty: 2}, {MaxDifficulty: 6}, {MinDifficulty: -1},
		{Kinds: []string{"expand"}, MaxDifficulty: 1}, {Part: "test"},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("New(%+v) gave no error", c)
		}
	}
	e := mustNew(t, Config{MinDifficulty: 2, MaxDifficulty: 3, Style: Terse})
	for i := range uint64(300) {
		p := mustProblem(t, e, 12, i)
		if p.Difficulty < 2 || p.Difficulty > 3 || strings.Contains(p.Question, request) {
			t.Fatalf("%+v", p)
		}
	}
	if e.Name() != "math" || e.Len() != 0 {
		t.Errorf("the environment is %s with %d problems", e.Name(), e.Len())
	}
}

func TestDialogues(t *testing.T) {
	e := mustNew(t, Config{Part: env.Train})
	n := uint64(0)
	for d, err := range e.Dialogues(13, 50) {
		if err != nil {
			t.Fatal(err)
		}
		if err := chat.Validate(d, nil); err != nil {
			t.Fatal(err)
		}
		p := mustProblem(t, e, 13, n)
		want := chat.Dialogue{ID: fmt.Sprintf("math-13-%d", n), Messages: []chat.Message{
			{Role: chat.RoleUser, Content: p.Question}, {Role: chat.RoleAssistant, Content: p.Solution},
		}}
		if diff := cmp.Diff(want, d); diff != "" {
			t.Fatal(diff)
		}
		n++
	}
	if n != 50 {
		t.Errorf("%d dialogues, want 50", n)
	}
	for range e.Dialogues(13, 5) {
		break // stops without harm
	}
}

// TestParallel uses one environment from several goroutines.
func TestParallel(t *testing.T) {
	e := mustNew(t, Config{})
	want := make([]Problem, 200)
	for i := range want {
		want[i] = mustProblem(t, e, 14, uint64(i))
	}
	failed := make(chan string, 4)
	for g := range 4 {
		go func() {
			r := rng.New(uint64(g), "order")
			for range 200 {
				i := r.IntN(len(want))
				ep, err := e.Reset(context.Background(), env.Key{Seed: 14, Index: uint64(i)})
				if err != nil || ep.Opening().Messages[0].Content != want[i].Question {
					failed <- fmt.Sprintf("problem %d: %v", i, err)
					return
				}
			}
			failed <- ""
		}()
	}
	for range 4 {
		if f := <-failed; f != "" {
			t.Error(f)
		}
	}
}
