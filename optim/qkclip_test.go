package optim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"

	"muonclip/internal/compute"
)

// project returns x W^T for x of n x k and W of rows x k.
func project(x []float64, n int, w *tensor.Dense) [][]float64 {
	rows, k := rowsCols(w)
	wf := float64s(w)
	out := make([][]float64, n)
	for i := range out {
		out[i] = make([]float64, rows)
		for r := range rows {
			for j := range k {
				out[i][r] += x[i*k+j] * wf[r*k+j]
			}
		}
	}
	return out
}

// rotate applies RoPE on interleaved pairs at a position.
func rotate(x []float64, pos int) []float64 {
	out := make([]float64, len(x))
	for i := 0; i+1 < len(x); i += 2 {
		s, c := math.Sincos(float64(pos) * math.Pow(50000, -float64(i)/float64(len(x))))
		out[i], out[i+1] = x[i]*c-x[i+1]*s, x[i]*s+x[i+1]*c
	}
	return out
}

func dot(a, b []float64) float64 {
	var s float64
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// scene is one layer's attention on fixed inputs, whose logits can be computed again after a clip.
type scene struct {
	Attention
	tokens       int
	xq, xk, rope []float64 // inputs of Q and of the keys; shared rope keys of MLA
}

func randomScene[T compute.Float](rng *rand.Rand, a Attention, tokens int, loud map[int]float64) *scene {
	const width = 7
	s := &scene{Attention: a, tokens: tokens, xq: normals(rng, tokens*width, 1), xk: normals(rng, tokens*width, 1), rope: normals(rng, tokens*a.Rope, 1)}
	q := normals(rng, a.qRows()*width, 1)
	per := a.qRows() / a.Heads
	for h, f := range loud {
		for i := h * per * width; i < (h+1)*per*width; i++ {
			q[i] *= f
		}
	}
	s.Q = dense[T](q, a.qRows(), width)
	if a.Nope > 0 {
		s.KVB = dense[T](normals(rng, a.Heads*(a.Nope+a.V)*width, 1), a.Heads*(a.Nope+a.V), width)
		return s
	}
	s.K = dense[T](normals(rng, a.kvHeads()*a.HeadDim*width, 1), a.kvHeads()*a.HeadDim, width)
	s.QBias = dense[T](normals(rng, a.qRows(), 1), a.qRows())
	s.KBias = dense[T](normals(rng, a.kvHeads()*a.HeadDim, 1), a.kvHeads()*a.HeadDim)
	return s
}

func (a *Attention) qRows() int {
	if a.Nope > 0 {
		return a.Heads * (a.Nope + a.Rope)
	}
	return a.Heads * a.HeadDim
}

// logits returns every causal softmax input of head h.
func (s *scene) logits(h int) []float64 {
	q := project(s.xq, s.tokens, s.Q)
	var out []float64
	if s.KVB != nil {
		k := project(s.xk, s.tokens, s.KVB)
		for i := range s.tokens {
			qh := q[i][h*(s.Nope+s.Rope):]
			for j := range i + 1 {
				kn := k[j][h*(s.Nope+s.V):]
				v := dot(qh[:s.Nope], kn[:s.Nope])
				v += dot(rotate(qh[s.Nope:s.Nope+s.Rope], i), rotate(s.rope[j*s.Rope:(j+1)*s.Rope], j))
				out = append(out, v/math.Sqrt(float64(s.Nope+s.Rope)))
			}
		}
		return out
	}
	k := project(s.xk, s.tokens, s.K)
	d, kv := s.HeadDim, h/(s.Heads/s.kvHeads())
	at := func(x []float64, bias *tensor.Dense, head, pos int) []float64 {
		y := make([]float64, d)
		for i := range y {
			y[i] = x[head*d+i] + float64s(bias)[head*d+i]
		}
		return rotate(y, pos)
	}
	for i := range s.tokens {
		for j := range i + 1 {
			out = append(out, dot(at(q[i], s.QBias, h, i), at(k[j], s.KBias, kv, j))/math.Sqrt(float64(d)))
		}
	}
	return out
}

func largest(x []float64) float64 {
	m := math.Inf(-1)
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

// clone copies the matrices of a.
func (a Attention) clone() Attention {
	for _, d := range []**tensor.Dense{&a.Q, &a.KVB, &a.K, &a.QBias, &a.KBias} {
		if *d != nil {
			*d = (*d).Clone().(*tensor.Dense)
		}
	}
	return a
}

func TestQKClipScalesLogitsExactly(t *testing.T) {
	layouts := []struct {
		name string
		a    Attention
		loud map[int]float64
	}{
		{"mla", Attention{Heads: 4, Nope: 6, Rope: 4, V: 5}, map[int]float64{1: 9, 3: 4}},
		{"mla without rope", Attention{Heads: 2, Nope: 6, V: 3}, map[int]float64{1: 9}},
		{"mha", Attention{Heads: 3, HeadDim: 8}, map[int]float64{0: 7}},
		{"gqa, one loud head of a group", Attention{Heads: 6, KVHeads: 3, HeadDim: 4}, map[int]float64{2: 9}},
		{"gqa, a whole group", Attention{Heads: 6, KVHeads: 3, HeadDim: 4}, map[int]float64{2: 9, 3: 20}},
		{"mqa", Attention{Heads: 4, KVHeads: 1, HeadDim: 6}, map[int]float64{1: 9, 2: 6}},
	}
	for _, l := range layouts {
		for _, alpha := range []float64{0.5, 0.3, 1} {
			t.Run(fmt.Sprintf("%s/alpha %g/float64", l.name, alpha), func(t *testing.T) {
				testQKClipScene[float64](t, l.a, l.loud, alpha, 1e-12)
			})
			t.Run(fmt.Sprintf("%s/alpha %g/float32", l.name, alpha), func(t *testing.T) {
				testQKClipScene[float32](t, l.a, l.loud, alpha, 1e-6)
			})
		}
	}
}

func testQKClipScene[T compute.Float](t *testing.T, a Attention, loud map[int]float64, alpha, tol float64) {
	s := randomScene[T](rand.New(rand.NewPCG(5, 6)), a, 6, loud)
	table := NewMaxLogits(1, a.Heads)
	before, quiet := make([][]float64, a.Heads), 0.0
	for h := range before {
		before[h] = s.logits(h)
		table.Observe(0, h, largest(before[h]))
		if _, ok := loud[h]; !ok {
			quiet = max(quiet, largest(before[h]))
		}
	}
	clip := QKClip{Tau: quiet * 1.01, Alpha: alpha} // just above what the quiet heads reach
	old := s.Attention.clone()
	events, err := clip.Apply([]Attention{s.Attention}, table)
	if err != nil {
		t.Fatal(err)
	}
	clipped := make(map[int]float64)
	for _, e := range events {
		if e.MaxLogit != table.At(0, e.Head) || e.Gamma != clip.Tau/e.MaxLogit {
			t.Errorf("event %+v does not report S and tau/S", e)
		}
		clipped[e.Head] = e.Gamma
	}
	if len(clipped) != len(loud) {
		t.Fatalf("clipped heads %v, want those of %v", clipped, loud)
	}
	for h := range a.Heads {
		g, ok := clipped[h]
		if !ok {
			g = 1
		}
		want := make([]float64, len(before[h]))
		for i, v := range before[h] {
			want[i] = v * g
		}
		wantClose(t, fmt.Sprintf("logits of head %d", h), s.logits(h), want, tol)
		if !ok {
			wantRowsEqual(t, "queries of a quiet head", s.Q, old.Q, h*a.qRows()/a.Heads, (h+1)*a.qRows()/a.Heads)
		}
		if s.KVB != nil {
			k := h * (a.Nope + a.V)
			if !ok {
				wantRowsEqual(t, "keys of a quiet head", s.KVB, old.KVB, k, k+a.Nope)
			}
			wantRowsEqual(t, "values", s.KVB, old.KVB, k+a.Nope, k+a.Nope+a.V)
		} else if kv := h / (a.Heads / a.kvHeads()); !ok {
			wantRowsEqual(t, "keys of a group with a quiet head", s.K, old.K, kv*a.HeadDim, (kv+1)*a.HeadDim)
		}
	}
	// Nothing may grow.
	for _, pair := range [][2]*tensor.Dense{{s.Q, old.Q}, {s.K, old.K}, {s.KVB, old.KVB}, {s.QBias, old.QBias}, {s.KBias, old.KBias}} {
		if pair[0] == nil {
			continue
		}
		was := float64s(pair[1])
		for i, v := range float64s(pair[0]) {
			if math.Abs(v) > math.Abs(was[i]) {
				t.Fatalf("a weight grew from %g to %g", was[i], v)
			}
		}
	}
}

func wantRowsEqual(t *testing.T, what string, got, want *tensor.Dense, lo, hi int) {
	t.Helper()
	_, width := rowsCols(got)
	wantSameBits(t, what, float64s(got)[lo*width:hi*width], float64s(want)[lo*width:hi*width])
}

// The split between queries and keys follows alpha: it is not only their product that matters.
func TestQKClipSplitsByAlpha(t *testing.T) {
	ones := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = 1
		}
		return x
	}
	mla := Attention{Heads: 1, Nope: 1, Rope: 1, V: 1, Q: dense[float64](ones(2), 2, 1), KVB: dense[float64](ones(2), 2, 1)}
	gqa := Attention{
		Layer: 1, Heads: 1, HeadDim: 1, Q: dense[float64](ones(1), 1, 1), K: dense[float64](ones(1), 1, 1),
	}
	table := NewMaxLogits(2, 1)
	table.Observe(0, 0, 1600)
	table.Observe(1, 0, 1600)
	if _, err := (QKClip{}).Apply([]Attention{mla, gqa}, table); err != nil { // gamma = 1/16
		t.Fatal(err)
	}
	if d := cmp.Diff([][]float64{{0.25, 0.0625}, {0.25, 1}, {0.25}, {0.25}},
		[][]float64{mla.Q.Float64s(), mla.KVB.Float64s(), gqa.Q.Float64s(), gqa.K.Float64s()}); d != "" {
		t.Errorf("q, kvb, q, k (-want +got):\n%s", d)
	}
}

