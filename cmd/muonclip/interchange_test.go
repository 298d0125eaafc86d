package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muonclip/internal/rng"
	"muonclip/internal/safetensors"
	"muonclip/internal/stage"
	"muonclip/internal/trace"
)

// TestExportAndImport: a model keeps its loss on the way to another format and back, and goes on
// learning.
func TestExportAndImport(t *testing.T) {
	p := newPlace(t)
	p.run("out").ok()
	loss := func(model string) float64 {
		t.Helper()
		var res stage.EvalResult
		p.mc("eval", "loss", "--model", model, "--data", "books", "--seq-len", "32", "--json").ok().json(&res)
		if res.Tokens == 0 || res.Bytes == 0 || math.Abs(res.Perplexity-math.Exp(res.Loss)) > 1e-9 {
			t.Errorf("%s: %+v", model, res)
		}
		return res.Loss
	}
	want := loss("out")
	if at := loss("out/checkpoints/step-000024"); at != want {
		t.Errorf("the newest checkpoint has loss %g, its run %g", at, want)
	}
	var exported stage.Exported
	p.mc("export", "hf", "--model", "out", "--to", "f32", "--json").ok().json(&exported)
	if exported.WeightBytes == 0 || !slices.Contains(exported.Files, "model.safetensors") || exported.Weights != "out/checkpoints/step-000024" {
		t.Errorf("%+v", exported)
	}
	if got := loss("f32"); math.Abs(got-want) > 1e-6 {
		t.Errorf("exported in f32: loss %.9f, before %.9f", got, want)
	}
	p.mc("export", "hf", "--model", "out", "--to", "bf16", "--dtype", "bf16").ok()
	if got := loss("bf16"); math.Abs(got-want) > 0.02 || got == want {
		t.Errorf("exported in bf16: loss %.6f, before %.6f", got, want)
	}

	p.mc("import", "hf", "--from", "f32", "--out", "again", "--data", "books", "--config", "tiny.yaml").ok()
	if got := loss("again"); math.Abs(got-want) > 1e-6 {
		t.Errorf("imported: loss %.9f, before %.9f", got, want)
	}
	var sum stage.Summary
	p.mc("run", "--out", "again", "--json").ok().json(&sum)
	rows := p.rows("again")
	if first := p.rows("out")[0].Loss; rows[0].Loss > first-1 || sum.Step != 24 || *sum.ValLoss >= want {
		t.Errorf("training went on at %g and came to %g; the first run began at %g and came to %g", rows[0].Loss, *sum.ValLoss, first, want)
	}
	p.mc("import", "hf", "--from", "f32", "--out", "again").fails(1, "already holds checkpoints", "--out")
}

const (
	reference = "../../../shared/reference/k2_ref.py"
	python    = "/usr/bin/python3"
)

// driver runs command lines of a Python program in one process, since importing PyTorch takes longer
// than all of them. It prints a line of JSON for each: exit code and output.
const driver = `
import contextlib, io, json, runpy, sys
program = sys.argv[1]
for line in json.load(sys.stdin):
    sys.argv, out, code = [program] + line, io.StringIO(), 0
    with contextlib.redirect_stdout(out):
        try:
            runpy.run_path(program, run_name="__main__")
        except SystemExit as e:
            code = e.code or 0
    print(json.dumps({"code": code, "out": out.getvalue()}), flush=True)
`

type outcome struct {
	Code int
	Out  string
}

func runReference(t *testing.T, dir string, lines [][]string) []outcome {
	t.Helper()
	program, err := filepath.Abs(reference)
	if err != nil {
		t.Fatal(err)
	}
	in, err := json.Marshal(lines)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", driver, program)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(string(in))
	var errout strings.Builder
	cmd.Stderr = &errout
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errout.String())
	}
	var results []outcome
	for line := range strings.Lines(string(out)) {
		var o outcome
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err, line)
		}
		results = append(results, o)
	}
	return results
}

// variants are changes of a small model, as config.json has them. Together they reach every branch
// that the reference has.
func variants(t *testing.T) map[string]map[string]any {
	base := map[string]any{
		"architectures": []string{"DeepseekV3ForCausalLM"}, "model_type": "deepseek_v3", "vocab_size": 96, "hidden_size": 64,
		"intermediate_size": 96, "moe_intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 4,
		"n_shared_experts": 1, "n_routed_experts": 8, "num_experts_per_tok": 3, "routed_scaling_factor": 2.5, "kv_lora_rank": 24,
		"q_lora_rank": 40, "qk_rope_head_dim": 8, "qk_nope_head_dim": 16, "v_head_dim": 20, "n_group": 1, "topk_group": 1,
		"first_k_dense_replace": 1, "moe_layer_freq": 1, "norm_topk_prob": true, "scoring_func": "sigmoid", "topk_method": "noaux_tc",
		"hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "rope_scaling": nil, "max_position_embeddings": 128,
		"tie_word_embeddings": false, "initializer_range": 0.02, "bos_token_id": 0, "eos_token_id": 1,
	}
	with := func(changes map[string]any) map[string]any {
		c := maps.Clone(base)
		maps.Copy(c, changes)
		return c
	}
	yarn := func(more map[string]any) map[string]any {
		s := map[string]any{"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "beta_fast": 32, "beta_slow": 1}
		maps.Copy(s, more)
		return map[string]any{"rope_scaling": s}
	}
	all := map[string]map[string]any{
		"base": base, "no_q_lora": with(map[string]any{"q_lora_rank": nil}), "tied": with(map[string]any{"tie_word_embeddings": true}),
		"no_shared": with(map[string]any{"n_shared_experts": 0}), "two_shared": with(map[string]any{"n_shared_experts": 2}),
		"no_dense": with(map[string]any{"first_k_dense_replace": 0}), "all_dense": with(map[string]any{"first_k_dense_replace": 3}),
		"yarn": with(yarn(map[string]any{"mscale": 1.0, "mscale_all_dim": 1.0})), "yarn_no_mscale": with(yarn(nil)),
		"not_normed": with(map[string]any{"norm_topk_prob": false}),
	}
	if testing.Short() {
		return map[string]map[string]any{"base": base, "no_q_lora": all["no_q_lora"], "yarn": all["yarn"]}
	}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(reference), "mini.json"))
	if err != nil {
		t.Fatal(err)
	}
	mini := map[string]any{}
	if err := json.Unmarshal(data, &mini); err != nil {
		t.Fatal(err)
	}
	all["mini"] = mini
	return all
}

