package chatshard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/zeebo/xxh3"
)

// Options says how to open a folder.
type Options struct {
	Tokenizer     string // fingerprint that the ids must have; "" accepts any
	Format        string // name of the chat format that they must have; "" accepts any
	VocabSize     int    // ids must be below; 0 means the manifest's vocab_size
	ResidentBytes int64  // folders up to this size are kept in memory, larger ones are read from their files; 0 means DefaultResidentBytes, negative keeps none
}

// Reader gives the dialogues of a folder by number, from 0 through all files in the manifest's order. The methods may
// be called concurrently, except that nothing may be in progress when Close is called.
type Reader struct {
	dir    string
	man    Manifest
	places []place // by number
	files  []io.ReaderAt
	open   []*os.File
}

// place says where a dialogue lies.
type place struct {
	file      int32
	tokens    int32
	ids, mask int64 // positions in the file
	name      string
	kind      string
}

// Open opens the dialogues in dir. It reads all files once and verifies checksums, structure, ids and masks; no data of
// a file is ever returned before the whole file was verified.
func Open(dir string, o Options) (*Reader, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	if o.Tokenizer != "" && o.Tokenizer != m.Tokenizer {
		return nil, fmt.Errorf("chatshard: %s: %w: the ids were made with tokenizer %s, this run has %s; use that tokenizer or encode the dialogues again", dir, ErrTokenizer, m.Tokenizer, o.Tokenizer)
	}
	if o.Format != "" && o.Format != m.Config.Format {
		return nil, fmt.Errorf("chatshard: %s: %w: the dialogues were rendered as %s, this run wants %s; encode them again", dir, ErrTokenizer, m.Config.Format, o.Format)
	}
	limit := int64(m.VocabSize)
	if o.VocabSize > 0 {
		limit = int64(o.VocabSize)
	}
	if o.ResidentBytes == 0 {
		o.ResidentBytes = DefaultResidentBytes
	}
	var total int64
	for _, f := range m.Files {
		total += f.Bytes
	}
	r := &Reader{dir: dir, man: m}
	for i, info := range m.Files {
		if err := r.load(i, info, limit, total <= o.ResidentBytes); err != nil {
			return nil, errors.Join(fmt.Errorf("chatshard: %s: %w", filepath.Join(dir, info.File), err), r.Close())
		}
	}
	return r, nil
}

// load reads and verifies one file and notes where its dialogues lie.
func (r *Reader) load(i int, info Info, limit int64, keep bool) error {
	path := filepath.Join(r.dir, info.File)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: the file is missing, the manifest lists it", ErrDamaged)
	}
	if err != nil {
		return err
	}
	if int64(len(data)) != info.Bytes {
		return fmt.Errorf("%w: it has %d bytes, the manifest says %d", ErrDamaged, len(data), info.Bytes)
	}
	if sum := fmt.Sprintf("%016x", xxh3.Hash(data)); sum != info.XXH3 {
		return fmt.Errorf("%w: its checksum is %s, the manifest says %s", ErrDamaged, sum, info.XXH3)
	}
	places, err := index(data, r.man, info, limit)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	for _, p := range places {
		p.file = int32(i)
		r.places = append(r.places, p)
	}
	if keep {
		r.files = append(r.files, bytes.NewReader(data))
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	r.open = append(r.open, f)
	r.files = append(r.files, f)
	return nil
}

// Manifest returns the folder's manifest.
func (r *Reader) Manifest() Manifest { return r.man }

// Len is the number of dialogues.
func (r *Reader) Len() int { return len(r.places) }

// Tokens is the number of tokens of dialogue i, without reading it.
func (r *Reader) Tokens(i int) int { return int(r.places[i].tokens) }

// Name is the id of dialogue i, as the data set has it.
func (r *Reader) Name(i int) string { return r.places[i].name }

// Kind is the kind of dialogue i.
func (r *Reader) Kind(i int) string { return r.places[i].kind }

// Find is the number of the dialogue with an id, -1 for none. It looks through all of them.
func (r *Reader) Find(id string) int {
	for i := range r.places {
		if r.places[i].name == id {
			return i
		}
	}
	return -1
}

// Read gives dialogue i. The slices are the caller's.
func (r *Reader) Read(i int) (Dialogue, error) {
	if i < 0 || i >= len(r.places) {
		return Dialogue{}, fmt.Errorf("chatshard: %s: dialogue %d does not exist, there are %d", r.dir, i, len(r.places))
	}
	p := r.places[i]
	n := int(p.tokens)
	raw := make([]byte, 5*n)
	src := r.files[p.file]
	if err := readAt(src, raw[:4*n], p.ids); err != nil {
		return Dialogue{}, r.changed(p, err)
	}
	if err := readAt(src, raw[4*n:], p.mask); err != nil {
		return Dialogue{}, r.changed(p, err)
	}
	d := Dialogue{ID: p.name, Kind: p.kind, IDs: make([]int32, n), Turns: make([]Turn, n)}
	for k := range n {
		d.IDs[k] = int32(binary.LittleEndian.Uint32(raw[4*k:]))
		d.Turns[k] = Turn(raw[4*n+k])
	}
	return d, nil
}

func (r *Reader) changed(p place, err error) error {
	return fmt.Errorf("chatshard: %s: %w: it changed after it was verified: %w", filepath.Join(r.dir, r.man.Files[p.file].File), ErrDamaged, err)
}

func readAt(src io.ReaderAt, dst []byte, pos int64) error {
	if n, err := src.ReadAt(dst, pos); n < len(dst) {
		return err
	}
	return nil
}

// Close releases the files.
func (r *Reader) Close() error {
	var errs []error
	for _, f := range r.open {
		errs = append(errs, f.Close())
	}
	r.open, r.files, r.places = nil, nil, nil
	return errors.Join(errs...)
}
