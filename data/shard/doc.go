// Package shard stores tokenized documents in Arrow IPC files and reads them back by position.
//
// A shard folder holds shard-00000.arrow, shard-00001.arrow, ... and manifest.json, which is written
// last: a folder without it is unfinished and is not opened. Each Arrow file has one row a document
// with the columns tokens (list<uint32>) and name (utf8); docs/formats/shards.md describes both files
// for readers in other languages.
//
// The files are written with arrow/go. They are read by position instead of record by record:
// arrow/go copies a whole record batch on each access, whereas a training batch needs a few hundred
// tokens from many places. So the reader checks a file once (checksum, layout, every token id), keeps
// the document boundaries, and then reads exactly the bytes that are asked for.
package shard

import "errors"

// Errors that callers may want to tell apart with errors.Is.
var (
	// ErrNoManifest says that a folder has no manifest.json: it is no shard folder, or writing it was interrupted.
	ErrNoManifest = errors.New("no " + ManifestName)
	// ErrDamaged says that a file is not what the manifest promises: missing, truncated, changed or not parseable.
	ErrDamaged = errors.New("damaged")
	// ErrVersion says that the files have a format version that this program does not read.
	ErrVersion = errors.New("unsupported format version")
	// ErrTokenizer says that the shards were made with another tokenizer.
	ErrTokenizer = errors.New("tokenizer mismatch")
	// ErrTokenRange says that a token id is not below the vocabulary size.
	ErrTokenRange = errors.New("token id out of range")
	// ErrClosed says that the reader was used after Close.
	ErrClosed = errors.New("shard: reader is closed")
)
