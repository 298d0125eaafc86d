package unittest

import (
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/sandbox"
)

// load reads tasks, or skips the test where the files are absent.
func load(t *testing.T, path string, read func(string) ([]Task, error)) []Task {
	t.Helper()
	if testing.Short() {
		t.Skip("hundreds of programs are run")
	}
	path = "../../../../shared/data/" + path
	if _, err := os.Stat(path); err != nil {
		t.Skip("the data is not here:", err)
	}
	tasks, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	return tasks
}

// outcomes judges solutions of tasks, as many at a time as there are processors.
func outcomes(t *testing.T, sb *sandbox.Sandbox, tasks []Task, solution func(Task) string) []Outcome {
	t.Helper()
	out := make([]Outcome, len(tasks))
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				p := tasks[i].Program(solution(tasks[i]))
				p.PerCall, p.Limits.Wall, p.Limits.CPU = 20*time.Second, time.Minute, time.Minute
				o, err := Check(t.Context(), sb, p)
				if err != nil {
					t.Errorf("%s: %v", tasks[i].ID, err)
				}
				out[i] = o
			}
		})
	}
	for i := range tasks {
		next <- i
	}
	close(next)
	wg.Wait()
	return out
}

func reference(t Task) string { return t.Solution }

func processorTime() time.Duration {
	var sum int64
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			sum += u.Utime.Nano() + u.Stime.Nano()
		}
	}
	return time.Duration(sum)
}

func TestHumanEval(t *testing.T) {
	tasks := load(t, "humaneval/HumanEval.jsonl.gz", ReadHumanEval)
	if len(tasks) != 164 {
		t.Fatalf("%d tasks, want 164", len(tasks))
	}
	sb := open(t, sandbox.Options{})
	start, before := time.Now(), processorTime()
	tests := 0
	for i, o := range outcomes(t, sb, tasks, reference) {
		tests += o.Total
		if !o.Passed {
			t.Errorf("%s: %d of %d: %s %+v", tasks[i].ID, o.Good, o.Total, o.Reason, failures(o))
		}
	}
	wall := time.Since(start)
	if err := sb.Close(); err != nil { // the supervisors' time counts when they have ended
		t.Fatal(err)
	}
	used := processorTime() - before
	t.Logf("%d solutions, %d asserts: %.1f a second on %d processors, %.1f a second of processor time", len(tasks), tests,
		float64(len(tasks))/wall.Seconds(), runtime.GOMAXPROCS(0), float64(len(tasks))/used.Seconds())
}

func TestWrongHumanEval(t *testing.T) {
	tasks := load(t, "humaneval/HumanEval.jsonl.gz", ReadHumanEval)
	sb := open(t, sandbox.Options{})
	echo := func(t Task) string { return t.Prompt + "    return list(locals().values())[0]\n" }
	for i, o := range outcomes(t, sb, tasks, echo) {
		if o.Passed {
			t.Errorf("%s: returning the first argument passes all %d tests", tasks[i].ID, o.Total)
		}
	}
}

func failures(o Outcome) []Test {
	var bad []Test
	for _, t := range o.Tests {
		if !t.Passed && len(bad) < 3 {
			bad = append(bad, t)
		}
	}
	return bad
}

// Three tasks hand instances of a class of the solution to its functions, and those cannot be sent. They and every fifth
// of the others are run here; of all 974, 971 pass.
func TestMBPP(t *testing.T) {
	known := []string{"MBPP/367", "MBPP/601", "MBPP/927"}
	var tasks []Task
	for i, task := range load(t, "mbpp/mbpp.jsonl", ReadMBPP) {
		if i%5 == 0 || slices.Contains(known, task.ID) {
			tasks = append(tasks, task)
		}
	}
	sb := open(t, sandbox.Options{})
	var missed []string
	for i, o := range outcomes(t, sb, tasks, reference) {
		if o.Passed {
			continue
		}
		missed = append(missed, tasks[i].ID)
		t.Logf("%s: %d of %d: %s %+v", tasks[i].ID, o.Good, o.Total, o.Reason, failures(o)[:min(1, len(failures(o)))])
	}
	t.Logf("%d of %d reference solutions pass", len(tasks)-len(missed), len(tasks))
	if diff := cmp.Diff(known, missed); diff != "" {
		t.Error(diff)
	}
}
