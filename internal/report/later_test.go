package report

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muonclip/internal/metrics"
	"muonclip/rl"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// lacks names what a page should say and does not.
func lacks(t *testing.T, html string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestFineTuning(t *testing.T) {
	dir := t.TempDir()
	synthSFT(t, dir, 200, 200)
	html := writePage(t, dir)
	lacks(t, html, "MuonClip fine-tuning report", "Held-out loss by kind of turn", `data-n="answer"`, `data-n="call"`, `data-n="text"`, "Held-out, call",
		`<p class="verdict good">Held-out loss is 0.1025 nats per token of an assistant, down from 1.226 at step 25.`, "dialogues that are never trained on")
	for _, never := range []string{"nigram", "After pretraining", "Reward", "whole run"} {
		if strings.Contains(html, never) {
			t.Errorf("the page speaks of %q", never)
		}
	}
}

func TestFineTuningInProgress(t *testing.T) {
	dir := t.TempDir()
	synthSFT(t, dir, 20, 200)
	html := writePage(t, dir)
	lacks(t, html, "At step 20 of 200 (10.0%)", "the held-out loss was not measured", "No evaluation tells kinds of turns apart yet.")
}

func TestReinforcementLearning(t *testing.T) {
	dir := t.TempDir()
	synthRL(t, filepath.Join(dir, "rl"), 21)
	writeFiles(t, dir, map[string]string{FileName: "the whole run"})
	html := writePage(t, filepath.Join(dir, "rl"))
	for _, id := range []string{"reward", "behaviour", "watch", "components", "buckets", "time", "rollouts"} {
		lacks(t, html, `<section id="`+id+`">`, `<a href="#`+id+`">`)
	}
	lacks(t, html, "MuonClip reinforcement learning report", `of a <a href="../report.html">whole run</a>`, `data-unit="iteration"`,
		`<p class="verdict good">Held-out success: math from 20.0% to 25.0%, no clear change; tools from 30.0% to 70.0%. Mean reward went from `,
		"Components: tools", "Components: math", `data-n="state"`, `data-n="repeated"`, `data-n="cut off"`, `data-n="equal"`, `data-n="held-out tools"`, "aim: below 1e-5",
		"length grows: 160 tokens a rollout", "3 × reward: the sandbox could not be started", "<td>single_call</td>", "70.0% (60.4–78.1)",
		"Environments", "Reward 1.00, the best of 4", "Reward 0.200, the worst of 4", "book a table for two at seven please", "table 4 is reserved", "21 iterations")
	if n := strings.Count(html, `class="band `); n != 2 {
		t.Errorf("%d bands, want one for each held-out environment", n)
	}
	if n := strings.Count(html, `<div class="episode">`); n != 3 {
		t.Errorf("%d episodes, want 3", n)
	}
	if n := strings.Count(html, `class="bar `); n != 7 {
		t.Errorf("%d phases in the chart of time, want 7", n)
	}
}

func TestReinforcementLearningWithoutIterations(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"config.yaml": "preset: tiny\nstage: rl\n"})
	html := writePage(t, dir)
	lacks(t, html, `<p class="verdict ">No iteration is stored yet.</p>`, "No iteration has a held-out evaluation.", "No iteration has a time.")
	if strings.Contains(html, "<svg") {
		t.Error("a drawing of nothing")
	}
}

func TestPartialReinforcementLearning(t *testing.T) {
	for name, damage := range map[string]struct {
		do    func(dir string) error
		wants []string
	}{
		"one iteration":   {func(dir string) error { return os.Remove(rolloutFile(dir, 1)) }, []string{"measured once. Mean reward is", "Of iteration 0."}},
		"damaged":         {func(dir string) error { return os.WriteFile(rolloutFile(dir, 1), []byte("x"), 0o644) }, []string{"<li>rollouts/iteration-000001.jsonl.zst is damaged", "what follows is left out", "Of iteration 0."}},
		"no tokenizer":    {func(dir string) error { return os.RemoveAll(filepath.Join(dir, "data")) }, []string{"The tokenizer of the run cannot be read"}},
		"no metrics":      {func(dir string) error { return os.Remove(filepath.Join(dir, metrics.RowsFile)) }, []string{"metrics.jsonl is not there", "Mean reward went from"}},
		"no config":       {func(dir string) error { return os.Remove(filepath.Join(dir, "config.yaml")) }, []string{"reinforcement learning report", "config.yaml is not there"}},
		"nothing is done": {func(dir string) error { return os.RemoveAll(filepath.Join(dir, "rollouts")) }, []string{"No iteration is stored yet."}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synthRL(t, dir, 3)
			if err := damage.do(dir); err != nil {
				t.Fatal(err)
			}
			html := writePage(t, dir)
			lacks(t, html, damage.wants...)
		})
	}
}

