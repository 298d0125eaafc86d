package computetest

import (
	"fmt"
	"math"
	"slices"

	"muonclip/internal/compute"
)

// attentionCase is a shape of attention: latent attention with one rotary key for all heads where
// nope is not zero, grouped queries otherwise.
type attentionCase struct {
	batch, seq, heads, group, nope, rope, v int
	half                                    bool   // RotateHalf
	docs                                    string // "", "each", "edges" or "random"
}

func (a attentionCase) String() string {
	return fmt.Sprintf("batch %d seq %d heads %d group %d head %d+%d and %d half %v docs %q", a.batch, a.seq, a.heads, a.group, a.nope, a.rope, a.v, a.half, a.docs)
}

var attentionCases = []attentionCase{
	{1, 1, 1, 1, 1, 2, 1, false, ""},
	{3, 1, 2, 1, 3, 2, 5, false, "each"},
	{2, 2, 3, 1, 4, 4, 3, false, ""},
	{1, 63, 2, 1, 5, 4, 7, false, "random"},
	{2, 64, 3, 1, 8, 2, 8, false, ""},
	{1, 64, 2, 1, 3, 6, 33, true, "edges"},
	{2, 65, 1, 1, 16, 8, 16, false, "edges"},
	{1, 200, 2, 1, 6, 4, 5, false, "random"},
	{1, 129, 2, 1, 32, 16, 32, false, "each"},
	{2, 1, 4, 2, 0, 2, 1, true, ""},
	{1, 63, 4, 4, 0, 4, 3, true, "edges"},
	{2, 64, 6, 3, 0, 6, 6, false, "random"},
	{2, 65, 4, 2, 0, 8, 8, true, ""},
	{1, 200, 4, 1, 0, 16, 16, true, "random"},
	{1, 300, 2, 2, 0, 4, 9, true, ""}, // more keys than a blocked product takes at a time
	{1, 300, 1, 1, 3, 2, 4, false, "edges"},
}

// outside fills what a kernel must not touch.
const outside = 12345

// docStarts makes the first position that each token sees.
func docStarts[T compute.Float](c *check[T], a attentionCase) []int32 {
	if a.docs == "" {
		return nil
	}
	starts := make([]int32, a.batch*a.seq)
	for b := range a.batch {
		start := int32(0)
		for t := range a.seq {
			switch a.docs {
			case "each": // every token is a document
				start = int32(t)
			case "edges": // documents end about a block of 64
				if t == 1+b || t == 63 || t == 64 || t == 65 || t == 192+b {
					start = int32(t)
				}
			case "random":
				if c.r.IntN(20) == 0 {
					start = int32(t)
				}
			}
			starts[b*a.seq+t] = start
		}
	}
	return c.ints(starts)
}

// attentionArgs lays a case out as the tape does, with spare columns around the heads.
func attentionArgs[T compute.Float](c *check[T], s attentionCase) *compute.AttentionArgs[T] {
	n, dim := s.batch*s.seq, s.nope+s.rope
	a := &compute.AttentionArgs[T]{
		Batch: s.batch, Seq: s.seq, Heads: s.heads, Group: s.group, Nope: s.nope, Rope: s.rope, V: s.v,
		Cos: c.filled(s.seq*s.rope/2, 0), Sin: c.filled(s.seq*s.rope/2, 0), RotateHalf: s.half,
		Scale: T(1 / math.Sqrt(float64(dim))), DocStart: docStarts(c, s),
		Out: c.nan(n * s.heads * s.v), LSE: c.nan(n * s.heads), MaxLogit: c.filled(s.heads, math.Inf(-1)),
		DOut: c.random(n * s.heads * s.v), KRopeParts: c.nan(n * s.heads * s.rope),
	}
	for i := range a.Cos {
		sin, cos := math.Sincos(c.r.Float64() * 7)
		a.Cos[i], a.Sin[i] = T(1.1*cos), T(1.1*sin) // YaRN scales them
	}
	cols := func(ld, off, stride int) compute.HeadCols[T] {
		return compute.HeadCols[T]{Data: c.random(n * ld), Grad: c.filled(n*ld, outside), Ld: ld, Off: off, Stride: stride}
	}
	a.Q = cols(s.heads*dim+3, 2, dim)
	if s.nope > 0 {
		a.KNope = cols(s.heads*(s.nope+s.v)+1, 0, s.nope+s.v)
		a.Value = a.KNope
		a.Value.Off += s.nope
		a.KRope = cols(s.rope+4, 4, 0)
	} else {
		groups := s.heads / s.group
		a.KRope = cols(groups*s.rope+1, 1, s.rope)
		a.Value = cols(groups*s.v+2, 0, s.v)
	}
	for i := range a.KRope.Grad { // added to, not overwritten
		a.KRope.Grad[i] = T(c.r.NormFloat64())
	}
	return a
}

func testAttention[T compute.Float](c *check[T]) {
	for _, s := range attentionCases {
		compareAttention(c, s.String(), attentionArgs(c, s), 1)
	}
}

