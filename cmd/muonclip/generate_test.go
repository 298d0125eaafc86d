package main

import (
	"strings"
	"testing"

	"muonclip/internal/stage"
)

func TestGenerate(t *testing.T) {
	p := finished(t)
	args := func(more ...string) []string { return append([]string{"generate", "--model", "out"}, more...) }

	var first []stage.Generated
	many := args("--samples", "3", "--max-tokens", "16", "--seed", "5", "--temperature", "1", "--json", "the cat", "and the")
	whole := p.mc(many...).ok()
	whole.json(&first)
	if len(first) != 6 || first[4].Prompt != 1 || first[4].Sample != 1 || first[4].PromptText != "and the" {
		t.Fatalf("%s", whole.out)
	}
	texts := map[string]bool{}
	for _, g := range first {
		if len(g.Tokens) == 0 || len(g.Tokens) != len(g.LogProbs) || g.LogProbs[0] > 0 || g.Finish != "length" && g.Finish != "stop" {
			t.Errorf("%+v", g)
		}
		texts[g.PromptText+g.Text] = true
	}
	if len(texts) < 4 {
		t.Errorf("six samples are only %v", texts)
	}
	for _, n := range []string{"1", "2", "4"} {
		p.env = []string{"GOMAXPROCS=" + n}
		if got := p.mc(many...).ok(); got.out != whole.out {
			t.Errorf("GOMAXPROCS=%s gives another text:\n%s", n, got.out)
		}
	}
	p.env = nil
	if got := p.mc(append(many, "--threads", "3")...).ok(); got.out != whole.out {
		t.Error("another number of threads gives another text")
	}
	var alone []stage.Generated
	p.mc(args("--max-tokens", "16", "--seed", "5", "--temperature", "1", "--json", "the cat")...).ok().json(&alone)
	if len(alone) != 1 || alone[0].Text != first[0].Text {
		t.Errorf("alone %q, beside others %q", alone[0].Text, first[0].Text)
	}
	if other := p.mc(args("--samples", "3", "--max-tokens", "16", "--seed", "6", "--temperature", "1", "--json", "the cat", "and the")...).ok(); other.out == whole.out {
		t.Error("another seed gives the same texts")
	}

	// Streamed text is the prompt and what follows it, and nothing else.
	if got := p.mc(args("--max-tokens", "16", "--seed", "5", "--temperature", "1", "the cat")...).ok(); got.out != "the cat"+alone[0].Text+"\n" || got.errout != "" {
		t.Errorf("streamed %q, want %q", got.out, alone[0].Text)
	}
	var stopped []stage.Generated
	p.mc(args("--temperature", "0", "--stop", "dog", "--json", "the cat 1 sat on the mat 1")...).ok().json(&stopped)
	if g := stopped[0]; g.Finish != "stop" || strings.Contains(g.Text, "dog") {
		t.Errorf("with a stop string: %+v", g)
	}

	// An exported model gives the same text.
	p.mc("export", "hf", "--model", "out", "--to", "hf").ok()
	var exported []stage.Generated
	p.mc("generate", "--model", "hf", "--temperature", "0", "--max-tokens", "16", "--json", "the cat").ok().json(&exported)
	var greedy []stage.Generated
	p.mc(args("--temperature", "0", "--max-tokens", "16", "--json", "the cat")...).ok().json(&greedy)
	if exported[0].Text != greedy[0].Text {
		t.Errorf("the exported model says %q, the run %q", exported[0].Text, greedy[0].Text)
	}
}

func TestGenerateFailsClearly(t *testing.T) {
	p := finished(t)
	p.mc("export", "hf", "--model", "out", "--to", "hf").ok()
	for _, name := range []string{"tokenizer.json", "tokenizer_config.json", "tiktoken.model"} {
		p.remove("hf/" + name)
	}
	p.mc("tokenizer", "train", "--config", "tiny.yaml", "--data", "books", "--out", "untrained").ok()
	for _, tt := range []struct {
		args []string
		code int
		says []string
	}{
		{[]string{"--model", "out", story(1) + story(2)}, 1, []string{"prompt 0", "tokens leave no room", "max_position_embeddings 64"}},
		{[]string{"--model", "hf", "x"}, 1, []string{"hf has no tokenizer"}},
		{[]string{"--model", "nowhere", "x"}, 1, []string{"there is no folder nowhere"}},
		{[]string{"--model", "books", "x"}, 1, []string{"books is neither a run folder"}},
		{[]string{"--model", "untrained", "x"}, 1, []string{"untrained has not been trained yet", "muonclip pretrain --out untrained"}},
		{[]string{"x"}, 1, []string{"there is no folder runs/tiny", "muonclip run"}},
		{[]string{"--model", "out", "--preset", "tiny", "x"}, 2, []string{"give one of --model, --out and --preset"}},
		{[]string{"--model", "out", "--samples", "0", "x"}, 2, []string{"--samples is 0"}},
		{[]string{"--model", "out", "--temperature", "-1", "--top-p", "3", "x"}, 2, []string{"--temperature is -1", "--top-p is 3, want 0 to 1"}},
		{[]string{"--model", "out", "--max-tokens", "0", "x"}, 2, []string{"--max-tokens is 0"}},
	} {
		res := p.mc(append([]string{"generate"}, tt.args...)...).fails(tt.code, tt.says...)
		if res.out != "" {
			t.Errorf("generate %v prints %q before it fails", tt.args, res.out)
		}
	}
}
