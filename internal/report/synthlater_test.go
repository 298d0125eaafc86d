package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"

	"muonclip/data/token"
	"muonclip/internal/metrics"
	"muonclip/rl"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// synthSFT writes the folder of a made-up fine-tuning that has come to a step.
func synthSFT(t testing.TB, dir string, done, steps int) {
	t.Helper()
	log := openLog(t, dir)
	r := rand.New(rand.NewPCG(3, 4))
	for i := 1; i <= done; i++ {
		row, clips := synthRow(r, shape{steps: steps, layers: 4, heads: 4, experts: 8}, i)
		for _, e := range clips {
			if err := log.Event(e); err != nil {
				t.Fatal(err)
			}
		}
		x := float64(i) / float64(steps)
		row.Loss = (0.08 + 2.6*math.Exp(-7*x)) * (1 + 0.08*r.NormFloat64())
		if i%25 == 0 {
			v := 0.1 + 2.7*math.Exp(-7*x)
			row.ValLoss = &v
			row.ValLossBy = map[string]float64{"call": 0.4 * v, "answer": 1.1 * v, "text": 0.3 + v}
		}
		if err := log.Row(&row); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, dir, map[string]string{
		"config.yaml":   fmt.Sprintf("preset: tiny\nstage: sft\ntrain:\n  steps: %d\noptim:\n  qk_clip:\n    tau: 100\n", steps),
		"manifest.json": `{"preset":"tiny","unigram_loss":0,"tokens_train":900000,"from":"../checkpoints/step-000400"}`,
	})
}