func rolloutFile(dir string, iteration int) string {
	return filepath.Join(dir, "rollouts", fmt.Sprintf("iteration-%06d.jsonl.zst", iteration))
}

func TestRolloutsOutOfBoundsAreShown(t *testing.T) {
	dir := t.TempDir()
	tok := synthTokenizer(t, dir)
	ids := append(tok.Encode(nil, "the task "), 1<<30, -5)
	it := &rl.Iteration{Groups: 0, Reward: math.MaxFloat64, Buckets: map[string]rl.Bucket{"odd": {}, "a/b/c/2": {Reward: 9}, "a/b/9": {}}}
	writeIteration(t, dir, it, []*rl.Group{{Env: "e", Key: env.Key{Index: 1}, Rollouts: []*rl.Rollout{
		{IDs: ids, Turns: []rl.Turn{{Start: 1 << 40, LogProbs: []float64{1}}, {Start: -3, LogProbs: []float64{1, 2, 3}}}, Finish: rl.Foreign},
		{Error: "the sandbox failed", Finish: rl.Failed},
	}}})
	lacks(t, writePage(t, dir), "⟨token 1073741824⟩⟨token -5⟩", "Reward 0, as all 1, ended by foreign", "2 sorts of episodes are of another form", "b/c")
}

func TestWholeRun(t *testing.T) {
	dir := t.TempDir()
	synthRun(t, dir, shape{steps: 60, layers: 2, heads: 2, experts: 4, every: 10})
	synthSFT(t, filepath.Join(dir, "sft"), 50, 200)
	synthRL(t, filepath.Join(dir, "rl"), 11)
	lacks(t, writePage(t, dir), "The models of the stages have not been compared yet: eval.json is not there.", "At step 50 of 200", "<li>Supervised fine-tuning ·")

	writePage(t, filepath.Join(dir, "sft"))
	writePage(t, filepath.Join(dir, "rl"))
	writeEvaluation(t, dir, synthEvaluation())
	html := writePage(t, dir)
	lacks(t, html, `<section id="after">`, `<a href="sft/report.html">Supervised fine-tuning</a>`, `<a href="rl/report.html">Reinforcement learning</a>`,
		`<td class="n">75.5%</td><td class="n">69.1% to 80.9%</td>`, "&#43;27.5 points (&#43;18.1 to &#43;36.2)", "100 (4 missing)", "Success, tools", "after RL; Base 0.0%, SFT 48.0%",
		"tools 7-3", "the table the table", "RL, reward 1.00", "Weights: Base 00aa, SFT 11bb, RL 22cc.", "several_calls")
	if n := strings.Count(html, `class="dots big `); n != 6 {
		t.Errorf("%d points with intervals, want 6", n)
	}
	if strings.Contains(html, "compared yet") {
		t.Error("the page says that the evaluation is missing")
	}
}

func TestChange(t *testing.T) {
	// Newcombe (1998), table II, example (a): 56/70 less 48/80 has the interval 0.0524 to 0.3339 by method 10.
	if got := change(rl.NewRate(48, 80), rl.NewRate(56, 70)); got != "+20.0 points (+5.2 to +33.4)" {
		t.Errorf("got %s", got)
	}
}

