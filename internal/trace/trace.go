// Package trace runs a few steps on a given model and given tokens and writes down everything that
// another implementation can be compared with: logits, losses, gradients, largest logits, expert loads
// and the weights afterwards.
package trace

import (
	"encoding/json"
	"fmt"
	"os"

	"muonclip/internal/compute/cpu"
	"muonclip/internal/safetensors"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/model/hf"
	"muonclip/optim"
)

// Options says what to run. The optimizer is that of the K2 report with weight decay 0.1, at a
// constant learning rate, without gradient clipping or balancing.
type Options struct {
	Model   string // folder in Hugging Face layout
	Tokens  string // JSON file: rows of T+1 token ids, used in every step
	Steps   int
	LR      float64
	Tau     float64 // threshold of QK-Clip; 0 means 100
	Out     string  // safetensors file to write
	Threads int     // 0 means GOMAXPROCS
}

// Result is what a person wants to see of a trace.
type Result struct {
	Loss         []float64 `json:"loss"` // of each step before its update
	HeadsClipped int       `json:"heads_clipped"`
}

// Run traces the model. The file holds logits [B,T,V], max_logit [L,H], expert_load [L,E] and
// grad.<name> of the first step, loss [steps], and param.<name> after the last, all float32.
func Run(o Options) (*Result, error) {
	cfg, err := hf.ReadConfig(o.Model)
	if err != nil {
		return nil, err
	}
	cfg.SeqAux = false // the loss of a trace is the language model's alone
	in, err := readTokens(o.Tokens)
	if err != nil {
		return nil, err
	}
	be := cpu.New[float32](o.Threads)
	m, err := model.New(cfg, be)
	if err != nil {
		return nil, err
	}
	if err := m.Check(in); err != nil {
		return nil, fmt.Errorf("trace: %s: %w", o.Tokens, err)
	}
	if err := hf.Import(o.Model, train.Tensors(m)); err != nil {
		return nil, err
	}
	params := train.OptimParams(m)
	opt, err := optim.NewOn(be, params, optim.Config{WeightDecay: 0.1})
	if err != nil {
		return nil, err
	}
	clip, layers := optim.QKClip{Tau: o.Tau}, train.AttentionLayers(cfg, params)

	var out []safetensors.Tensor
	res := &Result{}
	for step := range o.Steps {
		if step == 0 {
			out = append(out, copied("logits", []int{in.Rows, in.Cols, cfg.VocabSize}, m.Logits(in)))
		}
		m.ZeroGrad()
		m.ResetStats()
		sum := 0.0
		for _, l := range m.Step(in, 1/float64(len(in.IDs)), 1) {
			sum += float64(l)
		}
		res.Loss = append(res.Loss, sum/float64(len(in.IDs)))
		if step == 0 {
			out = append(out, firstStep(m)...)
		}
		opt.Step(o.LR)
		logits := optim.NewMaxLogits(len(layers), cfg.NumAttentionHeads)
		for l, heads := range m.MaxLogits() {
			optim.ObserveLayer(logits, l, heads)
		}
		events, err := clip.Apply(layers, logits)
		if err != nil {
			return nil, err
		}
		res.HeadsClipped += len(events)
	}
	out = append(out, floats("loss", []int{len(res.Loss)}, res.Loss))
	for _, p := range m.Params() {
		out = append(out, safetensors.Tensor{Name: "param." + p.Name, Shape: p.Shape(), Data: p.Value})
	}
	return res, safetensors.WriteFile(o.Out, out, safetensors.F32, nil)
}

// firstStep copies what later steps overwrite.
func firstStep(m *model.Model[float32]) []safetensors.Tensor {
	var logits []float32
	for _, heads := range m.MaxLogits() {
		logits = append(logits, heads...)
	}
	out := []safetensors.Tensor{{Name: "max_logit", Shape: []int{m.Config.NumHiddenLayers, m.Config.NumAttentionHeads}, Data: logits}}
	if loads := m.ExpertLoads(); len(loads) > 0 {
		var flat []float32
		for _, load := range loads {
			for _, n := range load {
				flat = append(flat, float32(n))
			}
		}
		out = append(out, safetensors.Tensor{Name: "expert_load", Shape: []int{len(loads), m.Config.NRoutedExperts}, Data: flat})
	}
	m.ReadGrads()
	for _, p := range m.Params() {
		if p.Trained {
			out = append(out, copied("grad."+p.Name, p.Shape(), p.Grad))
		}
	}
	return out
}

func copied(name string, shape []int, data []float32) safetensors.Tensor {
	return safetensors.Tensor{Name: name, Shape: shape, Data: append([]float32(nil), data...)}
}

func floats(name string, shape []int, data []float64) safetensors.Tensor {
	t := safetensors.Tensor{Name: name, Shape: shape}
	for _, v := range data {
		t.Data = append(t.Data, float32(v))
	}
	return t
}

// readTokens reads rows of T+1 ids; the last id of a row is only a target.
func readTokens(path string) (model.Input, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return model.Input{}, fmt.Errorf("trace: %w", err)
	}
	var rows [][]int32
	if err := json.Unmarshal(raw, &rows); err != nil {
		return model.Input{}, fmt.Errorf("trace: %s is not a JSON array of rows of token ids: %w", path, err)
	}
	if len(rows) == 0 || len(rows[0]) < 2 {
		return model.Input{}, fmt.Errorf("trace: %s has no row of at least two ids", path)
	}
	in := model.Input{Rows: len(rows), Cols: len(rows[0]) - 1}
	for i, row := range rows {
		if len(row) != in.Cols+1 {
			return model.Input{}, fmt.Errorf("trace: %s: row %d has %d ids, the first has %d", path, i, len(row), in.Cols+1)
		}
		in.IDs = append(in.IDs, row[:in.Cols]...)
		in.Targets = append(in.Targets, row[1:]...)
	}
	return in, nil
}
