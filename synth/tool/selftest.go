package tool

import (
	"context"
	"encoding/json"
	"fmt"

	"muonclip/internal/rng"
	"muonclip/synth/world"
)

// Failure is a call in a self-test that did not do what every tool must do.
type Failure struct {
	Tool    string
	Seed    uint64 // of the world
	Args    string
	Message string
}

// String gives the failure in one line.
func (f Failure) String() string {
	return fmt.Sprintf("%s on world %d with %s: %s", f.Tool, f.Seed, f.Args, f.Message)
}

// Tally counts what a self-test did.
type Tally struct {
	Calls, Succeeded int
	Unfit            int // samples for which a world had no fitting record
	Never            []string
	Failures         []Failure
}

// SelfTest runs every tool of a set with sampled arguments on fresh worlds: arguments are valid against the schema,
// calls succeed or fail with a code that programs may give, writes keep the invariants and all references, failures
// and reads leave the world as it was, results are JSON. Never lists tools that no sampled call succeeded with.
func SelfTest(ctx context.Context, s *Set, seeds []uint64, calls int) (Tally, error) {
	var out Tally
	succeeded := map[string]bool{}
	for _, seed := range seeds {
		w, err := s.Model.World(seed)
		if err != nil {
			return out, err
		}
		for i, t := range s.Tools {
			if err := ctx.Err(); err != nil {
				return out, err
			}
			for n := range calls {
				r := rng.New(seed, "tool/selftest/"+s.Domain.Name, uint64(i), uint64(n))
				args, ok := t.Sample(w, r)
				if !ok {
					out.Unfit++
					continue
				}
				out.Calls++
				good, problem := t.try(w, args)
				if problem != "" {
					out.Failures = append(out.Failures, Failure{t.Name, seed, string(t.Encode(args)), problem})
				}
				if good {
					out.Succeeded++
					succeeded[t.Name] = true
				}
			}
		}
	}
	for _, t := range s.Tools {
		if !succeeded[t.Name] {
			out.Never = append(out.Never, t.Name)
		}
	}
	return out, nil
}

// try makes one call on a copy of the world and says what is wrong with how it went.
func (t *Tool) try(w *world.World, args map[string]any) (good bool, problem string) {
	raw := t.Encode(args)
	if ps := t.Validate(raw); len(ps) > 0 {
		return false, "sampled arguments are not valid: " + ps[0].String()
	}
	before := w.Hash()
	c := w.Clone()
	res, err := t.Call(c, raw)
	if w.Hash() != before {
		return false, "a call on a copy changed the original world"
	}
	if err != nil {
		switch {
		case world.CodeOf(err) == world.Internal:
			return false, "the program is broken: " + err.Error()
		case c.Hash() != before:
			return false, "a failed call changed the world"
		}
		return false, ""
	}
	if !json.Valid(res.JSON()) {
		return false, "the result is not JSON"
	}
	if !t.Writes && c.Hash() != before {
		return false, "a reading tool changed the world"
	}
	if t.Writes && c.Hash() != before {
		if err := c.Check(); err != nil {
			return false, "after the call the world is broken: " + err.Error()
		}
	}
	return true, ""
}
