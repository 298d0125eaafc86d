package generate

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muonclip/internal/compute/cpu"
)

// reference is the sampling distribution by definition: every part of SampleOptions as a pass over
// the whole vocabulary, with the tokens sorted.
func reference(logits []float64, seen Seen, o SampleOptions) []candidate {
	z := slices.Clone(logits)
	if p := o.RepetitionPenalty; p != 0 {
		for i := range z {
			if seen.Has(int32(i)) && z[i] > 0 {
				z[i] /= p
			} else if seen.Has(int32(i)) {
				z[i] *= p
			}
		}
	}
	list := make([]candidate, len(z))
	for i, v := range z {
		list[i] = candidate{math.Exp((v - slices.Max(z)) / o.Temperature), int32(i)}
	}
	sorted := o.TopK > 0 && o.TopK < len(z) || o.TopP > 0 && o.TopP < 1 || o.MinP > 0
	if sorted {
		slices.SortFunc(list, func(a, b candidate) int {
			return cmp.Or(cmp.Compare(b.p, a.p), cmp.Compare(a.id, b.id))
		})
	}
	mass := func() (sum float64) {
		for _, c := range list {
			sum += c.p
		}
		return sum
	}
	if o.TopK > 0 && o.TopK < len(list) {
		list = list[:o.TopK]
	}
	if o.TopP > 0 && o.TopP < 1 {
		total, sum := mass(), 0.0
		for n, c := range list {
			if sum += c.p; sum >= o.TopP*total {
				list = list[:n+1]
				break
			}
		}
	}
	best := slices.MaxFunc(list, func(a, b candidate) int { return cmp.Compare(a.p, b.p) }).p
	list = slices.DeleteFunc(list, func(c candidate) bool { return c.p < o.MinP*best || c.p == 0 })
	total := mass()
	for i := range list {
		list[i].p /= total
	}
	return list
}

// The unit interval must fall into one piece for each token of the reference, as long as the
// token's probability.
func TestSampleMatchesReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logits := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-6, 6), rapid.SampledFrom([]float64{0, 1, 1, 2, math.Inf(-1)})), 1, 30).Draw(t, "logits")
		logits[rapid.IntRange(0, len(logits)-1).Draw(t, "finite")] = 1.5
		seen := NewSeen(len(logits))
		for _, id := range rapid.SliceOf(rapid.Int32Range(0, int32(len(logits)-1))).Draw(t, "seen") {
			seen.Add(id)
		}
		o := SampleOptions{
			RepetitionPenalty: rapid.SampledFrom([]float64{0, 1, 1.3, 0.7}).Draw(t, "penalty"),
			Temperature:       rapid.SampledFrom([]float64{0.1, 0.8, 1, 3}).Draw(t, "temperature"),
			TopK:              rapid.SampledFrom([]int{0, 1, 3, 10, 100}).Draw(t, "top-k"),
			TopP:              rapid.SampledFrom([]float64{0, 1e-9, 0.3, 0.9, 1}).Draw(t, "top-p"),
			MinP:              rapid.SampledFrom([]float64{0, 0.05, 0.5, 1}).Draw(t, "min-p"),
		}
		s := NewSampler[float64](o)
		before, below := slices.Clone(logits), 0.0
		norm := 0.0
		for _, z := range logits {
			norm += math.Exp(z)
		}
		for _, want := range reference(logits, seen, o) {
			for _, share := range []float64{0.001, 0.5, 0.999} {
				u := below + share*want.p
				if want.p < 1e-12 || u >= 1 {
					continue // narrower than the rounding of u
				}
				got, err := s.Sample(logits, seen, u)
				if err != nil {
					t.Fatal(err)
				}
				if got.ID != want.id || math.Abs(got.SampledLogProb-math.Log(want.p)) > 1e-9 {
					t.Fatalf("u %g: got token %d with log-probability %g, want %d with %g", u, got.ID, got.SampledLogProb, want.id, math.Log(want.p))
				}
				if model := logits[got.ID] - math.Log(norm); math.Abs(got.LogProb-model) > 1e-9 {
					t.Fatalf("token %d has log-probability %g under the model, got %g", got.ID, model, got.LogProb)
				}
			}
			below += want.p
		}
		if !slices.Equal(before, logits) {
			t.Fatal("Sample changed the logits")
		}
	})
}

