package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// ErrInUse says that somebody else holds a lock.
var ErrInUse = errors.New("in use by another process")

// lockPoll is how often Lock looks again.
const lockPoll = 100 * time.Millisecond

// TryLock takes the lock of the file at path, which is made where it is missing, until the Closer is closed or the
// process ends. Where somebody holds it already, in this process or another, the error is ErrInUse. The file stays when
// the lock goes: others may have it open.
func TryLock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, explain("lock", path, err)
	}
	switch taken, err := flock(f); {
	case err != nil:
		return nil, errors.Join(fmt.Errorf("atomicfile: lock %s: %w; choose a folder on another file system", path, err), f.Close())
	case !taken:
		return nil, errors.Join(ErrInUse, f.Close())
	}
	return f, nil
}

// Lock is TryLock that waits while somebody else holds the lock. When ctx ends first, the error is that of ctx.
func Lock(ctx context.Context, path string) (io.Closer, error) {
	for {
		held, err := TryLock(path)
		if !errors.Is(err, ErrInUse) {
			return held, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("atomicfile: wait for %s, which is in use: %w", path, ctx.Err())
		case <-time.After(lockPoll):
		}
	}
}
