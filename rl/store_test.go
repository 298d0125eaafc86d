package rl

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"

	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// sample is an iteration with a finished and a pending group.
func sample() (*Iteration, []*Group, []*Group) {
	it := &Iteration{
		Weights: "0123", Groups: 1, Pending: 1, Reward: 0.5, Components: map[string]map[string]float64{"math": {"correct": 0.5}},
		Buckets: map[string]Bucket{"math/addition/1": {0.5, 2}}, Errors: map[string]int{"no <answer>": 1},
	}
	key := env.Key{Seed: 1 << 63, Index: 7}
	done := &Group{Env: "math", Key: key, Rollouts: []*Rollout{
		{Env: "math", Key: key, Info: env.Info{Kind: "addition", Difficulty: 1}, IDs: []int32{1, 2, 3},
			Turns:  []Turn{{Start: 1, LogProbs: []float64{-0.1, -1.0 / 3}, Ended: true}},
			Finish: Done, Components: []reward.Component{{Name: "correct", Value: 1, Evidence: "a < b"}}, Reward: 1},
		{Env: "math", Key: key, Sample: 1, Finish: Failed, Error: "no <answer>"},
	}}
	waits := &Group{Env: "math", Rollouts: []*Rollout{{Env: "math", IDs: []int32{5}, Turns: []Turn{{Start: 1}}}}}
	return it, []*Group{done}, []*Group{waits}
}

func TestStore(t *testing.T) {
	dir := t.TempDir()
	it, groups, pending := sample()
	if err := writeIteration(dir, it, groups, pending); err != nil {
		t.Fatal(err)
	}
	gotIt, gotGroups, gotPending, err := readIteration(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{it, groups, pending}, []any{gotIt, gotGroups, gotPending}, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("what was read differs (-written +read):\n%s", diff)
	}
	if _, _, _, err := readIteration(dir, 1); !errors.Is(err, errNoIteration) {
		t.Errorf("error %v of an iteration that was not stored", err)
	}
}

// pressed compresses lines as a stored iteration is.
func pressed(t testing.TB, lines string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll([]byte(lines), nil)
}

func summed(lines string) string { return lines + strconv.Quote(hex(xxh3.HashString(lines))) + "\n" }

// TestDamage damages the file of an iteration: the error names the file and says that it is damaged.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	it, groups, pending := sample()
	if err := writeIteration(dir, it, groups, pending); err != nil {
		t.Fatal(err)
	}
	path := iterationPath(dir, 0)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)/2] ^= 0x40
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"a flipped bit":       {flipped, "is damaged"},
		"cut in half":         {whole[:len(whole)/2], "is damaged"},
		"a byte short":        {whole[:len(whole)-1], "is damaged"},
		"empty":               {nil, "is damaged"},
		"not compressed":      {[]byte(summed("{}\n")), "is damaged"},
		"no checksum":         {pressed(t, "{}\n"), "checksum is wrong"},
		"a wrong checksum":    {pressed(t, "{}\n\"0000000000000000\"\n"), "checksum is wrong"},
		"a line lost":         {pressed(t, strings.TrimPrefix(summed("{}\n{}\n"), "{}\n")), "checksum is wrong"},
		"no iteration":        {pressed(t, summed("\n")), "JSON"},
		"a group of no shape": {pressed(t, summed("{}\n{}\n[]\n")), "line 3"},
	} {
		if err := os.WriteFile(path, c.data, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := ReadIterations(dir)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one that says %q and names the file", name, err, c.says)
		}
		if _, err := ReadGroups(dir, 0); err == nil {
			t.Errorf("%s: ReadGroups sees nothing", name)
		}
	}
}

// FuzzReadIteration reads any bytes, and any lines with a right checksum: what can be read can be written and read again.
func FuzzReadIteration(f *testing.F) {
	f.Add([]byte("{}\n"), true)
	f.Add([]byte(`{"iteration":1,"buckets":{"a":{"reward":1}}}
{"env":"a","key":{"seed":1},"rollouts":[{"ids":[1],"turns":[{"start":1}]}],"pending":true}
`), true)
	f.Add([]byte("null\nnull\n"), true)
	f.Add(pressed(f, summed("{}\n{}\n")), false)
	f.Fuzz(func(t *testing.T, data []byte, lines bool) {
		if lines {
			data = pressed(t, summed(string(data)))
		}
		dir := t.TempDir()
		path := iterationPath(dir, 0)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		it, groups, pending, err := readIteration(dir, 0)
		if err != nil {
			return
		}
		again := t.TempDir()
		it.Iteration = 0
		if err := writeIteration(again, it, groups, pending); err != nil {
			t.Fatal(err)
		}
		it2, groups2, pending2, err := readIteration(again, 0)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]any{it, groups, pending}, []any{it2, groups2, pending2}, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("read again it differs:\n%s", diff)
		}
	})
}