// openLog begins the metrics of a folder that need not be there.
func openLog(t testing.TB, dir string) *metrics.Log {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	log, err := metrics.Open(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func writeFiles(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// synthTokenizer puts a small tokenizer into a run folder.
func synthTokenizer(t testing.TB, dir string) *token.Tokenizer {
	t.Helper()
	docs := iter.Seq2[[]byte, error](func(yield func([]byte, error) bool) {
		yield([]byte(strings.Repeat("user assistant system book a table for two at seven please functions.reserve_table status ok\n", 4)), nil)
	})
	tok, err := token.Train(t.Context(), token.TrainOptions{VocabSize: 320, Specials: token.K2Specials()}, docs)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "data", "tokenizer")
	if err := errors.Join(os.MkdirAll(path, 0o755), tok.Save(path)); err != nil {
		t.Fatal(err)
	}
	return tok
}

// synthRL writes the folder of a made-up reinforcement learning in two environments.
func synthRL(t testing.TB, dir string, iterations int) {
	t.Helper()
	tok := synthTokenizer(t, dir)
	log := openLog(t, dir)
	r := rand.New(rand.NewPCG(5, 6))
	for i := range iterations {
		it := synthIteration(r, i, iterations)
		var groups []*rl.Group
		for g := range 6 {
			groups = append(groups, synthGroup(tok, r, []string{"tools", "math"}[g%2], uint64(g)))
		}
		writeIteration(t, dir, it, groups)
		row, _ := synthRow(r, shape{steps: iterations, layers: 4, heads: 4, experts: 8}, i+1)
		row.Loss = 0.4 * r.NormFloat64()
		if err := log.Row(&row); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, dir, map[string]string{
		"config.yaml":   fmt.Sprintf("preset: tiny\nstage: rl\ntrain:\n  steps: %d\nrl:\n  iterations: %d\n", iterations, iterations),
		"manifest.json": `{"preset":"tiny","unigram_loss":0,"finished":"2026-11-22T15:38:02Z"}`,
	})
}

func synthIteration(r *rand.Rand, i, n int) *rl.Iteration {
	x := float64(i) / float64(max(n-1, 1))
	noise := func(v, size float64) float64 { return min(max(v+size*r.NormFloat64(), 0), 1) }
	it := &rl.Iteration{
		Iteration: i, Temperature: 1 - 0.2*x, Groups: 32, Equal: 6 + r.IntN(6), Cut: noise(0.3*math.Exp(-4*x), 0.02), Reward: noise(0.35+0.4*x, 0.03),
		Length: 60 + 40*x + 4*r.NormFloat64(), Repetition: noise(0.05+0.04*x, 0.01), LogProbMax: 2e-6 * math.Exp(r.NormFloat64()), LogProbMean: 9e-8 * math.Exp(0.3*r.NormFloat64()),
		Written: 20000, Read: 60000, Buckets: map[string]rl.Bucket{}, Components: map[string]map[string]float64{
			"tools": {"well_formed": noise(0.9+0.1*x, 0.01), "state": noise(0.3+0.4*x, 0.03), "told": noise(0.4+0.35*x, 0.03), "honest": noise(0.95, 0.01)},
			"math":  {"correct": noise(0.2+0.3*x, 0.03), "format": noise(0.97, 0.01)},
		},
		Seconds: rl.Seconds{Collection: 10 + r.Float64(), Prefill: 2.5, Decode: 5.5, Draw: 0.6, Environment: 0.7, Comparison: 1.1},
	}
	if i%5 == 0 {
		it.Seconds.Evaluation = 4
		it.HeldOut = map[string]rl.Rates{
			"tools": {Success: rl.NewRate(int(100*(0.3+0.4*x)), 100), Reward: 0.4 + 0.35*x, Kinds: map[string]rl.Rate{"single_call": rl.NewRate(int(60*(0.4+0.5*x)), 60), "several_calls": rl.NewRate(int(40*(0.1+0.3*x)), 40)}},
			"math":  {Success: rl.NewRate(int(100*(0.2+0.05*x)), 100), Reward: 0.25 + 0.1*x},
		}
	}
	for k, kind := range []string{"single_call", "several_calls", "refusal"} {
		for d := 1; d <= 5-k; d++ {
			it.Buckets[fmt.Sprintf("tools/%s/%d", kind, d)] = rl.Bucket{Reward: noise(0.95-0.18*float64(d)-0.1*float64(k), 0.02), Weight: 40 * r.Float64()}
		}
	}
	it.Buckets["math/addition/1"] = rl.Bucket{Reward: 0.8, Weight: 12}
	if i == 12 {
		it.Warnings = []string{"length grows: 160 tokens a rollout, 60 at the start"}
		it.Errors = map[string]int{"reward: the sandbox could not be started": 3}
	}
	return it
}

func synthGroup(tok *token.Tokenizer, r *rand.Rand, name string, index uint64) *rl.Group {
	g := &rl.Group{Env: name, Key: env.Key{Seed: 7, Index: index}}
	for k := range 4 {
		won := float64((k + int(index)) % 2)
		ids := tok.Encode(nil, "system: you have the tools functions.reserve_table and functions.cancel\nuser: book a table for two at seven please\nassistant: ")
		one := rl.Turn{Start: len(ids), Ended: true}
		ids = tok.Encode(ids, `functions.reserve_table {"guests": 2, "at": "19:00"}`+"\n")
		one.LogProbs = make([]float64, len(ids)-one.Start)
		ids = tok.Encode(ids, "tool: {\"status\": \"ok\"}\nassistant: ")
		two := rl.Turn{Start: len(ids), Ended: true}
		ids = tok.Encode(ids, fmt.Sprintf("your table is booked for sev%sen, see you (attempt %d)", strings.Repeat("e", r.IntN(3)), k))
		two.LogProbs = make([]float64, len(ids)-two.Start)
		g.Rollouts = append(g.Rollouts, &rl.Rollout{
			Env: name, Key: g.Key, Sample: k, Info: env.Info{Kind: "single_call", Difficulty: 2}, IDs: ids, Turns: []rl.Turn{one, two}, Finish: rl.Done, Reward: 0.2 + 0.8*won,
			Components: []reward.Component{{Name: "well_formed", Value: 1}, {Name: "state", Value: won, Evidence: "table 4 is reserved for 2 at 19:00"}},
		})
	}
	return g
}

// writeIteration writes what rl.ReadIterations reads.
func writeIteration(t testing.TB, dir string, it *rl.Iteration, groups []*rl.Group) {
	t.Helper()
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	err := enc.Encode(it)
	for _, g := range groups {
		err = errors.Join(err, enc.Encode(g))
	}
	w, zstdErr := zstd.NewWriter(nil)
	if err = errors.Join(err, zstdErr); err != nil {
		t.Fatal(err)
	}
	lines.WriteString(strconv.Quote(fmt.Sprintf("%016x", xxh3.Hash(lines.Bytes()))) + "\n")
	writeFiles(t, dir, map[string]string{fmt.Sprintf("rollouts/iteration-%06d.jsonl.zst", it.Iteration): string(w.EncodeAll(lines.Bytes(), nil))})
}

// synthEvaluation is an evaluation of three stages on two tasks.
func synthEvaluation() Evaluation {
	rates := func(k, n int, reward float64) rl.Rates {
		return rl.Rates{Success: rl.NewRate(k, n), Reward: reward, Tokens: 61.5, Components: map[string]float64{"well_formed": min(1, reward+0.3), "state": reward},
			Kinds: map[string]rl.Rate{"single_call": rl.NewRate(k/2, n/2), "several_calls": rl.NewRate(k-k/2, n-n/2)}}
	}
	missing := rates(9, 100, 0.12)
	missing.Missing, missing.Kinds = 4, nil
	return Evaluation{
		Models: []Evaluated{
			{Name: "base", Weights: "00aa", Tasks: map[string]rl.Rates{"tools": rates(0, 200, 0.02), "math": rates(3, 100, 0.04)}},
			{Name: "sft", Weights: "11bb", Tasks: map[string]rl.Rates{"tools": rates(96, 200, 0.61), "math": missing}},
			{Name: "rl", Weights: "22cc", Tasks: map[string]rl.Rates{"tools": rates(151, 200, 0.83), "math": rates(31, 100, 0.35)}},
		},
		Samples: []Compared{{
			Task: "tools", Key: "7-3", Prompt: "user: book a table for two at seven please\n",
			Turns: map[string]string{
				"base": "the table the table the table", "sft": "functions.reserve_table {\"guests\": 7}\ntool: error\nThe table is booked.",
				"rl": "functions.reserve_table {\"guests\": 2, \"at\": \"19:00\"}\ntool: {\"status\": \"ok\"}\nYour table for two is booked for 19:00.",
			},
			Rewards: map[string]float64{"base": 0, "sft": 0.25, "rl": 1},
		}},
	}
}

func writeEvaluation(t testing.TB, dir string, e Evaluation) {
	t.Helper()
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	writeFiles(t, dir, map[string]string{EvaluationFile: string(data)})
}
