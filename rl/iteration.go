package rl

import (
	"cmp"
	"maps"
	"muonclip/rl/reward/critic"
	"slices"
)

// Iteration is what happened in one iteration, for people, reports and resuming.
type Iteration struct {
	Iteration   int     `json:"iteration"`
	Weights     string  `json:"weights"` // fingerprint of those that wrote the rollouts
	Temperature float64 `json:"temperature"`

	Groups      int     `json:"groups"`      // finished
	Carried     int     `json:"carried"`     // groups taken over from the iteration before
	Pending     int     `json:"pending"`     // groups left for the next one
	Equal       int     `json:"equal"`       // groups whose rewards are all the same: they teach nothing
	Unavailable int     `json:"unavailable"` // rollouts without a reward
	Cut         float64 `json:"cut"`         // share of the rollouts that were cut off
	Reward      float64 `json:"reward"`      // mean
	Length      float64 `json:"length"`      // tokens of the policy in a rollout, mean
	Repetition  float64 `json:"repetition"`  // share of repeated 4-grams in what the policy wrote, mean

	Components map[string]map[string]float64 `json:"components"` // means, by environment
	HeldOut    map[string]Rates              `json:"held_out,omitempty"`
	Buckets    map[string]Bucket             `json:"buckets"`
	Errors     map[string]int                `json:"errors,omitempty"` // reasons of missing rewards
	Warnings   []string                      `json:"warnings,omitempty"`

	// LogProbMax and LogProbMean say how far the trainer's log-probabilities are from the recorded ones, in nats per token.
	LogProbMax  float64 `json:"logprob_max"`
	LogProbMean float64 `json:"logprob_mean"`

	// Agreement is how far the critic agrees with rewards that a program verified; nil where nothing could be compared.
	Agreement         *critic.Agreement `json:"agreement,omitempty"`
	CriticConsistency float64           `json:"critic_consistency,omitempty"` // share of comparisons that the order did not turn
	Lessons           int               `json:"lessons,omitempty"`            // examples that the critic learned from

	Read    int     `json:"read"`    // tokens that the model read
	Written int     `json:"written"` // tokens that the policy wrote
	Seconds Seconds `json:"seconds"`
}

// Seconds is where the time of an iteration went.
type Seconds struct {
	Evaluation  float64 `json:"evaluation"`
	Collection  float64 `json:"collection"`  // all of it
	Prefill     float64 `json:"prefill"`     // of the collection: reading prompts and answers, and drawing what follows
	Decode      float64 `json:"decode"`      // writing
	Draw        float64 `json:"draw"`        // parsing what was drawn
	Environment float64 `json:"environment"` // waiting for answers
	Comparison  float64 `json:"comparison"`  // of log-probabilities
	Critique    float64 `json:"critique,omitempty"`
}

// InKernels is the share of the collection that the model's passes took.
func (s Seconds) InKernels() float64 {
	if s.Collection == 0 {
		return 0
	}
	return (s.Prefill + s.Decode) / s.Collection
}

// describe fills in what the finished groups say.
func (it *Iteration) describe(groups []*Group, p Phases) {
	it.Read, it.Written = p.Read, p.Written
	it.Seconds.Prefill, it.Seconds.Decode, it.Seconds.Draw, it.Seconds.Environment = p.Prefill.Seconds(), p.Decode.Seconds(), p.Draw.Seconds(), p.Environment.Seconds()
	it.Groups, it.Components, it.Errors = len(groups), map[string]map[string]float64{}, map[string]int{}
	counts := map[string]map[string]float64{}
	n := 0.0
	for _, g := range groups {
		if len(g.Rewarded()) > 0 && g.equal() {
			it.Equal++
		}
		for _, r := range g.Rollouts {
			if r.Error != "" {
				it.Unavailable++
				it.Errors[r.Error]++
				continue
			}
			n++
			it.Reward += r.Reward
			it.Length += float64(r.Tokens())
			it.Repetition += repetition(r)
			if r.Finish.Cut() {
				it.Cut++
			}
			if it.Components[g.Env] == nil {
				it.Components[g.Env], counts[g.Env] = map[string]float64{}, map[string]float64{}
			}
			for _, c := range r.Components {
				it.Components[g.Env][c.Name] += c.Value
				counts[g.Env][c.Name]++
			}
		}
	}
	if n == 0 {
		return
	}
	for _, v := range []*float64{&it.Reward, &it.Length, &it.Repetition, &it.Cut} {
		*v /= n
	}
	for e, means := range it.Components {
		for name := range means {
			means[name] /= counts[e][name]
		}
	}
}

// firstError says why rollouts have no reward.
func (it *Iteration) firstError() string {
	if len(it.Errors) == 0 {
		return "no group has ended; raise the token budget of an iteration"
	}
	reasons := slices.SortedFunc(maps.Keys(it.Errors), func(a, b string) int {
		return cmp.Or(cmp.Compare(it.Errors[b], it.Errors[a]), cmp.Compare(a, b))
	})
	return reasons[0]
}

// repetition is the share of the 4-grams of a rollout's turns that occurred before in it.
func repetition(r *Rollout) float64 {
	seen := map[[4]int32]bool{}
	repeated, n := 0, 0
	for _, t := range r.Turns {
		ids := r.IDs[t.Start : t.Start+len(t.LogProbs)]
		for i := 0; i+4 <= len(ids); i++ {
			gram := [4]int32(ids[i : i+4])
			if seen[gram] {
				repeated++
			}
			seen[gram] = true
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return float64(repeated) / float64(n)
}
