package atomicfile

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// TestLock: one holder at a time, the file stays, and who waits gets the lock or the end of its context.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lock")
	held, err := TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TryLock(path); !errors.Is(err, ErrInUse) {
		t.Errorf("a second lock: %v", err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := Lock(soon, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting: %v", err)
	}
	got := make(chan error)
	go func() {
		waited, err := Lock(t.Context(), path)
		if err == nil {
			err = waited.Close()
		}
		got <- err
	}()
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
	wantFile(t, path, "")
	if _, err := TryLock(filepath.Join(dir, "none", "lock")); err == nil || errors.Is(err, ErrInUse) {
		t.Errorf("a lock in no folder: %v", err)
	}
}
