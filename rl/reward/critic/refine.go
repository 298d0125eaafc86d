package critic

import (
	"slices"

	"muonclip/data/chat"
	"muonclip/internal/rng"
)

// Group is the rollouts of one prompt whose verifiable reward is known.
type Group struct {
	Prompt   Prompt
	Rollouts []Rollout
}

// Rollout is a response with its verifiable reward, 0 to 1. A reward that is not available is NaN.
type Rollout struct {
	Response string
	Reward   float64
}

// Pairing says which pairs of a group are taken. Both responses of a pair are known, differ, and differ in reward.
type Pairing struct {
	Rubric   Rubric  // the question; no name means Correctness
	MinGap   float64 // smallest difference of the rewards; 0 means any
	PerGroup int     // pairs of one prompt, so that no prompt outweighs the others; 0 means 4
	Seed     uint64  // of the choice among them
}

// Pair is two responses of which the reward says which is better.
type Pair struct {
	Group         int // index of the group
	Prompt        Prompt
	Better, Worse string
	Gap           float64 // of the rewards
}

// Pairs chooses pairs from groups. The choice for a group depends on the seed, its index and its rollouts alone.
func Pairs(groups []Group, o Pairing) []Pair {
	most := o.PerGroup
	if most == 0 {
		most = 4
	}
	var all []Pair
	for n, g := range groups {
		var pairs []Pair
		for i, a := range g.Rollouts {
			for _, b := range g.Rollouts[i+1:] {
				better, worse := a, b
				if b.Reward > a.Reward {
					better, worse = b, a
				}
				gap := min(1, better.Reward-worse.Reward) // NaN compares false below
				if gap > 0 && gap >= o.MinGap && better.Response != worse.Response {
					pairs = append(pairs, Pair{Group: n, Prompt: g.Prompt, Better: better.Response, Worse: worse.Response, Gap: gap})
				}
			}
		}
		pairs = distinctPairs(pairs)
		r := rng.New(o.Seed, "critic pairs", uint64(n))
		r.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
		all = append(all, pairs[:min(most, len(pairs))]...)
	}
	return all
}

// distinctPairs drops repetitions, and pairs of texts that were also seen the other way round, which a noisy reward gives.
func distinctPairs(pairs []Pair) []Pair {
	type texts struct{ better, worse string }
	seen := map[texts]bool{}
	for _, p := range pairs {
		seen[texts{p.Better, p.Worse}] = true
	}
	done := map[texts]bool{}
	return slices.DeleteFunc(pairs, func(p Pair) bool {
		t := texts{p.Better, p.Worse}
		drop := done[t] || seen[texts{p.Worse, p.Better}]
		done[t] = true
		return drop
	})
}

// Refine makes examples from which a critic learns what is verifiable (section 3.2.2: its subjective judgement is grounded
// in objective signals): the question of ChoiceJudge, and as the assistant's turn A or B. Every pair is there in both orders,
// so that the position says nothing. The examples stand in the order of the groups; a trainer shuffles.
func Refine(groups []Group, o Pairing) []chat.Dialogue {
	rubric := o.rubric()
	var all []chat.Dialogue
	for _, p := range Pairs(groups, o) {
		for _, x := range []struct{ first, second, answer string }{{p.Better, p.Worse, "A"}, {p.Worse, p.Better, "B"}} {
			messages := append(Question(p.Prompt, x.first, x.second, rubric), chat.Message{Role: chat.RoleAssistant, Content: x.answer})
			all = append(all, chat.Dialogue{Messages: messages})
		}
	}
	return all
}

func (o Pairing) rubric() Rubric {
	if o.Rubric.Name == "" {
		return Correctness()
	}
	return o.Rubric
}
