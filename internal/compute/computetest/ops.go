package computetest

import (
	"math/rand/v2"
	"slices"
	"testing"

	"muonclip/internal/compute"
)

// Op is one operation of a backend on fixed inputs, large enough for several tasks and tiles.
type Op[T compute.Float] struct {
	Name string
	Run  func()    // restores what the operation changes, then runs it
	Out  [][]T     // what it wrote, valid until another operation runs
	Ints [][]int32 // likewise
}

// Ops lists every kernel of the backend on inputs that depend on the type alone, so that the outputs
// of two backends, or of one backend twice, can be compared.
func Ops[T compute.Float](t *testing.T, be compute.Backend[T]) []Op[T] {
	c := &check[T]{T: t, be: be, r: rand.New(rand.NewPCG(11, 12))}
	return slices.Concat(rowOps(c), gemmOps(c), attentionOps(c), expertOps(c))
}

// restored wraps an operation that adds to or overwrites dst: it starts from the same content always.
func restored[T compute.Float](c *check[T], name string, run func(), dst ...[]T) Op[T] {
	var kept [][]T
	for _, d := range dst {
		kept = append(kept, slices.Clone(c.be.Host(d)))
	}
	return Op[T]{Name: name, Out: dst, Run: func() {
		for i, d := range dst {
			c.be.Upload(d, kept[i])
		}
		run()
	}}
}

func rowOps[T compute.Float](c *check[T]) []Op[T] {
	const rows, width, table = 230, 70, 19
	x, y, z := c.random(rows*width), c.random(rows*width), c.random(rows*width)
	gu, gu2, tab := c.random(rows*2*width), c.random(rows*2*width), c.random(table*width)
	w, dw, rstd, perRow, rowScale := c.random(width), c.random(width), c.filled(rows, 0.7), c.random(rows), c.random(rows)
	scale, dScale := c.random(rows), c.random(rows)
	ids, targets := c.indices(rows, table), c.indices(rows, 2*width)
	targets[3], targets[100] = -1, -1
	long, long2 := c.random(1<<17), c.random(1<<17)
	logits := c.clone(gu)
	be := c.be
	return []Op[T]{
		restored(c, "Zero", func() { be.Zero(long2) }, long2),
		restored(c, "Add", func() { be.Add(long[:len(gu)], gu) }, long[:len(gu)]),
		restored(c, "Embed", func() { be.Embed(y, tab, ids, width) }, y),
		restored(c, "EmbedBackward", func() { be.EmbedBackward(tab, x, ids, width) }, tab),
		restored(c, "Gather", func() { be.Gather(y, tab, ids, width) }, y),
		restored(c, "AddHeads", func() {
			be.AddHeads(compute.HeadCols[T]{Data: y, Ld: width, Off: 1}, compute.HeadCols[T]{Data: x, Ld: width, Stride: 10}, rows, 7, 10)
		}, y),
		restored(c, "RMSNorm", func() { be.RMSNorm(y, rstd, x, width, z, w, 1e-6) }, y, rstd, z),
		restored(c, "RMSNormBackward", func() { be.RMSNormBackward(y, width, dw, z, x, width, w, perRow) }, y, dw),
		restored(c, "SwiGLU", func() { be.SwiGLU(y, gu, width) }, y),
		restored(c, "SwiGLUBackward", func() { be.SwiGLUBackward(gu2, x, y, scale, dScale, width) }, gu2, y, dScale),
		restored(c, "CrossEntropy", func() { be.CrossEntropy(perRow, logits, targets, 2*width, rowScale) }, logits, perRow),
	}
}

func gemmOps[T compute.Float](c *check[T]) []Op[T] {
	var ops []Op[T]
	for _, s := range []struct {
		name    string
		m, n, k int
	}{{"Gemm", 203, 131, 300}, {"Gemm tall", 700, 9, 33}, {"Gemm wide", 5, 1100, 70}} {
		a, b, out := c.random(s.m*s.k), c.random(s.n*s.k), c.random(s.m*s.n)
		ops = append(ops,
			restored(c, s.name, func() { c.be.Gemm(false, true, s.m, s.n, s.k, 0.7, a, s.k, b, s.k, 0.3, out, s.n) }, out),
			restored(c, s.name+" transposed", func() { c.be.Gemm(true, false, s.m, s.n, s.k, 1, a, s.m, b, s.n, 0, out, s.n) }, out))
	}
	return ops
}

func attentionOps[T compute.Float](c *check[T]) []Op[T] {
	var ops []Op[T]
	for name, s := range map[string]attentionCase{
		"latent":  {3, 150, 4, 1, 8, 4, 8, false, "random"},
		"grouped": {2, 150, 6, 3, 0, 8, 8, true, "edges"},
	} {
		c := &check[T]{T: c.T, be: c.be, r: rand.New(rand.NewPCG(13, uint64(s.heads)))} // the map has no order
		a := attentionArgs(c, s)
		c.be.Attention(a)
		back := [][]T{a.Q.Grad, a.KRope.Grad, a.Value.Grad}
		ops = append(ops,
			restored(c, "Attention "+name, func() { c.be.Attention(a) }, a.Out, a.LSE, a.MaxLogit),
			restored(c, "AttentionBackward "+name, func() { c.be.AttentionBackward(a) }, back...))
	}
	slices.SortFunc(ops, func(x, y Op[T]) int { return len(x.Name) - len(y.Name) })
	return ops
}

func expertOps[T compute.Float](c *check[T]) []Op[T] {
	const tokens, experts, k, hidden, width = 210, 9, 3, 40, 24
	r := routeArgs(c, routeCase{tokens: tokens, experts: experts, k: k, norm: true, sequences: 3})
	route := restored(c, "Route", func() { c.be.Route(r) }, r.Scores, r.Weight, r.Frequency, r.AuxLoss)
	route.Ints = [][]int32{r.Index}
	route.Run()
	slots := tokens * k
	ints := c.be.AllocInts
	g := compute.Groups{Ends: ints(experts), Token: ints(slots), Choice: ints(slots), Slot: ints(slots)}
	load, none := ints(experts), make([]int32, experts)
	group := Op[T]{Name: "Group", Ints: [][]int32{g.Ends, g.Token, g.Choice, g.Slot, load}, Run: func() {
		c.be.UploadInts(load, none)
		c.be.Group(r.Index, k, load, g)
	}}
	group.Run()
	const stride = width * hidden
	x, y, w, dw := c.random(slots*hidden), c.random(slots*width), c.random(experts*stride), c.random(experts*stride)
	dst := c.random(tokens * hidden)
	return []Op[T]{
		route, group,
		restored(c, "RouteBackward", func() { c.be.RouteBackward(r) }, r.DLogits),
		restored(c, "Combine", func() { c.be.Combine(dst, x, g.Slot, r.Weight, k, hidden) }, dst),
		restored(c, "GroupedGemm", func() { c.be.GroupedGemm(y, dst, g.Token, w, g.Ends, stride, width, hidden, true) }, y),
		restored(c, "GroupedGemmWeights", func() { c.be.GroupedGemmWeights(1, dw, y, nil, dst, g.Token, g.Ends, stride, width, hidden) }, dw),
	}
}
