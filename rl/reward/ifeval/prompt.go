package ifeval

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
)

// Prompt is a request with its instructions: one line of the data file.
type Prompt struct {
	Key          int
	Text         string
	Instructions []Instruction
}

type promptJSON struct {
	Key     int    `json:"key"`
	Prompt  string `json:"prompt"`
	Kinds   []Kind `json:"instruction_id_list"`
	Keyword []Args `json:"kwargs"`
}

// MarshalJSON writes the shape of the data file.
func (p Prompt) MarshalJSON() ([]byte, error) {
	raw := promptJSON{Key: p.Key, Prompt: p.Text}
	for _, i := range p.Instructions {
		raw.Kinds, raw.Keyword = append(raw.Kinds, i.Kind), append(raw.Keyword, i.Args)
	}
	return json.Marshal(raw)
}

// UnmarshalJSON reads one line of the data file and validates its instructions.
func (p *Prompt) UnmarshalJSON(data []byte) error {
	var raw promptJSON
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if raw.Prompt == "" || len(raw.Kinds) == 0 {
		return fmt.Errorf("ifeval: prompt %d lacks its text or its instructions", raw.Key)
	}
	if len(raw.Kinds) != len(raw.Keyword) {
		return fmt.Errorf("ifeval: prompt %d has %d instructions and arguments for %d", raw.Key, len(raw.Kinds), len(raw.Keyword))
	}
	*p = Prompt{Key: raw.Key, Text: raw.Prompt, Instructions: make([]Instruction, len(raw.Kinds))}
	for n, kind := range raw.Kinds {
		p.Instructions[n] = Instruction{Kind: kind, Args: raw.Keyword[n]}
		if err := p.Instructions[n].Validate(); err != nil {
			return fmt.Errorf("prompt %d: %w", raw.Key, err)
		}
	}
	return nil
}

// ReadJSONL reads prompts, one JSON object a line. A bad line gives an error with its number, counted from 1, and reading
// goes on with the next; an error of the reader ends it. Empty lines are skipped.
func ReadJSONL(r io.Reader) iter.Seq2[Prompt, error] {
	return func(yield func(Prompt, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 16<<20)
		n := 0
		for lines.Scan() {
			n++
			if len(lines.Bytes()) == 0 {
				continue
			}
			var p Prompt
			err := json.Unmarshal(lines.Bytes(), &p)
			if err != nil {
				err = fmt.Errorf("ifeval: line %d: %w", n, err)
			}
			if !yield(p, err) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Prompt{}, fmt.Errorf("ifeval: after line %d: %w", n, err))
		}
	}
}
