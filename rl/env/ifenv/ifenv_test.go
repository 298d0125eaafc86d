package ifenv

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

const dataFile = "../../../../shared/data/ifeval/input_data.jsonl"

func generated(t *testing.T, o Options) *Env {
	t.Helper()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// play lets a text be the response of an episode.
func play(t *testing.T, e *Env, key env.Key, respond func(*Episode) string) (components []reward.Component, total float64) {
	t.Helper()
	ctx := context.Background()
	ep, err := e.Reset(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, done, err := ep.Step(ctx, chat.Output{Content: respond(ep.(*Episode))}); err != nil || !done {
		t.Fatalf("%s: done %t, %v", key, done, err)
	}
	components, err = ep.Score(ctx)
	if errors.Is(err, reward.ErrUnavailable) {
		return nil, 0
	} else if err != nil {
		t.Fatal(err)
	}
	total, err = e.Rule().Compose(components)
	if err != nil {
		t.Fatal(err)
	}
	return components, total
}

func TestGoldPassesAndSilenceDoesNot(t *testing.T) {
	e := generated(t, Options{MaxInstructions: 5})
	for index := range uint64(100) {
		key := env.Key{Seed: 7, Index: index}
		components, total := play(t, e, key, func(ep *Episode) string {
			m, err := ep.Gold().Act(context.Background(), ep.Opening().Messages, nil)
			if err != nil {
				t.Fatal(err)
			}
			return m.Content
		})
		if total != 1 {
			t.Errorf("%s: gold gets %v: %+v", key, total, components)
		}
		if components, total := play(t, e, key, func(*Episode) string { return "" }); total != 0 {
			t.Errorf("%s: silence gets %v: %+v", key, total, components)
		}
	}
}

// arbitrary are policies that know nothing.
var arbitrary = map[string]func(r *rand.Rand, ep *Episode) string{
	"letters": func(r *rand.Rand, _ *Episode) string {
		b := make([]byte, 5+r.IntN(200))
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyz      .,!\n*[]"[r.IntN(39)]
		}
		return string(b)
	},
	"words": func(r *rand.Rand, _ *Episode) string {
		vocabulary := append(strings.Fields(strings.Join(requests, " ")), topics...)
		words := make([]string, 3+r.IntN(40))
		for i := range words {
			words[i] = vocabulary[r.IntN(len(vocabulary))]
		}
		return strings.Join(words, " ")
	},
	"prompt's words": func(r *rand.Rand, ep *Episode) string {
		words := strings.Fields(ep.prompt.Text)
		r.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		return strings.Join(words, " ")
	},
	"prompt": func(_ *rand.Rand, ep *Episode) string { return ep.prompt.Text },
}

func TestArbitraryTextDoesNotPass(t *testing.T) {
	e := generated(t, Options{})
	for name, respond := range arbitrary {
		r := rand.New(rand.NewPCG(3, 4))
		passed := 0
		const all = 100
		for index := range uint64(all) {
			_, total := play(t, e, env.Key{Seed: 8, Index: index}, func(ep *Episode) string { return respond(r, ep) })
			if total == 1 {
				passed++
			}
		}
		t.Logf("%s: %d of %d pass", name, passed, all)
		if passed > 1 {
			t.Errorf("%s: %d of %d pass", name, passed, all)
		}
	}
}

func TestComponents(t *testing.T) {
	e := generated(t, Options{MaxInstructions: 1})
	components, _ := play(t, e, env.Key{Seed: 1}, func(*Episode) string { return "Something else." })
	var names []string
	for _, c := range components {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"followed", "all", "topic", "honest"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestResetIsAFunctionOfTheKey(t *testing.T) {
	a, b := generated(t, Options{}), generated(t, Options{})
	texts := map[string]bool{}
	for index := range uint64(50) {
		x, err := a.Reset(context.Background(), env.Key{Seed: 2, Index: index})
		if err != nil {
			t.Fatal(err)
		}
		y, err := b.Reset(context.Background(), env.Key{Seed: 2, Index: index})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(x.Opening(), y.Opening()); diff != "" {
			t.Error(diff)
		}
		if x.(*Episode).gold != y.(*Episode).gold {
			t.Error("the gold texts differ")
		}
		texts[x.Opening().Messages[0].Content] = true
		if n := len(x.(*Episode).prompt.Instructions); x.Info().Difficulty != n || n > 3 {
			t.Errorf("%d instructions with difficulty %d", n, x.Info().Difficulty)
		}
	}
	if len(texts) < 45 {
		t.Errorf("only %d different tasks of 50", len(texts))
	}
}

func TestSplitsAreDisjoint(t *testing.T) {
	seen := map[string]env.Part{}
	for _, s := range []env.Part{env.Train, env.HeldOut} {
		e := generated(t, Options{Part: s, MaxInstructions: 1})
		for index := range uint64(100) {
			ep, err := e.Reset(context.Background(), env.Key{Seed: 3, Index: index})
			if err != nil {
				t.Fatal(err)
			}
			text := ep.Opening().Messages[0].Content
			if was, ok := seen[text]; ok && was != s {
				t.Errorf("%q is in both splits", text)
			}
			seen[text] = s
		}
	}
}

func TestFile(t *testing.T) {
	if _, err := os.Stat(dataFile); errors.Is(err, fs.ErrNotExist) {
		t.Skip("the data file of IFEval is not there:", err)
	}
	train, held := generated(t, Options{File: dataFile, Part: env.Train}), generated(t, Options{File: dataFile, Part: env.HeldOut})
	if train.Len()+held.Len() != 540 || held.Len() < 30 || held.Len() > 80 {
		t.Errorf("%d and %d prompts, want 540 together and about a tenth held out", train.Len(), held.Len())
	}
	for index := range held.Len() {
		components, total := play(t, held, env.Key{Index: index}, func(*Episode) string { return "" })
		if total != 0 || len(components) < 3 {
			t.Errorf("%d: silence gets %v: %+v", index, total, components)
		}
	}
	ep, err := held.Reset(context.Background(), env.Key{Index: held.Len()})
	if err != nil || ep.Gold() != nil {
		t.Errorf("an index beyond the end: %v, gold %v", err, ep.Gold())
	}
}

func TestNewRefuses(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.jsonl")
	line := `{"key":9,"prompt":"p","instruction_id_list":["language:response_language"],"kwargs":[{"language":"tlh"}]}`
	if err := os.WriteFile(bad, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{MaxInstructions: 6}, {Part: "test"}, {File: "missing.jsonl"}, {File: bad}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func TestAnEpisodeEndsOnce(t *testing.T) {
	ep, err := generated(t, Options{}).Reset(context.Background(), env.Key{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ep.Step(context.Background(), chat.Output{Content: "a"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ep.Step(context.Background(), chat.Output{Content: "b"}); err == nil {
		t.Error("a second turn was taken")
	}
}
