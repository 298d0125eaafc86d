// Package unittest judges programs that nobody trusts by tests that they never see.
//
// The program and the tests run in two sandboxes. In the first, trusted code runs the tests; every function of the program
// that they call is a stand-in which sends name and arguments through a channel. In the second, the program answers such
// calls. Back come values of exact built-in types (wire.py), so a comparison runs none of the program's code: an __eq__
// that always agrees, a patched assert, a forged "OK", an early exit or a stopped clock change nothing but the program's
// own process. The verdict is written by the first sandbox alone. What the program learns of the tests are the arguments
// of its calls, one call at a time; expected values never leave the first sandbox.
//
// The price is that arguments and results must be plain values: None, bool, int, float, complex, str, bytes, list, tuple,
// set, frozenset, dict, range and the built-in types themselves. Subclasses of these arrive as what they derive from. A
// result of another type, such as a generator, fails the test and says so. Arguments are copies: tests cannot see that a
// function changed its argument.
package unittest

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"muonclip/internal/sandbox"
)

//go:embed wire.py
var wire string

//go:embed server.py
var server string

//go:embed runner.py
var runner string

// ErrTests says that the tests themselves cannot run: they do not compile, or their preamble fails. Nothing is known of
// the program then.
var ErrTests = errors.New("the tests cannot run")

// Program is what is judged, and by what.
type Program struct {
	Code string // of the solution, in Python
	// Preamble runs before the tests and beside them, as trusted as they are: imports and helper functions.
	Preamble string
	// Tests are Python sources. Every assert that one of them reaches counts as a test of its own; a source that reaches
	// none counts as one that failed. Where a source defines a function named check, it is called with the first of Calls.
	Tests []string
	// Calls are the names of the solution's functions that the tests use.
	Calls []string
	// PerCall bounds the time of loading the solution and of one call of it; 0 means 3 s. After a call without an answer
	// every further test fails.
	PerCall time.Duration
	// Limits of each of the two processes; zero fields take the sandbox's defaults.
	Limits sandbox.Limits
}

// Test is one assert that was reached.
type Test struct {
	Name   string // its source
	Passed bool
	Detail string // why not
}

// Outcome is what the tests say of a program.
type Outcome struct {
	Passed      bool // all tests did, and there was at least one
	Total, Good int  // tests reached, and those that passed
	Tests       []Test
	Reason      string          // why there are none, or why the rest is missing: the solution did not load, the time was up
	Solution    *sandbox.Result // of the solution's own process, with what it printed
	Wall        time.Duration
}

// Check judges a program. The error is about the sandbox or wraps ErrTests; a program that does anything wrong is an
// Outcome that has not passed.
func Check(ctx context.Context, sb *sandbox.Sandbox, p Program) (Outcome, error) {
	if len(p.Tests) == 0 || len(p.Calls) == 0 {
		return Outcome{}, fmt.Errorf("unittest: %d tests of %d functions: want at least one of each: %w", len(p.Tests), len(p.Calls), ErrTests)
	}
	if p.PerCall == 0 {
		p.PerCall = 3 * time.Second
	}
	args := []string{"python3", "-S", "-s", "-B", "main.py"}
	files := map[string][]byte{"main.py": []byte(wire + runner), "preamble.py": []byte(p.Preamble)}
	for i, t := range p.Tests {
		files[fmt.Sprintf("test%d.py", i)] = []byte(t)
	}
	trusted := sandbox.Job{
		Files: files, Limits: p.Limits,
		Args: append(slices.Concat(args, []string{strconv.FormatFloat(p.PerCall.Seconds(), 'f', -1, 64), strconv.Itoa(len(p.Tests))}), p.Calls...),
	}
	untrusted := sandbox.Job{
		Files: map[string][]byte{"main.py": []byte(wire + server), "solution.py": []byte(p.Code)}, Limits: p.Limits, Args: args,
	}
	start := time.Now()
	judge, solution, err := sb.RunPair(ctx, trusted, untrusted)
	if err != nil {
		return Outcome{}, err
	}
	out, err := conclude(judge)
	if err != nil {
		return Outcome{}, err
	}
	out.Solution, out.Wall = solution, time.Since(start)
	return out, nil
}

// conclude reads the verdict of the trusted process. Where there is none because a limit ended the process, or a crash,
// the program did not pass: it was the one to send what brought that about.
func conclude(r *sandbox.Result) (Outcome, error) {
	out, end, why, err := parse(string(r.Stdout))
	switch {
	case err == nil && end == "broken":
		return Outcome{}, fmt.Errorf("unittest: %s: %w", why, ErrTests)
	case err == nil && r.Verdict == sandbox.Exited && r.Exit == 0:
		out.Reason = why
		out.Passed = why == "" && out.Total > 0 && out.Good == out.Total
		return out, nil
	case r.Verdict != sandbox.Exited:
		return Outcome{Reason: fmt.Sprintf("the tests did not end: %s", r.Verdict)}, nil
	case strings.Contains(string(r.Stderr), "MemoryError"):
		return Outcome{Reason: "the tests did not end: a value was too large"}, nil
	}
	return Outcome{}, fmt.Errorf("unittest: the tests ended without a verdict (status %d): %s", r.Exit, strings.TrimSpace(string(r.Stderr)))
}
