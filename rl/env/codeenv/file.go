package codeenv

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"muonclip/internal/sandbox/unittest"
	"muonclip/rl/env"
)

// FileConfig says which tasks of a file are used. The zero value takes all.
type FileConfig struct {
	Name string // of the environment; empty means code
	Part env.Part
}

// OpenHumanEval makes the environment of HumanEval.jsonl or HumanEval.jsonl.gz: the user shows the beginning of a function.
// The imports and helpers before that function are given to every answer. The index of a key is the place of the task among
// those of the part; the seed changes nothing.
func OpenHumanEval(path string, c FileConfig) (*Env, error) {
	tasks, err := unittest.ReadHumanEval(path)
	if err != nil {
		return nil, fmt.Errorf("codeenv: %w", err)
	}
	return fromFile(path, tasks, c, func(t unittest.Task) Task {
		prefix, _, _ := strings.Cut("\n"+t.Prompt, "\ndef "+t.Calls[0]+"(")
		return Task{
			Kind: "humaneval", prefix: strings.TrimPrefix(prefix, "\n") + "\n",
			Question: "Complete this Python function. " + request + "\n\n" + fenced(t.Prompt),
		}
	})
}

// OpenMBPP makes the environment of mbpp.jsonl. The user shows the sentence and the first of the tests, from which the
// names of functions and the order of parameters can be read; the others are hidden. Keys are as with OpenHumanEval. Tasks
// whose tests make objects of the solution's own classes are left out (3 of 974): such objects cannot be sent between the
// tests and the program, so not even the reference solution would pass.
func OpenMBPP(path string, c FileConfig) (*Env, error) {
	tasks, err := unittest.ReadMBPP(path)
	if err != nil {
		return nil, fmt.Errorf("codeenv: %w", err)
	}
	tasks = slices.DeleteFunc(tasks, func(t unittest.Task) bool {
		return slices.ContainsFunc(t.Calls, func(name string) bool {
			return regexp.MustCompile(`(?m)^class[ \t]+` + name + `\b`).MatchString(t.Solution)
		})
	})
	return fromFile(path, tasks, c, func(t unittest.Task) Task {
		return Task{
			Kind: "mbpp", asserts: len(t.Tests),
			Question: strings.TrimSpace(t.Prompt) + " Answer with the whole program in one code block. It is tested like this:\n\n" + fenced(t.Tests[0]),
		}
	})
}

// fromFile makes the environment of tasks that word makes questions of.
func fromFile(path string, tasks []unittest.Task, c FileConfig, word func(unittest.Task) Task) (*Env, error) {
	if err := c.Part.Check(); err != nil {
		return nil, fmt.Errorf("codeenv: %w", err)
	}
	var all []Task
	for _, from := range tasks {
		if !c.Part.Has(from.Prompt) {
			continue
		}
		t := word(from)
		t.ID, t.tests, t.Gold = from.ID, from, strings.TrimRight(from.Solution, " \t\r\n")
		t.Solution = fenced(t.Gold)
		t.Difficulty = length(from.Solution)
		all = append(all, t)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("codeenv: %s: there are no tasks in the part asked for", path)
	}
	e := &Env{name: "code", length: uint64(len(all)), task: func(key env.Key) (Task, error) { return all[key.Index], nil }}
	if c.Name != "" {
		e.name = c.Name
	}
	return e, nil
}

// length grades a task by the lines of its reference solution that are no comments: up to 3, 6, 10, 15, and more. Nobody
// has published difficulties of these tasks; this measure is ours.
func length(solution string) int {
	n := 0
	inDoc := false
	for _, line := range strings.Split(solution, "\n") {
		line = strings.TrimSpace(line)
		quotes := strings.Count(line, `"""`) + strings.Count(line, "'''")
		if !inDoc && quotes == 0 && line != "" && !strings.HasPrefix(line, "#") {
			n++
		}
		if quotes%2 == 1 {
			inDoc = !inDoc
		}
	}
	for d, most := range []int{3, 6, 10, 15} {
		if n <= most {
			return d + 1
		}
	}
	return 5
}
