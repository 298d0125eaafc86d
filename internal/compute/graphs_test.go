package compute_test

import (
	"fmt"
	"math"
	"slices"

	"muonclip/internal/compute"
)

type (
	tape   = *compute.Tape[float64]
	tensor = *compute.Tensor[float64]
)

const eps = 1e-5

// graphs lists every operation of the tape, alone and in the combinations in which they hand
// gradients and memory to each other.
func graphs() []graph {
	list := []graph{
		{name: "embedding", sizes: [][2]int{{5, 3}}, build: func(t tape, w []tensor) tensor {
			return t.Embed(w[0], t.Device([]int32{4, 0, 4, 2, 1, 4, 3}))
		}},
		{name: "linear", sizes: [][2]int{{6, 5}, {4, 5}}, build: func(t tape, w []tensor) tensor {
			return t.Linear(input(t, w[0]), w[1])
		}},
		{name: "linear of a parameter", sizes: [][2]int{{6, 5}, {4, 5}}, build: func(t tape, w []tensor) tensor {
			return t.Linear(w[0], w[1])
		}},
		{name: "linear twice", sizes: [][2]int{{6, 5}, {5, 5}}, build: func(t tape, w []tensor) tensor {
			x := input(t, w[0])
			return t.LatentAttention(t.Linear(x, w[1]), t.Linear(t.Linear(x, w[1]), w[1]), x, shape(1, 6, 1, 1, 3, 2, 2, nil))
		}},
		{name: "norm", sizes: [][2]int{{7, 5}, {1, 5}}, build: func(t tape, w []tensor) tensor {
			return t.RMSNorm(input(t, w[0]), w[1], eps)
		}},
		{name: "norm of some columns", sizes: [][2]int{{7, 9}, {1, 5}, {4, 9}}, build: func(t tape, w []tensor) tensor {
			x := input(t, w[0])
			n := t.RMSNorm(x, w[1], eps)
			return t.LatentAttention(t.Linear(x, w[2]), t.Linear(n, part(t, w[1], 3)), x, shape(1, 7, 1, 1, 2, 2, 1, nil))
		}},
		{name: "feed-forward", sizes: [][2]int{{6, 5}, {8, 5}, {5, 4}}, build: func(t tape, w []tensor) tensor {
			return t.FFN(input(t, w[0]), w[1], w[2])
		}},
		{name: "square feed-forward", sizes: [][2]int{{6, 5}, {10, 5}, {5, 5}}, build: func(t tape, w []tensor) tensor {
			return t.FFN(input(t, w[0]), w[1], w[2])
		}},
		{name: "recomputed residual stream", sizes: [][2]int{{6, 5}, {1, 5}, {5, 5}, {1, 5}, {10, 5}, {5, 5}, {1, 5}}, build: func(t tape, w []tensor) tensor {
			x := input(t, w[0])
			for range 2 {
				x = t.Recompute(x, func(x tensor) tensor {
					delta := t.Linear(t.RMSNorm(x, w[1], eps), w[2])
					x, h := t.AddRMSNorm(x, delta, w[3], eps)
					return t.Sum(x, t.FFN(h, w[4], w[5]))
				})
			}
			return t.RMSNorm(x, w[6], eps)
		}},
		{name: "residual stream", sizes: [][2]int{{6, 5}, {1, 5}, {5, 5}, {1, 5}, {10, 5}, {5, 5}, {1, 5}}, build: residual},
	}
	list = append(list, attentionGraphs()...)
	list = append(list, expertGraphs()...)
	return append(list, headLoss("loss", 9, 7, 4), tiedLoss())
}

// part is a fixed matrix without a useful gradient, rows x len(w).
func part(t tape, w tensor, rows int) tensor {
	m := compute.Parameter(rows, w.Cols, make([]float64, rows*w.Cols), make([]float64, rows*w.Cols))
	for i := range m.Data {
		m.Data[i] = math.Sin(float64(3*i + 1))
	}
	return m
}

