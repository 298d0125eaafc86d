package unittest

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// parse reads what runner.py prints: a line for each test with mark, name and detail, then how it ended, the two counts
// and why; texts are in hexadecimal.
func parse(text string) (out Outcome, end, why string, err error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		words := strings.Split(line, " ")
		last := i == len(lines)-1
		want := 3
		if last {
			want = 4
		}
		if len(words) != want {
			return Outcome{}, "", "", fmt.Errorf("unittest: line %d of the verdict has %d words, want %d", i+1, len(words), want)
		}
		if last {
			return finish(out, words)
		}
		if words[0] != "P" && words[0] != "F" {
			return Outcome{}, "", "", fmt.Errorf("unittest: line %d of the verdict begins with %q, want P or F", i+1, words[0])
		}
		t := Test{Passed: words[0] == "P"}
		if t.Name, err = unhex(words[1]); err != nil {
			return Outcome{}, "", "", err
		}
		if t.Detail, err = unhex(words[2]); err != nil {
			return Outcome{}, "", "", err
		}
		out.Tests = append(out.Tests, t)
	}
	return Outcome{}, "", "", fmt.Errorf("unittest: the verdict is empty")
}

func finish(out Outcome, words []string) (Outcome, string, string, error) {
	fail := func(err error) (Outcome, string, string, error) { return Outcome{}, "", "", err }
	end := words[0]
	if end != "done" && end != "broken" {
		return fail(fmt.Errorf("unittest: the verdict ends with %q, want done or broken", end))
	}
	var err error
	if out.Total, err = strconv.Atoi(words[1]); err != nil {
		return fail(fmt.Errorf("unittest: count of tests: %w", err))
	}
	if out.Good, err = strconv.Atoi(words[2]); err != nil {
		return fail(fmt.Errorf("unittest: count of tests that passed: %w", err))
	}
	if out.Good < 0 || out.Good > out.Total || len(out.Tests) > out.Total {
		return fail(fmt.Errorf("unittest: %d of %d tests passed, and %d are listed", out.Good, out.Total, len(out.Tests)))
	}
	why, err := unhex(words[3])
	if err != nil {
		return fail(err)
	}
	return out, end, why, nil
}

func unhex(s string) (string, error) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return "", fmt.Errorf("unittest: a text of the verdict: %w", err)
	}
	return string(b), nil
}
