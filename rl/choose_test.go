package rl

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muonclip/data/chat"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// chooserOf is a trainer that can choose episodes of an environment, and nothing else.
func chooserOf(e env.Environment, buckets map[string]Bucket) *Trainer {
	c := &Collector{Arenas: map[string]*Arena{"copycat": {Environment: e}}}
	return &Trainer{Collector: c, Seed: 3, Shares: []Share{{"copycat", 1}}, Samples: 2, buckets: buckets}
}

func keys(t *testing.T, tr *Trainer, iteration, n int) []env.Key {
	t.Helper()
	groups, err := tr.choose(t.Context(), iteration, n)
	if err != nil {
		t.Fatal(err)
	}
	var out []env.Key
	for _, g := range groups {
		out = append(out, g.Key)
	}
	return out
}

// byParity has episodes of two difficulties.
var byParity = hooked{difficulty: func(k env.Key) int { return 1 + int(k.Index%2) }}

func TestChooseIsAFunction(t *testing.T) {
	buckets := map[string]Bucket{"copycat/letter/1": {0.5, 50}, "copycat/letter/2": {1, 50}}
	first := keys(t, chooserOf(byParity, buckets), 4, 20)
	tr := chooserOf(byParity, buckets)
	keys(t, tr, 1, 20) // what came before does not matter
	if diff := cmp.Diff(first, keys(t, tr, 4, 20)); diff != "" {
		t.Errorf("equal seeds, iterations and buckets choose other episodes:\n%s", diff)
	}
	seen := map[env.Key]bool{}
	for i := range 5 {
		for _, k := range keys(t, tr, i, 20) {
			if seen[k] {
				t.Errorf("%s was chosen twice", k)
			}
			seen[k] = true
		}
	}
	tr.Seed = 4
	if cmp.Equal(first, keys(t, tr, 4, 20)) {
		t.Error("another seed chooses the same")
	}
}

func TestChoosePrefersHalfSuccess(t *testing.T) {
	for name, other := range map[string]Bucket{"always": {1, 50}, "never": {0, 50}, "never, with penalties": {-0.5, 50}} {
		count := [2]int{}
		for _, k := range keys(t, chooserOf(byParity, map[string]Bucket{"copycat/letter/1": {0.5, 50}, "copycat/letter/2": other}), 0, 200) {
			count[k.Index%2]++
		}
		if count[0] < 2*count[1] || count[1] == 0 {
			t.Errorf("%s: %d episodes of half success and %d others, want most, but not all", name, count[0], count[1])
		}
	}
}

func TestChooseFromAFile(t *testing.T) {
	e := byParity
	e.size = 5
	seen := map[env.Key]bool{}
	for _, k := range keys(t, chooserOf(e, nil), 2, 40) {
		if k.Index >= e.size || seen[k] {
			t.Errorf("%s is no episode, or was chosen twice", k)
		}
		seen[k] = true
	}
	if len(seen) != int(e.size) {
		t.Errorf("%d of %d episodes in 40 draws", len(seen), e.size)
	}
}

// refusing serves no episode.
type refusing struct {
	hooked
	err error
}

func (r refusing) Reset(context.Context, env.Key) (env.Episode, error) { return nil, r.err }

func TestChooseWhatCannotServe(t *testing.T) {
	broken := errors.New("no such file")
	if _, err := chooserOf(refusing{err: broken}, nil).choose(t.Context(), 0, 2); !errors.Is(err, broken) || !strings.Contains(err.Error(), "copycat 3-") {
		t.Errorf("error %v, want one that names the episode", err)
	}
	if got := keys(t, chooserOf(refusing{err: reward.ErrUnavailable}, nil), 0, 2); len(got) != 2 {
		t.Errorf("%d groups where no episode is available at the moment, want 2 that say so", len(got))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := chooserOf(byParity, nil).choose(ctx, 0, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after the end of the context", err)
	}
}

func TestObserve(t *testing.T) {
	info := env.Info{Kind: "sum", Difficulty: 2}
	groups := []*Group{{Env: "math", Rollouts: []*Rollout{
		{Env: "math", Info: info, Finish: Done, Reward: 1}, {Env: "math", Info: info, Finish: Budget, Reward: 0},
		{Env: "math", Info: info, Finish: Done, Error: "no judge"}, {Env: "math", Info: info},
	}}}
	before := map[string]Bucket{"math/sum/2": {0.5, 10}, "code/sort/1": {0.25, 10}}
	got := observe(before, groups)
	want := map[string]Bucket{"math/sum/2": {0.5, 10}, "code/sort/1": {0.25, 8}} // 8 old ones of mean 0.5, 1 and 0
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-12 })); diff != "" {
		t.Errorf("buckets (-want +got):\n%s", diff)
	}
	if before["code/sort/1"].Weight != 10 {
		t.Error("the buckets of the iteration before have changed")
	}
}

