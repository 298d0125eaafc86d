package report

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"

	"muonclip/data/token"
	"muonclip/rl"
)

// episode is one task of the last iteration with its best and its worst rollout.
type episode struct {
	Title    string
	Opening  string
	Rollouts []shownRollout
}

// shownRollout is one rollout as people read it.
type shownRollout struct {
	Title      string
	Parts      []part
	Components []shownComponent
}

// part is a stretch of a rollout; Given says that the environment wrote it.
type part struct {
	Text  string
	Given bool
}

type shownComponent struct{ Name, Value, Evidence string }

// Bounds of the text of a rollout, in characters.
const (
	longestOpening = 900
	longestTurn    = 1500
	longestAnswer  = 500
	mostParts      = 24
)

// episodes picks three tasks of the last iteration in which rewards lie far apart, of different environments where
// there are some.
func (in *input) episodes() (list []episode, note string) {
	const most = 3
	if len(in.iterations) == 0 {
		return nil, "No iteration is stored yet."
	}
	last := len(in.iterations) - 1
	groups, err := rl.ReadGroups(in.dir, last)
	if err != nil {
		return nil, visible(in.local(err))
	}
	groups = slices.DeleteFunc(groups, func(g *rl.Group) bool { return len(g.Rewarded()) == 0 })
	if len(groups) == 0 {
		return nil, fmt.Sprintf("Iteration %d has no rollout with a reward.", last)
	}
	tok, err := token.Load(filepath.Join(in.dir, "data", "tokenizer"))
	if err != nil {
		return nil, "The tokenizer of the run cannot be read, so nobody can read the rollouts: " + visible(in.local(err))
	}
	slices.SortStableFunc(groups, func(a, b *rl.Group) int {
		worstA, bestA := ends(a)
		worstB, bestB := ends(b)
		return cmp.Or(cmp.Compare(bestB.Reward-worstB.Reward, bestA.Reward-worstA.Reward), cmp.Compare(a.Env, b.Env), cmp.Compare(a.Key.Index, b.Key.Index))
	})
	seen := map[string]int{}
	rank := map[*rl.Group]int{}
	for _, g := range groups {
		rank[g] = seen[g.Env] // the first of each environment, then the second of each
		seen[g.Env]++
	}
	slices.SortStableFunc(groups, func(a, b *rl.Group) int { return rank[a] - rank[b] })
	for _, g := range groups[:min(len(groups), most)] {
		list = append(list, showGroup(tok, g))
	}
	return list, fmt.Sprintf("Of iteration %d. Grey text is the task and what the environment answered.", last)
}

// ends gives the rollouts with the least and the largest reward.
func ends(g *rl.Group) (worst, best *rl.Rollout) {
	byReward := func(a, b *rl.Rollout) int { return cmp.Compare(a.Reward, b.Reward) }
	return slices.MinFunc(g.Rewarded(), byReward), slices.MaxFunc(g.Rewarded(), byReward)
}

func showGroup(tok *token.Tokenizer, g *rl.Group) episode {
	worst, best := ends(g)
	e := episode{Title: visible(shorten(fmt.Sprintf("%s %s: %s, difficulty %d", g.Env, g.Key, cmp.Or(best.Info.Kind, "no kind"), best.Info.Difficulty), 160))}
	e.Opening = visible(keepEnd(text(tok, best.IDs[:opening(best)]), longestOpening))
	n := len(g.Rewarded())
	if best.Reward == worst.Reward {
		e.Rollouts = []shownRollout{showRollout(tok, best, fmt.Sprintf("Reward %s, as all %d", digits(best.Reward, 3), n))}
		return e
	}
	e.Rollouts = []shownRollout{
		showRollout(tok, best, fmt.Sprintf("Reward %s, the best of %d", digits(best.Reward, 3), n)),
		showRollout(tok, worst, fmt.Sprintf("Reward %s, the worst of %d", digits(worst.Reward, 3), n)),
	}
	return e
}

// opening is where the policy's first turn begins.
func opening(r *rl.Rollout) int {
	if len(r.Turns) == 0 {
		return len(r.IDs)
	}
	return min(max(r.Turns[0].Start, 0), len(r.IDs))
}

func showRollout(tok *token.Tokenizer, r *rl.Rollout, title string) shownRollout {
	if r.Finish != rl.Done && r.Finish != "" {
		title += fmt.Sprintf(", ended by %s", r.Finish)
	}
	out := shownRollout{Title: visible(shorten(title, 160))}
	at := opening(r)
	for i, t := range r.Turns {
		start := min(max(t.Start, at), len(r.IDs))
		end := min(start+len(t.LogProbs), len(r.IDs))
		if start > at {
			out.Parts = append(out.Parts, part{visible(shorten(text(tok, r.IDs[at:start]), longestAnswer)), true})
		}
		out.Parts = append(out.Parts, part{visible(shorten(text(tok, r.IDs[start:end]), longestTurn)), false})
		at = end
		if len(out.Parts) >= mostParts && i+1 < len(r.Turns) {
			out.Parts = append(out.Parts, part{fmt.Sprintf(" … (%d more turns)", len(r.Turns)-i-1), true})
			at = len(r.IDs)
			break
		}
	}
	if at < len(r.IDs) {
		out.Parts = append(out.Parts, part{visible(shorten(text(tok, r.IDs[at:]), longestAnswer)), true})
	}
	for _, c := range r.Components[:min(len(r.Components), 30)] {
		out.Components = append(out.Components, shownComponent{visible(shorten(c.Name, 60)), digits(c.Value, 3), visible(shorten(c.Evidence, 300))})
	}
	return out
}

// text decodes ids; one that the tokenizer does not have is spelt out.
func text(tok *token.Tokenizer, ids []int32) string {
	var b []byte
	for _, id := range ids {
		bytes, err := tok.Bytes(id)
		if err != nil {
			bytes = fmt.Appendf(nil, "⟨token %d⟩", id)
		}
		b = append(b, bytes...)
	}
	return string(b)
}

// keepEnd shortens text to its last n characters: a dialogue begins with tools and ends with what the user wants.
func keepEnd(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return fmt.Sprintf("(%s more characters) … ", grouped(float64(len(runes)-n))) + string(runes[len(runes)-n:])
}
