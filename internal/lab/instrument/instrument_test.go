package instrument

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/batch"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/optim"
)

func latent() model.Config {
	return model.Config{
		VocabSize: 40, HiddenSize: 16, IntermediateSize: 24, MoeIntermediateSize: 8, NumHiddenLayers: 2, NumAttentionHeads: 2, NumKeyValueHeads: 2,
		NSharedExperts: 1, NRoutedExperts: 4, NumExpertsPerTok: 2, RoutedScalingFactor: 1, NormTopkProb: true, FirstKDenseReplace: 1, MoeLayerFreq: 1,
		QLoraRank: 8, KVLoraRank: 8, QKNopeHeadDim: 6, QKRopeHeadDim: 4, VHeadDim: 6,
		RMSNormEps: 1e-6, RopeTheta: 10000, MaxPositionEmbeddings: 64, InitializerRange: 0.4,
	}
}

func grouped() model.Config {
	c := latent()
	c.NRoutedExperts, c.QLoraRank, c.KVLoraRank, c.HeadDim, c.NumAttentionHeads = 0, 0, 0, 8, 4
	return c
}

// text is held-out batches of made-up tokens, with a document that begins in the middle of each row.
type text struct{ rows, cols int }

func (x text) At(_ int64, b *batch.Batch) error {
	b.Rows, b.Cols = x.rows, x.cols
	for r := range x.rows {
		for c := range x.cols {
			b.Inputs = append(b.Inputs, int32((r*r*7+c*c*3+c)%40))
			b.Targets = append(b.Targets, int32((r*r*7+(c+1)*(c+1)*3+c+1)%40))
			b.DocStart = append(b.DocStart, int32(c/(x.cols/2)*(x.cols/2)))
		}
	}
	return nil
}

