package computetest

import (
	"fmt"
	"math"
	"slices"

	"muonclip/internal/compute"
)

type routeCase struct {
	tokens, experts, k int
	norm               bool
	sequences          int // of the auxiliary loss, 0 for none
}

var routeCases = []routeCase{
	{1, 1, 1, true, 0}, {1, 1, 1, false, 1}, {3, 5, 1, true, 3}, {63, 2, 1, false, 1}, {64, 8, 2, true, 2}, {64, 8, 2, false, 4},
	{65, 16, 16, true, 5}, {65, 16, 16, false, 0}, {66, 7, 3, true, 1}, {200, 33, 6, true, 8}, {200, 384, 8, true, 1}, {130, 300, 8, false, 10},
}

func routeArgs[T compute.Float](c *check[T], s routeCase) *compute.RouteArgs[T] {
	a := &compute.RouteArgs[T]{
		Tokens: s.tokens, Experts: s.experts, TopK: s.k, Norm: s.norm, Scale: 2.5, Bias: c.random(s.experts),
		Scores: c.random(s.tokens * s.experts), Index: c.ints(slices.Repeat([]int32{-1}, s.tokens*s.k)), Weight: c.nan(s.tokens * s.k),
		DWeight: c.random(s.tokens * s.k), DLogits: c.nan(s.tokens * s.experts),
	}
	for i := range a.Bias {
		a.Bias[i] *= 0.3
	}
	if s.sequences > 0 {
		a.AuxWeight, a.Seq = 0.37, s.tokens/s.sequences
		a.Frequency, a.AuxLoss = c.nan(s.sequences*s.experts), c.nan(s.sequences)
	}
	return a
}

func testRoute[T compute.Float](c *check[T]) {
	for _, s := range routeCases {
		compareRoute(c, fmt.Sprintf("%+v", s), routeArgs(c, s))
	}
}

// compareRoute checks the scores against the logits, the choice against the scores, and all else
// against both: a score that rounds differently may move a choice, and that is no error.
func compareRoute[T compute.Float](c *check[T], what string, a *compute.RouteArgs[T]) {
	c.Helper()
	logits, bias := wide(a.Scores), c.clone(a.Bias)
	c.be.Route(a)
	wantScores := make([]float64, len(logits))
	for i, z := range logits {
		wantScores[i] = sigmoid(z)
	}
	c.near(what+": scores", a.Scores, wantScores, 1)
	same(c, what+": choice", a.Index, chooseExperts(a))
	same(c, what+": bias", a.Bias, bias)
	for t := range a.Tokens {
		index := a.Index[t*a.TopK:][:a.TopK]
		want := make([]float64, a.TopK)
		total := 0.0
		for j, e := range index {
			want[j] = float64(a.Scores[t*a.Experts+int(e)])
			total += want[j]
		}
		for j := range want {
			if a.Norm {
				want[j] /= total + 1e-20
			}
			want[j] *= float64(a.Scale)
		}
		c.near(what+": weights", a.Weight[t*a.TopK:][:a.TopK], want, float64(a.Scale))
	}
	if a.AuxWeight != 0 {
		compareAuxLoss(c, what, a)
	}
	kept := c.clone(a.Scores)
	c.be.RouteBackward(a)
	c.near(what+": gradient of the logits", a.DLogits, routeGradient(a), 0)
	same(c, what+": scores after the backward pass", a.Scores, kept)
}

// chooseExperts sorts by score + bias, the lower expert first where they are equal.
func chooseExperts[T compute.Float](a *compute.RouteArgs[T]) []int32 {
	var chosen []int32
	for t := range a.Tokens {
		order := make([]int32, a.Experts)
		for e := range order {
			order[e] = int32(e)
		}
		slices.SortStableFunc(order, func(x, y int32) int {
			sx, sy := a.Scores[t*a.Experts+int(x)]+a.Bias[x], a.Scores[t*a.Experts+int(y)]+a.Bias[y]
			switch {
			case sx > sy:
				return -1
			case sx < sy:
				return 1
			}
			return 0
		})
		chosen = append(chosen, order[:a.TopK]...)
	}
	return chosen
}

// compareAuxLoss checks the frequencies and the loss of each sequence (DeepSeek-V3, eq. 17-20).
func compareAuxLoss[T compute.Float](c *check[T], what string, a *compute.RouteArgs[T]) {
	c.Helper()
	for i := range a.Tokens / a.Seq {
		f, p := make([]float64, a.Experts), make([]float64, a.Experts)
		for t := i * a.Seq; t < (i+1)*a.Seq; t++ {
			for _, e := range a.Index[t*a.TopK:][:a.TopK] {
				f[e] += float64(a.Experts) / float64(a.TopK*a.Seq)
			}
			scores := wide(a.Scores[t*a.Experts:][:a.Experts])
			for e, s := range scores {
				p[e] += s / (total(scores) + 1e-20) / float64(a.Seq)
			}
		}
		c.near(what+": frequency", a.Frequency[i*a.Experts:][:a.Experts], f, 0)
		c.near(what+": auxiliary loss", a.AuxLoss[i:i+1], []float64{float64(a.AuxWeight) * dot(f, p)}, float64(a.AuxWeight)*float64(a.Experts))
	}
}

