package mathenv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/rl/env"
)

func TestParseLine(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       Problem
	}{
		{
			"GSM8K",
			`{"question": "How many?", "answer": "2+3=<<2+3=5>>5 eggs\n5*2=<<5*2=10>>10\n#### 1,010"}`,
			Problem{"gsm8k", 1, "How many?\n" + request, "1,010", "2+3=5 eggs\n5*2=10\n#### 1,010", "How many?"},
		},
		{
			"MATH",
			`{"problem": "Half of\n$x$?", "solution": "It is $\\boxed{\\frac{x}{2}}$.", "level": "Level 4", "type": "Counting & Probability"}`,
			Problem{"counting_&_probability", 4, "Half of\n$x$?\n" + request, `\frac{x}{2}`, "It is $\\boxed{\\frac{x}{2}}$.\n" + `#### \frac{x}{2}`, "Half of $x$?"},
		},
		{
			"MATH with an answer",
			`{"problem": "One?", "solution": "Yes, \\boxed{2}", "answer": "1", "subject": "Algebra", "level": 2}`,
			Problem{"algebra", 2, "One?\n" + request, "1", "Yes, \\boxed{2}\n#### 1", "One?"},
		},
		{"a bare number", `{"problem": "One?", "answer": 1}`, Problem{"math", 3, "One?\n" + request, "1", "#### 1", "One?"}},
	} {
		got, err := parseLine([]byte(c.line))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(Problem{})); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestBadLines(t *testing.T) {
	const good = `{"question": "q", "answer": "#### 1"}` + "\n\n"
	for line, want := range map[string]string{
		`{"question": "q", "answer": "1"}`:                      "no last line",
		`{"question": "q", "answer": "#### "}`:                  "no last line",
		`{"question": "q"}`:                                     "no last line",
		`{"problem": "p", "solution": "it is 5"}`:               "neither an answer nor",
		`{"problem": "p"}`:                                      "neither an answer nor",
		`{"answer": "5"}`:                                       "neither a question nor",
		`{"question": "q", "answer": "#### 1"`:                  "JSON",
		`[1]`:                                                   "JSON",
		`{"question": "q", "answer": "#### , ,"}`:               "",
		fmt.Sprintf(`{"problem":"p","answer":"%01000000d"}`, 7): "cannot be checked",
	} {
		e, err := read(strings.NewReader(good+line), FileConfig{})
		if want == "" {
			if err != nil || e.Len() != 2 {
				t.Errorf("%s: %v", line, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "line 3") {
			t.Errorf("%.60s: the error is %q, want %q in line 3", line, err, want)
		}
	}
	if _, err := read(strings.NewReader("\n"), FileConfig{}); err == nil {
		t.Error("an empty file is no environment")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none.jsonl"), FileConfig{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestGSM8K plays the gold and another problem's answer on GSM8K's test set, and divides it.
func TestGSM8K(t *testing.T) {
	const path = "../../../../shared/data/gsm8k/test.jsonl"
	if _, err := os.Stat(path); err != nil {
		t.Skip("GSM8K is not here:", err)
	}
	e, err := Open(path, FileConfig{Name: "gsm8k"})
	if err != nil {
		t.Fatal(err)
	}
	if e.Len() != 1319 || e.Name() != "gsm8k" {
		t.Fatalf("%s has %d problems, want 1319", e.Name(), e.Len())
	}
	lucky := 0.0
	for i := range e.Len() {
		key := env.Key{Index: i}
		if correct, format, evidence := play(t, e, key, func(p Problem) string { return p.Solution }); correct != 1 || format != 1 {
			t.Errorf("problem %d: gold scores %v and %v: %s", i, correct, format, evidence)
		}
		other := mustProblem(t, e, 0, (i+1)%e.Len()).Gold
		correct, _, _ := play(t, e, key, func(Problem) string { return "#### " + other })
		lucky += correct
	}
	if share := lucky / float64(e.Len()); share > 0.05 {
		t.Errorf("the next problem's answer is right in %.1f %%", 100*share)
	}
	if _, err := e.Reset(t.Context(), env.Key{Index: e.Len()}); err == nil {
		t.Error("an index behind the last problem was taken")
	}
	n := 0
	for d, err := range e.Dialogues(1, 5000) {
		if err != nil || chat.Validate(d, nil) != nil || strings.Contains(d.Messages[1].Content, "<<") {
			t.Fatalf("dialogue %d: %v, %v", n, err, d.Messages)
		}
		n++
	}
	if n != 1319 {
		t.Errorf("%d dialogues, want 1319", n)
	}
	train, err1 := Open(path, FileConfig{Part: env.Train})
	held, err2 := Open(path, FileConfig{Part: env.HeldOut})
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if train.Len()+held.Len() != e.Len() || held.Len() < 80 || held.Len() > 190 {
		t.Errorf("%d and %d problems, together want %d", train.Len(), held.Len(), e.Len())
	}
	in := map[string]bool{}
	for i := range train.Len() {
		in[mustProblem(t, train, 0, i).key] = true
	}
	for i := range held.Len() {
		if p := mustProblem(t, held, 0, i); in[p.key] {
			t.Errorf("%q is on both sides", p.Question)
		}
	}
}

// FuzzParseLine holds that a line is an error or a problem whose solution answers it.
func FuzzParseLine(f *testing.F) {
	f.Add([]byte(`{"question": "q", "answer": "a\n#### 1"}`))
	f.Add([]byte(`{"problem": "p", "solution": "\\boxed{\\frac12}", "level": "Level 5", "type": "Algebra"}`))
	f.Add([]byte(`{"problem": "p", "answer": [1]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		p, err := parseLine(line)
		if err != nil {
			return
		}
		if p.Gold == "" || p.Difficulty < 1 || p.Difficulty > 5 || p.Kind == "" || !strings.HasSuffix(p.Solution, "#### "+p.Gold) {
			t.Errorf("%+v", p)
		}
	})
}
