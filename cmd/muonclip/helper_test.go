package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muonclip/internal/checkpoint"
	"muonclip/internal/metrics"
)

// tiny is a configuration whose run takes a fraction of a second and has every part of a big one.
const tiny = `extends: tiny
model:
  vocab_size: 320
  hidden_size: 32
  intermediate_size: 48
  moe_intermediate_size: 16
  num_hidden_layers: 2
  num_attention_heads: 2
  num_key_value_heads: 2
  n_routed_experts: 4
  q_lora_rank: 16
  kv_lora_rank: 16
  qk_nope_head_dim: 8
  qk_rope_head_dim: 4
  v_head_dim: 8
  max_position_embeddings: 64
  tie_word_embeddings: false
data:
  min_bytes: 0
  val_fraction: 0.1
train:
  steps: 24
  batch_size: 4
  seq_len: 32
  lr: 1e-2
  warmup_steps: 2
  eval_every: 8
  eval_tokens: 0
  sample_every: 12
  sample_prompts: ["the "]
  checkpoint_every: 4
  keep_last: 2
generate:
  max_tokens: 12
tokenizer: {pattern: kimi-k2}
tasks: []
`

// story is a predictable text; different numbers give different texts.
func story(n int) string {
	var b strings.Builder
	for i := range 6 {
		fmt.Fprintf(&b, "the cat %d sat on the mat %d and the dog ran to the cat %d\n", n, i, (n*i)%5)
	}
	return b.String()
}

// place is a folder with tiny.yaml and a folder books of texts, in which commands are run.
type place struct {
	t   *testing.T
	dir string
	env []string // in addition to the test's
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir()}
	if err := p.fillIn(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *place) fillIn() error {
	texts := map[string]string{"tiny.yaml": tiny}
	for i := range 40 {
		texts[fmt.Sprintf("books/%02d.txt", i)] = story(i)
	}
	for name, text := range texts {
		if err := writeFile(p.path(name), text); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

func (p *place) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.dir, name)
}

func (p *place) write(name, text string) {
	p.t.Helper()
	if err := writeFile(p.path(name), text); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) read(name string) string {
	p.t.Helper()
	data, err := os.ReadFile(p.path(name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

func (p *place) copy(from, to string) {
	p.t.Helper()
	if err := os.CopyFS(p.path(to), os.DirFS(p.path(from))); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) remove(name string) {
	p.t.Helper()
	if err := os.RemoveAll(p.path(name)); err != nil {
		p.t.Fatal(err)
	}
}

// result is what one command did.
type result struct {
	t           *testing.T
	args        []string
	code        int
	out, errout string
}

// command makes the process of a command line.
func (p *place) command(args ...string) *exec.Cmd {
	cmd := exec.Command("muonclip", args...) // testscript.Main has put this test binary there
	cmd.Dir, cmd.Env = p.dir, slices.Concat(os.Environ(), []string{raceOptions}, p.env)
	return cmd
}

// mc runs a command line to its end.
func (p *place) mc(args ...string) *result {
	p.t.Helper()
	var out, errout bytes.Buffer
	cmd := p.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errout
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return &result{p.t, args, cmd.ProcessState.ExitCode(), out.String(), errout.String()}
}

// run does a whole run of tiny.yaml on books in the folder out.
func (p *place) run(out string, more ...string) *result {
	p.t.Helper()
	return p.mc(append([]string{"run", "--config", "tiny.yaml", "--data", "books", "--out", out}, more...)...)
}

// ok fails the test where the command failed.
func (r *result) ok() *result {
	r.t.Helper()
	if r.code != 0 {
		r.t.Fatalf("muonclip %s: exit code %d\n%s%s", strings.Join(r.args, " "), r.code, r.out, r.errout)
	}
	return r
}

// fails checks exit code and message of a command that must not work, and that it does not panic.
func (r *result) fails(code int, says ...string) *result {
	r.t.Helper()
	if r.code != code {
		r.t.Errorf("muonclip %s: exit code %d, want %d\n%s", strings.Join(r.args, " "), r.code, code, r.errout)
	}
	for _, want := range says {
		if !strings.Contains(r.errout, want) {
			r.t.Errorf("muonclip %s does not say %q but\n%s", strings.Join(r.args, " "), want, r.errout)
		}
	}
	if strings.Contains(r.errout, "goroutine ") {
		r.t.Errorf("muonclip %s panics:\n%s", strings.Join(r.args, " "), r.errout)
	}
	return r
}

// json decodes the output of a command with --json, which may hold no other fields than those of v.
func (r *result) json(v any) {
	r.t.Helper()
	d := json.NewDecoder(strings.NewReader(r.out))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		r.t.Fatalf("muonclip %s: %v in\n%s", strings.Join(r.args, " "), err, r.out)
	}
}

// rows reads metrics.jsonl and checks that it has exactly one row for every step from 1 on.
func (p *place) rows(run string) []metrics.Row {
	p.t.Helper()
	rows, err := metrics.Collect(metrics.Rows(p.path(run)))
	if err != nil {
		p.t.Fatal(err)
	}
	for i, r := range rows {
		if r.Step != int64(i+1) {
			p.t.Fatalf("row %d of %s is of step %d", i+1, run, r.Step)
		}
	}
	return rows
}

func (p *place) events(run, kind string) []metrics.Event {
	p.t.Helper()
	events, err := metrics.Collect(metrics.Events(p.path(run)))
	if err != nil {
		p.t.Fatal(err)
	}
	var found []metrics.Event
	for _, e := range events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

// newest is the newest checkpoint of a run, which must be sound.
func (p *place) newest(run string) *checkpoint.Checkpoint {
	p.t.Helper()
	c, damage, err := checkpoint.Latest(p.path(run))
	if err != nil || len(damage) > 0 {
		p.t.Fatal(err, damage)
	}
	return c
}

// files reads everything below a folder that depends on the run's inputs alone: no wall-clock times.
func (p *place) files(dir string) map[string]string {
	p.t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS(p.path(dir)), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "clock.json" {
			found[name] = p.read(filepath.Join(dir, name))
		}
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return found
}

// same checks that two folders have the same files with the same bytes.
func (p *place) same(got, want, what string) {
	p.t.Helper()
	a, b := p.files(got), p.files(want)
	if len(b) == 0 {
		p.t.Fatalf("%s is empty", want)
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			p.t.Errorf("%s: %s is missing in %s", what, name, got)
		} else if a[name] != b[name] {
			p.t.Errorf("%s: %s differs between %s and %s", what, name, got, want)
		}
	}
	for name := range a {
		if _, ok := b[name]; !ok {
			p.t.Errorf("%s: %s has %s, %s has not", what, got, name, want)
		}
	}
}
