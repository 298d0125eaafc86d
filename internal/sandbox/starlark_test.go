package sandbox

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestStarlark(t *testing.T) {
	numbers := []any{3, int64(4), 0.5}
	for _, c := range []struct {
		name, source string
		limits       Limits
		verdict      Verdict
		exit         int
		stdout, says string
	}{
		{name: "value", source: "return {'sum': sum(xs), 'who': [who['name'], None, True, (1,)]}", verdict: Exited, stdout: `{"sum":7.5,"who":["Ada",null,true,[1]]}`},
		{name: "nothing", source: "x = 1", verdict: Exited, stdout: "null"},
		{name: "failure", source: "return xs[7]", verdict: Exited, exit: 1, says: "out of range"},
		{name: "syntax", source: "return (", verdict: Exited, exit: 1, says: "1:9"},
		{name: "world", source: "return get('x', 1)", verdict: Exited, exit: 1, says: "no world"},
		{name: "function", source: "return lambda: 1", verdict: Exited, exit: 1, says: "cannot be returned"},
		{name: "key", source: "return {1: 2}", verdict: Exited, exit: 1, says: "keys must be texts"},
		{name: "steps", source: "n = 0\nfor i in range(9000):\n  for j in range(9000):\n    n = j\nreturn n", verdict: OutOfCPU, exit: -1},
		{name: "one large step", source: "return len([0] * 50000000)", verdict: OutOfMemory, exit: -1},
		{name: "memory in steps", source: "out = []\nfor i in range(9000):\n  out.append(list(range(9000)))\nreturn len(out)",
			limits: Limits{Memory: 1 << 20}, verdict: OutOfMemory, exit: -1},
		{name: "doubling", source: "x = [0]\nfor i in range(60):\n  x = [x, x]\nreturn x", verdict: Flooded, exit: -1},
		{name: "output", source: "return 'x' * 1000", limits: Limits{Output: 100}, verdict: Flooded, exit: -1, stdout: `"` + strings.Repeat("x", 99)},
		{name: "time", source: "n = 0\nfor i in range(9000):\n  for j in range(9000):\n    n = j\nreturn n", limits: Limits{Wall: time.Nanosecond}, verdict: TimedOut, exit: -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := Starlark(t.Context(), StarlarkJob{
				Source: c.source, Params: []string{"xs", "who"}, Args: []any{numbers, map[string]any{"name": "Ada"}}, Limits: c.limits,
			})
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != c.verdict || r.Exit != c.exit || string(r.Stdout) != c.stdout || !strings.Contains(string(r.Stderr), c.says) {
				t.Errorf("%s, status %d, %q, %q; want %s, %d, %q, %q", r.Verdict, r.Exit, r.Stdout, r.Stderr, c.verdict, c.exit, c.stdout, c.says)
			}
		})
	}
}

func TestStarlarkArguments(t *testing.T) {
	if _, err := Starlark(t.Context(), StarlarkJob{Source: "return x", Params: []string{"x"}, Args: []any{struct{}{}}}); err == nil {
		t.Error("a struct was taken for a value")
	}
	if _, err := Starlark(t.Context(), StarlarkJob{Source: "return 1", Params: []string{"x"}}); err == nil {
		t.Error("a missing argument was accepted")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Starlark(ctx, StarlarkJob{Source: "return 1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled job gives %v", err)
	}
}
