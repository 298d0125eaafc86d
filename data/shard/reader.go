package shard

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"sync/atomic"
)

// DefaultResidentBytes is the size up to which a reader keeps a whole folder in memory.
const DefaultResidentBytes = 256 << 20

// Options says how to open shards.
type Options struct {
	Tokenizer     string // fingerprint that the shards must have; "" accepts any
	VocabSize     int    // ids must be below; 0 means the manifest's vocab_size
	Lazy          bool   // check each shard when it is first touched instead of all in Open
	ResidentBytes int64  // folders up to this size are kept in memory, larger ones are read from their files; 0 means DefaultResidentBytes, negative keeps none
}

// Reader gives the tokens and documents of a shard folder by position. Documents and tokens are
// numbered through all shards in the manifest's order. The methods may be called concurrently,
// except that nothing may be in progress when Close is called.
type Reader struct {
	dir       string
	man       Manifest
	limit     int64
	resident  bool
	shards    []shardState
	docBase   []int64 // shards+1: number of the first document of each shard
	tokenBase []int64 // shards+1: position of the first token of each shard
	closed    atomic.Bool
}

// shardState is one shard; all but the first two fields are set once by load.
type shardState struct {
	once sync.Once
	err  error
	idx  *shardIndex
	src  io.ReaderAt // the verified bytes in memory, or the file
	file *os.File    // nil where the bytes are in memory
}