func TestSampleCases(t *testing.T) {
	inf := math.Inf(1)
	logits := []float32{1, 3, 3, -2, 0}
	seen := NewSeen(5)
	seen.Add(1)
	for _, tt := range []struct {
		name   string
		logits []float32
		o      SampleOptions
		u      float64
		want   int32
	}{
		{"greedy takes the lowest id of a tie", logits, SampleOptions{}, 0.99, 1},
		{"greedy after the penalty", logits, SampleOptions{RepetitionPenalty: 1.1}, 0, 2},
		{"the penalty makes negative logits smaller", []float32{-2, -1, -1.5, -9, -9}, SampleOptions{RepetitionPenalty: 2}, 0, 2},
		{"greedy ignores the cuts", logits, SampleOptions{TopK: 1, TopP: 0.1, MinP: 1}, 0.99, 1},
		{"top-k takes the lowest ids of a tie", logits, SampleOptions{Temperature: 1, TopK: 1}, 0.999, 1},
		{"min-p 1 keeps ties", logits, SampleOptions{Temperature: 1, MinP: 1}, 0.75, 2},
		{"a small top-p keeps one", logits, SampleOptions{Temperature: 1, TopP: 1e-12}, 0.999, 1},
		{"tiny temperature", logits, SampleOptions{Temperature: 1e-300, TopK: 2}, 0.75, 2},
		{"the last bit of u", logits, SampleOptions{Temperature: 1}, 1 - 1.0/(1<<53), 4},
		{"impossible tokens are never drawn", []float32{0, 0, 0, 0, float32(-inf)}, SampleOptions{Temperature: 1}, 1 - 1.0/(1<<53), 3},
	} {
		got, err := NewSampler[float32](tt.o).Sample(tt.logits, seen, tt.u)
		if err != nil || got.ID != tt.want {
			t.Errorf("%s: token %d (%v), want %d", tt.name, got.ID, err, tt.want)
		}
	}
	for _, bad := range []float64{math.NaN(), inf} {
		if _, err := NewSampler[float32](SampleOptions{}).Sample([]float32{1, float32(bad), 2}, nil, 0); err == nil || !strings.Contains(err.Error(), "at token 1") {
			t.Errorf("a logit of %v gives the error %v", bad, err)
		}
	}
	if _, err := NewSampler[float32](SampleOptions{}).Sample([]float32{float32(-inf)}, nil, 0); err == nil {
		t.Error("no possible token gives no error")
	}
}

// Draws follow the distribution: a chi-squared test at a fixed seed.
func TestSampleFrequencies(t *testing.T) {
	logits := []float64{0.3, -1, 2, 0.5, 1.2, -0.7}
	o := SampleOptions{Temperature: 0.9, TopP: 0.97, Seed: 4}
	s := NewSampler[float64](o)
	const draws = 20000
	count := map[int32]float64{}
	for i := range draws {
		c, err := s.Sample(logits, nil, Uniform(o.Seed, i%7, i%3, i))
		if err != nil {
			t.Fatal(err)
		}
		count[c.ID]++
	}
	chi := 0.0
	want := reference(logits, nil, o)
	for _, c := range want {
		d := count[c.id] - draws*c.p
		chi += d * d / (draws * c.p)
		delete(count, c.id)
	}
	if len(count) > 0 {
		t.Errorf("tokens outside the distribution were drawn: %v", count)
	}
	if chi > 20.5 { // 0.999 quantile for 5 degrees of freedom
		t.Errorf("chi-squared %.1f over %d tokens", chi, len(want))
	}
}

func TestUniformKeys(t *testing.T) {
	all := map[float64]bool{}
	for seed := range uint64(3) {
		for i := range 27 {
			all[Uniform(seed, i/9, i/3%3, i%3)] = true
		}
	}
	if len(all) != 81 {
		t.Errorf("81 keys give %d numbers", len(all))
	}
}

func TestSampleOptionsValidate(t *testing.T) {
	if err := (SampleOptions{}).Validate(); err != nil {
		t.Error(err)
	}
	bad := SampleOptions{RepetitionPenalty: -1, Temperature: math.NaN(), TopK: -1, TopP: 1.1, MinP: -0.1}
	err := bad.Validate()
	for _, want := range []string{"repetition penalty -1", "temperature NaN", "top-k -1", "top-p 1.1", "min-p -0.1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

// TestDrawOverChunks draws from more tokens than are added up together, among them a chunk without any probability, and
// wants the shares of a few tokens and of the chunks. The point nearest to the end must not fall on a token that cannot be.
func TestDrawOverChunks(t *testing.T) {
	logits := make([]float32, 3*cpu.ExpChunk+7)
	for i := range logits {
		logits[i] = float32(math.Inf(-1))
	}
	want := map[int32]float64{3: 0.25, cpu.ExpChunk - 1: 0.125, cpu.ExpChunk: 0.125, cpu.ExpChunk + 5: 0.5}
	for id, p := range want {
		logits[id] = float32(math.Log(p))
	}
	s := NewSampler[float32](SampleOptions{Temperature: 1})
	got := map[int32]float64{}
	const draws = 1000
	for i := range draws {
		c, err := s.Sample(logits, nil, (float64(i)+0.5)/draws)
		if err != nil {
			t.Fatal(err)
		}
		got[c.ID] += 1.0 / draws
		if math.Abs(c.SampledLogProb-math.Log(want[c.ID])) > 1e-6 || math.Abs(c.LogProb-c.SampledLogProb) > 1e-6 {
			t.Fatalf("token %d has log-probabilities %g and %g, want %g", c.ID, c.LogProb, c.SampledLogProb, math.Log(want[c.ID]))
		}
	}
	for id, p := range want {
		if math.Abs(got[id]-p) > 2.0/draws {
			t.Errorf("token %d was drawn in %g, want %g", id, got[id], p)
		}
	}
	if c, err := s.Sample(logits, nil, math.Nextafter(1, 0)); err != nil || c.ID != cpu.ExpChunk+5 {
		t.Errorf("the last point falls on token %d, %v", c.ID, err)
	}
}
