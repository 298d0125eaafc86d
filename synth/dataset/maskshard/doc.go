// Package maskshard stores dialogues as token ids with a loss mask in Arrow IPC files and reads them back by position.
//
// A folder holds tokens-00000.arrow, tokens-00001.arrow, ... and manifest.json, which is written last: a folder without
// it is unfinished and is not opened. Each Arrow file has one row a dialogue with the columns tokens
// (list<uint32>), mask (list<uint8>, 1 where the token is in the loss) and id (utf8). docs/formats/dialogues.md
// describes them for readers in other languages.
//
// As in data/shard, whose files differ by the mask, a file is checked as a whole once (checksum, layout, every id and
// every mask byte) before any of it is used, and then exactly the bytes asked for are read.
package maskshard

import "errors"

const (
	// FormatName identifies the folders.
	FormatName = "muonclip-dialogues"
	// FormatVersion is the version that this package reads and writes.
	FormatVersion = 1
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
