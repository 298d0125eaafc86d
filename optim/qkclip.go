package optim

import (
	"errors"
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"muonclip/internal/compute"
)

// QKClip bounds attention logits by shrinking the query and key weights of the heads that exceed a threshold, after
// the optimizer's update (Kimi K2, arXiv 2507.20534, Algorithm 1). With S the largest softmax input of a head in the
// step, scale 1/sqrt(d) included, and gamma = Tau/S < 1, the weights change so that the same inputs would have given
// gamma*S. Momentum is not rescaled, and the step's own forward and backward pass are not affected.
type QKClip struct {
	Tau   float64 // threshold; 0 means 100, as in K2
	Alpha float64 // share of gamma taken by the queries, in (0, 1]: they get gamma^Alpha, the keys the rest; 0 means 0.5

	// InfGamma is the gamma of a head whose S is +Inf, which tells that it is too large but not by how much. It must
	// leave the weights something to recover from. 0 means 1/1024; the next step measures what is left.
	InfGamma float64
}

// Attention names the matrices of one layer. Projections have one row for each output element, as in torch.nn.Linear.
// KVB selects multi-head latent attention, K multi-head or grouped-query attention; exactly one of them is set.
//
// Both rely on logits being bilinear in the clipped rows. That holds where a normalisation comes before these
// projections, as in MLA's q_b_proj and kv_b_proj, but not where queries and keys are normalised after them.
type Attention struct {
	Layer int // row of MaxLogits, and the layer in events
	Heads int // query heads

	// Q has Heads*(Nope+Rope) rows under MLA, per head [nope | rope]: q_b_proj, or q_proj without q_lora. Otherwise
	// it has Heads*HeadDim.
	Q *tensor.Dense

	// Multi-head latent attention. KVB is kv_b_proj with Heads*(Nope+V) rows, per head [k_nope | v].
	KVB           *tensor.Dense
	Nope, Rope, V int

	// Multi-head and grouped-query attention. K has KVHeads*HeadDim rows; head h uses key head h/(Heads/KVHeads).
	K       *tensor.Dense
	KVHeads int // 0 means Heads
	HeadDim int
	QBias   *tensor.Dense // bias of Q, Heads*HeadDim long; nil where there is none
	KBias   *tensor.Dense // bias of K, KVHeads*HeadDim long; nil where there is none
}

// ClipEvent reports one head above the threshold.
type ClipEvent struct {
	Layer    int     `json:"layer"`
	Head     int     `json:"head"`
	MaxLogit float64 `json:"max_logit"` // may be +Inf or NaN, which JSON cannot hold
	Gamma    float64 `json:"gamma"`     // factor applied to the head's logits; 1 where MaxLogit is NaN
}

// withDefaults checks c and fills in its defaults.
func (c QKClip) withDefaults() (QKClip, error) {
	c.Tau, c.Alpha, c.InfGamma = orDefault(c.Tau, 100), orDefault(c.Alpha, 0.5), orDefault(c.InfGamma, 1.0/1024)
	switch {
	case !(c.Tau > 0) || math.IsInf(c.Tau, 0):
		return c, fmt.Errorf("optim: qk-clip: tau is %g, want a positive number such as 100", c.Tau)
	case !(c.Alpha > 0 && c.Alpha <= 1):
		return c, fmt.Errorf("optim: qk-clip: alpha is %g, want a number in (0, 1]", c.Alpha)
	case !(c.InfGamma > 0 && c.InfGamma < 1):
		return c, fmt.Errorf("optim: qk-clip: gamma for infinite logits is %g, want a number in (0, 1)", c.InfGamma)
	}
	return c, nil
}

// gamma returns the factor for a head with the largest logit s. Whatever s is, the result is in (0, 1]: nothing
// happens at or below tau, which covers negative numbers and the -Inf of a head that saw nothing. NaN gives 1,
// since it says that the forward pass broke, not that the weights are large by some factor.
func (c QKClip) gamma(s float64) float64 {
	switch {
	case math.IsInf(s, 1):
		return c.InfGamma
	case s > c.Tau:
		return c.Tau / s
	}
	return 1
}

// Apply clips the heads of layers whose maximum in logits exceeds the threshold and returns one event for each of
// them, in order of layer and head, and one for each head whose maximum is NaN, which it leaves alone.
//
// Multi-head latent attention: q_nope rows take gamma^Alpha, k_nope rows gamma^(1-Alpha), q_rope rows gamma; the
// rope key is shared by all heads and stays, as do the values.
//
// Grouped-query attention: heads of a group share their key, so scaling it for one head would change its neighbours.
// The key therefore takes only what all heads of the group need, (largest gamma of the group)^(1-Alpha), and each
// query takes the rest of its own gamma. Every clipped head then lands exactly on gamma*S, a head at or below the
// threshold keeps its queries and keys bit for bit, no weight ever grows, and groups of one are plain multi-head
// attention. Megatron-LM uses the smallest gamma for the key and leaves the queries their own gamma^Alpha, which
// clips neighbours that never exceeded the threshold. Dividing their queries by the key's factor instead would keep
// their logits, but those queries would grow without bound over the thousands of steps that clipping lasts in K2.
//
// Nothing is changed when Apply returns an error.
func (c QKClip) Apply(layers []Attention, logits *MaxLogits) ([]ClipEvent, error) {
	return c.apply(layers, logits, scaleRows)
}