// Whatever the logits are, weights stay finite, and only those above the threshold matter.
func TestQKClipStaysFinite(t *testing.T) {
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, -5, 99, 100, math.Nextafter(100, 200), 101, 1e10, 1e30, math.MaxFloat32, math.MaxFloat64}
	rapid.Check(t, func(r *rapid.T) {
		a := Attention{Heads: 4, Nope: 2, Rope: 2, V: 2}
		if rapid.Bool().Draw(r, "grouped") {
			a = Attention{Heads: 4, KVHeads: rapid.SampledFrom([]int{1, 2, 4}).Draw(r, "kv"), HeadDim: 2}
		}
		s := randomScene[float32](rand.New(rand.NewPCG(1, 1)), a, 2, nil)
		old := s.Attention.clone()
		table := NewMaxLogits(1, 4)
		for h := range 4 {
			table.Observe(0, h, rapid.SampledFrom(odd).Draw(r, "logit"))
		}
		events, err := QKClip{}.Apply([]Attention{s.Attention}, table)
		if err != nil {
			r.Fatal(err)
		}
		var want []ClipEvent
		for h := range 4 {
			switch l := table.At(0, h); {
			case math.IsNaN(l):
				want = append(want, ClipEvent{0, h, l, 1})
			case math.IsInf(l, 1):
				want = append(want, ClipEvent{0, h, l, 1.0 / 1024})
			case l > 100:
				want = append(want, ClipEvent{0, h, l, 100 / l})
			}
		}
		if fmt.Sprint(events) != fmt.Sprint(want) { // NaN is not equal to itself
			r.Fatalf("events %v, want %v", events, want)
		}
		for _, d := range []*tensor.Dense{s.Q, s.KVB, s.K} {
			if d == nil {
				continue
			}
			for i, v := range d.Float32s() {
				if v != v || math.IsInf(float64(v), 0) {
					r.Fatalf("weight %d is %g", i, v)
				}
			}
		}
		per := a.qRows() / 4
		for h := range 4 {
			if l := table.At(0, h); !(l > 100) && !cmp.Equal(s.Q.Float32s()[h*per*7:(h+1)*per*7], old.Q.Float32s()[h*per*7:(h+1)*per*7]) {
				r.Fatalf("head %d with logit %g changed", h, l)
			}
		}
	})
}

func TestQKClipErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	mla := func() Attention {
		return randomScene[float32](rng, Attention{Heads: 2, Nope: 2, Rope: 2, V: 2}, 1, nil).Attention
	}
	gqa := func() Attention {
		return randomScene[float32](rng, Attention{Heads: 4, KVHeads: 2, HeadDim: 2}, 1, nil).Attention
	}
	two, four := NewMaxLogits(1, 2), NewMaxLogits(1, 4)
	two.Observe(0, 0, 1000)
	cases := []struct {
		want   string
		a      Attention
		logits *MaxLogits
		clip   QKClip
		change func(*Attention)
	}{
		{"tau", mla(), two, QKClip{Tau: -1}, nil},
		{"alpha", mla(), two, QKClip{Alpha: 1.5}, nil},
		{"infinite logits", mla(), two, QKClip{InfGamma: 1}, nil},
		{"Q has shape (8, 7), want 2 dimensions and 10 rows", mla(), two, QKClip{}, func(a *Attention) { a.Rope = 3 }},
		{"KVB has shape", mla(), two, QKClip{}, func(a *Attention) { a.V = 9 }},
		{"Q is nil", mla(), two, QKClip{}, func(a *Attention) { a.Q = nil }},
		{"either KVB", mla(), two, QKClip{}, func(a *Attention) { a.KVB = nil }},
		{"either KVB", gqa(), four, QKClip{}, func(a *Attention) { a.KVB = a.Q }},
		{"do not divide", gqa(), four, QKClip{}, func(a *Attention) { a.KVHeads = 3 }},
		{"K has shape", gqa(), four, QKClip{}, func(a *Attention) { a.KVHeads = 4 }},
		{"head size", gqa(), four, QKClip{}, func(a *Attention) { a.HeadDim = 0 }},
		{"QBias", gqa(), four, QKClip{}, func(a *Attention) { a.QBias = a.KBias }},
		{"no row in the table", mla(), two, QKClip{}, func(a *Attention) { a.Layer = 1 }},
		{"no row in the table", gqa(), two, QKClip{}, nil},
		{"no row in the table", mla(), nil, QKClip{}, nil},
	}
	for _, c := range cases {
		if c.change != nil {
			c.change(&c.a)
		}
		good := mla()
		before := good.clone()
		_, err := c.clip.Apply([]Attention{good, c.a}, c.logits)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want one with %q", err, c.want)
		}
		wantSameBits(t, "another layer after an error", good.Q.Float32s(), before.Q.Float32s())
	}
}

