package mathenv

import (
	"fmt"
	"slices"

	"muonclip/rl/env"
)

// Guess says how often the most frequent answer of a kind is right: what a policy gets that ignores the question.
type Guess struct {
	Kind       string
	Difficulty int
	Answer     string  // the most frequent one
	Share      float64 // of the problems that have it
	Chance     float64 // that the answer of another problem of the kind is right
	Few        bool    // the kind has few answers by nature, such as the days of the week
}

// Guesses measures n generated problems of each kind and difficulty of a configuration, in the order of Kinds.
func Guesses(c Config, seed uint64, n int) ([]Guess, error) {
	var out []Guess
	for _, k := range kinds {
		if c.Kinds != nil && !slices.Contains(c.Kinds, k.name) {
			continue
		}
		for d := max(k.min, c.MinDifficulty); d <= k.max && (c.MaxDifficulty == 0 || d <= c.MaxDifficulty); d++ {
			one := c
			one.Kinds, one.MinDifficulty, one.MaxDifficulty = []string{k.name}, d, d
			e, err := New(one)
			if err != nil {
				return nil, err
			}
			g := Guess{Kind: k.name, Difficulty: d, Few: k.few}
			counts := map[string]int{}
			for i := range n {
				p, err := e.Problem(env.Key{Seed: seed, Index: uint64(i)})
				if err != nil {
					return nil, fmt.Errorf("mathenv: guesses: %w", err)
				}
				counts[p.Gold]++
			}
			most, pairs := 0, 0
			for gold, count := range counts {
				if count > most || count == most && gold < g.Answer {
					g.Answer, most = gold, count
				}
				pairs += count * (count - 1)
			}
			g.Chance = float64(pairs) / (float64(n) * float64(max(1, n-1)))
			g.Share = float64(most) / float64(n)
			out = append(out, g)
		}
	}
	return out, nil
}
