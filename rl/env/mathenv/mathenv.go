// Package mathenv is the mathematics environment: problems with one checkable answer, generated or read from files.
//
// A generated problem is a pure function of (seed, index, Config). Kinds of problems range from sums of small numbers to
// word problems of several steps, each with difficulties from 1 to 5, and every problem has a worked solution whose last line
// is "#### " and the answer. Problems fall into a training and a held-out part by a hash of what they are about, not of how
// they are worded, so no seed and no wording brings a held-out problem into training.
//
// An episode has one turn. Its components are "correct" (package answer decides) and "format" (the last line, and only
// that, is "#### " and an answer).
package mathenv

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"muonclip/data/chat"
	"muonclip/internal/rng"
	"muonclip/rl/env"
)

// Style is how generated questions are worded.
type Style uint8

// The styles. The zero value is Plain.
const (
	Plain Style = iota // sentences, with a request to give the answer after ####
	Terse              // as short as can be, such as 7+5=
	Mixed              // half of each
)

// Config says which problems are generated. The zero value generates all kinds with all difficulties, in sentences.
type Config struct {
	Kinds         []string // nil means all, see Kinds
	MinDifficulty int      // 0 means 1
	MaxDifficulty int      // 0 means 5
	Style         Style
	Part          env.Part
}

// Problem is a question with its answer.
type Problem struct {
	Kind       string
	Difficulty int    // 1 to 5
	Question   string // as the user asks it
	Gold       string // the answer
	Solution   string // worked, with "#### " and the answer as its last line
	key        string // what the problem is about, whatever the wording
}

// Env is the environment. It is safe for use by many goroutines.
type Env struct {
	name   string
	length uint64
	// tokens is the budget by difficulty; nil leaves it to the run.
	tokens  func(difficulty int) int
	problem func(env.Key) (Problem, error)
}

var _ env.Environment = (*Env)(nil)

// New makes the environment of generated problems.
func New(c Config) (*Env, error) {
	if c.MinDifficulty == 0 {
		c.MinDifficulty = 1
	}
	if c.MaxDifficulty == 0 {
		c.MaxDifficulty = 5
	}
	if c.MinDifficulty < 1 || c.MaxDifficulty > 5 || c.MinDifficulty > c.MaxDifficulty {
		return nil, fmt.Errorf("mathenv: difficulties from %d to %d, want 1 to 5", c.MinDifficulty, c.MaxDifficulty)
	}
	if err := c.Part.Check(); err != nil {
		return nil, fmt.Errorf("mathenv: %w", err)
	}
	var chosen []kind
	for _, k := range kinds {
		if c.Kinds != nil && !slices.Contains(c.Kinds, k.name) {
			continue
		}
		if k.min <= c.MaxDifficulty && k.max >= c.MinDifficulty {
			k.min, k.max = max(k.min, c.MinDifficulty), min(k.max, c.MaxDifficulty)
			chosen = append(chosen, k)
		}
	}
	for _, name := range c.Kinds {
		if !slices.Contains(Kinds(), name) {
			return nil, fmt.Errorf("mathenv: there is no kind %q; the kinds are %q", name, Kinds())
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("mathenv: none of the kinds %q has a difficulty from %d to %d", c.Kinds, c.MinDifficulty, c.MaxDifficulty)
	}
	return &Env{
		name:    "math",
		tokens:  func(difficulty int) int { return 160 + 80*difficulty },
		problem: func(key env.Key) (Problem, error) { return generate(key, chosen, c) },
	}, nil
}

// Kinds lists the kinds of generated problems.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// generate draws problems until one lies in the part that is asked for. Kind, difficulty and style are drawn before, so
// that their mixture is the same in every part.
func generate(key env.Key, chosen []kind, c Config) (Problem, error) {
	r := rng.New(key.Seed, "math", key.Index)
	k := chosen[r.IntN(len(chosen))]
	difficulty := between(r, k.min, k.max)
	terse := c.Style == Terse || c.Style == Mixed && r.IntN(2) == 0
	const tries = 10_000
	for try := range uint64(tries) {
		r := rng.New(key.Seed, "math "+k.name, key.Index, try)
		s := k.make(r, difficulty)
		if s.key == "" {
			s.key = s.terse
		}
		s.key = k.name + " " + s.key
		if !c.Part.Has(s.key) {
			continue
		}
		p := Problem{Kind: k.name, Difficulty: difficulty, Question: s.terse, Gold: s.gold, Solution: s.work + "\n#### " + s.gold, key: s.key}
		if s.work == "" {
			p.Solution = "#### " + s.gold
		}
		if !terse {
			p.Question = s.texts[r.IntN(len(s.texts))] + "\n" + request
		}
		return p, nil
	}
	return Problem{}, fmt.Errorf("mathenv: none of %d problems of the kind %s with difficulty %d lies in the part asked for", tries, k.name, difficulty)
}

// request is how a question in sentences asks for the form of the answer.
const request = "Give the answer after ####."

// Name implements env.Environment: math, or the name of a file's environment.
func (e *Env) Name() string { return e.name }

// Len implements env.Environment: 0 for generated problems, the number of problems for a file.
func (e *Env) Len() uint64 { return e.length }

// Problem is the problem of a key. The error says that the key has none.
func (e *Env) Problem(key env.Key) (Problem, error) {
	if e.length > 0 && key.Index >= e.length {
		return Problem{}, fmt.Errorf("mathenv: %s has %d problems, there is no index %d", e.name, e.length, key.Index)
	}
	return e.problem(key)
}

// Reset implements env.Environment.
func (e *Env) Reset(_ context.Context, key env.Key) (env.Episode, error) {
	p, err := e.Problem(key)
	if err != nil {
		return nil, err
	}
	task := env.Info{Kind: p.Kind, Difficulty: p.Difficulty, MaxTurns: 1}
	if e.tokens != nil {
		task.MaxTokens = e.tokens(p.Difficulty)
	}
	return &episode{OneTurn: env.OneTurn{Task: task, Question: env.Ask(e.name+"-"+key.String(), p.Question)}, problem: p}, nil
}

// Dialogues turns the problems with indices from 0 to n-1 into dialogues for supervised fine-tuning: the question and the
// worked solution. Those of a file end with its last problem.
func (e *Env) Dialogues(seed, n uint64) iter.Seq2[chat.Dialogue, error] {
	if e.length > 0 {
		n = min(n, e.length)
	}
	return func(yield func(chat.Dialogue, error) bool) {
		for i := range n {
			key := env.Key{Seed: seed, Index: i}
			p, err := e.Problem(key)
			d := chat.Dialogue{ID: e.name + "-" + key.String(), Messages: []chat.Message{
				{Role: chat.RoleUser, Content: p.Question}, {Role: chat.RoleAssistant, Content: p.Solution},
			}}
			if err != nil {
				d = chat.Dialogue{}
			}
			if !yield(d, err) {
				return
			}
		}
	}
}
