package verify

import (
	"fmt"
	"slices"

	"muonclip/internal/compute/cpu"
	"muonclip/model"
)

// modelSubject is the program's own model in float64 on the processor.
type modelSubject struct{ m *model.Model[float64] }

// NewModelSubject returns the model that training uses, in float64, as the subject of Run. It fails
// where the config is not valid.
func NewModelSubject(cfg model.Config) (Subject, error) {
	m, err := model.New(cfg, cpu.New[float64](0))
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return &modelSubject{m}, nil
}

// Set copies the weights. One that is missing stays zero; Run has checked that none is.
func (s *modelSubject) Set(w map[string][]float64) {
	for _, p := range s.m.Params() {
		clear(p.Value)
		copy(p.Value, w[p.Name])
	}
}

// LossAndGrads takes the mean over the targets that count, as naive.Forward does.
func (s *modelSubject) LossAndGrads(ids, docStart [][]int32) (loss float64, grads map[string][]float64, maxLogit [][]float64, load [][]int, err error) {
	in, err := s.input(ids, docStart)
	if err != nil {
		return 0, nil, nil, nil, err
	}
	scale := 0.0
	if n := in.Rows*in.Cols - count(in.Targets, -1); n > 0 {
		scale = 1 / float64(n)
	}
	s.m.ZeroGrad()
	s.m.ResetStats()
	for _, l := range s.m.Step(in, scale, 1) {
		loss += scale * l
	}
	loss += s.m.AuxLoss()

	grads = map[string][]float64{}
	s.m.ReadGrads()
	for _, p := range s.m.Params() {
		if p.Trained {
			grads[p.Name] = slices.Clone(p.Grad)
		}
	}
	for _, heads := range s.m.MaxLogits() {
		maxLogit = append(maxLogit, slices.Clone(heads))
	}
	for _, experts := range s.m.ExpertLoads() {
		tokens := make([]int, len(experts))
		for e, n := range experts {
			tokens[e] = int(n)
		}
		load = append(load, tokens)
	}
	return loss, grads, maxLogit, load, nil
}

func (s *modelSubject) Logits(ids [][]int32) ([]float64, error) {
	in, err := s.input(ids, nil)
	if err != nil {
		return nil, err
	}
	return slices.Clone(s.m.Logits(in)), nil
}

// input turns rows of T+1 ids into inputs and targets.
func (s *modelSubject) input(ids, docStart [][]int32) (model.Input, error) {
	if len(ids) == 0 || len(ids[0]) < 2 {
		return model.Input{}, fmt.Errorf("verify: a batch needs a row of at least two ids")
	}
	in := model.Input{Rows: len(ids), Cols: len(ids[0]) - 1}
	for b, row := range ids {
		if len(row) != in.Cols+1 || docStart != nil && (len(docStart) != in.Rows || len(docStart[b]) != in.Cols) {
			return model.Input{}, fmt.Errorf("verify: row %d has another length than row 0 or than its document starts", b)
		}
		for t := range in.Cols {
			in.IDs = append(in.IDs, max(row[t], 0))
			in.Targets = append(in.Targets, max(row[t+1], -1))
		}
		if docStart != nil {
			in.DocStart = append(in.DocStart, docStart[b]...)
		}
	}
	return in, s.m.Check(in)
}

func count(x []int32, v int32) int {
	n := 0
	for _, e := range x {
		if e == v {
			n++
		}
	}
	return n
}
