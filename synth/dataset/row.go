// Package dataset writes verified tool-use dialogues and reads them back: JSON Lines in OpenAI's shape,
// Parquet for Hugging Face, Arrow shards of token ids with loss masks (package chatshard), and a manifest that
// names every file with its checksum. docs/formats/dialogues.md describes the files.
//
// A data set is written in parts of a fixed number of rows. Every file belongs to one part and is a pure
// function of the rows in it, so that a run that was killed goes on after its last whole part and ends with
// the same bytes.
package dataset

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/zeebo/xxh3"

	"muonclip/data/chat"
)

// Row is one dialogue with what is known about it.
type Row struct {
	// Key is what the dialogue can be made again from; it is unique in a data set.
	Key string `json:"key"`
	// Index is the number of the candidate, rising through the data set. Candidates that were refused leave gaps.
	Index int64 `json:"index"`
	// Dialogue is what a model learns from. Its ID is RowID(Key).
	Dialogue chat.Dialogue `json:"-"`

	Domain   string `json:"domain"`
	Category string `json:"category,omitempty"`
	// Kinds are the kinds of the task, such as "parallel_calls".
	Kinds []string `json:"kinds"`
	// Difficulty runs from 1, the easiest, to 5.
	Difficulty int    `json:"difficulty"`
	Persona    string `json:"persona,omitempty"`
	// Plan is the shape of the plan behind the dialogue without its particulars; PlanShape makes one from the calls.
	Plan string `json:"plan,omitempty"`
	// Rubric is what a good answer must fulfil, as the task states it.
	Rubric json.RawMessage `json:"rubric,omitempty"`
	// Checks are the checks that the dialogue passed.
	Checks []Check `json:"checks,omitempty"`
	// Record is what happened behind the calls.
	Record Record `json:"record"`
}

// Check is one proved property of a dialogue.
type Check struct {
	Name   string `json:"name"`
	Pass   bool   `json:"pass"`
	Detail string `json:"detail,omitempty"`
}

// Record is what the environment recorded. Arguments and results stand in the dialogue and are not repeated.
type Record struct {
	World     uint64 `json:"world,omitempty,string"` // seed of the world; JavaScript has no such numbers
	Today     string `json:"today,omitempty"`        // the day in the world
	StartHash string `json:"start_hash,omitempty"`
	EndHash   string `json:"end_hash,omitempty"`
	// Calls has an entry for each call of the dialogue that did something worth telling, in order.
	Calls []CallRecord `json:"calls,omitempty"`
	// Extra is what else is needed to replay the dialogue; it is opaque here.
	Extra json.RawMessage `json:"extra,omitempty"`
}

// CallRecord is what one call did.
type CallRecord struct {
	ID      string   `json:"id"` // of the call in the dialogue
	Fault   string   `json:"fault,omitempty"`
	Error   string   `json:"error,omitempty"` // the code with which it failed
	Changes []Change `json:"changes,omitempty"`
}

// Change is one difference that a call made to the world. For a created or removed record Field is empty.
type Change struct {
	Kind   string          `json:"kind"` // created, changed or removed
	Entity string          `json:"entity"`
	ID     string          `json:"id"`
	Field  string          `json:"field,omitempty"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Faults counts the calls into which a fault was injected.
func (r Record) Faults() int {
	n := 0
	for _, c := range r.Calls {
		if c.Fault != "" {
			n++
		}
	}
	return n
}

// Changes counts the changes of state.
func (r Record) Changes() int {
	n := 0
	for _, c := range r.Calls {
		n += len(c.Changes)
	}
	return n
}

// RowID is the UUID (RFC 9562, version 8) of a row: a hash of its key.
func RowID(key string) string {
	b := xxh3.HashString128(key).Bytes()
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// Validate says what a row lacks to be written.
func (r *Row) Validate() error {
	switch {
	case r.Key == "":
		return errors.New("dataset: a row without a key")
	case r.Index < 0:
		return fmt.Errorf("dataset: row %s: index is %d, want 0 or more", r.Key, r.Index)
	case len(r.Dialogue.Messages) == 0:
		return fmt.Errorf("dataset: row %s: it has no messages", r.Key)
	case r.Dialogue.ID != RowID(r.Key):
		return fmt.Errorf("dataset: row %s: the id of its dialogue is %q, want %s", r.Key, r.Dialogue.ID, RowID(r.Key))
	case len(r.Rubric) > 0 && !json.Valid(r.Rubric):
		return fmt.Errorf("dataset: row %s: the rubric is not JSON", r.Key)
	case len(r.Record.Extra) > 0 && !json.Valid(r.Record.Extra):
		return fmt.Errorf("dataset: row %s: record.extra is not JSON", r.Key)
	}
	return nil
}
