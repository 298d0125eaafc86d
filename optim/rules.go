package optim

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"muonclip/internal/compute"
)

// Rules lists what Config.Rule may name.
func Rules() []Class { return []Class{Muon, PlainMuon, NorMuon, Dion, AdamW, SGD} }

// Scale says what decides the size of a matrix's update.
type Scale string

// The two scales. Under ScaleRMS one learning rate serves matrices and AdamW's parameters; under ScaleSpectral the
// latter need a smaller one, see Config.AdamWRatio.
const (
	ScaleRMS      Scale = "rms"      // its root mean square is Config.UpdateScale (Moonlight, arXiv 2502.16982, section 2.2)
	ScaleSpectral Scale = "spectral" // its shape: sqrt(max(1, rows/cols)) times an orthogonal matrix, and sqrt(rows/cols) under Dion
)

// Class returns the rule that updates p under c.
func (c Config) Class(p Param) Class {
	switch rule := cmp.Or(c.Rule, Muon); {
	case rule == SGD, p.Muon && rule != AdamW:
		return rule
	default:
		return AdamW
	}
}

// rules are the constants of all rules, defaults filled in.
type rules struct {
	muon muonRule
	dion dionRule
	adam adamRule
	sgd  sgdRule
}

// rules checks c and fills in its defaults.
func (c Config) rules() (rules, error) {
	var errs []error
	check := func(ok bool, name string, v float64, want string) {
		if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
			errs = append(errs, fmt.Errorf("optim: %s is %g, want %s", name, v, want))
		}
	}
	check(c.Momentum < 1, "Momentum", c.Momentum, "a number below 1")
	check(c.UpdateScale >= 0, "UpdateScale", c.UpdateScale, "a positive number such as 0.2")
	check(c.Rank >= 0 && c.Rank <= 1, "Rank", c.Rank, "a share in (0, 1], or 0 for 0.25")
	check(c.AdamWRatio >= 0, "AdamWRatio", c.AdamWRatio, "a positive number, or 0 for 1")
	check(c.Beta1 >= 0 && c.Beta1 < 1, "Beta1", c.Beta1, "a number in [0, 1)")
	check(c.Beta2 >= 0 && c.Beta2 < 1, "Beta2", c.Beta2, "a number in [0, 1)")
	check(c.Eps >= 0, "Eps", c.Eps, "a small positive number such as 1e-8")
	check(c.WeightDecay >= 0, "WeightDecay", c.WeightDecay, "0 or more")
	rule := cmp.Or(c.Rule, Muon)
	if !slices.Contains(Rules(), rule) {
		errs = append(errs, fmt.Errorf("optim: Rule is %q, want one of %q", rule, Rules()))
	}
	spectral := c.Scale == ScaleSpectral
	switch c.Scale {
	case ScaleRMS, ScaleSpectral:
	case "":
		spectral = rule == PlainMuon || rule == Dion
	default:
		errs = append(errs, fmt.Errorf("optim: Scale is %q, want %q, %q or nothing for the rule's own", c.Scale, ScaleRMS, ScaleSpectral))
	}
	coef, err := c.NewtonSchulz.schedule()
	errs = append(errs, err)
	mu, scale, beta2 := max(0, orDefault(c.Momentum, 0.95)), orDefault(c.UpdateScale, 0.2), orDefault(c.Beta2, 0.95)
	return rules{
		muon: muonRule{mu: mu, nesterov: !c.PlainMomentum, scale: scale, spectral: spectral, coef: coef, beta2: beta2},
		dion: dionRule{mu: mu, scale: scale, spectral: spectral, rank: orDefault(c.Rank, 0.25)},
		adam: adamRule{beta1: orDefault(c.Beta1, 0.9), beta2: beta2, eps: orDefault(c.Eps, 1e-8), ratio: orDefault(c.AdamWRatio, 1)},
		sgd:  sgdRule{mu: mu, nesterov: !c.PlainMomentum},
	}, errors.Join(errs...)
}

// orDefault returns d for a zero v.
func orDefault(v, d float64) float64 {
	if v == 0 {
		return d
	}
	return v
}

// matrixPass updates one matrix at a time in its own memory.
type matrixPass[T compute.Float] interface {
	run(k kernels[T], s *slot[T], lr, decay float64)
}

// newPass returns a pass of the rule for matrices.
func newPass[T compute.Float](rule Class, r *rules) matrixPass[T] {
	switch rule {
	case NorMuon:
		return newNorMuonPass[T](&r.muon)
	case Dion:
		return newDionPass[T](&r.dion)
	default:
		return newMuonPass[T](&r.muon)
	}
}

// passes lends a pass to each worker that needs one. Which one a matrix gets makes no difference to its result.
type passes[T compute.Float] struct {
	mu   sync.Mutex
	free []matrixPass[T]
}

// get returns a free pass, or nil when all are lent.
func (p *passes[T]) get() matrixPass[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		return nil
	}
	last := p.free[n-1]
	p.free = p.free[:n-1]
	return last
}

func (p *passes[T]) put(m matrixPass[T]) {
	p.mu.Lock()
	p.free = append(p.free, m)
	p.mu.Unlock()
}
