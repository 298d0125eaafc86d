package rl

import (
	"fmt"
	"muonclip/data/batch"
	"slices"
)

// lessonWeight is the weight of the mean loss of the critic's lessons in a step.
const lessonWeight = 0.1

// addPTX appends rows of chosen data to a step.
func (t *Trainer) addPTX(index int64, dst *batch.Batch) error {
	if t.PTX == nil || t.PTXWeight == 0 {
		return nil
	}
	var b batch.Batch
	if err := t.PTX.At(index, &b); err != nil {
		return fmt.Errorf("rl: ptx: %w", err)
	}
	joined, err := t.join(*dst, b, t.PTXWeight)
	*dst = joined
	return err
}

// join appends rows whose mean loss counts weight.
func (t *Trainer) join(a, b batch.Batch, weight float64) (batch.Batch, error) {
	targets := 0
	for _, id := range b.Targets {
		if id >= 0 {
			targets++
		}
	}
	if targets == 0 {
		return a, nil
	}
	cols := max(a.Cols, b.Cols)
	if cols > t.Model.Config.MaxPositionEmbeddings {
		return a, fmt.Errorf("rl: rows of %d tokens are longer than max_position_embeddings %d: lower sft.seq_len", cols, t.Model.Config.MaxPositionEmbeddings)
	}
	out := batch.Batch{Rows: a.Rows + b.Rows, Cols: cols, Docs: append(slices.Clone(a.Docs), b.Docs...)}
	n := out.Rows * cols
	out.Inputs, out.Targets, out.DocStart, out.Weights = make([]int32, n), make([]int32, n), make([]int32, n), make([]float32, n)
	for i := range out.Targets {
		out.Targets[i] = -1
	}
	put := func(src batch.Batch, first int, weight func(i int) float32) {
		for r := range src.Rows {
			for c := range cols {
				to := (first+r)*cols + c
				if c >= src.Cols {
					out.DocStart[to] = int32(src.Cols)
					continue
				}
				from := r*src.Cols + c
				out.Inputs[to], out.Targets[to], out.DocStart[to], out.Weights[to] = src.Inputs[from], src.Targets[from], src.DocStart[from], weight(from)
			}
		}
	}
	put(a, 0, func(i int) float32 { return a.Weights[i] })
	put(b, a.Rows, func(int) float32 { return float32(weight / float64(targets)) })
	return out, nil
}
