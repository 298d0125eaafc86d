package codeenv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.starlark.net/syntax"

	"muonclip/internal/sandbox"
	"muonclip/internal/sandbox/unittest"
	"muonclip/internal/script"
	"muonclip/rl/reward"
)

// verdict is what the hidden tests say of a program.
type verdict struct {
	good, total int
	loaded      bool
	why         string // the first thing that is wrong; empty where all tests pass
	tried       []string
}

func (e *Env) judge(ctx context.Context, t Task, code string) (verdict, error) {
	if e.runner == Starlark {
		v, err := judgeStarlark(ctx, t, code)
		v.tried = tampering(code, unittest.Outcome{})
		return v, err
	}
	return e.judgePython(ctx, t, code)
}

// The time of one call. A program that runs out of it having hardly used the processor may have waited for a loaded
// machine, so it is judged once more, with more time.
const (
	perCall  = 3 * time.Second
	patience = 4
)

func (e *Env) judgePython(ctx context.Context, t Task, code string) (verdict, error) {
	box, err := e.sandbox(ctx)
	if err != nil {
		return verdict{}, err
	}
	p := t.tests.Program(t.prefix + code)
	p.PerCall = perCall
	out, err := unittest.Check(ctx, box, p)
	if err == nil && starved(out) {
		p.PerCall, p.Limits.Wall = patience*perCall, patience*sandbox.DefaultLimits.Wall
		out, err = unittest.Check(ctx, box, p)
	}
	switch {
	case errors.Is(err, unittest.ErrTests):
		return verdict{}, fmt.Errorf("codeenv: task %s: remove the task, its tests are broken: %w", t.ID, err)
	case err != nil:
		return verdict{}, fmt.Errorf("codeenv: %w: %w", err, reward.ErrUnavailable)
	}
	// The tests end early only where a limit ended them; any other reason is that the solution did not load.
	v := verdict{good: out.Good, total: max(out.Total, t.asserts), why: out.Reason}
	v.loaded = v.why == "" || strings.HasPrefix(v.why, "the tests did not end")
	if !v.loaded {
		v.why = "the solution does not load: " + short(v.why)
	}
	if v.why == "" {
		if at := slices.IndexFunc(out.Tests, func(t unittest.Test) bool { return !t.Passed }); at >= 0 {
			v.why = short(out.Tests[at].Name) + ": " + short(out.Tests[at].Detail)
		}
	}
	if !out.Passed && v.why == "" {
		v.why = "no test was reached"
	}
	if s := out.Solution; s != nil && !out.Passed && len(bytes.TrimSpace(s.Stdout)) > 0 {
		v.why += fmt.Sprintf(" (it printed %q)", short(string(s.Stdout)))
	}
	v.tried = tampering(code, out)
	return v, nil
}

// starved reports whether a program got no answer through in time and hardly ran.
func starved(out unittest.Outcome) bool {
	late := strings.Contains(out.Reason, "no answer within") || strings.Contains(out.Reason, string(sandbox.TimedOut)) ||
		slices.ContainsFunc(out.Tests, func(t unittest.Test) bool { return strings.Contains(t.Detail, "no answer within") })
	return late && out.Solution != nil && out.Solution.CPU < perCall/10
}

// sandbox makes the sandbox when it is first needed. That a machine refuses is remembered; other failures are not.
func (e *Env) sandbox(ctx context.Context) (*sandbox.Sandbox, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return nil, fmt.Errorf("codeenv: the environment is closed: %w", reward.ErrUnavailable)
	case e.refused != nil:
		return nil, e.refused
	case e.box != nil:
		return e.box, nil
	}
	box, err := sandbox.New(ctx, sandbox.Options{})
	if err != nil {
		err = fmt.Errorf("codeenv: programs cannot be judged (Config.Runner Starlark needs no sandbox): %w: %w", err, reward.ErrUnavailable)
		if errors.Is(err, sandbox.ErrUnsupported) {
			e.refused = err
		}
		return nil, err
	}
	e.box = box
	return box, nil
}

// judgeStarlark runs the tests in this process. What sandbox.Starlark takes is the body of a function, so the answer
// must be one function without definitions inside.
func judgeStarlark(ctx context.Context, t Task, code string) (verdict, error) {
	v := verdict{total: len(t.inputs)}
	params, body, err := splitFunction(code, t.tests.Calls[0])
	if err != nil {
		v.why = "the solution does not load: " + err.Error()
		return v, nil
	}
	v.loaded = true
	for i, args := range t.inputs {
		call := fmt.Sprintf("%s(%s)", t.tests.Calls[0], literals(args))
		if len(params) != len(args) {
			v.why = fmt.Sprintf("%s: it has %d parameters", call, len(params))
			return v, nil
		}
		r, err := sandbox.Starlark(ctx, sandbox.StarlarkJob{
			Source: body, Params: params, Args: args, Steps: goldSteps, Limits: sandbox.Limits{Memory: 16 << 20, Output: 64 << 10},
		})
		if err != nil {
			return verdict{}, fmt.Errorf("codeenv: %w: %w", err, reward.ErrUnavailable)
		}
		problem := ""
		switch {
		case r.Verdict != sandbox.Exited:
			problem = string(r.Verdict)
		case r.Exit != 0:
			problem = strings.TrimSpace(string(r.Stderr))
		case !sameJSON(r.Stdout, t.want[i]):
			problem = "not as expected: " + string(r.Stdout)
		default:
			v.good++
			continue
		}
		if v.why == "" {
			v.why = short(call + ": " + problem)
		}
		if r.Verdict != sandbox.Exited {
			return v, nil // as with Python, a call without an answer is the last one
		}
	}
	return v, nil
}

func sameJSON(got []byte, want any) bool {
	text, err := json.Marshal(want)
	return err == nil && bytes.Equal(got, text)
}

// splitFunction takes a program that is one function apart, into the names of its parameters and its body without the
// indentation.
func splitFunction(code, name string) (params []string, body string, err error) {
	if len(code) > script.MaxSource {
		return nil, "", fmt.Errorf("the program has %d bytes, more than the %d allowed", len(code), script.MaxSource)
	}
	file, err := dialect.Parse("program", code, 0)
	if err != nil {
		return nil, "", err
	}
	if len(file.Stmts) != 1 {
		return nil, "", fmt.Errorf("the program has %d statements at its top, want the function %s alone", len(file.Stmts), name)
	}
	def, ok := file.Stmts[0].(*syntax.DefStmt)
	if !ok || def.Name.Name != name {
		return nil, "", fmt.Errorf("the program does not define %s", name)
	}
	for _, p := range def.Params {
		id, ok := p.(*syntax.Ident)
		if !ok {
			return nil, "", errors.New("parameters must be plain names")
		}
		params = append(params, id.Name)
	}
	start, _ := def.Body[0].Span()
	lines := strings.Split(code, "\n")[start.Line-1:]
	indent := int(start.Col) - 1 // in characters
	for i, line := range lines {
		runes := []rune(line)
		n := 0
		for n < len(runes) && n < indent && (i == 0 || runes[n] == ' ' || runes[n] == '\t') {
			n++
		}
		lines[i] = string(runes[n:])
	}
	return params, strings.Join(lines, "\n"), nil
}

// short is a text for people.
func short(s string) string {
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "..."
	}
	return s
}

// starlarkRuns reports whether the gold solution of a task passes where judgeStarlark is the judge.
func starlarkRuns(t Task) bool {
	v, err := judgeStarlark(context.Background(), t, t.Gold)
	return err == nil && v.why == "" && v.good == v.total
}
