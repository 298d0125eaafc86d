package unittest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Task is a task of a benchmark: words, a solution that is known to be right, and tests.
type Task struct {
	ID       string
	Prompt   string // HumanEval: the beginning of the program; MBPP: a sentence
	Solution string // the whole program
	Preamble string // see Program, as are the next two
	Tests    []string
	Calls    []string
}

// Program is the task with a solution to judge.
func (t Task) Program(code string) Program {
	return Program{Code: code, Preamble: t.Preamble, Tests: t.Tests, Calls: t.Calls}
}

// ReadHumanEval reads HumanEval.jsonl, or the same with gzip where the name ends in .gz (Chen and others, arXiv
// 2107.03374). Its prompts define helper functions that some tests use.
func ReadHumanEval(path string) ([]Task, error) {
	return readRows(path, humanEval.task)
}

// humanEval is a line of the file.
type humanEval struct {
	TaskID   string `json:"task_id"`
	Prompt   string `json:"prompt"`
	Entry    string `json:"entry_point"`
	Solution string `json:"canonical_solution"`
	Test     string `json:"test"`
}

func (r humanEval) task() (Task, error) {
	if r.TaskID == "" || r.Entry == "" || r.Test == "" {
		return Task{}, errors.New("task_id, entry_point and test must not be empty")
	}
	return Task{
		ID: r.TaskID, Prompt: r.Prompt, Solution: r.Prompt + r.Solution, Preamble: r.Prompt, Tests: []string{r.Test}, Calls: []string{r.Entry},
	}, nil
}

var (
	definition = regexp.MustCompile(`(?m)^(?:def|class)[ \t]+(\w+)`)
	imported   = regexp.MustCompile(`(?m)^import[ \t]+(\w+)[ \t]*$`)
)

// ReadMBPP reads mbpp.jsonl (Austin and others, arXiv 2108.07732). Which functions the tests use is read from the
// reference solution, whose imports the tests use, too.
func ReadMBPP(path string) ([]Task, error) {
	return readRows(path, mbpp.task)
}

// mbpp is a line of the file.
type mbpp struct {
	TaskID int      `json:"task_id"`
	Text   string   `json:"text"`
	Code   string   `json:"code"`
	Setup  string   `json:"test_setup_code"`
	Tests  []string `json:"test_list"`
}

func (r mbpp) task() (Task, error) {
	if r.TaskID == 0 || len(r.Tests) == 0 {
		return Task{}, errors.New("task_id and test_list must not be empty")
	}
	t := Task{ID: "MBPP/" + strconv.Itoa(r.TaskID), Prompt: r.Text, Solution: strings.ReplaceAll(r.Code, "\r\n", "\n")}
	setup := strings.ReplaceAll(r.Setup, "\r\n", "\n")
	for _, test := range r.Tests {
		t.Tests = append(t.Tests, strings.TrimSpace(setup+"\n"+test))
	}
	all := strings.Join(t.Tests, "\n")
	for _, m := range definition.FindAllStringSubmatch(t.Solution, -1) {
		if !slices.Contains(t.Calls, m[1]) && regexp.MustCompile(`\b`+m[1]+`\(`).MatchString(all) {
			t.Calls = append(t.Calls, m[1])
		}
	}
	for _, m := range imported.FindAllStringSubmatch(t.Solution, -1) {
		if strings.Contains(all, m[1]+".") {
			t.Preamble += m[0] + "\n"
		}
	}
	if len(t.Calls) == 0 {
		return Task{}, fmt.Errorf("the tests of task %d use no function of its code", r.TaskID)
	}
	return t, nil
}

const maxRow = 1 << 20 // bytes of a line

// readRows reads a file of JSON lines.
func readRows[R any](path string, task func(R) (Task, error)) ([]Task, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("unittest: read tasks: %w", err)
	}
	var from io.Reader = bytes.NewReader(data)
	if filepath.Ext(path) == ".gz" {
		if from, err = gzip.NewReader(from); err != nil {
			return nil, fmt.Errorf("unittest: read %s: %w", path, err)
		}
	}
	all, err := parseRows(from, task)
	if err != nil {
		return nil, fmt.Errorf("unittest: read %s: %w", path, err)
	}
	return all, nil
}

func parseRows[R any](from io.Reader, task func(R) (Task, error)) ([]Task, error) {
	var all []Task
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxRow)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var r R
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		t, err := task(r)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		all = append(all, t)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("there are no tasks")
	}
	return all, nil
}
