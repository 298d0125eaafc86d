package generate

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/rng"
)

// SampleOptions says how the next token is drawn. The parts apply in the order of the fields, each
// to what the one before left, as in Hugging Face transformers: the repetition penalty to the
// logits, then the temperature, then the cuts by rank, by mass and by ratio. Where probabilities
// are equal, the lower id comes first.
type SampleOptions struct {
	// RepetitionPenalty divides the positive and multiplies the negative logits of tokens that the
	// prompt or the output contains (Keskar et al., arXiv 1909.05858). 0 means 1: no penalty.
	RepetitionPenalty float64
	// Temperature divides the logits. 0 picks the largest logit and ignores the fields below.
	Temperature float64
	// TopK keeps this many likeliest tokens. 0 keeps all.
	TopK int
	// TopP keeps the fewest likeliest tokens that together have this share of the probability
	// (Holtzman et al., arXiv 1904.09751), at least one. 0 and 1 keep all.
	TopP float64
	// MinP drops tokens below this share of the likeliest token's probability. 0 drops none.
	MinP float64
	// Seed selects the random numbers: draw number n of sample s of prompt p is the same in every
	// batch and on every machine.
	Seed uint64
}

// Validate names every field that is out of range.
func (o SampleOptions) Validate() error {
	var errs []error
	check := func(ok bool, format string, v any) {
		if !ok {
			errs = append(errs, fmt.Errorf("generate: "+format, v))
		}
	}
	check(o.RepetitionPenalty >= 0 && !math.IsInf(o.RepetitionPenalty, 0), "repetition penalty %v, want a number from 0", o.RepetitionPenalty)
	check(o.Temperature >= 0 && !math.IsInf(o.Temperature, 0), "temperature %v, want a number from 0", o.Temperature)
	check(o.TopK >= 0, "top-k %v, want 0 or more", o.TopK)
	check(o.TopP >= 0 && o.TopP <= 1, "top-p %v, want 0 to 1", o.TopP)
	check(o.MinP >= 0 && o.MinP <= 1, "min-p %v, want 0 to 1", o.MinP)
	return errors.Join(errs...)
}

// Choice is a drawn token.
type Choice struct {
	ID int32
	// LogProb is the token's log-probability under the model: no penalty, temperature 1, no cut.
	LogProb float64
	// SampledLogProb is the token's log-probability under the distribution that it was drawn from;
	// 0 where the temperature is 0.
	SampledLogProb float64
}

// Uniform is the random number in [0, 1) that draws the token at a position of a sample of a prompt,
// positions counting from the beginning of the prompt.
func Uniform(seed uint64, prompt, sample, position int) float64 {
	return rng.New(seed, "generate token", uint64(prompt), uint64(sample), uint64(position)).Float64()
}

// Seen is the set of tokens that the repetition penalty applies to, a bit for each.
type Seen []uint64

// NewSeen returns an empty set for a vocabulary.
func NewSeen(vocab int) Seen { return make(Seen, (vocab+63)/64) }

// Add puts a token into the set.
func (s Seen) Add(id int32) { s[id/64] |= 1 << (id % 64) }

// Has reports whether a token is in the set.
func (s Seen) Has(id int32) bool { return s[id/64]&(1<<(id%64)) != 0 }

// Sampler draws tokens. It holds scratch memory and is used by one goroutine at a time.
type Sampler[T compute.Float] struct {
	made SampleOptions // as they were given
	opt  SampleOptions
	exp  cpu.Exp[T]
	e    []T       // relative probability of each token, 1 for the likeliest
	sums []float64 // of every cpu.ExpChunk of them
	z    []float64 // logits after the repetition penalty
	heap candidates
	kept candidates
}

// NewSampler returns a sampler of the options, which must be valid.
func NewSampler[T compute.Float](o SampleOptions) *Sampler[T] {
	made := o
	if o.RepetitionPenalty == 0 {
		o.RepetitionPenalty = 1
	}
	return &Sampler[T]{made: made, opt: o, exp: cpu.NewExp[T]()}
}