// probe is the instruments of a fresh model.
func probe(t *testing.T, cfg model.Config, held batch.Batches) *Probe {
	t.Helper()
	be := cpu.New[float32](1)
	m, err := model.New(cfg, be)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(3)
	opt, err := optim.NewOn(be, train.OptimParams(m), optim.Config{WeightDecay: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{Dir: t.TempDir(), Every: 2, Model: m, Optimizer: opt, Held: held})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// steps trains as the loop does and returns the weights.
func (p *Probe) steps(t *testing.T, n int) []float32 {
	t.Helper()
	for s := 1; s <= n; s++ {
		p.Model.ZeroGrad()
		p.Model.ResetStats()
		p.Model.Step(p.input, 1/float64(len(p.input.IDs)), 1)
		p.Before(int64(s))
		p.Optimizer.Step(1e-2)
		if err := p.After(int64(s)); err != nil {
			t.Fatal(err)
		}
	}
	return p.copyWeights(nil)
}

// TestMeasuringChangesNothing: weights have the same bits with and without instruments.
func TestMeasuringChangesNothing(t *testing.T) {
	with, without := probe(t, latent(), text{4, 16}), probe(t, latent(), text{4, 16})
	without.Every = 0
	if !slices.Equal(with.steps(t, 5), without.steps(t, 5)) {
		t.Error("the weights differ")
	}
	if len(without.rows) != 0 {
		t.Errorf("%d rows of a run that measures nothing", len(without.rows))
	}
}

// TestEverything: each quantity is there at each measured step, and those that can be computed in another way agree with it.
func TestEverything(t *testing.T) {
	p := probe(t, latent(), text{4, 16})
	p.steps(t, 4)
	found := map[string]int{}
	at := map[Row]float64{}
	for _, r := range p.rows {
		found[r.Name]++
		if r.Step != 2 && r.Step != 4 || math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
			t.Errorf("%+v", r)
		}
		key := r
		key.Value = 0
		at[key] = r.Value
	}
	for _, name := range Names() {
		if found[name] == 0 && name != NoiseScale {
			t.Errorf("%s was not measured", name)
		}
	}
	if n := found[AttentionEntropy]; n != 2*2*2 {
		t.Errorf("%d entropies, want 2 steps x 2 layers x 2 heads", n)
	}
	if n := found[RouterBias]; n != 2*4 {
		t.Errorf("%d biases, want 2 steps x 4 experts of one layer", n)
	}
	if want, got := p.loss(), at[Row{Step: 4, Name: LossAlong, Layer: -1, Index: 100}]; want != got {
		t.Errorf("loss at the weights %g, measured %g", want, got)
	}
	const q = "model.layers.1.self_attn.q_b_proj.weight"
	d := p.Optimizer.Params()[slices.IndexFunc(p.Optimizer.Params(), func(x optim.Param) bool { return x.Name == q })].Value
	s, err := optim.SingularValues(d)
	if err != nil || at[Row{Step: 4, Name: WeightSingular, Param: q, Layer: 1, Index: 0}] != s[0] || at[Row{Step: 4, Name: WeightSingular, Param: q, Layer: 1, Index: int32(len(s) - 1)}] != s[len(s)-1] {
		t.Errorf("singular values %v, %v", s, err)
	}
	// Muon's update is orthogonal but for the iteration's error, so its rank is nearly full.
	if r := at[Row{Step: 4, Name: UpdateStableRank, Param: q, Layer: 1, Index: -1}]; r < 4 || r > 8 {
		t.Errorf("stable rank of an update of rank 8: %g", r)
	}
	for r := range at {
		if strings.Contains(r.Param, ".experts.1.") && r.Name == WeightSingular {
			t.Errorf("%+v: of the experts only the first is measured", r)
		}
	}
}

// TestQueriesAndKeys: the logits behind the entropy are those that the model's own attention sees.
func TestQueriesAndKeys(t *testing.T) {
	noLora := latent()
	noLora.QLoraRank = 0
	normed, normedGroups := latent(), grouped()
	normed.QKNorm, normedGroups.QKNorm = true, true
	for name, cfg := range map[string]model.Config{
		"latent": latent(), "without q_lora": noLora, "grouped": grouped(), "normalised heads": normed, "grouped, normalised heads": normedGroups,
	} {
		cfg.NumKeyValueHeads = 2
		p := probe(t, cfg, text{1, 12})
		var made [2][][]float32
		p.Model.Inspect(func(op string, layer int, backward bool, data []float32) {
			if op == "linear" && layer >= 0 {
				made[layer] = append(made[layer], slices.Clone(data))
			}
		})
		p.Model.ResetStats()
		p.Model.Losses(p.input)
		p.Model.Inspect(nil)
		for l := range made {
			y := headsOf(p.Model.Config, made[l], 12)
			if y == nil {
				t.Fatalf("%s: the projections are not known", name)
			}
			if cfg.QKNorm {
				y.normalize(p.headNorms(l))
			}
			y.rotate(p.Model.Config)
			for h := range cfg.NumAttentionHeads {
				entropy, largest := y.entropy(h, p.input.DocStart)
				if want := float64(p.Model.MaxLogits()[l][h]); math.Abs(largest-want) > 1e-4*math.Max(1, math.Abs(want)) || !(entropy > 0 && entropy < math.Log(6)) {
					t.Errorf("%s, layer %d, head %d: largest logit %g, want %g; entropy %g", name, l, h, largest, want, entropy)
				}
			}
		}
	}
}

// same is a batch whose rows are all alike.
type same struct{ text }

func (x same) At(i int64, b *batch.Batch) error {
	if err := x.text.At(i, b); err != nil {
		return err
	}
	for r := 1; r < b.Rows; r++ {
		copy(b.Inputs[r*b.Cols:], b.Inputs[:b.Cols])
		copy(b.Targets[r*b.Cols:], b.Targets[:b.Cols])
	}
	return nil
}

// TestNoise: equal rows have no noise, and their gradient is the whole one.
func TestNoise(t *testing.T) {
	cfg := grouped()
	cfg.NumKeyValueHeads = 2
	value := func(rows []Row, name string) float64 {
		for _, r := range rows {
			if r.Name == name {
				return r.Value
			}
		}
		return math.NaN()
	}
	p := probe(t, cfg, same{text{4, 8}})
	rows := p.noise(1)
	if s, tr := value(rows, GradientSquare), value(rows, GradientTrace); !(s > 0) || math.Abs(tr) > 1e-4*s*8 {
		t.Errorf("equal rows: square %g, trace %g", s, tr)
	}
	q := probe(t, cfg, text{4, 8})
	rows = q.noise(1)
	if tr := value(rows, GradientTrace); !(tr > 0) {
		t.Errorf("different rows: trace %g", tr)
	}
	if one := probe(t, cfg, text{1, 8}); one.noise(1) != nil {
		t.Error("a single row has no spread")
	}
	for rows, want := range map[int]int{1: 1, 2: 2, 7: 7, 12: 6, 16: 8, 11: 1} {
		if got := parts(rows); got != want {
			t.Errorf("parts of %d rows: %d, want %d", rows, got, want)
		}
	}
}

// TestStore: what was kept is read again, a resume drops what it will measure again, and damage is an error with a way out.
func TestStore(t *testing.T) {
	p := probe(t, latent(), nil)
	p.steps(t, 4)
	if err := p.Keep(); err != nil {
		t.Fatal(err)
	}
	rows, err := Read(p.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p.rows, rows); diff != "" {
		t.Error(diff)
	}
	again, err := New(p.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Drop(3); err != nil {
		t.Fatal(err)
	}
	if rows, err = Read(p.Dir); err != nil || len(rows) != len(p.rows)/2 || rows[len(rows)-1].Step != 2 {
		t.Errorf("%d of %d rows are left, %v", len(rows), len(p.rows), err)
	}
	all, err := Courses(p.Dir)
	if err != nil || len(all[WeightRMS].Steps) == 0 || len(all[Seconds].Steps) == 0 {
		t.Errorf("%v, %v", all, err)
	}
	if err := os.WriteFile(filepath.Join(p.Dir, FileName), []byte("PAR1 and nothing"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := New(p.Config); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Error(err)
	}
	if none, err := Courses(t.TempDir()); err != nil || len(none) != 0 {
		t.Error(none, err)
	}
}

// TestCourses: a mean for each step, without what is not finite.
func TestCourses(t *testing.T) {
	got := courses([]Row{
		{Step: 2, Name: "a", Value: 1}, {Step: 2, Name: "b", Value: 7}, {Step: 2, Name: "a", Value: 4},
		{Step: 4, Name: "a", Value: math.NaN()}, {Step: 4, Name: "a", Value: 6}, {Step: 4, Name: "b", Value: math.Inf(1)},
	})
	want := map[string]Course{"a": {[]int64{2, 4}, []float64{2.5, 6}}, "b": {[]int64{2}, []float64{7}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
