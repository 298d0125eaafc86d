package judge

import (
	"context"
	"fmt"
	"math/rand/v2"

	"muonclip/internal/rng"
	"muonclip/synth/env"
	"muonclip/synth/proof"
)

// The defects of users and tools, beside those of agents that package proof plants.
const (
	UserWrongValue  = "user_wrong_value"     // the user asks for something else than they want, and the agent serves that
	UserGivesUp     = "user_gives_up"        // the user leaves a question unanswered and goes
	ToolWrongNumber = "tool_wrong_number"    // a result has a wrong number, which the agent passes on
	ToolBroken      = "tool_broken_result"   // a result ends in the middle
	ToolSwapped     = "tool_swapped_results" // two calls of a turn get each other's result
)

// Kinds lists all defects with who is at fault: those of users and tools, and those of package proof, which are the
// agent's but for the result that was edited.
func Kinds() []Kind {
	out := []Kind{{UserWrongValue, User}, {UserGivesUp, User}, {ToolWrongNumber, Tool}, {ToolBroken, Tool}, {ToolSwapped, Tool}}
	for _, d := range proof.Defects() {
		k := Kind{string(d), Agent}
		if d == proof.EditedResult {
			k.Culprit = Tool
		}
		out = append(out, k)
	}
	return out
}

// Kind is a defect that can be planted.
type Kind struct {
	Name    string
	Culprit Fault
}

// Sample is a case whose truth is known.
type Sample struct {
	Case   Case
	Defect Kind // the zero Kind: a clean dialogue
}

// Plant makes a copy of a clean trajectory with a defect. It reports false when the dialogue has no room for it.
func Plant(ctx context.Context, tr *env.Trajectory, k Kind, r *rand.Rand) (Sample, bool) {
	var out *env.Trajectory
	var ok bool
	switch k.Name {
	case UserWrongValue:
		out, ok = wrongValue(ctx, tr, r)
	case UserGivesUp:
		out, ok = givesUp(tr, r)
	case ToolWrongNumber:
		out, ok = wrongNumber(tr, r)
	case ToolBroken:
		out, ok = brokenResult(tr, r)
	case ToolSwapped:
		out, ok = swappedResults(tr, r)
	default:
		out, ok = proof.Plant(tr, proof.Defect(k.Name), r)
	}
	if !ok {
		return Sample{}, false
	}
	return Sample{Case: CaseOf(out), Defect: k}, true
}

// Planted plants each defect into up to perKind of the trajectories, which must be clean. Those that have no room for a
// defect are passed over, so rare defects may have fewer samples.
func Planted(ctx context.Context, trs []*env.Trajectory, perKind int, seed uint64) ([]Sample, error) {
	var out []Sample
	for i, k := range Kinds() {
		n := 0
		for j := range trs {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("judge: %w", err)
			}
			if n == perKind {
				break
			}
			at := (j + i*7) % len(trs) // not the same dialogues for every kind
			if s, ok := Plant(ctx, trs[at], k, rng.New(seed, "judge/plant/"+k.Name, uint64(at))); ok {
				out = append(out, s)
				n++
			}
		}
	}
	return out, nil
}
