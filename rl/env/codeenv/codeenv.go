// Package codeenv is the programming environment: functions to write in Python, judged by hidden unit tests, generated or
// from the files of HumanEval and MBPP.
//
// A generated task is a pure function of (seed, index, Config). Its program is a chain of small steps (arithmetic, strings,
// lists, words, dicts, conditions, branches, algorithms) whose weights add up to a difficulty from 1 to 5. What the hidden
// tests expect is computed by the gold solution. A program that returns a constant or an argument never passes them, and
// every step is needed to pass. Tasks fall into a training and a held-out part by what their program does with fixed
// arguments, not by how it is worded or written, so no seed and no wording brings a held-out task into training.
//
// The answer's code is the last fenced block of the turn, or all of it where there is none. An episode has one turn and four
// components:
//
//	tests      share of the hidden tests that pass
//	correct    1 where all do
//	format     1 where the code stands alone: one block, or nothing but code
//	tampering  1 where nothing was seen that reaches for the tests or the harness
//
// Programs run in internal/sandbox, apart from the tests. Where that is not possible, as without python3, and where a small
// model writes thousands of tiny functions, Config.Runner Starlark judges in this process: it takes functions in the part of
// Python that Starlark has (no while, no definitions inside, no iteration over texts), and generates tasks that can be
// solved in it. A sandbox that fails is reward.ErrUnavailable and never a zero.
package codeenv

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"muonclip/data/chat"
	"muonclip/internal/sandbox"
	"muonclip/internal/sandbox/unittest"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// Style is how generated tasks are worded.
type Style uint8

// The styles. The zero value is Plain.
const (
	Plain Style = iota // a signature with a docstring and examples, and a request for a code block
	Terse              // as short as can be, such as def f(x): # add 3
	Mixed              // half of each
)

// Runner is what judges programs.
type Runner uint8

// The runners. The zero value is Python.
const (
	Python   Runner = iota // python3 in a sandbox
	Starlark               // the interpreter in this process, see the package's comment
)

// Config says which tasks are generated. The zero value generates all kinds with all difficulties, in sentences, for Python.
type Config struct {
	Kinds         []string // nil means all that the runner has, see Kinds
	MinDifficulty int      // 0 means 1
	MaxDifficulty int      // 0 means 5
	Style         Style
	Part          env.Part
	Runner        Runner
}

// Task is a function to write.
type Task struct {
	ID         string
	Kind       string
	Difficulty int    // 1 to 5
	Question   string // as the user asks it
	Gold       string // a program that passes
	Solution   string // the answer with it

	tests   unittest.Task
	asserts int    // tests that are known to be there
	prefix  string // code before every answer: what the question has given
	inputs  [][]any
	want    []any
}

// Env is the environment. It is safe for use by many goroutines. Close it to end its sandbox.
type Env struct {
	name   string
	length uint64
	runner Runner
	// tokens is the budget by difficulty; nil leaves it to the run.
	tokens func(difficulty int) int
	task   func(env.Key) (Task, error)

	mu      sync.Mutex
	box     *sandbox.Sandbox // nil until a program is judged
	refused error            // why there can be none
	closed  bool
}

var _ env.Environment = (*Env)(nil)

