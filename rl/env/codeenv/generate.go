package codeenv

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"muonclip/internal/rng"
	"muonclip/internal/sandbox/unittest"
	"muonclip/rl/env"
)

const (
	hidden   = 10  // tests of a generated task
	examples = 2   // shown in sentences; no hidden test has the same arguments
	draws    = 120 // of arguments, before a program is given up
)

// generate draws programs until one is fit for a task and lies in the part that is asked for. Kind, difficulty and style
// are drawn before, so that their mixture is the same in every part.
func generate(key env.Key, chosen []kind, c Config) (Task, error) {
	r := rng.New(key.Seed, "code", key.Index)
	k := chosen[r.IntN(len(chosen))]
	difficulty := between(r, k.min, k.max)
	terse := c.Style == Terse || c.Style == Mixed && r.IntN(2) == 0
	const tries = 10_000
	for try := range uint64(tries) {
		r := rng.New(key.Seed, "code task", key.Index, try)
		p, ok := k.draw(r, difficulty)
		if !ok {
			continue
		}
		gold, err := compile("f", p.function("f", true))
		if err != nil {
			return Task{}, fmt.Errorf("%w\n%s", err, p.function("f", true))
		}
		if !c.Part.Has(p.behaviour(gold)) {
			continue
		}
		cases, ok := p.cases(r, gold)
		if !ok || p.idle(cases) {
			continue
		}
		t := p.task(r, cases, terse)
		t.Kind, t.Difficulty, t.ID = k.name, difficulty, "code-"+key.String()
		if c.Runner == Starlark && !starlarkRuns(t) {
			continue
		}
		return t, nil
	}
	return Task{}, fmt.Errorf("codeenv: none of %d programs of the kind %s with difficulty %d is fit and lies in the part asked for",
		tries, k.name, difficulty)
}

// function writes the program as a function.
func (p program) function(name string, terse bool) string {
	params := p.names(terse)
	body := p.body(params)
	head := fmt.Sprintf("def %s(%s):", name, strings.Join(params, ", "))
	if terse && len(body) == 1 {
		return head + " " + body[0]
	}
	return head + "\n    " + strings.Join(body, "\n    ")
}

// behaviour is what a program does with fixed arguments. It decides on which side of the division a task lies, so that no
// other way to word or to write a held-out task lies in training.
func (p program) behaviour(f function) string {
	r := rng.New(0, "code behaviour", uint64(p.from))
	var out strings.Builder
	for range 16 {
		got, err := f.call(p.arguments(r, ""))
		if err != nil {
			got = nil
		}
		fmt.Fprintf(&out, "%s|", literal(got))
	}
	return out.String()
}

func (p program) arguments(r *rand.Rand, domain string) []any {
	args := []any{input(r, p.from, domain)}
	if p.two {
		args = append(args, input(r, p.from, domain))
	}
	return args
}

// example is arguments and what the gold solution makes of them.
type example struct {
	args []any
	want any
}

// cases draws the arguments of the hidden tests and of the examples after them. No result may be that of more than four
// of ten tests (six for truth values), and no argument may be the result of more than four: a constant or an echo does not
// pass. ok is false where that cannot be had, or where the program fails.
func (p program) cases(r *rand.Rand, f function) (all []example, ok bool) {
	most := 4
	if p.to() == truth {
		most = 6
	}
	seen, results, echoes := map[string]bool{}, map[string]int{}, 0
	for try := range draws {
		if try == draws/4 && len(all) < hidden/2 {
			return nil, false // hardly will
		}
		args := p.arguments(r, p.only)
		name := literals(args)
		if seen[name] {
			continue
		}
		want, err := f.call(args)
		if err != nil {
			return nil, false
		}
		result := literal(want)
		echo := result == literal(args[0]) || p.two && result == literal(args[1])
		if len(all) < hidden {
			if results[result] == most || echo && echoes == 4 {
				continue
			}
			results[result]++
			if echo {
				echoes++
			}
		} else if echo || trifling(args) {
			continue // shows nothing
		}
		seen[name] = true
		if all = append(all, example{args, want}); len(all) == hidden+examples {
			return all, true
		}
	}
	return nil, false
}

