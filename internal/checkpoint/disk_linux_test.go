package checkpoint

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSaveOnAFullDisk(t *testing.T) {
	run := t.TempDir()
	if err := unix.Mount("tmpfs", run, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("a small tmpfs cannot be mounted here: %v", err)
	}
	defer func() {
		if err := unix.Unmount(run, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	save(t, run, 1)
	for _, step := range []int{1, 2} { // a checkpoint that exists, and a new one
		_, err := Save(run, contents(step, 100_000))
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free some space") {
			t.Fatalf("step %d: error %v, want ENOSPC with advice", step, err)
		}
	}
	c, damage, err := Latest(run)
	if err != nil || len(damage) > 0 {
		t.Fatal(damage, err)
	}
	wantWhole(t, c, 1, 3)
	save(t, run, 3) // what the failed saves took is free again
}