func TestMaxLogits(t *testing.T) {
	m, other := NewMaxLogits(2, 2), NewMaxLogits(2, 2)
	if m.Max() != math.Inf(-1) || m.At(1, 1) != math.Inf(-1) {
		t.Error("a new table is not at -Inf")
	}
	ObserveLayer(m, 0, []float32{1, -2})
	ObserveLayer(m, 0, []float32{0.5, 3}) // a later micro-batch
	m.Observe(1, 0, 7)
	other.Observe(1, 0, 6)
	other.Observe(1, 1, 9)
	m.Merge(other)
	if d := cmp.Diff([][]float64{{1, 3}, {7, 9}}, m.Rows()); d != "" {
		t.Errorf("table (-want +got):\n%s", d)
	}
	if m.Layers() != 2 || m.Heads() != 2 || m.Max() != 9 {
		t.Errorf("table is %dx%d with maximum %g", m.Layers(), m.Heads(), m.Max())
	}
	m.Observe(0, 0, math.NaN())
	m.Observe(0, 0, 5)
	if !math.IsNaN(m.At(0, 0)) || !math.IsNaN(m.Max()) {
		t.Error("NaN was forgotten")
	}
	m.Reset()
	if m.Max() != math.Inf(-1) {
		t.Error("Reset left something")
	}
}
