package toolenv

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"muonclip/data/chat"
	"muonclip/rl/env"
	"muonclip/rl/reward"
	"muonclip/synth/actor"
	synth "muonclip/synth/env"
	"muonclip/synth/task"
)

// The components of an episode's reward.
const (
	WellFormed = "well_formed" // the share of turns that can be read and whose calls fit the schemas of offered tools; 0 where nothing was done
	Calls      = "calls"       // the share of calls that can be read and fit the schema of an offered tool; 0 where a call is needed and none was made
	State      = "state"       // 1 when the final state is the goal and anything was done
	Facts      = "facts"       // the share of facts and bad news that the user was told
	Policy     = "policy"      // 1 when no rule was broken and nothing was done without the consent that it needs
	Rubric     = "rubric"      // the share of all criteria of the rubric that are met; 0 where nothing was done
	Solved     = "solved"      // 1 when the rubric is met in full and Policy is 1
)

// episode is one dialogue.
type episode struct {
	env     *Env
	task    *task.Task
	info    env.Info
	gym     synth.Gym
	opening chat.Dialogue
	turns   int
	calls   int      // tried, those that cannot be read or stand out of place included
	valid   int      // of them
	defects []string // what is wrong with turns, one entry for each that is not well-formed
	acted   bool     // the policy said or called anything, whether right or wrong
	scored  bool
}

// Info implements env.Episode.
func (e *episode) Info() env.Info { return e.info }

// Opening implements env.Episode.
func (e *episode) Opening() chat.Dialogue { return e.opening.Clone() }

// Gold implements env.Episode.
func (e *episode) Gold() env.Policy { return actor.NewExpert(e.task) }

// Step implements env.Episode. A malformed call is answered with an error, and a turn with nothing but malformed text is
// what the user reads.
func (e *episode) Step(ctx context.Context, turn chat.Output) ([]chat.Message, bool, error) {
	before := len(e.gym.Calls())
	obs, done, err := e.gym.Take(ctx, turn)
	if err != nil {
		return nil, done, fmt.Errorf("toolenv: episode %s: %w", e.task.ID(), err)
	}
	e.turns++
	e.acted = e.acted || len(turn.Calls) > 0 || strings.TrimSpace(turn.Content) != ""
	bad := turn.Err()
	if len(turn.Problems) > 0 { // marks of calls out of place
		e.calls++
	}
	for _, c := range e.gym.Calls()[before:] {
		e.calls++
		if !synth.Invalid(c.Code) {
			e.valid++
		} else if bad == nil {
			bad = fmt.Errorf("%s: %s", c.Tool, c.Result)
		}
	}
	if bad != nil {
		e.defects = append(e.defects, fmt.Sprintf("turn %d: %v", e.turns, bad))
	}
	return slices.Clone(obs.Messages), done, nil
}

// Score implements env.Episode. Whoever neither says nor calls anything earns nothing for a world that had to stay as it is
// and for turns without a mistake.
func (e *episode) Score(context.Context) ([]reward.Component, error) {
	if e.scored {
		return nil, errors.New("toolenv: an episode is scored once")
	}
	e.scored = true
	tr := e.gym.Trajectory()
	s := synth.Judge(tr)
	told, facts := e.told(s.Failures)
	forbidden := e.forbidden(tr)
	state := "final " + tr.Record.Final + ", goal " + tr.Task.Goal
	var missing []string
	for _, f := range s.Failures {
		missing = append(missing, f.What+": "+f.Detail)
	}
	share := func(good, all int, empty float64) float64 {
		if all == 0 {
			return empty
		}
		return float64(good) / float64(all)
	}
	formed := share(e.turns-len(e.defects), e.turns, 0)
	if !e.acted {
		const nothing = "nothing was said or called"
		formed, s.Share, s.Passed = 0, 0, false
		e.defects, missing = slices.Insert(e.defects, 0, nothing), slices.Insert(missing, 0, nothing)
		state = nothing + ", " + state
	}
	components := []reward.Component{
		{Name: WellFormed, Value: formed, Evidence: list(e.defects)},
		{Name: Calls, Value: share(e.valid, e.calls, one(e.task.Calls == 0 && e.acted)), Evidence: fmt.Sprintf("%d of %d calls valid", e.valid, e.calls)},
		{Name: State, Value: one(e.acted && tr.Record.Final == tr.Task.Goal), Evidence: state},
		{Name: Facts, Value: share(told, facts, 1), Evidence: fmt.Sprintf("%d of %d told", told, facts)},
		{Name: Policy, Value: one(len(forbidden) == 0), Evidence: list(forbidden)},
		{Name: Rubric, Value: s.Share, Evidence: list(missing)},
		{Name: Solved, Value: one(s.Passed && len(forbidden) == 0)},
	}
	return components, nil
}

// told counts the facts and the bad news that the user was told.
func (e *episode) told(failures []task.Failure) (told, all int) {
	all = len(e.task.Rubric.Facts) + len(e.task.Rubric.Notices)
	told = all
	for _, f := range failures {
		if f.What == "fact" || f.What == "notice" {
			told--
		}
	}
	return told, all
}

// forbidden lists what was done against rules or without consent.
func (e *episode) forbidden(tr *synth.Trajectory) []string {
	var out []string
	for _, f := range e.env.checker.Permitted(tr) {
		out = append(out, fmt.Sprintf("message %d: %s", f.Message, f.Detail))
	}
	return out
}

func one(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}

// list is evidence from several findings, of which the first ones are enough.
func list(findings []string) string {
	const most = 4
	if n := len(findings); n > most {
		findings = append(slices.Clone(findings[:most]), fmt.Sprintf("%d more", n-most))
	}
	return strings.Join(findings, "; ")
}
