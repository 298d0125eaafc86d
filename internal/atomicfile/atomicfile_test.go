package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// names lists a folder, temporary names included.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s holds %q, want %q", path, got, want)
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

func TestWriteReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	for _, text := range []string{"first", "the second, longer one", ""} {
		if err := WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		wantFile(t, path, text)
	}
	if diff := cmp.Diff([]string{"a.json"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestWriteKeepsPermissions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	put(t, path, "old") // 0640
	if err := WriteFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o640 {
		t.Errorf("permissions %o, want 640", got)
	}
}

func TestFailedWriteLeavesTheOldFile(t *testing.T) {
	boom := errors.New("boom")
	cases := map[string]func(io.Writer) error{
		"at once": func(io.Writer) error { return boom },
		"after a part that fits the buffer": func(w io.Writer) error {
			io.WriteString(w, "half")
			return boom
		},
		"after a part that reached the file": func(w io.Writer) error {
			if _, err := w.Write(make([]byte, 3*bufferBytes)); err != nil {
				return err
			}
			return boom
		},
	}
	for name, write := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "a")
			put(t, path, "old")
			err := Write(path, write)
			if !errors.Is(err, boom) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want one that wraps boom and names %s", err, path)
			}
			wantFile(t, path, "old")
			if diff := cmp.Diff([]string{"a"}, names(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPanicLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		Write(filepath.Join(dir, "a"), func(w io.Writer) error { panic("boom") })
	}()
	func() {
		defer func() { recover() }()
		WriteDir(filepath.Join(dir, "b"), false, func(string) error { panic("boom") })
	}()
	if got := names(t, dir); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestMissingFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "a")
	if err := WriteFile(path, nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want fs.ErrNotExist with the path", err)
	}
}

func TestWriteDir(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "d")
	build := func(text string) func(string) error {
		return func(dir string) error {
			if _, err := os.Stat(filepath.Join(path, text)); err == nil {
				t.Error("the folder is visible while it is built")
			}
			put(t, filepath.Join(dir, text), text)
			put(t, filepath.Join(dir, "sub", "x"), text)
			return nil
		}
	}
	if err := WriteDir(path, false, build("one")); err != nil {
		t.Fatal(err)
	}
	if err := WriteDir(path, false, build("two")); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("a second write gives %v, want fs.ErrExist", err)
	}
	wantFile(t, filepath.Join(path, "sub", "x"), "one")
	if err := WriteDir(path, true, build("three")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"sub", "three"}, names(t, path)); diff != "" {
		t.Error(diff)
	}
	boom := errors.New("boom")
	err := WriteDir(path, true, func(dir string) error {
		put(t, filepath.Join(dir, "four"), "")
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("error %v, want boom", err)
	}
	wantFile(t, filepath.Join(path, "sub", "x"), "three")
	if diff := cmp.Diff([]string{"d"}, names(t, root)); diff != "" {
		t.Error(diff)
	}
}

func TestWriteDirTargets(t *testing.T) {
	root := t.TempDir()
	put(t, filepath.Join(root, "file"), "text")
	if err := os.Mkdir(filepath.Join(root, "empty"), 0o777); err != nil {
		t.Fatal(err)
	}
	build := func(dir string) error { return os.WriteFile(filepath.Join(dir, "x"), nil, 0o666) }
	for _, replace := range []bool{false, true} {
		if err := WriteDir(filepath.Join(root, "file"), replace, build); !errors.Is(err, fs.ErrExist) {
			t.Errorf("over a file: %v, want fs.ErrExist", err)
		}
	}
	if err := WriteDir(filepath.Join(root, "empty")+"/", false, build); err != nil {
		t.Errorf("over an empty folder: %v", err)
	}
	wantFile(t, filepath.Join(root, "empty", "x"), "")
	if diff := cmp.Diff([]string{"empty", "file"}, names(t, root)); diff != "" {
		t.Error(diff)
	}
}

func TestRemoveDir(t *testing.T) {
	root := t.TempDir()
	put(t, filepath.Join(root, "d", "sub", "x"), "")
	if err := RemoveDir(filepath.Join(root, "d")); err != nil {
		t.Fatal(err)
	}
	if got := names(t, root); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
	if err := RemoveDir(filepath.Join(root, "d")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
}

func TestCleanSparesLivingWriters(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, TempPrefix+"dead"), "half")
	put(t, filepath.Join(dir, TempPrefix+"deadfolder", "sub", "x"), "half")
	put(t, filepath.Join(dir, "keep"), "whole")
	clean := func(want ...string) {
		t.Helper()
		got, err := Clean(dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	err := Write(filepath.Join(dir, "a"), func(w io.Writer) error {
		io.WriteString(w, "text")
		return WriteDir(filepath.Join(dir, "d"), false, func(tmp string) error {
			put(t, filepath.Join(tmp, "x"), "in a folder")
			clean(TempPrefix+"dead", TempPrefix+"deadfolder")
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	clean()
	wantFile(t, filepath.Join(dir, "a"), "text")
	wantFile(t, filepath.Join(dir, "d", "x"), "in a folder")
	wantFile(t, filepath.Join(dir, "keep"), "whole")
	if _, err := Clean(filepath.Join(dir, "missing")); err != nil {
		t.Errorf("a missing folder: %v, want no error", err)
	}
}
