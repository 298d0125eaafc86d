package codeenv

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muonclip/internal/sandbox/unittest"
	"muonclip/rl/env"
)

// files are the real benchmarks.
var files = []struct {
	path  string
	tasks uint64
	open  func(string, FileConfig) (*Env, error)
}{
	{"../../../../shared/data/humaneval/HumanEval.jsonl.gz", 164, OpenHumanEval},
	{"../../../../shared/data/mbpp/mbpp.jsonl", 971, OpenMBPP},
}

// TestBenchmarks looks at all tasks and judges the reference solutions of a few.
func TestBenchmarks(t *testing.T) {
	for _, f := range files {
		t.Run(filepath.Base(f.path), func(t *testing.T) {
			if _, err := os.Stat(f.path); err != nil {
				t.Skip("the data is not here:", err)
			}
			e, err := f.open(f.path, FileConfig{Name: "bench"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { e.Close() })
			if e.Len() != f.tasks || e.Name() != "bench" {
				t.Errorf("%s has %d tasks, want %d", e.Name(), e.Len(), f.tasks)
			}
			graded := map[int]int{}
			for i := range e.Len() {
				task := mustTask(t, e, 0, i)
				graded[task.Difficulty]++
				if a := extract(task.Solution); a.blocks != 1 || a.code != task.Gold {
					t.Errorf("%s: the solution has %d blocks", task.ID, a.blocks)
				}
				if found := tampering(task.Gold, unittest.Outcome{}); len(found) > 0 {
					t.Errorf("%s: the reference solution tampers: %q", task.ID, found)
				}
				for _, name := range task.tests.Calls {
					if !defines(task.Gold, name) {
						t.Errorf("%s: the reference solution does not define %s", task.ID, name)
					}
					if !strings.Contains(task.Question, name) {
						t.Errorf("%s: the question does not name %s", task.ID, name)
					}
				}
			}
			t.Logf("tasks by difficulty: %v", graded)
			if _, err := e.Task(env.Key{Index: e.Len()}); err == nil {
				t.Error("there is a task beyond the last")
			}
			needsPython(t, e)
			n := uint64(4)
			if testing.Short() {
				n = 1
			}
			for i := range n {
				playGold(t, e, env.Key{Index: (i*37 + 1) % e.Len()})
			}
			if got := play(t, e, env.Key{Index: 0}, func(k Task) string { return k.Question }); got["correct"].Value != 0 {
				t.Errorf("the question itself is correct: %+v", got)
			}
			train, err := f.open(f.path, FileConfig{Part: env.Train})
			if err != nil {
				t.Fatal(err)
			}
			held, err := f.open(f.path, FileConfig{Part: env.HeldOut})
			if err != nil {
				t.Fatal(err)
			}
			if train.Len()+held.Len() != f.tasks || held.Len() == 0 {
				t.Errorf("%d and %d tasks, want %d together", train.Len(), held.Len(), f.tasks)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, f := range files {
		if _, err := f.open(filepath.Join(t.TempDir(), "nothing.jsonl"), FileConfig{}); err == nil {
			t.Error("a file that is not there was opened")
		}
		if _, err := f.open(f.path, FileConfig{Part: "test"}); err == nil {
			t.Error("a share of 2 was accepted")
		}
	}
}

// TestHelpersAreGiven answers with the function alone where the question begins with an import.
func TestHelpersAreGiven(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tasks.jsonl")
	line := `{"task_id":"T/1","prompt":"from typing import List\n\ndef half(x):\n    return x // 2\n\ndef f(x: List[int]) -> int:\n    \"\"\"Sum.\"\"\"\n",` +
		`"entry_point":"f","canonical_solution":"    return half(sum(x))\n","test":"def check(c):\n    assert c([4, 2]) == 3\n    assert c([]) == 0\n"}`
	if err := os.WriteFile(path, []byte(line+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	e, err := OpenHumanEval(path, FileConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	if task := mustTask(t, e, 0, 0); !strings.HasSuffix(task.prefix, "return x // 2\n\n") {
		t.Errorf("the prefix is %q", task.prefix)
	}
	needsPython(t, e)
	if got := play(t, e, env.Key{}, func(Task) string { return "def f(x: List[int]) -> int:\n    return half(sum(x))" }); got["correct"].Value != 1 {
		t.Errorf("%+v", got)
	}
	got := play(t, e, env.Key{}, func(Task) string { return "def f(x: List[int]) -> int:\n    return sum(x)" })
	if got["tests"].Value != 0.5 || got["correct"].Value != 0 {
		t.Errorf("%+v", got)
	}
}
