package optim

import (
	"errors"
	"fmt"
	"math"
)

// Config holds the constants of Optimizer. Its zero value is MuonClip as in Kimi K2 but for weight decay, which K2
// sets to 0.1.
type Config struct {
	Threads int // threads to work on; 0 means GOMAXPROCS

	Momentum      float64      // mu of Muon; 0 means 0.95, a negative number none
	PlainMomentum bool         // orthogonalise M, as printed in K2's Algorithm 1, not the Nesterov look-ahead G + mu M of Moonlight's code
	NewtonSchulz  NewtonSchulz // the zero value means 5 quintic steps
	UpdateScale   float64      // O is scaled by UpdateScale*sqrt(max(rows, cols)), so that its RMS is about UpdateScale; 0 means 0.2

	Beta1 float64 // decay of AdamW's first moment; 0 means 0.9
	Beta2 float64 // decay of AdamW's second moment; 0 means 0.95
	Eps   float64 // added to the root of AdamW's second moment; 0 means 1e-8

	WeightDecay float64          // decoupled: W shrinks by lr*WeightDecay in each step; 0 means none, K2 uses 0.1
	NoDecay     func(Param) bool // parameters that do not decay; nil means that all decay, norm weights too (Moonlight, section 2.2)

	WeightRMS bool // also report the RMS of the weights in Stats
}

// orDefault returns d for a zero v.
func orDefault(v, d float64) float64 {
	if v == 0 {
		return d
	}
	return v
}

// rules checks c and fills in its defaults.
func (c Config) rules() (muonRule, adamRule, error) {
	var errs []error
	check := func(ok bool, name string, v float64, want string) {
		if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
			errs = append(errs, fmt.Errorf("optim: %s is %g, want %s", name, v, want))
		}
	}
	check(c.Momentum < 1, "Momentum", c.Momentum, "a number below 1")
	check(c.UpdateScale >= 0, "UpdateScale", c.UpdateScale, "a positive number such as 0.2")
	check(c.Beta1 >= 0 && c.Beta1 < 1, "Beta1", c.Beta1, "a number in [0, 1)")
	check(c.Beta2 >= 0 && c.Beta2 < 1, "Beta2", c.Beta2, "a number in [0, 1)")
	check(c.Eps >= 0, "Eps", c.Eps, "a small positive number such as 1e-8")
	check(c.WeightDecay >= 0, "WeightDecay", c.WeightDecay, "0 or more")
	coef, err := c.NewtonSchulz.schedule()
	errs = append(errs, err)
	m := muonRule{
		mu:       max(0, orDefault(c.Momentum, 0.95)),
		nesterov: !c.PlainMomentum,
		scale:    orDefault(c.UpdateScale, 0.2),
		coef:     coef,
	}
	a := adamRule{beta1: orDefault(c.Beta1, 0.9), beta2: orDefault(c.Beta2, 0.95), eps: orDefault(c.Eps, 1e-8)}
	return m, a, errors.Join(errs...)
}