// residual is a transformer block without attention: one gradient runs down the residual stream.
func residual(t tape, w []tensor) tensor {
	x := input(t, w[0])
	delta := t.Linear(t.RMSNorm(x, w[1], eps), w[2])
	x, h := t.AddRMSNorm(x, delta, w[3], eps)
	_, h = t.AddRMSNorm(x, t.FFN(h, w[4], w[5]), w[6], eps)
	return h
}

func shape(batch, seq, heads, group, nope, rope, v int, docStart []int32) compute.AttentionShape[float64] {
	s := compute.AttentionShape[float64]{
		Batch: batch, Seq: seq, Heads: heads, Group: group, Nope: nope, Rope: rope, V: v, RotateHalf: nope == 0, Scale: 0.7,
		DocStart: docStart, MaxLogit: make([]float64, heads),
	}
	for t := range seq {
		for i := range rope / 2 {
			sin, cos := math.Sincos(float64(t) / float64(i+1))
			s.Cos, s.Sin = append(s.Cos, 1.2*cos), append(s.Sin, 1.2*sin)
		}
	}
	return s
}

func attentionGraphs() []graph {
	docs := []int32{0, 0, 0, 3, 3, 3, 0, 1, 1, 1, 4, 5}
	var list []graph
	for name, starts := range map[string][]int32{"": nil, " with documents": docs} {
		list = append(list,
			graph{name: "latent attention" + name, sizes: [][2]int{{12, 15}, {12, 15}, {12, 6}}, build: func(t tape, w []tensor) tensor {
				return t.LatentAttention(input(t, w[0]), input(t, w[1]), input(t, w[2]), shape(2, 6, 3, 1, 3, 2, 2, starts))
			}},
			graph{name: "grouped attention" + name, sizes: [][2]int{{12, 16}, {12, 8}, {12, 6}}, build: func(t tape, w []tensor) tensor {
				return t.GroupedAttention(input(t, w[0]), input(t, w[1]), input(t, w[2]), shape(2, 6, 4, 2, 0, 4, 3, starts))
			}},
			graph{name: "latent attention with normalised heads" + name, sizes: [][2]int{{12, 15}, {12, 15}, {12, 6}, {1, 5}, {1, 5}}, build: func(t tape, w []tensor) tensor {
				s := shape(2, 6, 3, 1, 3, 2, 2, starts)
				kv := input(t, w[1])
				k := t.HeadNorm(t.LatentKeys(kv, input(t, w[2]), s), w[4], eps)
				return t.KeyedAttention(t.HeadNorm(input(t, w[0]), w[3], eps), k, kv, s)
			}},
			graph{name: "grouped attention with normalised heads" + name, sizes: [][2]int{{12, 16}, {12, 8}, {12, 6}, {1, 4}}, build: func(t tape, w []tensor) tensor {
				q, k := t.HeadNorm(input(t, w[0]), w[3], eps), t.HeadNorm(input(t, w[1]), w[3], eps)
				return t.GroupedAttention(q, k, input(t, w[2]), shape(2, 6, 4, 2, 0, 4, 3, starts))
			}},
		)
	}
	return append(list, graph{name: "attention of 130 tokens", sizes: [][2]int{{130, 4}, {130, 4}, {130, 2}}, build: func(t tape, w []tensor) tensor {
		return t.LatentAttention(input(t, w[0]), input(t, w[1]), input(t, w[2]), shape(1, 130, 1, 1, 2, 2, 2, nil))
	}})
}

