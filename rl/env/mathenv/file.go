package mathenv

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"muonclip/rl/env"
	"muonclip/rl/reward/answer"
)

// FileConfig says which problems of a file are used. The zero value takes all.
type FileConfig struct {
	Name string // of the environment; empty means math
	Part env.Part
}

// Open makes the environment of a file of problems, one JSON object a line, in the form of GSM8K (question, answer
// with "#### " and the answer in its last line) or of MATH (problem, and solution with a \boxed answer, or answer, or both;
// level and type). The index of a key is the place of the problem among those of the part; the seed changes nothing.
func Open(path string, c FileConfig) (*Env, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("mathenv: open problems: %w", err)
	}
	defer f.Close()
	e, err := read(f, c)
	if err != nil {
		return nil, fmt.Errorf("mathenv: %s: %w", path, err)
	}
	return e, nil
}

// read makes the environment of the lines of a reader.
func read(from io.Reader, c FileConfig) (*Env, error) {
	if err := c.Part.Check(); err != nil {
		return nil, err
	}
	var problems []Problem
	in := bufio.NewReader(from)
	for line := 1; ; line++ {
		data, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if data = bytes.TrimSpace(data); len(data) > 0 {
			p, bad := parseLine(data)
			if bad != nil {
				return nil, fmt.Errorf("line %d: %w", line, bad)
			}
			if c.Part.Has(p.key) {
				problems = append(problems, p)
			}
		}
		if err != nil {
			break
		}
	}
	if len(problems) == 0 {
		return nil, errors.New("there are no problems in the part asked for")
	}
	name := c.Name
	if name == "" {
		name = "math"
	}
	return &Env{name: name, length: uint64(len(problems)), problem: func(key env.Key) (Problem, error) { return problems[key.Index], nil }}, nil
}

// calculator is GSM8K's annotation of a computation.
var calculator = regexp.MustCompile(`<<[^<>]*>>`)

// parseLine reads one problem.
func parseLine(data []byte) (Problem, error) {
	var row struct {
		Question, Problem, Solution, Type, Subject string
		Answer                                     json.RawMessage
		Level                                      json.RawMessage
	}
	if err := json.Unmarshal(data, &row); err != nil {
		return Problem{}, fmt.Errorf("want a JSON object with question and answer, or problem and solution: %w", err)
	}
	final := strings.Trim(string(row.Answer), " ") // a string, or a number in some files
	if strings.HasPrefix(final, `"`) {
		if err := json.Unmarshal(row.Answer, &final); err != nil {
			return Problem{}, fmt.Errorf("answer: %w", err)
		}
	} else if final == "null" {
		final = ""
	}
	var p Problem
	switch {
	case row.Question != "":
		work, gold, ok := cutLast(final, "####")
		if !ok || strings.TrimSpace(gold) == "" {
			return p, errors.New(`the answer has no last line with "#### " and a result`)
		}
		work = strings.TrimSpace(calculator.ReplaceAllString(work, ""))
		steps := 1 + strings.Count(work, "\n") // from 2 to 8 in GSM8K
		p = Problem{Kind: "gsm8k", Question: row.Question, Gold: strings.TrimSpace(gold), Solution: work, Difficulty: min(5, max(1, steps-1))}
	case row.Problem != "":
		kind := strings.ToLower(strings.ReplaceAll(row.Type+row.Subject, " ", "_"))
		if kind == "" {
			kind = "math"
		}
		p = Problem{Kind: kind, Question: row.Problem, Gold: final, Solution: row.Solution, Difficulty: level(row.Level)}
		if p.Gold == "" {
			boxed, ok := answer.Extract(row.Solution)
			if !ok || boxed.Source != answer.Boxed {
				return p, errors.New(`neither an answer nor a solution with \boxed{...}`)
			}
			p.Gold = boxed.Text
		}
	default:
		return p, errors.New("neither a question nor a problem")
	}
	p.key = strings.Join(strings.Fields(p.Question), " ")
	p.Gold = strings.Join(strings.Fields(p.Gold), " ")
	if v := answer.Equal(p.Gold, p.Gold, answer.Options{}); !v.Correct {
		return p, fmt.Errorf("the answer %q cannot be checked: %s", short(p.Gold), v.Why)
	}
	p.Question += "\n" + request
	// Four hashes in the working would be a second answer.
	p.Solution = strings.TrimSpace(strings.ReplaceAll(p.Solution, "####", "") + "\n#### " + p.Gold)
	return p, nil
}

// cutLast cuts around the last separator.
func cutLast(s, sep string) (before, after string, ok bool) {
	at := strings.LastIndex(s, sep)
	if at < 0 {
		return s, "", false
	}
	return s[:at], s[at+len(sep):], true
}

// level reads MATH's "Level 3", or a number; 3 where there is none.
func level(raw json.RawMessage) int {
	for _, c := range raw {
		if c >= '1' && c <= '5' {
			return int(c - '0')
		}
	}
	return 3
}
