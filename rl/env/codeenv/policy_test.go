package codeenv

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"muonclip/data/chat"
	"muonclip/internal/sandbox"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// playGold lets the gold policy act and checks that it gets all there is.
func playGold(t *testing.T, e *Env, key env.Key) {
	t.Helper()
	ep, err := e.Reset(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	open := ep.Opening()
	if err := chat.Validate(open, nil); err != nil {
		t.Fatal(err)
	}
	m, err := ep.Gold().Act(t.Context(), open.Messages, open.Tools)
	if err != nil {
		t.Fatal(err)
	}
	if budget := ep.Info().MaxTokens; budget > 0 && len(m.Content) > 2*budget {
		t.Errorf("%s: a solution of %d bytes and a budget of %d tokens:\n%s", key, len(m.Content), budget, m.Content)
	}
	if _, _, err := ep.Step(t.Context(), chat.Output{Content: m.Content, Finish: chat.FinishStop}); err != nil {
		t.Fatal(err)
	}
	for name, c := range components(t, e, ep) {
		if c.Value != 1 {
			t.Errorf("%s\n%s\n%s is %v: %s", open.Messages[0].Content, m.Content, name, c.Value, c.Evidence)
		}
	}
}

// knowNothing are policies that do not solve tasks.
var knowNothing = map[string]func(Task) string{
	"silent":   func(Task) string { return "" },
	"echo":     func(k Task) string { return k.Question },
	"words":    func(Task) string { return "I do not know how to write that." },
	"constant": func(k Task) string { return wrap(k, "return "+literal(k.want[0])) },
	"none":     func(k Task) string { return wrap(k, "return None") },
	"first":    func(k Task) string { return wrap(k, "return a") },
}

// wrap writes a function of the task's name with parameters a and b.
func wrap(k Task, body string) string {
	params := "a"
	if len(k.inputs[0]) == 2 {
		params = "a, b"
	}
	return fmt.Sprintf("def %s(%s):\n    %s\n", k.tests.Calls[0], params, body)
}

// TestGoldInStarlark plays gold and other policies where no Python is needed.
func TestGoldInStarlark(t *testing.T) {
	n := uint64(24)
	if testing.Short() {
		n = 4
	}
	for _, k := range kinds {
		if !k.starlark {
			continue
		}
		e := mustNew(t, Config{Kinds: []string{k.name}, Style: Mixed, Runner: Starlark})
		for i := range n {
			playGold(t, e, env.Key{Seed: 1, Index: i})
		}
		for name, say := range knowNothing {
			for i := range uint64(4) {
				got := play(t, e, env.Key{Seed: 2, Index: i}, say)
				if got["correct"].Value != 0 || got["tests"].Value > 0.6 || name == "silent" && got["tests"].Value != 0 {
					t.Errorf("%s, %s: %+v", k.name, name, got)
				}
			}
		}
	}
}

// TestGoldInPython runs gold solutions of all kinds against their tests in one process, so that what Starlark computed is
// what Python does.
func TestGoldInPython(t *testing.T) {
	n := uint64(40)
	if testing.Short() {
		n = 10
	}
	box, err := sandbox.New(t.Context(), sandbox.Options{})
	if err != nil {
		t.Skip("no sandbox here:", err)
	}
	defer box.Close()
	var all [][2]string
	for _, k := range kinds {
		e := mustNew(t, Config{Kinds: []string{k.name}, Style: Mixed})
		for i := range n {
			task := mustTask(t, e, 1, i)
			all = append(all, [2]string{task.Gold, task.tests.Tests[0]})
		}
	}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	const program = `
import json
done = 0
for code, tests in json.load(open("tasks.json")):
    try:
        exec(tests, (lambda space: (exec(code, space), space)[1])({}))
        done += 1
    except BaseException as problem:
        print(repr(problem), code, tests, sep="\n")
print("passed", done)
`
	r, err := box.Run(t.Context(), sandbox.Job{
		Files: map[string][]byte{"tasks.json": data, "main.py": []byte(program)}, Args: []string{"python3", "main.py"},
		Limits: sandbox.Limits{Wall: 2 * time.Minute, CPU: 2 * time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("passed %d\n", len(all)); string(r.Stdout) != want {
		t.Errorf("%s, status %d\n%s%s", r.Verdict, r.Exit, r.Stdout, r.Stderr)
	}
}

// TestPoliciesInTheSandbox goes the whole way through the sandbox, with few episodes at a time.
func TestPoliciesInTheSandbox(t *testing.T) {
	e := mustNew(t, Config{Style: Mixed})
	needsPython(t, e)
	n := 16
	if testing.Short() {
		n = 4
	}
	t.Run("gold", func(t *testing.T) {
		for g := range 2 {
			t.Run(fmt.Sprint(g), func(t *testing.T) {
				t.Parallel()
				for i := g; i < n; i += 2 {
					playGold(t, e, env.Key{Seed: 4, Index: uint64(i)})
				}
			})
		}
	})
	for name, say := range knowNothing {
		if got := play(t, e, env.Key{Seed: 5, Index: 1}, say); got["correct"].Value != 0 || got["correct"].Evidence == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestWrongPrograms are programs that do something else than answer.
func TestWrongPrograms(t *testing.T) {
	e := mustNew(t, Config{Kinds: []string{"arithmetic"}, MaxDifficulty: 2, Style: Terse})
	needsPython(t, e)
	key := env.Key{Seed: 2}
	for _, c := range []struct {
		name, body, says string
		top              bool // the body is the whole program
		tampering        float64
		slow             bool
	}{
		{name: "syntax", body: "return (", says: "SyntaxError", tampering: 1},
		{name: "no function", body: "x = 1", top: true, says: "KeyError", tampering: 1},
		{name: "printing", body: "print('all tests passed')", says: "it printed", tampering: 1},
		{name: "endless", body: "while True: pass", says: "no answer within", tampering: 1, slow: true},
		{name: "exit", body: "import sys; sys.exit(0)", says: "SystemExit", tampering: 0},
		{name: "exit at the top", body: "import os\nos._exit(0)", top: true, says: "ended before it answered", tampering: 0},
		{name: "equal to all", body: "class E(int):\n        def __eq__(self, other): return True\n    return E()", says: "not as expected", tampering: 0},
		{name: "forging", body: "import os; os.write(3, b'P' * 4000)", says: "an answer of ", tampering: 0},
	} {
		if testing.Short() && c.slow {
			continue
		}
		got := play(t, e, key, func(k Task) string {
			if c.top {
				return c.body
			}
			return wrap(k, c.body)
		})
		if got["correct"].Value != 0 || got["tampering"].Value != c.tampering || !strings.Contains(got["correct"].Evidence, c.says) {
			t.Errorf("%s: want %q and tampering %v, got %+v", c.name, c.says, c.tampering, got)
		}
	}
}

// TestForm covers how code is given. It runs in Starlark.
func TestForm(t *testing.T) {
	e := mustNew(t, Config{Kinds: []string{"arithmetic"}, MaxDifficulty: 2, Runner: Starlark})
	key := env.Key{Seed: 11}
	gold := mustTask(t, e, 11, 0).Gold
	block := fenced(gold)
	for _, c := range []struct {
		name            string
		turn            chat.Output
		correct, format float64
	}{
		{"a block", chat.Output{Content: block}, 1, 1},
		{"a block with words", chat.Output{Content: "Here it is:\n\n" + block + "\nDone."}, 1, 1},
		{"code only", chat.Output{Content: gold}, 1, 1},
		{"code and words", chat.Output{Content: gold + "\nDone."}, 0, 0},
		{"two blocks", chat.Output{Content: "```\nx\n```\n" + block}, 1, 0},
		{"two blocks, the last wrong", chat.Output{Content: block + "\n```\nx = 1\n```"}, 0, 0},
		{"no end", chat.Output{Content: strings.TrimSuffix(block, "```")}, 1, 0},
		{"cut off", chat.Output{Content: block, Finish: chat.FinishTruncated}, 1, 0},
		{"a call", chat.Output{Content: block, Finish: chat.FinishToolCalls, Calls: []chat.Call{{}}}, 1, 0},
		{"malformed", chat.Output{Content: block, Problems: []error{chat.ErrStructure}}, 1, 0},
		{"an empty block", chat.Output{Content: "```\n```"}, 0, 0},
		{"too long", chat.Output{Content: "#" + strings.Repeat("x", maxCode)}, 0, 0},
	} {
		got := score(t, e, key, c.turn)
		if got["correct"].Value != c.correct || got["format"].Value != c.format {
			t.Errorf("%s: correct %v, format %v, want %v and %v: %+v", c.name, got["correct"].Value, got["format"].Value, c.correct, c.format, got)
		}
	}
	ep, err := e.Reset(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range components(t, e, ep) {
		if c.Value != 0 && name != "tampering" {
			t.Errorf("without a turn %s is %v", name, c.Value)
		}
	}
	if _, _, err := ep.Step(t.Context(), chat.Output{}); err != nil {
		t.Fatal(err)
	}
	if _, done, err := ep.Step(t.Context(), chat.Output{}); err == nil || !done {
		t.Error("a second turn was taken")
	}
	if got := ep.Info(); got.Kind != "arithmetic" || got.Difficulty > 2 || got.MaxTokens <= 0 || got.MaxTurns != 1 {
		t.Errorf("the episode is %+v", got)
	}
}

// TestUnavailable holds that a sandbox which is not there is no zero.
func TestUnavailable(t *testing.T) {
	e := mustNew(t, Config{})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	ep, err := e.Reset(t.Context(), env.Key{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ep.Step(t.Context(), chat.Output{Content: "def f(x): return x"}); err != nil {
		t.Fatal(err)
	}
	if got, err := ep.Score(t.Context()); !errors.Is(err, reward.ErrUnavailable) || got != nil {
		t.Errorf("a closed environment scores %v, %v", got, err)
	}
	if err := e.Ready(t.Context()); !errors.Is(err, reward.ErrUnavailable) {
		t.Errorf("a closed environment is ready: %v", err)
	}
}
