package dataset

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/zeebo/xxh3"

	"muonclip/internal/atomicfile"
)

// WriteFile writes a file of a part whole, and gives its entry for the manifest. path is relative to dir, with slashes;
// its folder must exist.
func WriteFile(dir, path string, write func(io.Writer) error) (File, error) {
	f := File{Path: path}
	err := atomicfile.Write(filepath.Join(dir, filepath.FromSlash(path)), func(w io.Writer) error {
		sum := &summing{w: w, hash: xxh3.New()}
		if err := write(sum); err != nil {
			return err
		}
		f.Bytes, f.XXH3 = sum.n, fmt.Sprintf("%016x", sum.hash.Sum64())
		return nil
	})
	if err != nil {
		return File{}, fmt.Errorf("dataset: %w", err)
	}
	return f, nil
}

// summing counts and hashes what is written.
type summing struct {
	w    io.Writer
	hash *xxh3.Hasher
	n    int64
}

func (s *summing) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	_, _ = s.hash.Write(p[:n]) // a hasher does not fail
	s.n += int64(n)
	return n, err
}