// routeGradient differentiates weights and auxiliary loss by every score, and that by its logit.
func routeGradient[T compute.Float](a *compute.RouteArgs[T]) []float64 {
	grad := make([]float64, a.Tokens*a.Experts)
	for t := range a.Tokens {
		scores := wide(a.Scores[t*a.Experts:][:a.Experts])
		index, dw := a.Index[t*a.TopK:][:a.TopK], wide(a.DWeight[t*a.TopK:][:a.TopK])
		ds := grad[t*a.Experts:][:a.Experts]
		chosen := 1e-20
		for _, e := range index {
			chosen += scores[e]
		}
		for j, e := range index {
			if !a.Norm {
				ds[e] += dw[j] * float64(a.Scale)
				continue
			}
			ds[e] += dw[j] * float64(a.Scale) / chosen
			for _, other := range index { // through the denominator
				ds[other] -= dw[j] * float64(a.Scale) * scores[e] / (chosen * chosen)
			}
		}
		if a.AuxWeight != 0 {
			f := wide(a.Frequency[t/a.Seq*a.Experts:][:a.Experts])
			all := total(scores) + 1e-20
			for e := range ds {
				ds[e] += float64(a.AuxWeight) / float64(a.Seq) * (f[e]/all - dot(f, scores)/(all*all))
			}
		}
		for e, s := range scores {
			ds[e] *= s * (1 - s)
		}
	}
	return grad
}

func total(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v
	}
	return sum
}

// testRouteTies: equal scores go to the lower expert, and a bias moves the choice but not the weight.
func testRouteTies[T compute.Float](c *check[T]) {
	a := routeArgs(c, routeCase{tokens: 70, experts: 9, k: 4})
	clear(a.Scores)
	clear(a.Bias)
	a.Scale = 1
	c.be.Route(a)
	for t := range a.Tokens {
		same(c, "choice among equals", a.Index[t*4:][:4], []int32{0, 1, 2, 3})
	}
	clear(c.be.Lend(a.Scores))
	c.be.Lend(a.Bias)
	a.Bias[7], a.Bias[8], a.Bias[0] = 3, 3, -1
	c.be.Route(a)
	for t := range a.Tokens {
		same(c, "choice with a bias", a.Index[t*4:][:4], []int32{7, 8, 1, 2})
	}
	same(c, "weights with a bias", a.Weight, c.filled(len(a.Weight), 0.5))
}

// testRouteExtremes: saturated scores give finite weights and gradients.
func testRouteExtremes[T compute.Float](c *check[T]) {
	for _, norm := range []bool{false, true} {
		for _, sequences := range []int{0, 2} {
			for name, logit := range map[string][]float64{"high": {1e4, 1e4, 1e4}, "low": {-1e4, -1e4, -1e4}, "mixed": {1e4, -1e4, 0}} {
				a := routeArgs(c, routeCase{tokens: 66, experts: 9, k: 3, norm: norm, sequences: sequences})
				for i := range a.Scores {
					a.Scores[i] = T(logit[i%3])
				}
				compareRoute(c, fmt.Sprintf("%s logits, norm %v, %d sequences", name, norm, sequences), a)
				for i, w := range c.be.Host(a.Weight) {
					if math.IsNaN(float64(w)) || math.IsInf(float64(w), 0) {
						c.Fatalf("%s logits: weight %d is %g", name, i, w)
					}
				}
			}
		}
	}
}

// testBalance: biases move by the rate towards an even load, together by nothing, and not at all where it is even.
func testBalance[T compute.Float](c *check[T]) {
	const rate = 0.1
	for _, load := range [][]int32{{5}, {4, 4, 4}, {10, 0, 5, 5}, {1, 1, 1, 17}, c.indices(300, 1000), c.indices(1000, 3)} {
		bias := c.random(len(load))
		total, above := 0.0, 0.0
		sign := func(n int32) float64 {
			d := total/float64(len(load)) - float64(n)
			if math.Abs(d) < 1e-9 {
				return 0
			}
			return math.Copysign(1, d)
		}
		for _, n := range load {
			total += float64(n)
		}
		for _, n := range load {
			above += sign(n)
		}
		want := wide(bias)
		for i, n := range load {
			want[i] += rate * (sign(n) - above/float64(len(load)))
		}
		c.be.Balance(bias, c.ints(load), rate)
		c.near(fmt.Sprintf("loads %v", load[:min(4, len(load))]), bias, want, 3)
	}
}

// testGroup checks the definition of every list of Groups, and that order is kept within an expert.
func testGroup[T compute.Float](c *check[T]) {
	for _, s := range []struct{ tokens, experts, k int }{{1, 1, 1}, {1, 7, 3}, {64, 4, 2}, {65, 40, 1}, {200, 16, 4}, {33, 384, 8}} {
		slots := s.tokens * s.k
		garbage := func(n int) []int32 { return c.ints(slices.Repeat([]int32{1 << 20}, n)) }
		g := compute.Groups{Ends: garbage(s.experts), Token: garbage(slots), Choice: garbage(slots), Slot: garbage(slots)}
		index := c.indices(slots, max(1, s.experts-1)) // the last expert is empty
		before := c.indices(s.experts, 50)
		load := c.ints(before)
		c.be.Group(index, s.k, load, g)
		for _, x := range [][]int32{g.Ends, g.Token, g.Choice, g.Slot} {
			c.be.HostInts(x)
		}
		row := 0
		for e := range s.experts {
			for choice, chosen := range index {
				if int(chosen) != e {
					continue
				}
				if int(g.Token[row]) != choice/s.k || int(g.Choice[row]) != choice || int(g.Slot[choice]) != row {
					c.Fatalf("%+v: row %d of expert %d has token %d, choice %d, and choice %d is row %d", s, row, e, g.Token[row], g.Choice[row], choice, g.Slot[choice])
				}
				row++
				before[e]++
			}
			if int(g.Ends[e]) != row {
				c.Fatalf("%+v: expert %d ends at %d, want %d", s, e, g.Ends[e], row)
			}
		}
		same(c, fmt.Sprintf("%+v: load", s), load, before)
	}
}