func TestHostileModels(t *testing.T) {
	const bad = "</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>\" onload=\"x\u202e\x00'"
	dir := t.TempDir()
	synthRL(t, filepath.Join(dir, "rl"), 2)
	tok := synthTokenizer(t, filepath.Join(dir, "rl"))
	ids := tok.Encode(nil, bad)
	rates := map[string]rl.Rates{bad: {Success: rl.Rate{Of: 3, Share: 1e300, Low: -1e300, High: 7}, Kinds: map[string]rl.Rate{bad: {}, "b": {}}, Components: map[string]float64{bad: 1e308}}}
	it := &rl.Iteration{
		Iteration: 2, Groups: 1, Components: map[string]map[string]float64{bad: {bad: 0.5, "b": 1}}, HeldOut: rates, Buckets: map[string]rl.Bucket{bad + "/" + bad + "/3": {Reward: -9, Weight: 1e300}},
		Warnings: []string{bad}, Errors: map[string]int{bad: 1}, Seconds: rl.Seconds{Collection: -1, Decode: 1e300},
	}
	writeIteration(t, filepath.Join(dir, "rl"), it, []*rl.Group{{Env: bad, Rollouts: []*rl.Rollout{
		{IDs: ids, Info: env.Info{Kind: bad}, Turns: []rl.Turn{{Start: 2, LogProbs: make([]float64, len(ids)-4)}}, Finish: rl.Finish(bad), Components: []reward.Component{{Name: bad, Evidence: bad}}},
	}}})
	writeEvaluation(t, dir, Evaluation{
		Models:  []Evaluated{{Name: bad, Weights: bad, Tasks: rates}, {Name: "rl", Tasks: rates}},
		Samples: []Compared{{Task: bad, Key: bad, Prompt: bad, Turns: map[string]string{bad: bad, "rl": bad}, Rewards: map[string]float64{bad: 1}}},
	})
	for _, page := range []string{writePage(t, filepath.Join(dir, "rl")), writePage(t, dir)} {
		for _, never := range []string{"<script>alert", "<img", "\x00", "\u202e", `href="//`} {
			if strings.Contains(page, never) {
				t.Errorf("%q is on the page as it is", never)
			}
		}
		lacks(t, page, "&lt;script&gt;alert(1)&lt;/script&gt;", "⟨U&#43;202E⟩", "␀") // html/template writes + as &#43;
	}
}

func TestManyComponents(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		parts := map[string]float64{}
		for k := range 25 {
			parts[fmt.Sprintf("constraint_%02d", k)] = float64(k*i) / 100
		}
		writeIteration(t, dir, &rl.Iteration{Iteration: i, Components: map[string]map[string]float64{"instructions": parts}}, nil)
	}
	html := writePage(t, dir)
	lacks(t, html, "The 8 of 25 that moved most.", `data-n="constraint_24"`, `data-n="constraint_17"`)
	if strings.Contains(html, `data-n="constraint_16"`) {
		t.Error("a component that moved less has a line")
	}
}

func TestStackedChartJoinsNeighbours(t *testing.T) {
	c := stackedChart{title: "t", xName: "iteration", names: []string{"a", "b", "never"}}
	for range 1000 {
		c.parts = append(c.parts, []float64{1, 3, 0})
	}
	svg := string(c.svg(true))
	wellFormed(t, "stacked", []byte(svg))
	if n := strings.Count(svg, "z"); n < 2*maxBars/2 || n > 2*maxBars+20 {
		t.Errorf("%d bars for 1,000 places", n)
	}
	if strings.Contains(svg, "never") {
		t.Error("a part without time is in the key")
	}
	if (stackedChart{names: []string{"a"}, parts: [][]float64{{0}, {math.NaN()}}}).svg(false) != nil {
		t.Error("a drawing of nothing")
	}
}

func FuzzEvaluation(f *testing.F) {
	f.Add(`{"model":[{"name":"base","tasks":{"tools":{"success":{"of":3,"share":2,"low":-1,"high":1e300}}}}],"samples":[{"turns":{"base":"x"}}]}`)
	f.Add(`{"model":[{},{}],"samples":[{}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		writeFiles(t, dir, map[string]string{EvaluationFile: text})
		path, err := Write(dir)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, svg := range svgPattern.FindAll(data, -1) {
			wellFormed(t, fmt.Sprintf("drawing %d", i), svg)
			if strings.Contains(string(svg), "NaN") || strings.Contains(string(svg), "Inf") {
				t.Errorf("drawing %d has a coordinate that is not a number: %.300s", i, svg)
			}
		}
	})
}
