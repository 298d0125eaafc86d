// Package chatshard stores dialogues as token ids with what of them is learned, in Arrow IPC files, and reads them back by
// position.
//
// A folder holds tokens-00000.arrow, tokens-00001.arrow, ... and manifest.json, which is written last: a folder without
// it is unfinished and is not opened. Each Arrow file has one row a dialogue with the columns tokens
// (list<uint32>), mask (list<uint8>: 0 where the token is not in the loss, otherwise the kind of turn that an assistant
// wrote it in), id (utf8) and kind (utf8). docs/formats/dialogues.md describes them for readers in other languages.
//
// As in data/shard, whose files differ by the mask, a file is checked as a whole once (checksum, layout, every id and
// every mask byte) before any of it is used, and then exactly the bytes asked for are read.
package chatshard

import (
	"errors"
	"strconv"
)

const (
	// FormatName identifies the folders.
	FormatName = "muonclip-dialogues"
	// FormatVersion is the version that this package reads and writes.
	FormatVersion = 2
	// ManifestName is the file that finishes a folder.
	ManifestName = "manifest.json"
	// DefaultResidentBytes is the size up to which a reader keeps a whole folder in memory.
	DefaultResidentBytes = 256 << 20
)

// Errors that callers may want to tell apart with errors.Is.
var (
	// ErrNoManifest says that a folder has no manifest.json: it is no folder of dialogues, or writing it was interrupted.
	ErrNoManifest = errors.New("no " + ManifestName)
	// ErrDamaged says that a file is not what the manifest promises: missing, truncated, changed or not parseable.
	ErrDamaged = errors.New("damaged")
	// ErrVersion says that the files have a format version that this program does not read.
	ErrVersion = errors.New("unsupported format version")
	// ErrTokenizer says that the dialogues were encoded with another tokenizer or for another chat format.
	ErrTokenizer = errors.New("tokenizer mismatch")
)

// Turn is the kind of turn that a token belongs to, as far as it is learned. The numbers stand in files.
type Turn uint8

// The kinds of turns.
const (
	Context Turn = iota // not in the loss: system message, tools, users, results, headers, and turns that show a mistake
	Text                // an assistant's turn without calls that does not follow results: talk and questions
	Call                // an assistant's turn with calls, with what it says before them
	Answer              // an assistant's turn without calls that follows the results of calls
	turns               // how many kinds there are
)

// String is the name of the kind, as reports have it.
func (t Turn) String() string {
	if t < turns {
		return [...]string{"context", "text", "call", "answer"}[t]
	}
	return "turn " + strconv.Itoa(int(t))
}

// Dialogue is one dialogue as a model learns from it.
type Dialogue struct {
	ID    string
	Kind  string // where it comes from or what it is about, for evaluation by kind; may be empty
	IDs   []int32
	Turns []Turn // of each token; as long as IDs
}

// Trained counts the tokens in the loss.
func (d Dialogue) Trained() int {
	n := 0
	for _, t := range d.Turns {
		if t != Context {
			n++
		}
	}
	return n
}
