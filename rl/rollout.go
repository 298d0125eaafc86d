// Package rl trains a model on what it does: it lets the model act in environments, scores what came of it, and
// makes training batches of the objective of Kimi K1.5 and K2 from it. Rollouts are generated on the very weights
// that are trained, token ids in and token ids out; no text is ever tokenized again.
package rl

import (
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// Rollout is one dialogue of the policy with an episode.
type Rollout struct {
	Env    string   `json:"env"`
	Key    env.Key  `json:"key"`
	Sample int      `json:"sample"`
	Info   env.Info `json:"info"`

	IDs   []int32 `json:"ids"` // the whole dialogue, opening and answers of the environment included
	Turns []Turn  `json:"turns"`

	Finish     Finish             `json:"finish,omitempty"` // empty while it waits to be continued
	Components []reward.Component `json:"components,omitempty"`
	Reward     float64            `json:"reward"`          // composed of the components, less the penalty of a cut
	Error      string             `json:"error,omitempty"` // why there is no reward; such a rollout teaches nothing
}

// Turn is a stretch of tokens that the policy wrote.
type Turn struct {
	Start    int       `json:"start"` // in IDs
	LogProbs []float64 `json:"logprobs"`
	// Ended says that the policy ended it; a turn without end was cut off or waits to be continued.
	Ended bool `json:"ended,omitempty"`
}

// Finish says how a rollout ended.
type Finish string

// How rollouts end.
const (
	Done    Finish = "done"    // the episode was over
	Budget  Finish = "budget"  // the policy used up its tokens
	Context Finish = "context" // the dialogue grew longer than the model reads
	Turns   Finish = "turns"   // the policy used up its turns
	Foreign Finish = "foreign" // the policy wrote an id that the tokenizer does not have, such as padding of the vocabulary
	Failed  Finish = "failed"  // the environment failed; see Error
)

// Cut reports whether the policy was stopped.
func (f Finish) Cut() bool { return f == Budget || f == Context || f == Turns || f == Foreign }

// Tokens is the number of tokens that the policy wrote.
func (r *Rollout) Tokens() int {
	n := 0
	for _, t := range r.Turns {
		n += len(t.LogProbs)
	}
	return n
}

// LogProb is the log-probability of all that the policy wrote, when it wrote it, in nats.
func (r *Rollout) LogProb() float64 {
	sum := 0.0
	for _, t := range r.Turns {
		for _, p := range t.LogProbs {
			sum += p
		}
	}
	return sum
}

// Component returns the value of a component, and whether there is one of that name.
func (r *Rollout) Component(name string) (float64, bool) {
	for _, c := range r.Components {
		if c.Name == name {
			return c.Value, true
		}
	}
	return 0, false
}

// Group is all rollouts of one episode: the samples whose mean reward is the baseline of each.
type Group struct {
	Env      string     `json:"env"`
	Key      env.Key    `json:"key"`
	Rollouts []*Rollout `json:"rollouts"`
}

// Finished reports whether all rollouts of the group have ended.
func (g *Group) Finished() bool {
	for _, r := range g.Rollouts {
		if r.Finish == "" {
			return false
		}
	}
	return true
}

// Rewarded lists the rollouts that have a reward.
func (g *Group) Rewarded() []*Rollout {
	var out []*Rollout
	for _, r := range g.Rollouts {
		if r.Finish != "" && r.Error == "" {
			out = append(out, r)
		}
	}
	return out
}

// Mean is the mean reward of those that have one, 0 where none has.
func (g *Group) Mean() float64 {
	sum, n := 0.0, 0
	for _, r := range g.Rewarded() {
		sum += r.Reward
		n++
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}
