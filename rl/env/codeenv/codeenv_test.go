package codeenv

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/internal/rng"
	"muonclip/internal/sandbox"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(m.Run())
}

func mustNew(t *testing.T, c Config) *Env {
	t.Helper()
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func mustTask(t *testing.T, e *Env, seed, index uint64) Task {
	t.Helper()
	task, err := e.Task(env.Key{Seed: seed, Index: index})
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// needsPython skips a test where programs in Python cannot be judged.
func needsPython(t *testing.T, e *Env) {
	t.Helper()
	if err := e.Ready(t.Context()); err != nil {
		t.Skip("no sandbox here:", err)
	}
}

// play runs an episode in which the policy says one text.
func play(t *testing.T, e *Env, key env.Key, say func(Task) string) map[string]reward.Component {
	t.Helper()
	task := mustTask(t, e, key.Seed, key.Index)
	return score(t, e, key, chat.Output{Content: say(task), Finish: chat.FinishStop})
}

func score(t *testing.T, e *Env, key env.Key, turn chat.Output) map[string]reward.Component {
	t.Helper()
	ep, err := e.Reset(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	more, done, err := ep.Step(t.Context(), turn)
	if err != nil || !done || len(more) > 0 {
		t.Fatalf("a step gave %d messages, done is %t: %v", len(more), done, err)
	}
	return components(t, e, ep)
}

func components(t *testing.T, e *Env, ep env.Episode) map[string]reward.Component {
	t.Helper()
	all, err := ep.Score(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]reward.Component{}
	var names []string
	for _, c := range all {
		byName[c.Name] = c
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"tests", "correct", "format", "tampering"}, names); diff != "" {
		t.Fatal(diff)
	}
	if _, err := e.Rule().Compose(all); err != nil {
		t.Fatal(err)
	}
	return byName
}

// same compares tasks.
func same(a, b Task) string {
	return cmp.Diff(fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b))
}

// TestPure makes tasks again, in another order and by another environment.
func TestPure(t *testing.T) {
	c := Config{Style: Mixed, Part: env.Train}
	a, b := mustNew(t, c), mustNew(t, c)
	want := map[uint64]Task{}
	for i := range uint64(60) {
		want[i] = mustTask(t, a, 6, i)
	}
	for i := uint64(60); i > 0; i-- {
		if diff := same(want[i-1], mustTask(t, b, 6, i-1)); diff != "" {
			t.Fatal(diff)
		}
	}
	again := 0
	for i := range uint64(60) {
		if mustTask(t, a, 7, i).Question == want[i].Question {
			again++
		}
	}
	if again > 6 {
		t.Errorf("another seed has %d of 60 tasks in the same place", again)
	}
}

// TestParts holds that no held-out program, however it is worded, occurs in training, and that every kind serves both.
func TestParts(t *testing.T) {
	n := uint64(25)
	if testing.Short() {
		n = 5
	}
	side := map[string]env.Part{} // by what the program does
	for _, part := range []env.Part{env.Train, env.HeldOut} {
		for _, style := range []Style{Plain, Terse} {
			for _, k := range kinds {
				e := mustNew(t, Config{Kinds: []string{k.name}, Style: style, Part: part, MaxDifficulty: max(2, k.min)})
				for i := range n {
					task := mustTask(t, e, 9+uint64(len(part))*100+uint64(style), i)
					name := task.tests.Calls[0]
					f, err := compile(name, task.Gold)
					if err != nil {
						t.Fatal(err)
					}
					for i, args := range task.inputs {
						got, err := f.call(args)
						if err != nil || literal(got) != literal(task.want[i]) {
							t.Fatalf("%s: %s gives %v, %v and the test wants %v", task.Gold, literals(args), got, err, task.want[i])
						}
					}
					does := behaviourOf(t, task, f)
					if had, ok := side[does]; ok && had != part {
						t.Fatalf("%q is on both sides", task.Gold)
					}
					side[does] = part
				}
			}
		}
	}
}

// behaviourOf calls a gold solution with arguments of the test's own choice.
func behaviourOf(t *testing.T, task Task, f function) string {
	t.Helper()
	r := rng.New(99, "test")
	p := program{two: len(task.inputs[0]) == 2}
	var err error
	if p.from, err = typeOf(task.inputs); err != nil {
		t.Fatal(err)
	}
	out := fmt.Sprint(p.from, p.two)
	for range 200 { // so that a bound that differs by one shows
		got, err := f.call(p.arguments(r, ""))
		if err != nil {
			got = nil
		}
		out += literal(got) + "|"
	}
	return out
}

// typeOf finds the type of the first argument of some calls.
func typeOf(calls [][]any) (typ, error) {
	for _, args := range calls {
		switch a := args[0].(type) {
		case int:
			return number, nil
		case string:
			return text, nil
		case map[string]any:
			return counts, nil
		case []any:
			if len(a) == 0 {
				continue
			}
			if _, ok := a[0].(string); ok {
				return words, nil
			}
			return numbers, nil
		}
	}
	return 0, fmt.Errorf("no type in %v", calls)
}

// TestFewRepetitions counts programs that come twice: the small ones repeat, from difficulty 3 on few do.
func TestFewRepetitions(t *testing.T) {
	n := uint64(1000)
	if testing.Short() {
		n = 200
	}
	e := mustNew(t, Config{Style: Terse})
	seen := map[string]bool{}
	total, twice := [6]int{}, [6]int{}
	for i := range n {
		task := mustTask(t, e, 8, i)
		total[task.Difficulty]++
		if seen[task.Gold] {
			twice[task.Difficulty]++
		}
		seen[task.Gold] = true
	}
	limits := []float64{0, 0.7, 0.4, 0.25, 0.1, 0.05}
	for d := 1; d <= 5; d++ {
		share := float64(twice[d]) / float64(total[d])
		t.Logf("difficulty %d: %d tasks, %d of them again (%.1f %%)", d, total[d], twice[d], 100*share)
		if share > limits[d] {
			t.Errorf("difficulty %d: %.1f %% of the tasks come again, want at most %.0f %%", d, 100*share, 100*limits[d])
		}
	}
}

// TestNoTrivialProgramPasses looks at what the tests expect of every kind and difficulty.
func TestNoTrivialProgramPasses(t *testing.T) {
	for _, k := range kinds {
		for d := k.min; d <= k.max; d++ {
			e := mustNew(t, Config{Kinds: []string{k.name}, MinDifficulty: d, MaxDifficulty: d, Style: Mixed})
			for i := range uint64(6) {
				task := mustTask(t, e, 3, i)
				if task.Kind != k.name || task.Difficulty != d || len(task.inputs) != hidden {
					t.Fatalf("%+v", task)
				}
				constants, echoes := map[string]int{}, map[int]int{}
				for j, args := range task.inputs {
					want := literal(task.want[j])
					constants[want]++
					for a := range args {
						if literal(args[a]) == want {
							echoes[a]++
						}
					}
				}
				for c, n := range constants {
					if n > 6 || c == "None" {
						t.Errorf("%s: %q is the result of %d of %d tests", task.Question, c, n, hidden)
					}
				}
				for a, n := range echoes {
					if n > 4 {
						t.Errorf("%s: parameter %d is the result of %d of %d tests", task.Question, a, n, hidden)
					}
				}
			}
		}
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{
		{Kinds: []string{"topology"}}, {Kinds: []string{}}, {MinDifficulty: 4, MaxDifficulty: 2}, {MaxDifficulty: 6}, {MinDifficulty: -1},
		{Kinds: []string{"algorithms"}, MaxDifficulty: 1}, {Part: "test"}, {Kinds: []string{"algorithms"}, Runner: Starlark},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("New(%+v) gave no error", c)
		}
	}
	e := mustNew(t, Config{MinDifficulty: 2, MaxDifficulty: 3, Style: Terse})
	for i := range uint64(50) {
		task := mustTask(t, e, 12, i)
		if task.Difficulty < 2 || task.Difficulty > 3 || strings.Contains(task.Question, "\n") || !strings.HasPrefix(task.Question, "def f(") {
			t.Fatalf("%+v", task)
		}
	}
	if e.Name() != "code" || e.Len() != 0 {
		t.Errorf("the environment is %s with %d tasks", e.Name(), e.Len())
	}
}

func TestDialogues(t *testing.T) {
	e := mustNew(t, Config{Part: env.Train, Style: Mixed})
	n := uint64(0)
	for d, err := range e.Dialogues(13, 20) {
		if err != nil {
			t.Fatal(err)
		}
		if err := chat.Validate(d, nil); err != nil {
			t.Fatal(err)
		}
		task := mustTask(t, e, 13, n)
		want := chat.Dialogue{ID: fmt.Sprintf("code-13-%d", n), Messages: []chat.Message{
			{Role: chat.RoleUser, Content: task.Question}, {Role: chat.RoleAssistant, Content: task.Solution},
		}}
		if diff := cmp.Diff(want, d); diff != "" {
			t.Fatal(diff)
		}
		n++
	}
	if n != 20 {
		t.Errorf("%d dialogues, want 20", n)
	}
	for range e.Dialogues(13, 5) {
		break // stops without harm
	}
}
