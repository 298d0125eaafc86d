package atomicfile

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
)

// advised marks an error whose text says already what to do.
type advised struct{ error }

func (a advised) Unwrap() error { return a.error }

// explain says what failed, where, and what to do about a full disk.
func explain(verb, path string, err error) error {
	if errors.As(err, &advised{}) { // a file of a folder that is being written
		return fmt.Errorf("atomicfile: %s %s: %w", verb, path, err)
	}
	advice := ""
	switch {
	case errors.Is(err, syscall.ENOSPC):
		advice = "; the disk is full" + freeText(path) + ": free some space or choose another folder, what was there before is unchanged"
	case errors.Is(err, syscall.EDQUOT):
		advice = "; the disk quota is used up: remove files or choose another folder, what was there before is unchanged"
	case errors.Is(err, syscall.EFBIG):
		advice = "; the file is above the size limit of this process or file system: raise it (ulimit -f), what was there before is unchanged"
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EACCES):
		advice = "; the folder cannot be written: change its permissions or choose another one"
	}
	err = fmt.Errorf("atomicfile: %s %s: %w%s", verb, path, err, advice)
	if advice != "" {
		return advised{err}
	}
	return err
}

// freeText names the space left on the file system of path, or is empty where that is unknown.
func freeText(path string) string {
	n, ok := FreeBytes(filepath.Dir(filepath.Clean(path)))
	if !ok {
		return ""
	}
	return fmt.Sprintf(" (%s free)", bytesText(n))
}

// bytesText prints a number of bytes for people, in powers of 1000.
func bytesText(n uint64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}
