package lab

import "math"

// Verdict is what became of a rule or of an experiment.
type Verdict string

// The verdicts. Undecided also covers runs that are missing.
const (
	Reproduced    Verdict = "reproduced"
	NotReproduced Verdict = "not reproduced"
	Undecided     Verdict = "undecided at this scale"
)

// all is the verdict over several: one that failed decides, then one that is open.
func all(verdicts []Verdict) Verdict {
	out := Reproduced
	for _, v := range verdicts {
		switch {
		case v == NotReproduced:
			return NotReproduced
		case v != Reproduced:
			out = Undecided
		}
	}
	return out
}

// bounds is what an interval must lie in; NaN for no bound.
type bounds struct{ low, high float64 }

// judge holds an interval against the bounds: inside it is reproduced, outside it is not, and across an edge undecided.
func (b bounds) judge(iv Interval) Verdict {
	if math.IsNaN(iv.Low) || math.IsNaN(iv.High) {
		return Undecided
	}
	inside := (math.IsNaN(b.low) || iv.Low > b.low) && (math.IsNaN(b.high) || iv.High < b.high)
	outside := !math.IsNaN(b.low) && iv.High < b.low || !math.IsNaN(b.high) && iv.Low > b.high
	switch {
	case inside:
		return Reproduced
	case outside:
		return NotReproduced
	}
	return Undecided
}
