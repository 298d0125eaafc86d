package env

import (
	"fmt"
	"slices"

	"github.com/zeebo/xxh3"
)

// Part is a part of an environment's tasks. A task lies on one side for ever, by a hash of what it is about: no seed and no
// wording brings a held-out task into training.
type Part string

// The parts. The zero value is All.
const (
	All     Part = ""
	Train   Part = "train"    // what a model may be trained on
	HeldOut Part = "held-out" // a tenth, what it is tested on
)

// Has reports whether the part has the task that is about key.
func (p Part) Has(key string) bool {
	held := float64(xxh3.HashString(key)>>11)/(1<<53) < 0.1
	return p == All || held == (p == HeldOut)
}

// Check refuses what is no part.
func (p Part) Check() error {
	if !slices.Contains([]Part{All, Train, HeldOut}, p) {
		return fmt.Errorf("there is no part %q, want %q or %q, or nothing for both", p, Train, HeldOut)
	}
	return nil
}
