package rl

import (
	"slices"

	"muonclip/data/batch"
)

// rows is rollouts laid into rows of equal length, each whole and seen by itself alone.
type rows struct {
	batch.Batch
	places []place // of the rollouts, in their order
}

// place is where a rollout lies.
type place struct{ row, col int }

// lay packs rollouts into rows of cols tokens, the longest first, each where it leaves the least room. A dialogue's
// last token is no input.
func lay(rollouts []*Rollout, cols int) *rows {
	order := make([]int, len(rollouts))
	for i := range order {
		order[i] = i
	}
	length := func(i int) int { return len(rollouts[i].IDs) - 1 }
	slices.SortStableFunc(order, func(a, b int) int { return length(b) - length(a) })
	out := &rows{places: make([]place, len(rollouts))}
	var used []int
	for _, i := range order {
		best := -1
		for row, n := range used {
			if n+length(i) <= cols && (best < 0 || n > used[best]) {
				best = row
			}
		}
		if best < 0 {
			best, used = len(used), append(used, 0)
		}
		out.places[i] = place{best, used[best]}
		used[best] += length(i)
	}
	out.Rows, out.Cols = len(used), cols
	n := out.Rows * cols
	out.Inputs, out.Targets, out.DocStart, out.Weights = make([]int32, n), make([]int32, n), make([]int32, n), make([]float32, n)
	for i := range out.Targets {
		out.Targets[i] = -1
	}
	for row, end := range used {
		for col := end; col < cols; col++ {
			out.DocStart[row*cols+col] = int32(end) // padding looks at padding
		}
	}
	for i, r := range rollouts {
		p := out.places[i]
		at := p.row*cols + p.col
		copy(out.Inputs[at:], r.IDs[:length(i)])
		for col := range length(i) {
			out.DocStart[at+col] = int32(p.col)
		}
		for _, t := range r.Turns {
			for k := range t.LogProbs {
				out.Targets[at+t.Start+k-1] = r.IDs[t.Start+k]
			}
		}
		out.Docs = append(out.Docs, batch.DocRef{Source: r.Env, Doc: int64(r.Key.Index), Row: p.row})
	}
	return out
}

// each visits the policy's tokens of rollout i in their order: their number and their position in the rows.
func (b *rows) each(i int, r *Rollout, visit func(token, position int)) {
	at := b.places[i].row*b.Cols + b.places[i].col
	token := 0
	for _, t := range r.Turns {
		for k := range t.LogProbs {
			visit(token, at+t.Start+k-1)
			token++
		}
	}
}
