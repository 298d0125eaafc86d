package screen

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
	"strings"

	"github.com/zeebo/xxh3"
)

// maxBenchmark bounds a benchmark file, decompressed: a broken or hostile one is refused rather than held in memory.
const maxBenchmark = 1 << 30

// Item is one task of a benchmark: its number in the report and the texts that must not be trained on.
type Item struct {
	ID    string
	Texts []string
}

// Benchmark is the tasks of one file.
type Benchmark struct {
	Name  string // of the file, with its folder
	XXH3  string // of its bytes
	Items []Item
}

// ReadBenchmark reads a file of tasks: JSON Lines or one JSON array, also compressed by gzip. It knows the shapes of BFCL
// (question), tau2 (user_scenario, description), ACEBench (question), HumanEval (prompt, canonical_solution), GSM8K
// (question, answer), and files with text, prompt, question, instruction or messages. A file without any such text
// is an error.
func ReadBenchmark(path string) (*Benchmark, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("screen: benchmark: %w", err)
	}
	b, err := ParseBenchmark(data)
	if err != nil {
		return nil, fmt.Errorf("screen: benchmark %s: %w", path, err)
	}
	b.Name = filepath.Base(path)
	if abs, err := filepath.Abs(path); err == nil { // test.jsonl alone says little
		b.Name = filepath.Base(filepath.Dir(abs)) + "/" + b.Name
	}
	return b, nil
}

// ParseBenchmark is ReadBenchmark for bytes.
func ParseBenchmark(data []byte) (*Benchmark, error) {
	b := &Benchmark{XXH3: fmt.Sprintf("%016x", xxh3.Hash(data))}
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		if data, err = io.ReadAll(io.LimitReader(z, maxBenchmark+1)); err != nil {
			return nil, err
		}
	}
	if len(data) > maxBenchmark {
		return nil, fmt.Errorf("it holds more than %d bytes", maxBenchmark)
	}
	rows, err := rows(data)
	if err != nil {
		return nil, err
	}
	for i, raw := range rows {
		item, err := parseItem(raw, i)
		if err != nil {
			return nil, err
		}
		if len(item.Texts) > 0 {
			b.Items = append(b.Items, item)
		}
	}
	if len(b.Items) == 0 {
		return nil, errors.New("no task with a text: want JSON Lines or an array of objects with question, prompt, text, instruction, messages or user_scenario")
	}
	return b, nil
}

// rows splits a file into JSON objects.
func rows(data []byte) ([]json.RawMessage, error) {
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '[' {
		var rows []json.RawMessage
		if err := json.Unmarshal(trimmed, &rows); err != nil {
			return nil, err
		}
		return rows, nil
	}
	var rows []json.RawMessage
	scan := bufio.NewScanner(bytes.NewReader(data))
	scan.Buffer(nil, maxBenchmark)
	for n := 1; scan.Scan(); n++ {
		line := bytes.TrimSpace(scan.Bytes())
		if len(line) == 0 {
			continue
		}
		if !json.Valid(line) {
			return nil, fmt.Errorf("line %d is not JSON", n)
		}
		rows = append(rows, bytes.Clone(line))
	}
	return rows, scan.Err()
}

// parseItem takes the texts out of a task.
func parseItem(raw json.RawMessage, number int) (Item, error) {
	var in map[string]json.RawMessage
	if err := json.Unmarshal(raw, &in); err != nil {
		return Item{}, fmt.Errorf("task %d is no JSON object", number)
	}
	item := Item{ID: fmt.Sprint(number)}
	for _, key := range []string{"id", "task_id", "key"} {
		if v, ok := in[key]; ok {
			item.ID = strings.Trim(string(v), `"`)
			break
		}
	}
	for _, key := range []string{"question", "prompt", "text", "instruction", "answer", "canonical_solution", "user_scenario", "description", "messages"} {
		v, ok := in[key]
		if !ok {
			continue
		}
		var any any
		if err := json.Unmarshal(v, &any); err != nil {
			return Item{}, fmt.Errorf("task %d: %s: %w", number, key, err)
		}
		var parts []string
		collect(any, &parts, 0)
		if joined := strings.Join(parts, "\n"); strings.TrimSpace(joined) != "" {
			item.Texts = append(item.Texts, joined)
		}
	}
	return item, nil
}

// collect gathers the strings of a value that say something: not roles, names and ids.
func collect(v any, out *[]string, depth int) {
	if depth > 12 {
		return
	}
	switch v := v.(type) {
	case string:
		if strings.ContainsAny(v, " \n") {
			*out = append(*out, v)
		}
	case []any:
		for _, x := range v {
			collect(x, out, depth+1)
		}
	case map[string]any:
		for _, key := range []string{"content", "persona", "instructions", "reason_for_call", "task_instructions", "known_info", "unknown_info", "purpose", "relevant_policies", "notes", "text"} {
			if x, ok := v[key]; ok {
				collect(x, out, depth+1)
			}
		}
	}
}
