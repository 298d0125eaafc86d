//go:build !linux && !darwin

package atomicfile

import (
	"errors"
	"os"
)

func lock(*os.File) {}

// tryLock never succeeds: without locks a living writer cannot be told from a dead one.
func tryLock(*os.File) bool { return false }

func flock(*os.File) (bool, error) {
	return false, errors.New("there are no file locks on this system")
}

// FreeBytes is the space that is left for this user on the file system of dir, and whether that
// is known.
func FreeBytes(string) (uint64, bool) { return 0, false }

func syncUnsupported(error) bool { return true }