// Sample draws a token from logits, which it leaves alone, with the random number u in [0, 1). seen
// may be nil where there is no repetition penalty. It fails where a logit is NaN or +Inf.
func (s *Sampler[T]) Sample(logits []T, seen Seen, u float64) (Choice, error) {
	top := s.exp.Max(logits)
	peak := float64(top)
	if math.IsNaN(peak) || math.IsInf(peak, 0) {
		return Choice{}, fmt.Errorf("generate: the logits are not finite (%v at token %d); check the model's weights", peak, largest(logits))
	}
	s.e = grow(s.e, len(logits))
	sum := s.exponentials(logits, top)
	norm := peak + math.Log(sum)
	c := Choice{}
	penalized := s.opt.RepetitionPenalty != 1 && seen != nil
	switch {
	case s.opt.Temperature == 0 && !penalized:
		c.ID = int32(slices.Index(logits, top))
	case s.opt.Temperature == 1 && !penalized: // the exponentials are there
		c.ID, c.SampledLogProb = s.draw(u, sum)
	default:
		s.penalize(logits, seen)
		if s.opt.Temperature == 0 {
			c.ID = int32(largest(s.z))
		} else {
			c.ID, c.SampledLogProb = s.draw(u, s.soften())
		}
	}
	c.LogProb = float64(logits[c.ID]) - norm
	return c, nil
}

// exponentials fills e and sums with exp(x - shift) and returns the sum of all.
func (s *Sampler[T]) exponentials(x []T, shift T) float64 {
	var sum float64
	sum, s.sums = s.exp.Sums(s.e, x, shift, s.sums[:0])
	return sum
}

// penalize fills z with the logits after the repetition penalty.
func (s *Sampler[T]) penalize(logits []T, seen Seen) {
	s.z = grow(s.z, len(logits))
	for i, z := range logits {
		s.z[i] = float64(z)
	}
	penalty := s.opt.RepetitionPenalty
	if penalty == 1 || seen == nil {
		return
	}
	for i, z := range s.z {
		switch {
		case !seen.Has(int32(i)):
		case z > 0:
			s.z[i] = z / penalty
		default:
			s.z[i] = z * penalty
		}
	}
}

// soften turns the logits in z into relative probabilities and returns their sum.
func (s *Sampler[T]) soften() float64 {
	peak := s.z[largest(s.z)]
	for i, z := range s.z {
		s.e[i] = T((z - peak) / s.opt.Temperature)
	}
	return s.exponentials(s.e, 0)
}

// draw cuts the relative probabilities in e, whose sum is total, and draws with u.
func (s *Sampler[T]) draw(u, total float64) (id int32, logProb float64) {
	all := s.opt.TopK == 0 || s.opt.TopK >= len(s.e)
	if all && (s.opt.TopP == 0 || s.opt.TopP == 1) && s.opt.MinP == 0 {
		return s.drawAll(u*total, total)
	}
	total = s.cut(total)
	for i, at := 0, u*total; ; i++ {
		c := s.kept[i]
		if at -= c.p; at < 0 || i == len(s.kept)-1 {
			return c.id, math.Log(c.p / total)
		}
	}
}

// drawAll finds the token in which the point at of [0, total) falls. It passes over chunks that end before it.
func (s *Sampler[T]) drawAll(at, total float64) (id int32, logProb float64) {
	from, last := 0, len(s.sums)-1
	for s.sums[last] == 0 { // rounding must not leave the point there; the likeliest token has 1
		last--
	}
	for _, sum := range s.sums[:last] {
		if at < sum {
			break
		}
		at, from = at-sum, from+cpu.ExpChunk
	}
	for i := from; i < len(s.e); i++ {
		p := float64(s.e[i])
		if p == 0 {
			continue
		}
		id = int32(i) // rounding may leave the point behind the last token, which then is it
		if at -= p; at < 0 {
			break
		}
	}
	return id, math.Log(float64(s.e[id]) / total)
}

// cut fills kept with the tokens that remain, the likeliest first, and returns their sum.
func (s *Sampler[T]) cut(total float64) float64 {
	o := &s.opt
	s.heap, s.kept = s.heap[:0], s.kept[:0]
	for i, p := range s.e {
		s.heap = append(s.heap, candidate{float64(p), int32(i)})
	}
	s.heap.order()
	limit := len(s.e)
	if o.TopK > 0 && o.TopK < limit {
		limit, total = o.TopK, 0
		for range limit {
			c := s.heap.pop()
			s.kept = append(s.kept, c)
			total += c.p
		}
	}
	enough := math.Inf(1)
	if o.TopP > 0 && o.TopP < 1 {
		enough = o.TopP * total
	}
	sum, n := 0.0, 0
	for ; n < limit && sum < enough; n++ {
		if n == len(s.kept) {
			s.kept = append(s.kept, s.heap.pop())
		}
		p := s.kept[n].p
		if p == 0 || p < o.MinP { // the likeliest has 1
			break
		}
		sum += p
	}
	s.kept = s.kept[:n]
	return sum
}

// largest is the index of the first largest element, or of a NaN.
func largest[T compute.Float](x []T) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
		if v != v {
			return i
		}
	}
	return best
}