// TestBucketsStayMeans draws any rewards: a bucket's mean lies between the smallest and the largest.
func TestBucketsStayMeans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var buckets map[string]Bucket
		low, high := math.Inf(1), math.Inf(-1)
		for range rapid.IntRange(1, 4).Draw(t, "iterations") {
			g := &Group{Env: "e"}
			for _, v := range rapid.SliceOfN(rapid.Float64Range(-1, 1), 1, 6).Draw(t, "rewards") {
				g.Rollouts = append(g.Rollouts, &Rollout{Env: "e", Finish: Done, Reward: v})
				low, high = min(low, v), max(high, v)
			}
			buckets = observe(buckets, []*Group{g})
		}
		b := buckets[bucket("e", env.Info{})]
		if b.Reward < low-1e-12 || b.Reward > high+1e-12 || len(buckets) != 1 {
			t.Fatalf("mean %v of rewards from %v to %v, %d buckets", b.Reward, low, high, len(buckets))
		}
		if l := learnable(b); !(l >= 0.05 && l <= 1.05) {
			t.Fatalf("there is %v to learn from %+v", l, b)
		}
	})
}

// scripted is a policy that repeats the user's last message, or says one thing.
type scripted struct{ says string }

func (s scripted) Act(_ context.Context, messages []chat.Message, _ []chat.Tool) (chat.Message, error) {
	if s.says == "" {
		return chat.Message{Role: chat.RoleAssistant, Content: messages[len(messages)-1].Content}, nil
	}
	return chat.Message{Role: chat.RoleAssistant, Content: s.says}, nil
}

func TestPreflight(t *testing.T) {
	exact := func(said, letters []string) float64 {
		return map[bool]float64{true: 1, false: 0.5}[cmp.Equal(said, letters)]
	}
	silent := func(said, _ []string) float64 { return map[bool]float64{true: 1}[strings.Join(said, "") == ""] }
	noisy := func(said, _ []string) float64 { return map[bool]float64{true: 1}[strings.Join(said, "") != ""] }
	for name, c := range map[string]struct {
		env  hooked
		says []string // of the error; none where there is none
	}{
		"sound":             {hooked{copycat: copycat{turns: 3}, value: exact, gold: scripted{}}, nil},
		"no gold":           {hooked{copycat: copycat{turns: 3}, value: exact}, nil},
		"broken gold":       {hooked{copycat: copycat{turns: 3}, value: exact, gold: scripted{"x"}}, []string{"copycat 5-0", "earns 0.500 of 1", "correct 0.50"}},
		"silence is enough": {hooked{value: silent}, []string{"a silent policy", "12 of 12 episodes of copycat"}},
		"anything will do":  {hooked{value: noisy}, []string{"a random policy", "12 of 12 episodes of copycat"}},
		"no measurement":    {hooked{value: func(_, _ []string) float64 { return math.NaN() }}, []string{"copycat 5-0", "correct is NaN"}},
	} {
		a := &Arena{Environment: c.env}
		p, err := a.Check(t.Context(), 12, 5)
		if len(c.says) == 0 {
			golds := 12
			if c.env.gold == nil {
				golds = 0
			}
			if err != nil || p.Gold.Of != golds || p.Gold.Successes != golds || p.Silent.Of != 12 || p.Silent.Successes != 0 || p.Random.Of != 12 || p.Random.Successes != 0 {
				t.Errorf("%s: %+v, error %v", name, p, err)
			}
			continue
		}
		for _, says := range c.says {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: error %v, want one that says %q", name, err, says)
			}
		}
	}
	few := hooked{size: 3, value: exact, gold: scripted{}}
	if p, err := (&Arena{Environment: few}).Check(t.Context(), 12, 5); err != nil || p.Gold.Of != 3 {
		t.Errorf("a file of 3 episodes: %+v, error %v", p, err)
	}
}
