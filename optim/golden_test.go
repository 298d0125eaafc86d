package optim

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"muonclip/internal/compute"
)

// golden holds inputs and answers of the PyTorch reference; testdata/golden.py says how to make it again.
type golden struct {
	NewtonSchulz []struct {
		Rows, Cols, Steps int
		In                []float64 `json:"in_"`
		Out               []float64
	} `json:"newton_schulz"`
	Steps []struct {
		Nesterov   bool
		LR         []float64 `json:"lr"`
		Shapes     map[string][]int
		Start, End map[string][]float64
		Grads      []map[string][]float64
	}
	MLA []struct {
		Heads, Nope, Rope, V int
		Tau                  float64
		MaxLogit             []float64 `json:"max_logit"`
		Q, KVB               []float64
		QOut                 []float64 `json:"q_out"`
		KVBOut               []float64 `json:"kvb_out"`
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// dense returns x as a tensor of element type T.
func dense[T compute.Float](x []float64, shape ...int) *tensor.Dense {
	s := make([]T, len(x))
	for i, v := range x {
		s[i] = T(v)
	}
	return wrap(s, shape...)
}

func float64s(d *tensor.Dense) []float64 {
	if d.Dtype() == tensor.Float64 {
		return d.Float64s()
	}
	out := make([]float64, 0, d.DataSize())
	for _, v := range d.Float32s() {
		out = append(out, float64(v))
	}
	return out
}

// relErr is the Euclidean norm of the difference over that of want.
func relErr(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var d, n float64
	for i := range got {
		d += (got[i] - want[i]) * (got[i] - want[i])
		n += want[i] * want[i]
	}
	return math.Sqrt(d) / (math.Sqrt(n) + 1e-300)
}

func wantClose(t *testing.T, what string, got, want []float64, tol float64) {
	t.Helper()
	if e := relErr(got, want); !(e <= tol) {
		t.Errorf("%s: relative error %.3g, want at most %g\n got %.6v\nwant %.6v", what, e, tol, got[:min(8, len(got))], want[:min(8, len(want))])
	}
}

func TestNewtonSchulzMatchesReference(t *testing.T) {
	for _, c := range readGolden(t).NewtonSchulz {
		ns := NewtonSchulz{Steps: c.Steps}
		for _, in := range []*tensor.Dense{dense[float32](c.In, c.Rows, c.Cols), dense[float64](c.In, c.Rows, c.Cols)} {
			out, err := ns.Orthogonalize(in)
			if err != nil {
				t.Fatal(err)
			}
			wantClose(t, fmt.Sprintf("%dx%d %v", c.Rows, c.Cols, in.Dtype()), float64s(out), c.Out, 1e-5)
		}
	}
}

// goldenOptimizer returns an optimizer over the start of a golden case, with its parameters by name.
func goldenOptimizer[T compute.Float](t *testing.T, shapes map[string][]int, start map[string][]float64, cfg Config) (*Optimizer, map[string]Param) {
	t.Helper()
	var params []Param
	byName := make(map[string]Param)
	for name, shape := range shapes {
		p := Param{
			Name: name, Value: dense[T](start[name], shape...), Grad: dense[T](make([]float64, len(start[name])), shape...),
			Muon: len(shape) == 2 && name != "model.embed_tokens.weight", Kind: name,
		}
		params = append(params, p)
		byName[name] = p
	}
	slices.SortFunc(params, func(a, b Param) int { return strings.Compare(a.Name, b.Name) })
	opt, err := New(params, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return opt, byName
}

func TestStepMatchesReference(t *testing.T) {
	t.Run("float32", testStepMatchesReference[float32])
	t.Run("float64", testStepMatchesReference[float64])
}

func testStepMatchesReference[T compute.Float](t *testing.T) {
	for _, c := range readGolden(t).Steps {
		opt, params := goldenOptimizer[T](t, c.Shapes, c.Start, Config{PlainMomentum: !c.Nesterov, WeightDecay: 0.1})
		for step, lr := range c.LR {
			for name, g := range c.Grads[step] {
				copyDense(params[name].Grad, dense[T](g, c.Shapes[name]...))
			}
			opt.Step(lr)
		}
		for name, want := range c.End {
			got, start := float64s(params[name].Value), c.Start[name]
			// Compare the change too: it is small beside the weights and would hide an error.
			delta, wantDelta := make([]float64, len(want)), make([]float64, len(want))
			for i := range want {
				delta[i], wantDelta[i] = got[i]-start[i], want[i]-start[i]
			}
			what := fmt.Sprintf("%s nesterov=%v", name, c.Nesterov)
			wantClose(t, what, got, want, 1e-6)
			wantClose(t, what+" change", delta, wantDelta, 3e-5)
		}
	}
}

func TestQKClipMatchesReference(t *testing.T) {
	for _, c := range readGolden(t).MLA {
		qRows, kRows := c.Heads*(c.Nope+c.Rope), c.Heads*(c.Nope+c.V)
		a := Attention{
			Heads: c.Heads, Nope: c.Nope, Rope: c.Rope, V: c.V,
			Q: dense[float32](c.Q, qRows, len(c.Q)/qRows), KVB: dense[float32](c.KVB, kRows, len(c.KVB)/kRows),
		}
		logits := NewMaxLogits(1, c.Heads)
		ObserveLayer(logits, 0, c.MaxLogit)
		events, err := QKClip{Tau: c.Tau}.Apply([]Attention{a}, logits)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) != 2 || events[0].Head != 0 || events[1].Head != 1 {
			t.Errorf("events are %+v, want heads 0 and 1", events)
		}
		wantClose(t, "q_b_proj", float64s(a.Q), c.QOut, 1e-6)
		wantClose(t, "kv_b_proj", float64s(a.KVB), c.KVBOut, 1e-6)
	}
}
