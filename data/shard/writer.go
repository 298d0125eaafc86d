package shard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/zeebo/xxh3"

	"muonclip/internal/atomicfile"
)

const (
	// DefaultShardTokens is the token budget of a shard when WriterConfig leaves it 0: 64 MiB of ids.
	DefaultShardTokens = 16 << 20
	// recordTokens closes a record batch, so that programs that read record by record need little memory.
	recordTokens = 1 << 20
	// maxVocab keeps ids positive as int32, the type of batches.
	maxVocab = math.MaxInt32
)

// WriterConfig describes the shards to write.
type WriterConfig struct {
	Source      string // name of the data source
	Split       string // train or val
	Tokenizer   string // fingerprint of the tokenizer
	VocabSize   int    // ids must be below; required
	Seed        uint64 // seed of the held-out split, for the manifest
	ShardTokens int64  // a shard is closed before it exceeds this many tokens; 0 means DefaultShardTokens. A longer document gets a shard of its own.
}

// Writer collects documents and writes them as shards. It holds one shard's tokens in memory. It is
// not safe for concurrent use.
type Writer struct {
	dir    string
	cfg    WriterConfig
	schema *arrow.Schema
	man    Manifest
	tokens []uint32
	ends   []int // end of each buffered document in tokens
	names  []string
	closed bool
}

// Create makes dir if needed and returns a writer for it. A folder that has a manifest is finished
// and is refused; shards that an interrupted run left in a folder without one are removed.
func Create(dir string, cfg WriterConfig) (*Writer, error) {
	if cfg.VocabSize <= 0 || int64(cfg.VocabSize) > maxVocab {
		return nil, fmt.Errorf("shard: create %s: vocabulary size is %d, want 1 to %d", dir, cfg.VocabSize, maxVocab)
	}
	if cfg.ShardTokens < 0 {
		return nil, fmt.Errorf("shard: create %s: token budget is %d, want 0 (default) or more", dir, cfg.ShardTokens)
	}
	if cfg.ShardTokens == 0 {
		cfg.ShardTokens = DefaultShardTokens
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("shard: create: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, ManifestName)); err == nil {
		return nil, fmt.Errorf("shard: create %s: it already holds finished shards; remove the folder or choose another: %w", dir, os.ErrExist)
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("shard: create: %w", err)
	}
	if _, err := atomicfile.Clean(dir); err != nil {
		return nil, fmt.Errorf("shard: create %s: %w", dir, err)
	}
	stale, err := filepath.Glob(filepath.Join(dir, "shard-*.arrow"))
	if err != nil {
		return nil, fmt.Errorf("shard: create %s: %w", dir, err)
	}
	for _, path := range stale {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("shard: remove an unfinished shard: %w", err)
		}
	}
	w := &Writer{dir: dir, cfg: cfg, schema: schemaOf(cfg)}
	w.man = Manifest{
		Format: FormatName, Version: FormatVersion, Source: cfg.Source, Split: cfg.Split,
		Tokenizer: cfg.Tokenizer, VocabSize: cfg.VocabSize, Seed: cfg.Seed, Shards: []Info{},
	}
	return w, nil
}

// schemaOf is the Arrow schema of every shard of the folder.
func schemaOf(cfg WriterConfig) *arrow.Schema {
	meta := arrow.NewMetadata(
		[]string{keyFormat, keyVersion, keyTokenizer, keyVocab, keySource, keySplit},
		[]string{FormatName, strconv.Itoa(FormatVersion), cfg.Tokenizer, strconv.Itoa(cfg.VocabSize), cfg.Source, cfg.Split})
	return arrow.NewSchema([]arrow.Field{
		{Name: "tokens", Type: arrow.ListOfNonNullable(arrow.PrimitiveTypes.Uint32)},
		{Name: "name", Type: arrow.BinaryTypes.String},
	}, &meta)
}

// Add appends one document. The ids are copied. An id outside the vocabulary is an error and leaves
// the writer as it was.
func (w *Writer) Add(name string, ids []int32) error {
	if w.closed {
		return errors.New("shard: Add after Finish or Abort")
	}
	if len(ids) > math.MaxInt32 {
		return fmt.Errorf("shard: document %q has %d tokens, at most %d fit: cut it into smaller documents", name, len(ids), math.MaxInt32)
	}
	for i, id := range ids {
		if id < 0 || int(id) >= w.cfg.VocabSize {
			return fmt.Errorf("shard: document %q, position %d: %w: %d, the vocabulary has %d", name, i, ErrTokenRange, id, w.cfg.VocabSize)
		}
	}
	if len(w.ends) > 0 && int64(len(w.tokens)+len(ids)) > w.cfg.ShardTokens {
		if err := w.flush(); err != nil {
			return err
		}
	}
	for _, id := range ids {
		w.tokens = append(w.tokens, uint32(id))
	}
	w.ends = append(w.ends, len(w.tokens))
	w.names = append(w.names, strings.ToValidUTF8(name, "\uFFFD")) // Arrow strings are UTF-8, file names need not be
	return nil
}