// Open opens the shards in dir. Unless opts.Lazy is set it reads them all once and verifies their
// checksums, structure and ids. No data of a shard is ever returned before the whole shard was
// verified. One file stays open for each shard that is not kept in memory.
func Open(dir string, opts Options) (*Reader, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	if opts.Tokenizer != "" && opts.Tokenizer != m.Tokenizer {
		return nil, fmt.Errorf("shard: %s: %w: the shards were made with tokenizer %s, this run has %s; use the tokenizer they were made with, or make the shards again",
			dir, ErrTokenizer, m.Tokenizer, opts.Tokenizer)
	}
	if len(m.Shards) == 0 || m.Documents == 0 {
		return nil, fmt.Errorf("shard: %s: the manifest lists no documents", dir)
	}
	r := &Reader{dir: dir, man: m, limit: int64(m.VocabSize), shards: make([]shardState, len(m.Shards))}
	if opts.VocabSize > 0 {
		r.limit = min(int64(opts.VocabSize), maxVocab)
	}
	r.docBase, r.tokenBase = make([]int64, 1, len(m.Shards)+1), make([]int64, 1, len(m.Shards)+1)
	var total int64
	for i, s := range m.Shards {
		r.docBase = append(r.docBase, r.docBase[i]+s.Documents)
		r.tokenBase = append(r.tokenBase, r.tokenBase[i]+s.Tokens)
		total += s.Bytes
	}
	budget := opts.ResidentBytes
	if budget == 0 {
		budget = DefaultResidentBytes
	}
	r.resident = total <= budget
	if !opts.Lazy {
		if err := r.Verify(); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// Verify checks every shard that was not checked yet and returns the first error.
func (r *Reader) Verify() error {
	for i := range r.shards {
		if _, err := r.shard(i); err != nil {
			return err
		}
	}
	return nil
}

// Close releases the files and the memory. It returns nil when called again.
func (r *Reader) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	var errs []error
	for i := range r.shards {
		s := &r.shards[i]
		s.once.Do(func() { s.err = ErrClosed })
		if s.file != nil {
			errs = append(errs, s.file.Close())
		}
		s.idx, s.src, s.file = nil, nil, nil
	}
	return errors.Join(errs...)
}

// Manifest returns the folder's manifest.
func (r *Reader) Manifest() Manifest { return r.man }

// NumTokens is the number of tokens of all shards, without any separators.
func (r *Reader) NumTokens() int64 { return r.man.Tokens }

// NumDocs is the number of documents of all shards.
func (r *Reader) NumDocs() int64 { return r.man.Documents }

// VocabSize is the bound that every id was checked against.
func (r *Reader) VocabSize() int { return int(r.limit) }

// shard returns shard i, verified.
func (r *Reader) shard(i int) (*shardState, error) {
	if r.closed.Load() {
		return nil, ErrClosed
	}
	s := &r.shards[i]
	s.once.Do(func() {
		info := r.man.Shards[i]
		idx, data, err := loadShard(r.dir, r.man, info, r.limit)
		if err != nil {
			s.err = err
			return
		}
		if r.resident {
			s.src = bytes.NewReader(data)
		} else {
			if s.file, s.err = os.Open(filepath.Join(r.dir, info.File)); s.err != nil {
				s.err = fmt.Errorf("shard: %w", s.err)
				return
			}
			s.src = s.file
		}
		s.idx = idx
	})
	return s, s.err
}

// DocRange returns the positions [start, end) of document doc in the token stream.
func (r *Reader) DocRange(doc int64) (start, end int64, err error) {
	if doc < 0 || doc >= r.NumDocs() {
		return 0, 0, fmt.Errorf("shard: %s: document %d does not exist, there are %d", r.dir, doc, r.NumDocs())
	}
	i := lastAtMost(r.docBase, doc)
	s, err := r.shard(i)
	if err != nil {
		return 0, 0, err
	}
	d := doc - r.docBase[i]
	return r.tokenBase[i] + s.idx.starts[d], r.tokenBase[i] + s.idx.starts[d+1], nil
}

// Doc returns the ids of document doc.
func (r *Reader) Doc(doc int64) ([]int32, error) {
	start, end, err := r.DocRange(doc)
	if err != nil {
		return nil, err
	}
	return r.Tokens(start, int(end-start))
}

// DocAt returns the document that holds the token at position pos of the stream.
func (r *Reader) DocAt(pos int64) (int64, error) {
	if pos < 0 || pos >= r.NumTokens() {
		return 0, fmt.Errorf("shard: %s: token position %d does not exist, there are %d", r.dir, pos, r.NumTokens())
	}
	i := lastAtMost(r.tokenBase, pos)
	s, err := r.shard(i)
	if err != nil {
		return 0, err
	}
	return r.docBase[i] + s.idx.docAt(pos-r.tokenBase[i]), nil
}

// DocName returns the name that the corpus gave document doc, such as a file's path.
func (r *Reader) DocName(doc int64) (string, error) {
	if doc < 0 || doc >= r.NumDocs() {
		return "", fmt.Errorf("shard: %s: document %d does not exist, there are %d", r.dir, doc, r.NumDocs())
	}
	i := lastAtMost(r.docBase, doc)
	s, err := r.shard(i)
	if err != nil {
		return "", err
	}
	return s.idx.name(s.src, doc-r.docBase[i])
}

// Tokens returns n ids from position start of the token stream.
func (r *Reader) Tokens(start int64, n int) ([]int32, error) {
	if n < 0 {
		return nil, fmt.Errorf("shard: %s: cannot read %d tokens", r.dir, n)
	}
	if start < 0 || start > r.NumTokens() || int64(n) > r.NumTokens()-start {
		return nil, r.outside(start, n)
	}
	dst := make([]int32, n)
	return dst, r.ReadTokens(dst, start)
}

// ReadTokens fills dst with the ids from position start of the token stream. It does not allocate.
func (r *Reader) ReadTokens(dst []int32, start int64) error {
	if start < 0 || start > r.NumTokens() || int64(len(dst)) > r.NumTokens()-start {
		return r.outside(start, len(dst))
	}
	for len(dst) > 0 {
		i := lastAtMost(r.tokenBase, start)
		s, err := r.shard(i)
		if err != nil {
			return err
		}
		at := start - r.tokenBase[i]
		rec := s.idx.recordOfToken(at)
		at -= rec.firstToken
		n := min(int64(len(dst)), rec.tokens-at)
		if err := readIDs(dst[:n], s.src, rec.ids.Values.Pos+4*at); err != nil {
			return fmt.Errorf("shard: %s: %w: it changed after it was verified: %w", filepath.Join(r.dir, r.man.Shards[i].File), ErrDamaged, err)
		}
		dst, start = dst[n:], start+n
	}
	return nil
}

func (r *Reader) outside(start int64, n int) error {
	return fmt.Errorf("shard: %s: tokens %d to %d do not exist, there are %d", r.dir, start, start+int64(n), r.NumTokens())
}

// lastAtMost is the largest i with base[i] <= x that is not the position of an empty shard; base
// rises from 0 to more than x.
func lastAtMost(base []int64, x int64) int {
	return sort.Search(len(base), func(i int) bool { return base[i] > x }) - 1
}
