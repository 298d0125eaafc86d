package optim

import (
	"slices"

	"muonclip/internal/compute"
)

// batch cuts the parameters of Muon into matrices and puts those of one shape and even spacing together.
func (d *device) batch(cfg Config) {
	type matrix struct {
		rows, cols, param int
		decay             float64
		w, g, m           []float32
		used              bool
	}
	groups := map[[2]int][]*matrix{}
	var shapes [][2]int // in their order
	for i := range d.slots {
		s := &d.slots[i]
		if s.adam {
			continue
		}
		n := cfg.blocks(d.params[i])
		rows := s.rows / n
		shape := [2]int{rows, s.cols}
		if groups[shape] == nil {
			shapes = append(shapes, shape)
		}
		for b := range n {
			lo, hi := b*rows*s.cols, (b+1)*rows*s.cols
			groups[shape] = append(groups[shape], &matrix{rows: rows, cols: s.cols, param: i, decay: s.decay, w: s.w[lo:hi], g: s.g[lo:hi], m: s.m[lo:hi]})
		}
	}
	for _, shape := range shapes {
		all := groups[shape]
		slices.SortFunc(all, func(a, b *matrix) int { return int(addressOf(a.w)/4) - int(addressOf(b.w)/4) })
		at := make(map[uintptr]*matrix, len(all))
		for _, x := range all {
			at[addressOf(x.w)] = x
		}
		// follow lists what lies by steps from x on in weights, gradients and momentum alike.
		follow := func(x *matrix, step uintptr) []*matrix {
			chain := []*matrix{x}
			for {
				far := uintptr(len(chain)) * step
				next := at[addressOf(x.w)+far]
				if next == nil || next.used || next.decay != x.decay || addressOf(next.g)-addressOf(x.g) != far || addressOf(next.m)-addressOf(x.m) != far {
					return chain
				}
				chain = append(chain, next)
			}
		}
		for i, x := range all {
			if x.used {
				continue
			}
			best, step := []*matrix{x}, uintptr(0)
			for _, next := range all[i+1 : min(i+5, len(all))] {
				if next.used {
					continue
				}
				by := addressOf(next.w) - addressOf(x.w)
				if chain := follow(x, by); len(chain) > len(best) {
					best, step = chain, by
				}
			}
			b := muonBatch{decay: x.decay, factor: d.rules.muon.rate(1, x.rows, x.cols)}
			stride := int(step / 4)
			reach := (len(best) - 1) * stride
			b.MuonBatch = compute.MuonBatch{
				W: extended(x.w, reach), G: extended(x.g, reach), M: extended(x.m, reach), Rows: x.rows, Cols: x.cols, Batch: len(best), Stride: stride,
				Mu: float32(d.rules.muon.mu), Eps: nsEps, Nesterov: d.rules.muon.nesterov,
			}
			for _, c := range d.rules.muon.coef {
				b.Coefficients = append(b.Coefficients, c)
			}
			for _, y := range best {
				y.used = true
				b.params = append(b.params, y.param)
			}
			d.batches = append(d.batches, b)
			d.sums += len(best)
		}
	}
	for i := range d.slots {
		if d.slots[i].adam {
			d.sums++
		}
	}
}
