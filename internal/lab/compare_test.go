package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCompare: made-up runs whose difference is known, alone and with seeds.
func TestCompare(t *testing.T) {
	e := parse(t, fmt.Sprintf(small, "text"), "steps: 8", "steps: 40")
	jobs, err := e.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var runs []string
	for _, j := range jobs {
		run := filepath.Join(dir, j.Folder())
		runs = append(runs, run)
		fake(t, run, j, Finished, func(tokens float64) float64 {
			if j.Arm == "adamw" {
				tokens /= 2 // it needs twice as much for the same
			}
			return 4 + 0.01*float64(j.Seed) - tokens/1e4
		}, 50)
	}
	for _, align := range []string{"", "flops", "time", "steps"} {
		c, err := Compare(CompareOptions{Runs: runs, Align: align, Out: filepath.Join(dir, "c.html")})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Entries) != 2 || c.Entries[1].Runs != 2 || !strings.Contains(c.Entries[1].Method, "2 seeds") {
			t.Fatalf("%+v", c.Entries)
		}
		// 1,280 tokens in all: adamw, the second entry, is 640/10,000 behind in the end.
		second := c.Entries[1]
		if !strings.HasSuffix(second.Name, "adamw") || math.Abs(second.ValDiff.Mean-0.064) > 1e-6 || second.Difference.Mean < 0.05 || second.Difference.Mean > 0.064 || !second.AtLeast {
			t.Errorf("%s: %+v", align, second)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "c.html"))
	if err != nil || strings.Count(string(page), "<svg") != 5 {
		t.Errorf("%d pictures, %v", strings.Count(string(page), "<svg"), err)
	}
	// The other way round the ratio is exact: muon needs half.
	c, err := Compare(CompareOptions{Runs: []string{runs[1], runs[0]}})
	if err != nil {
		t.Fatal(err)
	}
	if two := c.Entries[1]; math.Abs(two.Ratio.Mean-0.5) > 0.01 || two.AtLeast || !strings.Contains(two.Method, "block bootstrap over 9 steps") || two.Difference.High >= 0 {
		t.Errorf("%+v", two)
	}
	var b bytes.Buffer
	if err := c.Print(&b); err != nil || !strings.Contains(b.String(), "held-out") {
		t.Error(b.String(), err)
	}
	if _, err := json.Marshal(c); err != nil {
		t.Error(err)
	}
	for says, o := range map[string]CompareOptions{
		"at least two":     {Runs: []string{runs[0], runs[2]}},
		"not by":           {Runs: runs, Align: "kilograms"},
		"is no run folder": {Runs: []string{runs[0], dir}},
	} {
		if _, err := Compare(o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// TestRealRun: a run with instruments has the losses of one without, keeps what it measured, and can be explained down to its
// documents.
func TestRealRun(t *testing.T) {
	if testing.Short() {
		t.Skip("trains models")
	}
	e := parse(t, fmt.Sprintf(small, books(t)), "optim.kind: adamw", "train.instruments_every: 4", "seeds: [1, 2]", "seeds: [1]", "steps: 8", "steps: 48",
		"data.min_bytes: 0", "data.min_bytes: 0\n    optim.qk_clip.tau: 0.01", "measure: [", "measure: [instrument.weight_stable_rank, ")
	o := Options{Dir: t.TempDir()}
	if err := Run(t.Context(), e, o); err != nil {
		t.Fatal(err)
	}
	out, err := Collect(e, o)
	if err != nil {
		t.Fatal(err)
	}
	plain, measured := out.Table.Run("muon", 1), out.Table.Run("adamw", 1)
	for i := range plain.Loss {
		if plain.Loss[i] != measured.Loss[i] || plain.MaxLogit[i] != measured.MaxLogit[i] {
			t.Fatalf("step %d: loss %g and %g", i+1, plain.Loss[i], measured.Loss[i])
		}
	}
	for _, name := range []string{"weight_stable_rank", "update_ratio", "attention_entropy", "sharpness", "gradient_trace"} {
		if v, ok := measured.Values["instrument."+name]; !ok || math.IsNaN(v) {
			t.Errorf("%s is %g", name, v)
		}
	}
	x, err := Explain(ExplainOptions{Run: measured.Dir, Heads: 3, Steps: 2, Out: filepath.Join(o.Dir, "x.html")})
	if err != nil {
		t.Fatal(err)
	}
	if len(x.Heads) != 3 || x.Heads[0].Largest < x.Heads[1].Largest || x.ClippedHeads == 0 || x.Heads[0].Clips == 0 || x.LastClip == 0 || len([]rune(x.Heads[0].Trace)) != 32 {
		t.Errorf("%+v", x)
	}
	if len(x.Spikes) == 0 || len(x.Spikes[0].Documents) < 2 {
		t.Fatalf("spikes %+v", x.Spikes)
	}
	for _, d := range x.Spikes[0].Documents {
		if !strings.HasSuffix(d.Name, ".txt") || d.Text == "" || !strings.HasPrefix(d.ID, "books:") {
			t.Errorf("%+v", d)
		}
	}
	var b bytes.Buffer
	if err := x.Print(&b); err != nil || !strings.Contains(b.String(), "QK-Clip rescaled") {
		t.Error(b.String(), err)
	}
	if _, err := json.Marshal(x); err != nil {
		t.Error(err)
	}
	if page, err := os.ReadFile(filepath.Join(o.Dir, "x.html")); err != nil || strings.Count(string(page), "<svg") != 2 {
		t.Error(err)
	}
}
