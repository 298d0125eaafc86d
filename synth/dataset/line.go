package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// AppendDialogue appends the row's line of dialogues/: a JSON object with id, messages and tools in OpenAI's shape, and a
// line feed.
func AppendDialogue(dst []byte, r *Row) []byte { return append(r.Dialogue.AppendJSON(dst), '\n') }

// recordLine is a line of records/: everything of a row but the dialogue.
type recordLine struct {
	ID string `json:"id"`
	*Row
}

// AppendRecord appends the row's line of records/: a JSON object with the fields of Row but the dialogue, and a line
// feed.
func AppendRecord(dst []byte, r *Row) ([]byte, error) {
	line, err := compactJSON(recordLine{r.Dialogue.ID, r})
	if err != nil {
		return dst, fmt.Errorf("dataset: row %s: %w", r.Key, err)
	}
	return append(append(dst, line...), '\n'), nil
}

// parseRow makes a row from its two lines.
func parseRow(dialogue, record []byte) (*Row, error) {
	r := new(Row)
	if err := r.Dialogue.UnmarshalJSON(dialogue); err != nil {
		return nil, fmt.Errorf("dialogue: %w", err)
	}
	line := recordLine{Row: r}
	if err := json.Unmarshal(record, &line); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if line.ID != r.Dialogue.ID {
		return nil, fmt.Errorf("the record belongs to %q, the dialogue is %q", line.ID, r.Dialogue.ID)
	}
	return r, r.Validate()
}

// compactJSON is json.Marshal without the escapes that only HTML needs.
func compactJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}