// New makes the environment of generated tasks.
func New(c Config) (*Env, error) {
	if c.MinDifficulty == 0 {
		c.MinDifficulty = 1
	}
	if c.MaxDifficulty == 0 {
		c.MaxDifficulty = 5
	}
	if c.MinDifficulty < 1 || c.MaxDifficulty > 5 || c.MinDifficulty > c.MaxDifficulty {
		return nil, fmt.Errorf("codeenv: difficulties from %d to %d, want 1 to 5", c.MinDifficulty, c.MaxDifficulty)
	}
	if err := c.Part.Check(); err != nil {
		return nil, fmt.Errorf("codeenv: %w", err)
	}
	for _, name := range c.Kinds {
		at := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
		if at < 0 {
			return nil, fmt.Errorf("codeenv: there is no kind %q; the kinds are %q", name, Kinds())
		}
		if c.Runner == Starlark && !kinds[at].starlark {
			return nil, fmt.Errorf("codeenv: the kind %q needs Python, as most of its programs cannot be written in Starlark", name)
		}
	}
	var chosen []kind
	for _, k := range kinds {
		if c.Kinds != nil && !slices.Contains(c.Kinds, k.name) || c.Runner == Starlark && !k.starlark {
			continue
		}
		if k.min <= c.MaxDifficulty && k.max >= c.MinDifficulty {
			k.min, k.max = max(k.min, c.MinDifficulty), min(k.max, c.MaxDifficulty)
			chosen = append(chosen, k)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("codeenv: none of the kinds %q has a difficulty from %d to %d", c.Kinds, c.MinDifficulty, c.MaxDifficulty)
	}
	return &Env{
		name: "code", runner: c.Runner,
		tokens: func(difficulty int) int { return 160 + 120*difficulty },
		task:   func(key env.Key) (Task, error) { return generate(key, chosen, c) },
	}, nil
}

// Rule is the reward meant for this environment: passing all tests counts most, because a wrong program passes some by
// luck, and what reaches for the harness earns nothing. The weights are ours.
func (e *Env) Rule() reward.Rule {
	return reward.Rule{Weights: map[string]float64{"correct": 8, "tests": 1, "format": 1}, Gates: []string{"tampering"}}
}

// Name implements env.Environment: code, or the name of a file's environment.
func (e *Env) Name() string { return e.name }

// Len implements env.Environment: 0 for generated tasks, the number of tasks for a file.
func (e *Env) Len() uint64 { return e.length }

// Task is the task of a key. The error says that the key has none.
func (e *Env) Task(key env.Key) (Task, error) {
	if e.length > 0 && key.Index >= e.length {
		return Task{}, fmt.Errorf("codeenv: %s has %d tasks, there is no index %d", e.name, e.length, key.Index)
	}
	return e.task(key)
}

// Reset implements env.Environment. It does not need the sandbox.
func (e *Env) Reset(_ context.Context, key env.Key) (env.Episode, error) {
	t, err := e.Task(key)
	if err != nil {
		return nil, err
	}
	info := env.Info{Kind: t.Kind, Difficulty: t.Difficulty, MaxTurns: 1}
	if e.tokens != nil {
		info.MaxTokens = e.tokens(t.Difficulty)
	}
	return &episode{OneTurn: env.OneTurn{Task: info, Question: env.Ask(e.name+"-"+key.String(), t.Question)}, env: e, task: t}, nil
}

// Ready makes what judges programs, so that a machine that cannot is known before a run. The error wraps
// reward.ErrUnavailable, and sandbox.ErrUnsupported where only another Runner or another machine helps.
func (e *Env) Ready(ctx context.Context) error {
	if e.runner == Starlark {
		return nil
	}
	_, err := e.sandbox(ctx)
	return err
}

// Close ends the sandbox. What is scored after it is reward.ErrUnavailable.
func (e *Env) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	box := e.box
	e.box, e.closed = nil, true
	if box == nil {
		return nil
	}
	return box.Close()
}

// Dialogues turns the tasks with indices from 0 to n-1 into dialogues for supervised fine-tuning: the question and the
// gold solution. Those of a file end with its last task.
func (e *Env) Dialogues(seed, n uint64) iter.Seq2[chat.Dialogue, error] {
	if e.length > 0 {
		n = min(n, e.length)
	}
	return func(yield func(chat.Dialogue, error) bool) {
		for i := range n {
			key := env.Key{Seed: seed, Index: i}
			t, err := e.Task(key)
			d := chat.Dialogue{ID: e.name + "-" + key.String(), Messages: []chat.Message{
				{Role: chat.RoleUser, Content: t.Question}, {Role: chat.RoleAssistant, Content: t.Solution},
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
