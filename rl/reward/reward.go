// Package reward combines what environments measure into the number that a policy is trained on.
package reward

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrUnavailable says that the infrastructure behind a reward failed: a sandbox that could not be started, a judge that
// did not answer. A rollout with such an error has no reward, which is not the same as a reward of zero.
var ErrUnavailable = errors.New("the reward is unavailable")

// Component is one measurement of a rollout.
type Component struct {
	Name     string  `json:"name"`
	Value    float64 `json:"value"`              // 0 to 1
	Evidence string  `json:"evidence,omitempty"` // why, for people
	Seconds  float64 `json:"seconds,omitempty"`  // what measuring it took
}

// Rule says how components make a reward. The zero value takes the mean of all components.
type Rule struct {
	// Weights of the components by name; those without one do not count. Nil weighs all alike.
	Weights map[string]float64
	// Gates are components that must be 1 for anything to count: where one is not, the reward is 0.
	Gates []string
}

// Compose returns the weighted mean of the components, or 0 where a gate is closed. A component that is not a number
// between 0 and 1, a gate that was not measured, and components without any weight are errors that wrap
// ErrUnavailable: nothing is known of such a rollout.
func (r Rule) Compose(components []Component) (float64, error) {
	var sum, weights float64
	for _, c := range components {
		if math.IsNaN(c.Value) || c.Value < 0 || c.Value > 1 {
			return 0, fmt.Errorf("reward: component %s is %v, want a number from 0 to 1 (%s): %w", c.Name, c.Value, cmp.Or(c.Evidence, "no evidence"), ErrUnavailable)
		}
		w := 1.0
		if r.Weights != nil {
			w = r.Weights[c.Name]
		}
		sum += w * c.Value
		weights += w
	}
	open := true
	for _, gate := range r.Gates {
		at := slices.IndexFunc(components, func(c Component) bool { return c.Name == gate })
		if at < 0 {
			return 0, fmt.Errorf("reward: the gate %s was not measured: %w", gate, ErrUnavailable)
		}
		open = open && components[at].Value == 1
	}
	switch {
	case weights <= 0:
		return 0, fmt.Errorf("reward: none of the %d components has a weight: %w", len(components), ErrUnavailable)
	case !open:
		return 0, nil
	}
	return sum / weights, nil
}
