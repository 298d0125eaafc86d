//go:build linux || darwin

package atomicfile

import (
	"errors"
	"os"
	"syscall"
)

// lock takes the lock of f and waits for it. A file system without locks is no error: what a
// killed writer leaves there is then cleaned by hand.
func lock(f *os.File) {
	for errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_EX), syscall.EINTR) {
	}
}

// tryLock takes the lock of f if nobody holds it.
func tryLock(f *os.File) bool {
	taken, err := flock(f)
	return taken && err == nil
}

// flock takes the lock of f and reports whether nobody held it. An error is about the file system.
func flock(f *os.File) (taken bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// FreeBytes is the space that is left for this user on the file system of dir, and whether that
// is known.
func FreeBytes(dir string) (uint64, bool) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return uint64(st.Bavail) * uint64(st.Bsize), true //nolint:unconvert // the types differ between systems
}

// syncUnsupported tells a file system that cannot flush folders from a real failure.
func syncUnsupported(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP)
}
