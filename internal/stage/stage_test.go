package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/batch"
	"muonclip/data/token"
	"muonclip/internal/config"
	"muonclip/internal/rng"
	"muonclip/internal/train"
	"muonclip/model/hf"
)

// settings is a configuration whose run takes a fraction of a second.
func settings(t *testing.T, more ...string) config.Config {
	t.Helper()
	books := filepath.Join(t.TempDir(), "books")
	if err := os.Mkdir(books, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		var text strings.Builder
		for j := range 6 {
			fmt.Fprintf(&text, "the cat %d sat on the mat %d and the dog ran to the cat %d\n", i, j, (i*j)%5)
		}
		if err := os.WriteFile(filepath.Join(books, fmt.Sprintf("%02d.txt", i)), []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cfg, _, err := config.Load(config.Options{Preset: "tiny", Data: []string{books}, Set: append([]string{
		"model.vocab_size=320", "model.hidden_size=32", "model.intermediate_size=48", "model.moe_intermediate_size=16", "model.num_hidden_layers=2",
		"model.num_attention_heads=2", "model.num_key_value_heads=2", "model.n_routed_experts=4", "model.q_lora_rank=16", "model.kv_lora_rank=16",
		"model.qk_nope_head_dim=8", "model.qk_rope_head_dim=4", "model.v_head_dim=8", "model.max_position_embeddings=64",
		"data.min_bytes=0", "data.val_fraction=0.1", "train.steps=6", "train.batch_size=2", "train.seq_len=16", "train.warmup_steps=1",
		"train.checkpoint_every=2", "train.eval_every=3", "train.sample_every=0", `train.sample_prompts=["the"]`, "generate.max_tokens=5", "tasks=[]",
	}, more...)})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func open(t *testing.T, dir string, cfg config.Config) *Run {
	t.Helper()
	r, err := Open(Run{Dir: dir, Config: cfg, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// trained is a finished run.
func trained(t *testing.T, cfg config.Config) *Run {
	t.Helper()
	r := open(t, filepath.Join(t.TempDir(), "run"), cfg)
	if _, err := r.All(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOpenLocksAndRefuses(t *testing.T) {
	cfg := settings(t)
	dir := filepath.Join(t.TempDir(), "a", "run")
	r := open(t, dir, cfg)
	if _, err := Open(Run{Dir: dir, Config: cfg}); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("opened twice: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	other := cfg
	other.Seed++
	var damaged DamagedError
	if _, err := Open(Run{Dir: dir, Config: other}); !errors.As(err, &damaged) || !strings.Contains(err.Error(), "seed is 1 in the run and 2 now") {
		t.Errorf("another seed: %v", err)
	}
	// What a resumed run may change is written down.
	other = cfg
	other.Train.LR = 1
	open(t, dir, other)
	saved, err := config.Read(filepath.Join(dir, "config.yaml"))
	if err != nil || saved.Train.LR != 1 {
		t.Errorf("saved lr %g, %v", saved.Train.LR, err)
	}
}

func TestAllTwice(t *testing.T) {
	cfg := settings(t)
	r := trained(t, cfg)
	before := r.readManifest()
	if before.Started == "" || before.Finished == "" || before.UnigramLoss <= 0 || before.Documents != 30 || len(before.Shards) != 2 {
		t.Errorf("manifest %+v", before)
	}
	first, err := r.Pretrain(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, r.readManifest()); diff != "" {
		t.Errorf("the manifest of a finished run changed:\n%s", diff)
	}
	// More steps are another end: the run goes on, and began when it began.
	r.Config.Train.Steps = 9
	more, err := r.Pretrain(t.Context(), 0, 0)
	if err != nil || first.Step != 6 || more.Step != 9 {
		t.Fatalf("%+v, then %+v, %v", first, more, err)
	}
	if after := r.readManifest(); after.Started != before.Started || after.ConfigFingerprint == before.ConfigFingerprint {
		t.Errorf("manifest %+v", after)
	}
}

func TestInterruptedAtOnce(t *testing.T) {
	cfg := settings(t)
	r := open(t, t.TempDir(), cfg)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.All(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("tokenizer: %v", err)
	}
	tok, err := r.Tokenizer(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Shards(ctx, tok, 0, 0); !errors.Is(err, context.Canceled) || r.shardsDone() {
		t.Errorf("shards: %v", err)
	}
	if err := r.Shards(t.Context(), tok, 0, 0); err != nil || !r.shardsDone() {
		t.Errorf("shards: %v", err)
	}
	if _, err := r.Pretrain(ctx, 0, 0); !errors.Is(err, ErrInterrupted) && !errors.Is(err, context.Canceled) {
		t.Errorf("pretrain: %v", err)
	}
	if _, err := r.Pretrain(t.Context(), 0, 0); err != nil {
		t.Error(err)
	}
}

// TestFeed: batches made ahead are those of their numbers, whatever is asked for.
func TestFeed(t *testing.T) {
	r := trained(t, settings(t))
	tok, err := r.LoadTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	set, err := r.openShards(tok)
	if err != nil {
		t.Fatal(err)
	}
	defer set.close()
	loader, _, err := r.batches(tok, set)
	if err != nil {
		t.Fatal(err)
	}
	f := &feed{src: loader, next: -1}
	defer f.close()
	random := rng.New(1, "jumps")
	index := int64(0)
	for range 40 {
		var want, got batch.Batch
		if err := errors.Join(loader.At(index, &want), f.At(index, &got)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("batch %d:\n%s", index, diff)
		}
		if index++; random.IntN(4) == 0 {
			index = random.Int64N(50)
		}
	}
}

func TestOpenTrained(t *testing.T) {
	r := trained(t, settings(t))
	hfDir := filepath.Join(t.TempDir(), "hf")
	if _, err := ExportHF(r.Dir, hfDir, hf.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	want, err := OpenTrained(r.Dir, 1, nil)
	if err != nil || want.Step != 6 || want.Path != r.path("checkpoints", "step-000006") {
		t.Fatal(want, err)
	}
	for dir, step := range map[string]int{r.path("checkpoints", "step-000006"): 6, r.path("checkpoints", "step-000006") + "/": 6, hfDir: -1} {
		got, err := OpenTrained(dir, 2, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.Step != step || got.Tokenizer.Fingerprint() != want.Tokenizer.Fingerprint() {
			t.Errorf("%s: step %d, tokenizer %s", dir, got.Step, got.Tokenizer.Fingerprint())
		}
		if diff := cmp.Diff(train.Tensors(want.Model), train.Tensors(got.Model)); diff != "" {
			t.Errorf("%s has other weights", dir)
		}
	}
	older, err := OpenTrained(r.path("checkpoints", "step-000004"), 1, nil)
	if err != nil || older.Step != 4 {
		t.Error(older, err)
	}
	for dir, says := range map[string]string{t.TempDir(): "neither a run folder", "nowhere": "there is no folder nowhere"} {
		if _, err := OpenTrained(dir, 1, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// TestModelConfig: the model gets the special tokens of the tokenizer, which must fit.
func TestModelConfig(t *testing.T) {
	r := trained(t, settings(t))
	tok, err := r.LoadTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	m, err := ModelConfig(r.Config, tok)
	if err != nil {
		t.Fatal(err)
	}
	id := func(name string) int {
		v, ok := tok.ID(name)
		if !ok {
			t.Fatalf("no token %q", name)
		}
		return int(v)
	}
	roles := tok.Roles()
	if m.BosTokenID != id(roles.BOS) || m.EosTokenID != id(roles.EOS) || m.PadTokenID != id(roles.PAD) {
		t.Errorf("special tokens %d, %d, %d", m.BosTokenID, m.EosTokenID, m.PadTokenID)
	}
	small := r.Config
	small.Model.VocabSize = tok.VocabSize() - 1
	var damaged DamagedError
	if _, err := ModelConfig(small, tok); !errors.As(err, &damaged) || !strings.Contains(err.Error(), fmt.Sprintf("model.vocab_size=%d", tok.VocabSize())) {
		t.Errorf("a vocabulary that is too small: %v", err)
	}
	prompt := EncodePrompt(tok, "the")
	if prompt[0] != int32(m.BosTokenID) || len(prompt) < 2 {
		t.Errorf("prompt %v does not begin like a document", prompt)
	}
	if req := Generation(r.Config, tok, "a", "b"); len(req.Prompts) != 2 || req.Stop[0] != int32(m.EosTokenID) || req.Sample.Seed != r.Config.Seed {
		t.Errorf("request %+v", req)
	}
}

// TestHalfATokenizer: a folder without its files counts as none, one with damaged files does not.
func TestHalfATokenizer(t *testing.T) {
	r := open(t, t.TempDir(), settings(t))
	dir := r.path("data", "tokenizer")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := r.LoadTokenizer(); !errors.Is(err, ErrNoData) {
		t.Errorf("empty folder: %v", err)
	}
	tok, err := r.Tokenizer(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.LoadTokenizer(); err != nil || again.Fingerprint() != tok.Fingerprint() {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, token.FileJSON), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	var damaged DamagedError
	if _, err := r.Tokenizer(t.Context(), 0, 0); !errors.As(err, &damaged) {
		t.Errorf("damaged file: %v", err)
	}
}