// TestTraceAgainstReference: logits, losses, largest logits, expert loads, gradients and the weights
// after three steps are those of PyTorch, without a clip and with one.
func TestTraceAgainstReference(t *testing.T) {
	if _, err := os.Stat(reference); err != nil {
		t.Skip("the PyTorch reference is not there:", err)
	}
	if out, err := exec.Command(python, "-c", "import torch").CombinedOutput(); err != nil {
		t.Skipf("PyTorch is not there: %v %s", err, out)
	}
	p := &place{t: t, dir: t.TempDir()}
	models := variants(t)
	names := slices.Sorted(maps.Keys(models))
	// Large initial weights make logits that differ from head to head, and the small tau lies among them.
	taus := []string{"100", "0.3"}
	var init, traces, diffs [][]string
	for _, name := range names {
		text, err := json.Marshal(models[name])
		if err != nil {
			t.Fatal(err)
		}
		p.write(name+".json", string(text))
		p.write(name+"-tokens.json", randomRows(name, models[name]["vocab_size"]))
		init = append(init, []string{"init", "--config", name + ".json", "--seed", "3", "--std", "0.08", "--out", name})
		for _, tau := range taus {
			file := name + "-" + tau + ".safetensors"
			traces = append(traces, []string{"trace", "--model", name, "--tokens", name + "-tokens.json", "--steps", "3", "--lr", "2e-3", "--tau", tau, "--out", file})
			diffs = append(diffs, []string{"diff", "ref-" + file, "our-" + file, "--tol", "1e-4"})
		}
	}
	runReference(t, p.dir, init)
	var ours []trace.Result
	theirs := slices.Clone(traces)
	for i, args := range traces {
		out := args[len(args)-1]
		var res trace.Result
		p.mc(append(slices.Clone(args[:len(args)-1]), "our-"+out, "--json")...).ok().json(&res)
		ours = append(ours, res)
		theirs[i] = append(slices.Clone(args[:len(args)-1]), "ref-"+out)
	}
	results := runReference(t, p.dir, append(theirs, diffs...))
	for i, args := range traces {
		name := args[len(args)-1]
		ran, compared := results[i], results[len(traces)+i]
		if ran.Code != 0 || compared.Code != 0 {
			t.Errorf("%s:\n%s", name, compared.Out)
		}
		var ref trace.Result
		if err := json.Unmarshal([]byte(ran.Out), &ref); err != nil {
			t.Fatal(err)
		}
		if ours[i].HeadsClipped != ref.HeadsClipped || (ref.HeadsClipped > 0) != strings.Contains(name, "-0.3") {
			t.Errorf("%s: %d heads clipped, by the reference %d", name, ours[i].HeadsClipped, ref.HeadsClipped)
		}
		lines := strings.Split(strings.TrimSpace(compared.Out), "\n")
		t.Logf("%s: %d heads clipped, %s", name, ref.HeadsClipped, lines[len(lines)-1])
		a, b := tensor(t, p.path("our-"+name), "expert_load"), tensor(t, p.path("ref-"+name), "expert_load")
		if !slices.Equal(a, b) || len(a) == 0 != strings.HasPrefix(name, "all_dense") {
			t.Errorf("%s: expert loads %v, by the reference %v", name, a, b)
		}
	}
}

// randomRows is a tokens.json of 3 rows of 25 ids.
func randomRows(purpose string, vocab any) string {
	n := 0
	if _, err := fmt.Sscan(fmt.Sprint(vocab), &n); err != nil {
		panic(err)
	}
	r := rng.New(1, purpose)
	rows := make([][]int, 3)
	for i := range rows {
		for range 25 {
			rows[i] = append(rows[i], r.IntN(n))
		}
	}
	text, err := json.Marshal(rows)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// tensor is the data of a tensor in a file, nil where the file lacks it.
func tensor(t *testing.T, path, name string) []float32 {
	t.Helper()
	all, _, err := safetensors.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		if x.Name == name {
			return x.Data
		}
	}
	return nil
}