// Finish writes the last shard and then the manifest. corpusStats is stored in it as JSON; nil
// stores none. A folder without a document is an error: there is nothing to train on.
func (w *Writer) Finish(corpusStats any) (Manifest, error) {
	if w.closed {
		return Manifest{}, errors.New("shard: Finish after Finish or Abort")
	}
	if len(w.ends) > 0 {
		if err := w.flush(); err != nil {
			return Manifest{}, err
		}
	}
	if w.man.Documents == 0 {
		return Manifest{}, fmt.Errorf("shard: %s: no documents in split %q of source %q: nothing to write", w.dir, w.cfg.Split, w.cfg.Source)
	}
	if corpusStats != nil {
		raw, err := json.Marshal(corpusStats)
		if err != nil {
			return Manifest{}, fmt.Errorf("shard: corpus statistics: %w", err)
		}
		w.man.Corpus = raw
	}
	data, err := json.MarshalIndent(w.man, "", "  ")
	if err != nil {
		return Manifest{}, fmt.Errorf("shard: manifest: %w", err)
	}
	if err := atomicfile.WriteFile(filepath.Join(w.dir, ManifestName), append(data, '\n')); err != nil {
		return Manifest{}, fmt.Errorf("shard: write manifest: %w", err)
	}
	w.closed = true
	return w.man, nil
}

// Abort removes the shards written so far. It does nothing after Finish, so it can be deferred.
func (w *Writer) Abort() error {
	if w.closed {
		return nil
	}
	w.closed = true
	var errs []error
	for _, s := range w.man.Shards {
		errs = append(errs, os.Remove(filepath.Join(w.dir, s.File)))
	}
	return errors.Join(errs...)
}

// flush writes the buffered documents as the next shard.
func (w *Writer) flush() error {
	info := Info{File: fmt.Sprintf("shard-%05d.arrow", len(w.man.Shards)), Documents: int64(len(w.ends)), Tokens: int64(len(w.tokens))}
	path := filepath.Join(w.dir, info.File)
	err := atomicfile.Write(path, func(out io.Writer) error {
		sum := &checksumWriter{out: out, hash: xxh3.New()}
		if err := w.writeArrow(sum); err != nil {
			return err
		}
		info.Bytes, info.XXH3 = sum.n, fmt.Sprintf("%016x", sum.hash.Sum64())
		return nil
	})
	if err != nil {
		return fmt.Errorf("shard: write %s: %w", path, err)
	}
	w.man.Shards = append(w.man.Shards, info)
	w.man.Documents += info.Documents
	w.man.Tokens += info.Tokens
	w.tokens, w.ends, w.names = w.tokens[:0], w.ends[:0], w.names[:0]
	return nil
}

func (w *Writer) writeArrow(out io.WriteSeeker) error {
	file, err := ipc.NewFileWriter(out, ipc.WithSchema(w.schema))
	if err != nil {
		return err
	}
	b := array.NewRecordBuilder(memory.NewGoAllocator(), w.schema)
	defer b.Release()
	lists := b.Field(0).(*array.ListBuilder)
	ids := lists.ValueBuilder().(*array.Uint32Builder)
	names := b.Field(1).(*array.StringBuilder)
	emit := func() error {
		rec := b.NewRecord()
		defer rec.Release()
		return file.Write(rec)
	}
	start, inRecord := 0, 0
	for i, end := range w.ends {
		if inRecord > 0 && inRecord+end-start > recordTokens {
			if err := emit(); err != nil {
				return err
			}
			inRecord = 0
		}
		lists.Append(true)
		ids.AppendValues(w.tokens[start:end], nil)
		names.Append(w.names[i])
		inRecord += end - start
		start = end
	}
	if err := emit(); err != nil {
		return err
	}
	return file.Close()
}

// checksumWriter hashes and counts what passes through it. It cannot go back.
type checksumWriter struct {
	out  io.Writer
	hash *xxh3.Hasher
	n    int64
}

func (c *checksumWriter) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	_, _ = c.hash.Write(p[:n]) // a hasher does not fail
	c.n += int64(n)
	return n, err
}

// Seek tells the position, which is all that the Arrow writer asks of it.
func (c *checksumWriter) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return c.n, errors.New("shard: a shard is written from its beginning to its end")
	}
	return c.n, nil
}

// Dir is the folder that the writer fills.
func (w *Writer) Dir() string { return w.dir }
