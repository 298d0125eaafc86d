package checkpoint

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/safetensors"
)

// contents makes different, recognisable contents for each step.
func contents(step, n int) Contents {
	fill := func(name string, rows, cols int) safetensors.Tensor {
		t := safetensors.Tensor{Name: name, Shape: []int{rows, cols}, Data: make([]float32, rows*cols)}
		for i := range t.Data {
			t.Data[i] = float32(step) + float32(i)/1024
		}
		return t
	}
	return Contents{
		State: State{
			Step: step, Tokens: int64(step) * 4096, Seconds: float64(step) / 7,
			ConfigFingerprint: "c0ffee", TokenizerFingerprint: "beef",
			RNG: json.RawMessage(`{"seed":1}`), Data: json.RawMessage(`{"next":"<3>"}`),
		},
		Model:     []safetensors.Tensor{fill("model.embed_tokens.weight", n, 4), fill("lm_head.weight", n, 4)},
		Optimizer: []safetensors.Tensor{fill("momentum.lm_head.weight", n, 4)},
	}
}

func save(t *testing.T, runDir string, steps ...int) {
	t.Helper()
	for _, step := range steps {
		if _, err := Save(runDir, contents(step, 3)); err != nil {
			t.Fatal(err)
		}
	}
}

// wantWhole verifies that c holds exactly contents(step, n).
func wantWhole(t *testing.T, c *Checkpoint, step, n int) {
	t.Helper()
	want := contents(step, n)
	if diff := cmp.Diff(want.State, c.State); diff != "" {
		t.Error(diff)
	}
	model, err := c.Model()
	if err != nil {
		t.Fatal(err)
	}
	optimizer, err := c.Optimizer()
	if err != nil {
		t.Fatal(err)
	}
	same := func(a, b safetensors.Tensor) bool { // cmp.Diff takes seconds for large tensors
		return a.Name == b.Name && slices.Equal(a.Shape, b.Shape) && slices.Equal(a.Data, b.Data)
	}
	if !slices.EqualFunc(want.Model, model, same) || !slices.EqualFunc(want.Optimizer, optimizer, same) {
		t.Errorf("the tensors of step %d are not those that were saved", step)
	}
	if len(c.Warnings) > 0 {
		t.Error(c.Warnings)
	}
}

func TestSaveAndLoad(t *testing.T) {
	run := filepath.Join(t.TempDir(), "new", "run")
	path, err := Save(run, contents(100, 3))
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(run, "checkpoints", "step-000100"); path != want {
		t.Errorf("path %s, want %s", path, want)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	wantWhole(t, c, 100, 3)

	held := make([]float32, 12)
	want := []safetensors.Tensor{{Name: "lm_head.weight", Shape: []int{3, 4}, Data: held}, {Name: "model.embed_tokens.weight", Shape: []int{3, 4}}}
	if err := c.ReadModel(want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(contents(100, 3).Model[1].Data, held); diff != "" {
		t.Error(diff)
	}
	var m *safetensors.Mismatch
	if err := c.ReadOptimizer(want); !errors.As(err, &m) || len(m.Missing) != 2 || len(m.Extra) != 1 {
		t.Errorf("error %v, want a Mismatch of 2 missing and 1 extra", err)
	}
}

// TestBytesAreAFunctionOfTheContents compares the files of two saves that differ in wall time
// only.
func TestBytesAreAFunctionOfTheContents(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	slow := contents(5, 3)
	slow.State.Seconds *= 3
	slow.State.RNG = json.RawMessage(` { "seed" :  1 } `)
	save(t, a, 5)
	if _, err := Save(b, slow); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{modelFile, optimizerFile, stateFile, manifestFile} {
		x, err := os.ReadFile(filepath.Join(Path(a, 5), name))
		if err != nil {
			t.Fatal(err)
		}
		y, err := os.ReadFile(filepath.Join(Path(b, 5), name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(x), string(y)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	x, err := Load(Path(a, 5))
	if err != nil {
		t.Fatal(err)
	}
	y, err := Load(Path(b, 5))
	if err != nil {
		t.Fatal(err)
	}
	if x.Digest != y.Digest || x.State.Seconds == y.State.Seconds {
		t.Errorf("digests %s and %s, seconds %g and %g; want equal digests and other seconds", x.Digest, y.Digest, x.State.Seconds, y.State.Seconds)
	}
	save(t, a, 6)
	if z, err := Load(Path(a, 6)); err != nil || z.Digest == x.Digest {
		t.Errorf("another step has the same digest, error %v", err)
	}
}

func TestSaveReplacesTheSameStep(t *testing.T) {
	run := t.TempDir()
	save(t, run, 7)
	if err := os.WriteFile(filepath.Join(Path(run, 7), modelFile), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	save(t, run, 7)
	c, err := Load(Path(run, 7))
	if err != nil {
		t.Fatal(err)
	}
	wantWhole(t, c, 7, 3)
}

func TestFailedSaveChangesNothing(t *testing.T) {
	run := t.TempDir()
	save(t, run, 7)
	bad := map[string]func(*Contents){
		"broken JSON":        func(c *Contents) { c.State.Data = json.RawMessage(`{`) },
		"tensor of no shape": func(c *Contents) { c.Model[1].Shape = []int{5} },
	}
	for name, spoil := range bad {
		c := contents(7, 4)
		spoil(&c)
		if _, err := Save(run, c); err == nil || !strings.Contains(err.Error(), "step 7") {
			t.Errorf("%s: error %v, want one that names the step", name, err)
		}
	}
	if _, err := Save(run, Contents{State: State{Step: -1}}); err == nil {
		t.Error("a negative step was saved")
	}
	c, damage, err := Latest(run)
	if err != nil || len(damage) > 0 {
		t.Fatal(damage, err)
	}
	wantWhole(t, c, 7, 3)
	if entries, err := os.ReadDir(filepath.Join(run, Folder)); err != nil || len(entries) != 1 {
		t.Errorf("%v %v, want only the checkpoint", entries, err)
	}
}

func TestMatch(t *testing.T) {
	run := t.TempDir()
	save(t, run, 1)
	c, err := Load(Path(run, 1))
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		config, tokenizer string
		want              string
	}{
		{"c0ffee", "beef", ""},
		{"", "", ""},
		{"decade", "beef", "configuration c0ffee, this run has decade"},
		{"c0ffee", "dead", "tokenizer beef, this run has dead"},
	}
	for _, k := range cases {
		err := c.Match(k.config, k.tokenizer)
		if k.want == "" && err != nil || k.want != "" && (!errors.Is(err, ErrOther) || !strings.Contains(err.Error(), k.want)) {
			t.Errorf("Match(%q, %q) = %v, want %q", k.config, k.tokenizer, err, k.want)
		}
	}
}