// expertGraphs are mixtures of experts: weights are x, router, experts, and gate and up and down of the
// shared expert. Widths equal to the hidden size let buffers of one size meet.
func expertGraphs() []graph {
	const tokens, hidden = 8, 5
	var list []graph
	for _, c := range []struct {
		name              string
		experts, k, width int
		norm, shared      bool
		aux               float64
		residual          bool
	}{
		{"experts", 4, 2, 3, true, true, 0, false},
		{"experts not normalised", 4, 2, 3, false, true, 0, false},
		{"experts without a shared one", 4, 2, 3, true, false, 0, false},
		{"experts as wide as the model", 4, 2, hidden, true, true, 0, false},
		{"experts with auxiliary loss", 4, 2, 3, true, true, 0.4, false},
		{"one expert a token", 6, 1, 3, false, true, 0.4, false},
		{"many experts", 20, 3, 3, true, true, 0.2, false},
		{"all experts", 3, 3, 4, true, true, 0.2, false},
		{"experts in the residual stream", 4, 2, hidden, true, true, 0.1, true},
	} {
		router := &compute.Router[float64]{TopK: c.k, Norm: c.norm, Scale: 1.7, AuxWeight: c.aux, Seq: tokens / 2, Bias: make([]float64, c.experts), Load: make([]int32, c.experts), AuxLoss: make([]float64, 2)}
		for i := range router.Bias {
			router.Bias[i] = 0.1 * math.Sin(float64(i))
		}
		sizes := [][2]int{{tokens, hidden}, {c.experts, hidden}, {c.experts * 3 * c.width, hidden}}
		if c.shared {
			sizes = append(sizes, [2]int{2 * hidden, hidden}, [2]int{hidden, hidden})
		}
		if c.residual {
			sizes = append(sizes, [2]int{1, hidden}, [2]int{1, hidden})
		}
		list = append(list, graph{name: c.name, sizes: sizes,
			build: func(t tape, w []tensor) tensor {
				router.Gate = w[1]
				clear(router.AuxLoss)
				x := input(t, w[0])
				h := x
				if c.residual {
					h = t.RMSNorm(x, w[5], eps)
				}
				base := t.Zeros(tokens, hidden)
				if c.shared {
					base = t.FFN(h, w[3], w[4])
				}
				y := t.MoE(h, base, w[2], c.width, router)
				if c.residual {
					_, y = t.AddRMSNorm(x, y, w[6], eps)
				}
				return y
			},
			extra: func() float64 { return sum(router.AuxLoss) },
		})
	}
	return list
}

// headLoss is the weighted sum of the losses, one row in three without a target.
func headLoss(name string, rows, vocab, hidden int) graph {
	scales := make([]float64, rows)
	for i := range scales {
		scales[i] = 0.3 * float64(i%4-1)
	}
	targets := make([]int32, rows)
	for i := range targets {
		targets[i] = int32(i * 7919 % vocab)
		if i%3 == 1 {
			targets[i] = -1
		}
	}
	var losses []float64
	return graph{name: fmt.Sprintf("loss of %s", name), sizes: [][2]int{{rows, hidden}, {vocab, hidden}},
		build: func(t tape, w []tensor) tensor {
			losses = t.HeadLoss(input(t, w[0]), w[1], t.Targets(targets), scales)
			return nil
		},
		extra: func() float64 { return dot(scales, losses) },
	}
}

// tiedLoss uses one matrix as embedding and as head.
func tiedLoss() graph {
	var losses []float64
	return graph{name: "loss of a tied head", sizes: [][2]int{{7, 4}, {1, 4}},
		build: func(t tape, w []tensor) tensor {
			x := t.RMSNorm(t.Embed(w[0], t.Device([]int32{1, 5, 5, 0})), w[1], eps)
			losses = t.HeadLoss(x, w[0], t.Targets([]int32{2, 5, -1, 6}), ones(4))
			return nil
		},
		extra: func() float64 { return sum(losses) },
	}
}

func ones(n int) []float64 { return slices.Repeat([]float64{1}, n) }

func dot(a, b []float64) float64 {
	var s float64
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

func sum(x []float64) float64 {
	var s float64
	for _, v := range x {
		s += v
	}
	return s
}
