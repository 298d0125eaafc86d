// Package atomicfile makes files and folders appear whole or not at all: they are built under a
// temporary name beside their destination, flushed to the disk, renamed, and the rename is
// flushed too. A reader therefore never sees half a file, and a failure or a kill at any moment
// leaves what was there before untouched.
//
// Temporary names start with [TempPrefix]. A killed process leaves them behind; [Clean] removes
// them, and tells them from those of a living writer by a file lock that the kernel drops when
// its holder dies.
package atomicfile

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// TempPrefix starts the name of everything unfinished. Readers of a folder skip such names.
const TempPrefix = ".tmp-"

const bufferBytes = 1 << 20

// Write replaces the file at path by what write produces. The writer handed to write is buffered.
// The folder of path must exist. On any failure, one returned by write included, the temporary
// file is removed and the old file stays as it was. A new file gets the permissions 0666 less the
// umask, a replaced one keeps its own.
func Write(path string, write func(io.Writer) error) (err error) {
	tmp, f, err := createTemp(path)
	if err != nil {
		return explain("create", path, err)
	}
	done := false
	defer func() { // also when write panics
		if !done {
			f.Close()
			os.Remove(tmp)
		}
	}()
	if old, err := os.Stat(path); err == nil && old.Mode().IsRegular() {
		if err := f.Chmod(old.Mode().Perm()); err != nil {
			return explain("write", path, err)
		}
	}
	b := bufio.NewWriterSize(f, bufferBytes)
	if err := write(b); err != nil {
		return explain("write", path, err)
	}
	if err := b.Flush(); err != nil {
		return explain("write", path, err)
	}
	if err := f.Sync(); err != nil {
		return explain("flush", path, err)
	}
	// The lock goes with the descriptor, so the file is closed only after the rename.
	if err := os.Rename(tmp, path); err != nil {
		return explain("rename to", path, err)
	}
	done = true
	if err := f.Close(); err != nil {
		return explain("close", path, err)
	}
	return SyncDir(filepath.Dir(path))
}

// WriteFile is Write for bytes that are already in memory.
func WriteFile(path string, data []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// createTemp creates and locks a new file beside path.
func createTemp(path string) (string, *os.File, error) {
	for range 100 {
		tmp := tempName(path)
		f, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if os.IsExist(err) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		if holdLock(f, tmp) {
			return tmp, f, nil
		}
		f.Close() // Clean took it between its creation and the lock
	}
	return "", nil, fmt.Errorf("no free temporary name beside %s", path)
}

// tempName is a fresh name in the folder of path.
func tempName(path string) string {
	dir, base := filepath.Split(filepath.Clean(path))
	if len(base) > 100 { // a file name holds at most 255 bytes
		base = base[:100]
	}
	return filepath.Join(dir, fmt.Sprintf("%s%s-%016x", TempPrefix, base, rand.Uint64()))
}

// holdLock locks f, which was just created as path, for as long as it stays open. It reports
// false when path no longer names f.
func holdLock(f *os.File, path string) bool {
	lock(f)
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(mine, there)
}

// SyncDir flushes the entries of a folder, so that a rename survives a power failure.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("atomicfile: flush folder %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !syncUnsupported(err) {
		return fmt.Errorf("atomicfile: flush folder %s: %w", dir, err)
	}
	return nil
}
