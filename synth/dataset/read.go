package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"github.com/zeebo/xxh3"
)

// Set is a finished data set on disk.
type Set struct {
	Dir      string
	Manifest *Manifest
}

// Open opens a data set. Its files are checked when they are read.
func Open(dir string) (*Set, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	return &Set{dir, m}, nil
}

// Rows gives all rows in order. Each part is checked against its checksums before any row of it is given. An error ends
// the sequence.
func (s *Set) Rows() iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		for i := range s.Manifest.Parts {
			dialogues, records, err := s.part(i)
			if err != nil {
				yield(nil, err)
				return
			}
			for k := range dialogues {
				r, err := s.row(i, k, dialogues, records)
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	}
}

// Pick gives the rows at positions, which rise and count all rows from 0.
func (s *Set) Pick(positions []int) ([]*Row, error) {
	var out []*Row
	base := 0
	for i, p := range s.Manifest.Parts {
		if len(positions) == 0 {
			break
		}
		if positions[0] < base+p.Rows {
			dialogues, records, err := s.part(i)
			if err != nil {
				return nil, err
			}
			for len(positions) > 0 && positions[0] < base+p.Rows {
				if positions[0] < base {
					return nil, fmt.Errorf("dataset: positions do not rise at %d", positions[0])
				}
				r, err := s.row(i, positions[0]-base, dialogues, records)
				if err != nil {
					return nil, err
				}
				out = append(out, r)
				positions = positions[1:]
			}
		}
		base += p.Rows
	}
	if len(positions) > 0 {
		return nil, fmt.Errorf("dataset: %s: row %d does not exist, there are %d", s.Dir, positions[0], s.Manifest.Rows)
	}
	return out, nil
}

func (s *Set) row(part, k int, dialogues, records [][]byte) (*Row, error) {
	r, err := parseRow(dialogues[k], records[k])
	if err != nil {
		return nil, damaged("dataset: %s, line %d: %w", filepath.Join(s.Dir, PartPath(DialogueDir, part)), k+1, err)
	}
	return r, nil
}

// part reads the lines of a part.
func (s *Set) part(i int) (dialogues, records [][]byte, err error) {
	p := s.Manifest.Parts[i]
	if dialogues, err = s.lines(p, DialogueDir); err != nil {
		return nil, nil, err
	}
	records, err = s.lines(p, RecordDir)
	return dialogues, records, err
}

// lines reads a file of JSON Lines of a part.
func (s *Set) lines(p Part, dir string) ([][]byte, error) {
	f, ok := p.file(dir)
	if !ok {
		return nil, damaged("dataset: %s: the manifest names no file of the part in %s", s.Dir, dir)
	}
	data, err := f.read(s.Dir)
	if err != nil {
		return nil, err
	}
	lines := bytes.Split(bytes.TrimSuffix(data, []byte{'\n'}), []byte{'\n'})
	if len(data) == 0 {
		lines = nil
	}
	if len(lines) != p.Rows {
		return nil, damaged("dataset: %s: it has %d lines, the manifest says %d rows", filepath.Join(s.Dir, f.Path), len(lines), p.Rows)
	}
	return lines, nil
}

// read reads a whole file and checks it.
func (f File) read(dir string) ([]byte, error) {
	path := filepath.Join(dir, filepath.FromSlash(f.Path))
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, damaged("dataset: %s: the file is missing, the manifest lists it", path)
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if int64(len(data)) != f.Bytes {
		return nil, damaged("dataset: %s: damaged: it has %d bytes, the manifest says %d; restore it or make the data set again", path, len(data), f.Bytes)
	}
	if sum := fmt.Sprintf("%016x", xxh3.Hash(data)); sum != f.XXH3 {
		return nil, damaged("dataset: %s: damaged: its checksum is %s, the manifest says %s; restore it or make the data set again", path, sum, f.XXH3)
	}
	return data, nil
}

// Verify checks a file against its size and checksum.
func (f File) Verify(dir string) error {
	_, err := f.read(dir)
	return err
}