// compareAttention runs both passes and the reference. strict is the error allowed as a multiple of the
// tolerance: rounding of a large logit is an error of every probability.
func compareAttention[T compute.Float](c *check[T], what string, a *compute.AttentionArgs[T], strict float64) {
	c.Helper()
	q, k := c.clone(a.Q.Data), c.clone(a.KRope.Data)
	want := reference{widen(a)}
	want.forward()
	c.be.Attention(a)
	size := func(x []float64) float64 {
		top := 0.0
		for _, v := range x {
			if v != outside {
				top = math.Max(top, math.Abs(v))
			}
		}
		return top * strict
	}
	c.near(what+": out", a.Out, want.Out, size(want.Out))
	c.near(what+": lse", a.LSE, want.LSE, 1+size(want.LSE))
	c.near(what+": max logit", a.MaxLogit, want.MaxLogit, 1+size(want.MaxLogit))

	want.backward()
	c.be.AttentionBackward(a)
	// Where every query sees one key only, the gradients of queries and keys are zero up to rounding.
	small := size(wide(a.DOut))
	c.near(what+": dq", a.Q.Grad, want.Q.Grad, max(size(want.Q.Grad), small))
	if a.Nope > 0 {
		c.near(what+": dk and dv", a.KNope.Grad, want.KNope.Grad, max(size(want.KNope.Grad), small))
	} else {
		c.near(what+": dv", a.Value.Grad, want.Value.Grad, max(size(want.Value.Grad), small))
	}
	c.near(what+": dk rope", a.KRope.Grad, want.KRope.Grad, max(size(want.KRope.Grad), small))
	same(c, what+": q", a.Q.Data, q)
	same(c, what+": k", a.KRope.Data, k)
}

// testAttentionLargeLogits uses integers, so that logits of 10000 are exact and only the softmax rounds.
func testAttentionLargeLogits[T compute.Float](c *check[T]) {
	for _, s := range []attentionCase{{1, 70, 2, 1, 2, 2, 3, false, "random"}, {1, 66, 2, 2, 0, 4, 3, true, ""}} {
		a := attentionArgs(c, s)
		for i := range a.Cos {
			a.Cos[i], a.Sin[i] = 1, 0
		}
		a.Scale = 1
		for _, data := range [][]T{a.Q.Data, a.KRope.Data, a.KNope.Data} {
			for i := range data {
				data[i] = T(c.r.IntN(101) - 50)
			}
		}
		// The backward pass has only the logarithm of the denominator, which is as coarse as the logits.
		compareAttention(c, s.String(), a, 5000)
		want := reference{widen(a)}
		want.forward()
		c.near(s.String()+": out with exact logits", a.Out, want.Out, 0)
		for _, m := range c.be.Host(a.MaxLogit) {
			if m < 1000 {
				c.Errorf("largest logit is %g, the test wants more than 1000", m)
			}
		}
	}
}

// testAttentionMaxLogit: the largest logit is raised, never lowered, over all sequences of the batch.
func testAttentionMaxLogit[T compute.Float](c *check[T]) {
	a := attentionArgs(c, attentionCase{3, 70, 3, 1, 4, 2, 3, false, ""})
	a.MaxLogit[1] = 1e6
	want := reference{widen(a)}
	want.forward()
	c.be.Attention(a)
	c.near("max logit", a.MaxLogit[:1], want.MaxLogit[:1], 0)
	same(c, "max logit from before", a.MaxLogit[1:2], []T{1e6})
	before := slices.Clone(c.be.Host(a.MaxLogit))
	c.be.Attention(a)
	same(c, "max logit of the same again", a.MaxLogit, before)
}

// testAttentionNaN: a NaN in a query makes its head's output NaN in that row only, and is reported as
// the head's largest logit, also after later finite passes.
func testAttentionNaN[T compute.Float](c *check[T]) {
	a := attentionArgs(c, attentionCase{2, 70, 2, 1, 4, 2, 3, false, ""})
	const bad, head = 67, 1
	at := bad*a.Q.Ld + a.Q.Off + head*a.Q.Stride
	good := a.Q.Data[at]
	a.Q.Data[at] = T(math.NaN())
	c.be.Attention(a)
	for i, v := range c.be.Host(a.Out) {
		row, h := i/(a.Heads*a.V), i/a.V%a.Heads
		if isNaN := v != v; isNaN != (row == bad && h == head) {
			c.Fatalf("output of row %d head %d is %g with a NaN in the query of row %d head %d", row, h, v, bad, head)
		}
	}
	c.be.Lend(a.Q.Data)[at] = good
	c.be.Attention(a)
	c.be.Host(a.MaxLogit)
	if a.MaxLogit[head] == a.MaxLogit[head] || a.MaxLogit[0] != a.MaxLogit[0] {
		c.Errorf("largest logits %g, want a number and NaN", a.MaxLogit)
	}
}
