package atomicfile

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// fill writes 4 MiB, more than either limit below.
func fill(w io.Writer) error {
	block := make([]byte, 1<<16)
	for range 64 {
		if _, err := w.Write(block); err != nil {
			return err
		}
	}
	return nil
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("a small tmpfs cannot be mounted here: %v", err)
	}
	defer func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	path := filepath.Join(dir, "a")
	put(t, path, "old")
	check := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("%s on a full disk: %v, want ENOSPC", what, err)
		}
		for _, part := range []string{dir, "free", "unchanged"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: error %q lacks %q", what, err, part)
			}
		}
		if n := strings.Count(err.Error(), "the disk is full"); n != 1 {
			t.Errorf("%s: error %q gives its advice %d times", what, err, n)
		}
		wantFile(t, path, "old")
		if diff := cmp.Diff([]string{"a"}, names(t, dir)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	check("Write", Write(path, fill))
	check("WriteDir", WriteDir(filepath.Join(dir, "d"), false, func(tmp string) error {
		return Write(filepath.Join(tmp, "x"), fill)
	}))
}

// TestFileSizeLimit runs itself in a child process whose files may not exceed 1 MiB.
func TestFileSizeLimit(t *testing.T) {
	const key = "ATOMICFILE_TEST_LIMIT"
	if path := os.Getenv(key); path != "" {
		limit := unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		err := Write(path, fill)
		if !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), "ulimit -f") {
			t.Fatalf("error %v, want EFBIG with advice", err)
		}
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	put(t, path, "old")
	cmd := exec.Command(os.Args[0], "-test.run=^TestFileSizeLimit$")
	cmd.Env = append(os.Environ(), key+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantFile(t, path, "old")
	if diff := cmp.Diff([]string{"a"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}