// Clip is QKClip.Apply for matrices that are parameters of this optimizer, done where they lie: on a device it only starts
// what is to be done.
func (o *Optimizer) Clip(c QKClip, layers []Attention, logits *MaxLogits) ([]ClipEvent, error) {
	return c.apply(layers, logits, o.core.scaleRows)
}

// scaler is scaleRows on some device.
type scaler func(d *tensor.Dense, lo, hi int, f float64)

func (c QKClip) apply(layers []Attention, logits *MaxLogits, scale scaler) ([]ClipEvent, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	var errs []error
	for i := range layers {
		errs = append(errs, layers[i].check(logits))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var events []ClipEvent
	for i := range layers {
		a := &layers[i]
		clipped := false
		for h := range a.Heads {
			s := logits.At(a.Layer, h)
			g := c.gamma(s)
			if g < 1 || math.IsNaN(s) {
				events = append(events, ClipEvent{Layer: a.Layer, Head: h, MaxLogit: s, Gamma: g})
				clipped = clipped || g < 1
			}
		}
		switch {
		case !clipped:
		case a.KVB != nil:
			c.applyMLA(a, logits, scale)
		default:
			c.applyGroups(a, logits, scale)
		}
	}
	return events, nil
}

func (c QKClip) applyMLA(a *Attention, logits *MaxLogits, scale scaler) {
	for h := range a.Heads {
		g := c.gamma(logits.At(a.Layer, h))
		if g == 1 {
			continue
		}
		q, k := h*(a.Nope+a.Rope), h*(a.Nope+a.V)
		scale(a.Q, q, q+a.Nope, math.Pow(g, c.Alpha))
		scale(a.Q, q+a.Nope, q+a.Nope+a.Rope, g)
		scale(a.KVB, k, k+a.Nope, math.Pow(g, 1-c.Alpha))
	}
}

func (c QKClip) applyGroups(a *Attention, logits *MaxLogits, scale scaler) {
	d, group := a.HeadDim, a.Heads/a.kvHeads()
	for kv := range a.kvHeads() {
		most := 0.0
		for h := kv * group; h < (kv+1)*group; h++ {
			most = max(most, c.gamma(logits.At(a.Layer, h)))
		}
		key := math.Pow(most, 1-c.Alpha)
		scale(a.K, kv*d, (kv+1)*d, key)
		scale(a.KBias, kv*d, (kv+1)*d, key)
		for h := kv * group; h < (kv+1)*group; h++ {
			f := c.gamma(logits.At(a.Layer, h)) / key
			scale(a.Q, h*d, (h+1)*d, f)
			scale(a.QBias, h*d, (h+1)*d, f)
		}
	}
}

func (a *Attention) kvHeads() int {
	if a.KVHeads == 0 {
		return a.Heads
	}
	return a.KVHeads
}

// check compares the matrices of a with its dimensions and with the table of logits.
func (a *Attention) check(logits *MaxLogits) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("optim: qk-clip: layer %d: "+format, append([]any{a.Layer}, args...)...)
	}
	if a.Heads <= 0 || a.KVHeads < 0 || a.Heads%a.kvHeads() != 0 {
		return fail("%d heads do not divide into %d key heads", a.Heads, a.KVHeads)
	}
	if logits == nil || a.Layer < 0 || a.Layer >= logits.Layers() || a.Heads != logits.Heads() {
		return fail("with %d heads has no row in the table of largest logits; make it with NewMaxLogits for all layers", a.Heads)
	}
	if (a.KVB == nil) == (a.K == nil) {
		return fail("set either KVB, for latent attention, or K")
	}
	rows := func(name string, d *tensor.Dense, want, dims int) error {
		if err := checkDense(d); err != nil {
			return fail("%s %w", name, err)
		}
		if d.Dims() != dims || d.Shape()[0] != want {
			return fail("%s has shape %v, want %d dimensions and %d rows", name, d.Shape(), dims, want)
		}
		return nil
	}
	if a.KVB != nil {
		if a.Nope <= 0 || a.Rope < 0 || a.V < 0 {
			return fail("head sizes nope %d, rope %d, v %d are not possible", a.Nope, a.Rope, a.V)
		}
		return errors.Join(rows("Q", a.Q, a.Heads*(a.Nope+a.Rope), 2), rows("KVB", a.KVB, a.Heads*(a.Nope+a.V), 2))
	}
	if a.HeadDim <= 0 {
		return fail("head size is %d, want a positive number", a.HeadDim)
	}
	err := errors.Join(rows("Q", a.Q, a.Heads*a.HeadDim, 2), rows("K", a.K, a.kvHeads()*a.HeadDim, 2))
	if a.QBias != nil {
		err = errors.Join(err, rows("QBias", a.QBias, a.Heads*a.HeadDim, 1))
	}
	if a.KBias != nil {
		err = errors.Join(err, rows("KBias", a.KBias, a.kvHeads()*a.HeadDim, 1))
	}
	return err
}

// scaleRows multiplies the rows [lo, hi) of d, or the elements of a vector, by f. A nil d and a factor of one change
// nothing.
func scaleRows(d *tensor.Dense, lo, hi int, f float64) {
	if d == nil || f == 1 {
		return
	}
	width := d.Shape().TotalSize() / d.Shape()[0]
	if d.Dtype() == tensor.Float32 {
		scaleSlice(d.Float32s()[lo*width:hi*width], float32(f))
	} else {
		scaleSlice(d.Float64s()[lo*width:hi*width], f)
	}
}

func scaleSlice[T compute.Float](x []T, f T) {
	for i := range x {
		x[i] *= f
	}
}
