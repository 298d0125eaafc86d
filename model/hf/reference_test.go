package hf

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/safetensors"
	"muonclip/model"
)

const python = "/usr/bin/python3"

// torch runs Python once to see whether it has PyTorch.
var torch = sync.OnceValues(func() ([]byte, error) {
	return exec.Command(python, "-c", "import torch").CombinedOutput()
})

// reference runs the PyTorch reference, or skips where it cannot run.
func reference(t *testing.T, args ...string) {
	t.Helper()
	script := "../../../shared/reference/k2_ref.py"
	if _, err := os.Stat(script); err != nil {
		t.Skip("the PyTorch reference is not here:", err)
	}
	if out, err := torch(); err != nil {
		t.Skipf("%s has no torch: %v %s", python, err, out)
	}
	cmd := exec.Command(python, append([]string{script}, args...)...)
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("k2_ref.py %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestReferenceLoadsAnExport lets the reference run an export for no step: the parameters of its
// trace are those that it loaded.
func TestReferenceLoadsAnExport(t *testing.T) {
	cases := map[string]struct {
		cfg  model.Config
		opts Options
	}{
		"F32":              {small(), Options{}},
		"BF16, two shards": {with(small(), func(c *model.Config) { c.QLoraRank = 0 }), Options{DType: safetensors.BF16, MaxShardBytes: 20_000}},
		"tied, dense": {with(small(), func(c *model.Config) {
			c.NRoutedExperts, c.NSharedExperts, c.TieWordEmbeddings, c.RopeScaling = 0, 0, true, nil
		}), Options{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tensors := tensorsOf(c.cfg)
			m, tokens, trace := filepath.Join(dir, "m"), filepath.Join(dir, "tokens.json"), filepath.Join(dir, "trace.safetensors")
			if _, err := Export(m, c.opts, c.cfg, tensors); err != nil {
				t.Fatal(err)
			}
			put(t, dir, map[string]string{"tokens.json": "[[1,2,3,4,5,6,7],[7,6,5,4,3,2,1]]"})
			reference(t, "trace", "--model", m, "--tokens", tokens, "--steps", "1", "--lr", "0", "--out", trace)
			f, err := safetensors.Open(trace)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			loaded := empty(tensors)
			if err := Import(m, loaded); err != nil {
				t.Fatal(err)
			}
			for _, want := range loaded {
				got, err := f.Read("param." + want.Name)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want.Data, got.Data); diff != "" {
					t.Fatalf("%s: %s", want.Name, diff)
				}
			}
			if info, ok := f.Info("logits"); !ok || !cmp.Equal(info.Shape, []int{2, 6, c.cfg.VocabSize}) {
				t.Errorf("logits %+v", info)
			}
		})
	}
}

// TestImportOfAReferenceModel reads a checkpoint that the reference initialised.
func TestImportOfAReferenceModel(t *testing.T) {
	dir := t.TempDir()
	cfg := small()
	v, err := configJSON(cfg, safetensors.F32)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, map[string]string{"c.json": string(b)})
	m := filepath.Join(dir, "m")
	reference(t, "init", "--config", filepath.Join(dir, "c.json"), "--seed", "3", "--out", m)
	got, err := ReadConfig(m)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(cfg, got); diff != "" {
		t.Error(diff)
	}
	want := empty(tensorsOf(cfg))
	if err := Import(m, want); err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		sum := 0.0
		for _, x := range w.Data {
			sum += float64(x) * float64(x)
		}
		rms := sum / float64(len(w.Data))
		switch {
		case strings.HasSuffix(w.Name, "norm.weight") && rms != 1,
			strings.HasSuffix(w.Name, biasEnd) && rms != 0,
			len(w.Shape) == 2 && (rms < 0.0001 || rms > 0.001): // a standard deviation of 0.02
			t.Errorf("%s has the mean square %g", w.Name, rms)
		}
	}
}
