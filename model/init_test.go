package model_test

import (
	"math"
	"strings"
	"testing"

	"muonclip/internal/compute/cpu"
	"muonclip/internal/naive"
	"muonclip/model"
)

// TestInit: weights depend on seed and name only, have the configured spread, and are the same numbers
// in both types.
func TestInit(t *testing.T) {
	cfg := tiny()
	a, _ := fresh[float32](t, cfg, 1, 1, 5)
	b, _ := fresh[float32](t, cfg, 3, 1, 5)
	double, _ := fresh[float64](t, cfg, 1, 1, 5)
	other, _ := fresh[float32](t, cfg, 1, 1, 5)
	other.Init(2)
	larger := cfg
	larger.NumHiddenLayers, larger.TieWordEmbeddings = 4, true
	deep, _ := fresh[float32](t, larger, 1, 1, 5)
	for i, p := range a.Params() {
		var mean, square float64
		same := 0
		for j, v := range p.Value {
			if v != b.Params()[i].Value[j] {
				t.Fatalf("%s differs between two models of one seed", p.Name)
			}
			if p.Trained && v != float32(double.Params()[i].Value[j]) {
				t.Fatalf("%s differs between float32 and float64", p.Name)
			}
			if q := deep.Param(p.Name); q != nil && q.Value[j] != v {
				t.Fatalf("%s depends on the rest of the model", p.Name)
			}
			if v == other.Params()[i].Value[j] {
				same++
			}
			mean += float64(v) / float64(len(p.Value))
			square += float64(v) * float64(v) / float64(len(p.Value))
		}
		switch {
		case p.Kind == model.KindNorm:
			if math.Abs(mean-1) > 1e-12 || math.Abs(square-1) > 1e-12 {
				t.Errorf("%s is not all ones", p.Name)
			}
		case p.Trained:
			n := float64(len(p.Value))
			std := cfg.InitializerRange
			if math.Abs(mean) > 5*std/math.Sqrt(n) || math.Abs(math.Sqrt(square)/std-1) > 4/math.Sqrt(n) {
				t.Errorf("%s has mean %g and spread %g, want 0 and %g", p.Name, mean, math.Sqrt(square), std)
			}
			if same > 0 {
				t.Errorf("%s: %d elements are the same for another seed", p.Name, same)
			}
		}
	}
	a.Init(1)
	for _, bias := range a.RouterBiases() {
		for e, v := range bias {
			if v != 0 {
				t.Errorf("correction bias of expert %d is %g, want 0", e, v)
			}
		}
	}
}

// TestParams: the list follows Config.Shapes, views are in place and shared with tensors.
func TestParams(t *testing.T) {
	m, _ := fresh[float32](t, tiny(), 1, 1, 5)
	shapes := tiny().Shapes()
	if len(m.Params()) != len(shapes) {
		t.Fatalf("%d parameters, want %d", len(m.Params()), len(shapes))
	}
	for i, p := range m.Params() {
		if p.ParamShape != shapes[i] || int64(len(p.Value)) != p.Elems() || len(p.Grad) != len(p.Value) {
			t.Fatalf("parameter %d is %+v with %d elements, want %+v", i, p.ParamShape, len(p.Value), shapes[i])
		}
		if m.Param(p.Name) != p {
			t.Fatalf("%s is not found by its name", p.Name)
		}
		value, grad := p.Dense()
		p.Value[0], p.Grad[0] = 42, 43
		if value.Data().([]float32)[0] != 42 || grad.Data().([]float32)[0] != 43 {
			t.Fatalf("the tensors of %s are copies", p.Name)
		}
		if got := []int(value.Shape()); len(got) != len(p.Shape()) || got[0] != p.Rows {
			t.Fatalf("%s has shape %v, want %v", p.Name, got, p.Shape())
		}
	}
	if m.Param("lm_head.bias") != nil {
		t.Error("found a parameter that does not exist")
	}
}

// TestTiedHead: a tied model is the untied one with equal matrices, and its gradient is the sum of both.
func TestTiedHead(t *testing.T) {
	cfg := tiny()
	untied := naive.RandomWeights(naive.Params(cfg), 9)
	untied["lm_head.weight"] = untied["model.embed_tokens.weight"]
	a := build[float64](t, cfg, 2, untied)
	cfg.TieWordEmbeddings = true
	delete(untied, "lm_head.weight")
	b := build[float64](t, cfg, 2, untied)
	if b.Param("lm_head.weight") != nil {
		t.Error("a tied model has a head of its own")
	}
	in := input(naive.RandomTokens(cfg.VocabSize, 2, 20, 1), nil)
	near(t, "losses", wide(b.Step(in, 1, 1)), wide(a.Step(in, 1, 1)), 1e-14)
	want := wide(a.Param("model.embed_tokens.weight").Grad)
	for i, v := range a.Param("lm_head.weight").Grad {
		want[i] += v
	}
	near(t, "gradient of the embedding", b.Param("model.embed_tokens.weight").Grad, want, 1e-14)
}

func TestNewErrors(t *testing.T) {
	cfg := tiny()
	cfg.HiddenSize, cfg.QKRopeHeadDim = 0, 3
	_, err := model.New(cfg, cpu.New[float32](1))
	if err == nil || !strings.Contains(err.Error(), "hidden_size is 0") || !strings.Contains(err.Error(), "qk_rope_head_dim is 3") {
		t.Errorf("error %v, want one that names both wrong fields", err)
	}
}
