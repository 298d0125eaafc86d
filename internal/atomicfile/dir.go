package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// WriteDir makes the folder path appear whole: build fills an empty temporary folder beside it,
// every file in it is flushed, and the folder is renamed. The parent of path must exist. When
// path exists already, an empty folder is taken over; anything else is an error that wraps
// [fs.ErrExist], unless replace is set: then the new folder takes its place in one step and the
// old one is removed afterwards. On any failure path stays as it was.
func WriteDir(path string, replace bool, build func(dir string) error) error {
	if err := free(path, replace); err != nil {
		return err
	}
	tmp, d, err := createTempDir(path)
	if err != nil {
		return explain("create", path, err)
	}
	defer d.Close()
	defer os.RemoveAll(tmp) // finds nothing, or the replaced folder, after success
	if err := build(tmp); err != nil {
		return explain("write", path, err)
	}
	if err := syncTree(tmp); err != nil {
		return explain("flush", path, err)
	}
	if err := free(path, replace); err != nil { // build may have taken hours
		return err
	}
	if err := renameDir(tmp, path); err != nil {
		return explain("rename to", path, err)
	}
	return SyncDir(filepath.Dir(filepath.Clean(path)))
}

// RemoveDir removes the folder at path in one step for any reader: it is renamed to a temporary
// name first, so that a kill in between leaves no half-removed folder under its own name.
func RemoveDir(path string) error {
	tmp := tempName(path)
	if err := os.Rename(path, tmp); err != nil {
		return fmt.Errorf("atomicfile: remove %s: %w", path, err)
	}
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("atomicfile: remove %s: %w", path, err)
	}
	return SyncDir(filepath.Dir(filepath.Clean(path)))
}

// Clean removes what killed writers left in dir and returns the names that it removed. Temporary
// files and folders of writers that still live stay. A missing dir is clean.
func Clean(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("atomicfile: clean %s: %w", dir, err)
	}
	var removed []string
	var errs []error
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), TempPrefix) || !(e.IsDir() || e.Type().IsRegular()) {
			continue
		}
		ok, err := removeStale(filepath.Join(dir, e.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // its writer may finish meanwhile
			errs = append(errs, fmt.Errorf("atomicfile: clean %s: %w", dir, err))
		}
		if ok {
			removed = append(removed, e.Name())
		}
	}
	return removed, errors.Join(errs...)
}

// removeStale removes a temporary file or folder if nobody holds its lock.
func removeStale(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if !tryLock(f) {
		return false, nil
	}
	// The writer may have renamed it between the listing and the lock.
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Lstat(path)
	if err != nil || !os.SameFile(mine, there) {
		return false, err
	}
	if err := os.RemoveAll(path); err != nil {
		return false, err
	}
	return true, nil
}

// free checks that path may be written.
func free(path string, replace bool) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return explain("write", path, err)
	case !info.IsDir():
		return fmt.Errorf("atomicfile: write %s: %w as something that is not a folder; choose another name", path, fs.ErrExist)
	case replace:
		return nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return explain("write", path, err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("atomicfile: write %s: %w and is not empty; choose another name, remove it, or ask for it to be replaced", path, fs.ErrExist)
	}
	return nil
}

// createTempDir creates and locks a new folder beside path.
func createTempDir(path string) (string, *os.File, error) {
	for range 100 {
		tmp := tempName(path)
		err := os.Mkdir(tmp, 0o777)
		if os.IsExist(err) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		d, err := os.Open(tmp)
		if err == nil && holdLock(d, tmp) {
			return tmp, d, nil
		}
		if err == nil {
			d.Close() // Clean took it between its creation and the lock
		} else if !os.IsNotExist(err) {
			os.Remove(tmp)
			return "", nil, err
		}
	}
	return "", nil, fmt.Errorf("no free temporary name beside %s", path)
}

// renameDir gives tmp the name path. A folder of that name is exchanged with tmp, which the
// caller then removes.
func renameDir(tmp, path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(tmp, path)
	}
	if done, err := exchange(tmp, path); done {
		return err
	}
	// No exchange on this system: for a moment there is no folder of that name.
	old := tempName(path)
	if err := os.Rename(path, old); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(err, os.Rename(old, path))
	}
	return os.RemoveAll(old)
}

// syncTree flushes every file and folder under dir.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			return SyncDir(path)
		}
		if !e.Type().IsRegular() {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return f.Sync()
	})
}
