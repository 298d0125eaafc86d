package task

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"muonclip/internal/rng"
	"muonclip/synth/tool"

	"github.com/google/go-cmp/cmp"
)

// print is what two samples of one key must have in common.
func print(t *testing.T, x *Task) string {
	t.Helper()
	var tools []string
	for _, x := range x.Tools {
		tools = append(tools, x.Name)
	}
	var plans []any
	for _, s := range x.Segments {
		plans = append(plans, s.Kind, s.Outcome, s.Steps, s.Slots, s.Facts, s.Intent.Verb, s.Intent.Asks, s.Intent.Each, s.Intent.Noun)
	}
	b, err := json.MarshalIndent(map[string]any{"kind": x.Kind, "system": x.System, "tools": tools, "plans": plans, "goal": x.Goal, "initial": x.Initial,
		"faults": x.Faults, "persona": x.Persona, "rubric": x.Rubric, "diff": x.Diff, "refusals": x.Refusals}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTaskIsAFunctionOfItsKey(t *testing.T) {
	p := pool(t)
	n := 150
	first := make([]string, n)
	for i := range n {
		x, err := p.Sample(Key{7, uint64(i)})
		if err != nil {
			t.Fatal(err)
		}
		first[i] = print(t, x)
	}
	again := pool(t)
	for i := n - 1; i >= 0; i-- { // in another order, from another pool
		x, err := again.Sample(Key{7, uint64(i)})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(first[i], print(t, x)); d != "" {
			t.Fatalf("task %d differs: %s", i, d)
		}
	}
}

func TestEveryKind(t *testing.T) {
	for _, k := range Kinds() {
		p := pool(t, k)
		n := 25
		if k == Long {
			n = 4
		}
		for i := range n {
			x, err := p.Sample(Key{5, uint64(i)})
			if err != nil {
				t.Fatal(err)
			}
			check(t, k, x)
		}
	}
}

// check looks for what makes a task one of its kind.
func check(t *testing.T, k Kind, x *Task) {
	t.Helper()
	seg := x.Segments[0]
	has := func(d Do) bool { return slices.ContainsFunc(seg.Steps, func(s *Step) bool { return s.Do == d }) }
	calls := 0
	for _, s := range seg.Steps {
		if s.Do == DoCall {
			calls++
		}
	}
	ok := true
	switch k {
	case Single:
		ok = calls == 1 && seg.Outcome == Done
	case Dependent:
		ok = calls >= 2
	case Parallel:
		together := len(seg.Steps[0].Args) > 0 && len(seg.Steps[0].Args[0].From.List) >= 2 // one call about several records
		ok = together || calls >= 2 && seg.Steps[0].Group == 1 && seg.Steps[1].Group == 1
	case Loop:
		ok = slices.ContainsFunc(seg.Steps, func(s *Step) bool { return s.Each >= 0 })
	case Missing:
		ok = has(DoAsk)
	case Ambiguous:
		ok = has(DoChoose)
	case Changed:
		ok = slices.ContainsFunc(seg.Slots, func(s *Slot) bool { return s.Reveal == AfterAll && s.First != nil })
	case Forbidden:
		ok = seg.Outcome == Refused && seg.Rule != nil && len(seg.Facts) == 1 && !slices.ContainsFunc(seg.Steps, func(s *Step) bool { return s.Write })
	case Consent:
		ok = has(DoConsent)
	case Impossible:
		ok = seg.Outcome == Blocked
	case NoTool:
		ok = seg.Outcome == Answered && calls == 0
	case Irrelevant:
		ok = seg.Outcome == NoMeans && calls == 0 && len(x.Tools) > 0 && x.Tool(seg.Intent.Verb) == nil
	case Recovery:
		ok = len(x.Faults) == 1
	case Long:
		ok = x.Calls >= 50
	}
	if !ok || x.Kind != k {
		t.Errorf("task %s of %s does not look like %s", x.ID(), x.Domain.Name, k)
	}
	if x.Difficulty < 1 || x.Difficulty > 5 || len(x.Rubric.Criteria) != len(x.Segments) || x.System == "" || len(x.Tools) == 0 {
		t.Errorf("task %s is incomplete: difficulty %d, %d criteria for %d segments", x.ID(), x.Difficulty, len(x.Rubric.Criteria), len(x.Segments))
	}
}

func TestGuards(t *testing.T) {
	p := pool(t, Dependent)
	x, err := p.Sample(Key{9, 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		rubric Rubric
		want   Reason
	}{
		"nothing is demanded":      {Rubric{Goal: x.Initial, MaxWrites: 9}, Vacuous},
		"anything that is called":  {Rubric{Goal: x.Initial, MaxWrites: 9, Pattern: []Expect{{Tools: readers(x), Code: "*"}}}, Guessable},
		"not what the plan gives":  {Rubric{Goal: "another state", MaxWrites: 9}, Unheard},
		"a call that nobody makes": {Rubric{Goal: x.Initial, MaxWrites: 9, Pattern: []Expect{{Tools: []string{"nothing"}}}}, Unheard},
	} {
		y := *x
		y.Rubric, y.Goal, y.Tools = c.rubric, x.Initial, reading(x)
		b := &builder{r: rng.New(1, "guard"), gold: gold{calls: []DoneCall{{Tool: readers(x)[0], Args: map[string]any{}}}}}
		var r *refusal
		if err := b.guard(&y); !errors.As(err, &r) || r.reason != c.want {
			t.Errorf("%s: refused with %v, want %s", name, err, c.want)
		}
	}
}

func reading(x *Task) []*tool.Tool {
	var out []*tool.Tool
	for _, t := range x.Tools {
		if !t.Writes && t.Domain == x.Domain.Name {
			out = append(out, t)
		}
	}
	return out
}

func readers(x *Task) []string {
	var out []string
	for _, t := range reading(x) {
		out = append(out, t.Name)
	}
	return out
}

func TestRefusalsAreCounted(t *testing.T) {
	p := pool(t)
	reasons := map[Reason]int{}
	n := 500
	for i := range n {
		x, err := p.Sample(Key{7, uint64(i)})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range x.Refusals {
			reasons[r]++
		}
	}
	if len(reasons) == 0 {
		t.Error("no attempt was ever refused")
	}
	t.Logf("attempts refused for %d tasks: %v", n, reasons)
}