// trifling reports whether an argument is a list or dict of less than two elements.
func trifling(args []any) bool {
	return slices.ContainsFunc(args, func(a any) bool {
		switch a := a.(type) {
		case []any:
			return len(a) < 2
		case map[string]any:
			return len(a) < 2
		}
		return false
	})
}

// idle reports whether a step could be left out without any test noticing.
func (p program) idle(cases []example) bool {
	for _, q := range p.without() {
		f, err := compile("f", q.function("f", true))
		if err != nil {
			continue
		}
		same := true
		for _, c := range cases[:hidden] {
			got, err := f.call(c.args)
			if err != nil || literal(got) != literal(c.want) {
				same = false
				break
			}
		}
		if same {
			return true
		}
	}
	return false
}

// task words a program.
func (p program) task(r *rand.Rand, cases []example, terse bool) Task {
	name := "f"
	var t Task
	if terse {
		t.Gold = p.function(name, true)
		t.Question = fmt.Sprintf("def %s(%s): # %s", name, strings.Join(p.names(true), ", "), strings.Join(p.say(true), ", then "))
		t.Solution = t.Gold
	} else {
		name = pick(r, "solve", "compute", "transform", "process", "run")
		t.Gold = p.function(name, false)
		t.Question = p.question(r, name, cases[hidden:])
		t.Solution = fenced(t.Gold)
	}
	var asserts []string
	for _, c := range cases[:hidden] {
		asserts = append(asserts, fmt.Sprintf("assert %s(%s) == %s", name, literals(c.args), literal(c.want)))
		t.inputs, t.want = append(t.inputs, c.args), append(t.want, c.want)
	}
	t.tests = unittest.Task{Tests: []string{strings.Join(asserts, "\n")}, Calls: []string{name}}
	t.asserts = hidden
	return t
}

// fenced is code as an answer in sentences gives it.
func fenced(code string) string { return "```python\n" + strings.TrimRight(code, "\n") + "\n```" }

// request is how a question in sentences asks for the form of the answer.
const request = "Answer with the whole function in one code block."

// question is a signature with a docstring that has one or two examples.
func (p program) question(r *rand.Rand, name string, shown []example) string {
	params := p.names(false)
	said := p.say(false)
	var doc string
	branched := len(said) > 1 && p.ops[0].group == "branch" // a sentence would not say what belongs to otherwise
	if list := len(said) > 2 && r.IntN(2) == 0; list || branched {
		doc = fmt.Sprintf("Do this with %s, one after the other, and return the result:\n", params[0])
		for i, s := range said {
			doc += fmt.Sprintf("    %d. %s\n", i+1, s)
		}
	} else {
		format := pick(r, "Take %s: %s. Return the result.\n", "Begin with %s: %s. Return what comes out.\n")
		doc = fmt.Sprintf(format, params[0], strings.Join(said, "; then "))
	}
	if p.only != "" {
		doc += "\n    " + domains[p.only] + "\n"
	}
	doc += "\n"
	for _, c := range shown[:1+r.IntN(examples)] {
		doc += fmt.Sprintf("    >>> %s(%s)\n    %s\n", name, literals(c.args), literal(c.want))
	}
	begin := pick(r, "Write this Python function.", "Complete this Python function.", "Implement the function below in Python.")
	return fmt.Sprintf("%s %s\n\n```python\ndef %s(%s):\n    \"\"\"%s    \"\"\"\n```", begin, request, name, strings.Join(params, ", "), doc)
}

// domains say in words what the arguments are.
var domains = map[string]string{
	"natural": "Numbers are 0 or greater.", "positive": "Numbers are 1 or greater.", "small": "Numbers are 0 or greater, and small.",
	"large": "Numbers are 100 or greater.", "short": "Texts are single words.", "brackets": "Texts have brackets only.",
}
