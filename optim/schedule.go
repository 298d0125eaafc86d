package optim

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// The kinds of Schedule. Linear and Cosine also name a shape of the decay of WSD.
const (
	Constant = "constant"
	Linear   = "linear"
	Cosine   = "cosine"
	WSD      = "wsd" // warm-up, stable, decay

	OneMinusSqrt = "1-sqrt" // only a shape: 1 - sqrt(progress)
)

// Schedule is the learning rate as a function of the step alone, so a resumed run needs nothing but its step.
//
// Steps count from 0. In warm-up step s has Peak*(s+1)/Warmup: the first step already moves, and step Warmup-1 is at
// Peak. A decay ends with step Steps-1 exactly at Peak*MinRatio, and later steps stay there.
type Schedule struct {
	Kind     string  // constant, linear, cosine or wsd; empty means constant
	Peak     float64 // learning rate after warm-up
	Warmup   int     // steps of linear warm-up; 0 means none
	Steps    int     // steps in all; constant does not need it
	Decay    int     // wsd only: the last Decay steps fall; 0 means one third of what follows warm-up, as in K2 (5.5T of 15.5T tokens)
	MinRatio float64 // learning rate at the end over Peak
	Shape    string  // wsd only: cosine, linear or 1-sqrt; empty means cosine, as in K2
}

// Validate checks the fields against each other and names every one that is wrong.
func (s Schedule) Validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("optim: schedule: "+format, args...))
	}
	if !slices.Contains([]string{"", Constant, Linear, Cosine, WSD}, s.Kind) {
		bad("kind is %q, want constant, linear, cosine or wsd", s.Kind)
	}
	if !slices.Contains([]string{"", Cosine, Linear, OneMinusSqrt}, s.Shape) {
		bad("shape is %q, want cosine, linear or 1-sqrt", s.Shape)
	}
	if !(s.Peak >= 0) || math.IsInf(s.Peak, 0) {
		bad("peak learning rate is %g, want 0 or more", s.Peak)
	}
	if !(s.MinRatio >= 0 && s.MinRatio <= 1) {
		bad("min ratio is %g, want a number in [0, 1]", s.MinRatio)
	}
	if s.Warmup < 0 || s.Decay < 0 || s.Steps < 0 {
		bad("warm-up %d, decay %d and steps %d must not be negative", s.Warmup, s.Decay, s.Steps)
	}
	if s.Kind != "" && s.Kind != Constant {
		if s.Steps == 0 {
			bad("%s needs the number of steps", s.Kind)
		} else if s.Warmup > s.Steps {
			bad("warm-up of %d steps is longer than the run of %d", s.Warmup, s.Steps)
		} else if s.Kind == WSD && s.Decay > s.Steps-s.Warmup {
			bad("warm-up of %d and decay of %d steps do not fit into %d", s.Warmup, s.Decay, s.Steps)
		}
	}
	return errors.Join(errs...)
}

// LR returns the learning rate of a step; see Schedule for the conventions.
func (s Schedule) LR(step int) float64 {
	step = max(step, 0)
	if step < s.Warmup {
		return s.Peak * (float64(step+1) / float64(s.Warmup))
	}
	length, shape := s.Steps-s.Warmup, s.Kind
	switch s.Kind {
	case WSD:
		if s.Decay > 0 {
			length = s.Decay
		} else {
			length /= 3
		}
		shape = s.Shape
		if shape == "" {
			shape = Cosine
		}
	case Linear, Cosine:
	default:
		return s.Peak
	}
	// Progress of the decay: 0 at the last step before it, 1 at the last step of the run.
	done := step + 1 - (s.Steps - length)
	if done <= 0 {
		return s.Peak
	}
	p := 1.0
	if done < length {
		p = float64(done) / float64(length)
	}
	var f float64
	switch {
	case p == 1:
		f = 0
	case shape == Linear:
		f = 1 - p
	case shape == OneMinusSqrt:
		f = 1 - math.Sqrt(p)
	default:
		f = (1 + math.Cos(math.Pi*p)) / 2
	}
	return s.Peak * min(1, s.MinRatio+(1-s.MinRatio)*f)
}
