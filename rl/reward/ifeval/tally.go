package ifeval

import "errors"

// Tally is the accuracy over prompts as the paper reports it: of prompts, all of whose instructions are followed, and of
// single instructions; strict and loose. The zero value is ready.
type Tally struct {
	Prompts, Instructions             int
	StrictPrompts, StrictInstructions int
	LoosePrompts, LooseInstructions   int
	// Unavailable counts the prompts of which an instruction could not be judged; they count nowhere else.
	Unavailable int
	Kinds       map[Kind]KindTally
}

// KindTally is the accuracy over the instructions of one kind.
type KindTally struct{ Total, Strict, Loose int }

// Add judges a response. An error says that an instruction could not be judged; the prompt is counted as unavailable.
func (t *Tally) Add(p Prompt, response string) error {
	strict, loose := make([]Verdict, len(p.Instructions)), make([]Verdict, len(p.Instructions))
	for n, i := range p.Instructions {
		var err, looseErr error
		strict[n], err = i.Check(response)
		loose[n], looseErr = i.CheckLoose(response)
		if err := errors.Join(err, looseErr); err != nil {
			t.Unavailable++
			return err
		}
	}
	if t.Kinds == nil {
		t.Kinds = map[Kind]KindTally{}
	}
	allStrict, allLoose := 1, 1
	for n, i := range p.Instructions {
		s, l := one(strict[n].Followed), one(loose[n].Followed)
		k := t.Kinds[i.Kind]
		t.Kinds[i.Kind] = KindTally{Total: k.Total + 1, Strict: k.Strict + s, Loose: k.Loose + l}
		t.StrictInstructions += s
		t.LooseInstructions += l
		allStrict, allLoose = allStrict*s, allLoose*l
	}
	t.Prompts++
	t.Instructions += len(p.Instructions)
	t.StrictPrompts += allStrict
	t.LoosePrompts += allLoose
	return nil
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
