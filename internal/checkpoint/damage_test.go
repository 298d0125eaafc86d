package checkpoint

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zeebo/xxh3"
)

func TestChecksumIsXXH128(t *testing.T) {
	// The value that the xxHash project publishes for empty input.
	if got, want := sumText(xxh3.New()), "99aa06d3014798d86001c324468d497f"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestFlippedBits flips bits in each byte of the small files, and here and there in the others.
func TestFlippedBits(t *testing.T) {
	run := t.TempDir()
	save(t, run, 100)
	for _, name := range []string{manifestFile, stateFile, modelFile, optimizerFile} {
		path := filepath.Join(Path(run, 100), name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		stride := 3
		if len(good) > 300 {
			stride = 61
		}
		for bit := 0; bit < 8*len(good); bit += stride {
			bad := bytes.Clone(good)
			bad[bit/8] ^= 1 << (bit % 8)
			if err := os.WriteFile(path, bad, 0o666); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(Path(run, 100)); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), name) {
				t.Fatalf("bit %d of %s: error %v, want ErrDamaged with the name of the file", bit, name, err)
			}
		}
		if err := os.WriteFile(path, good, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(Path(run, 100)); err != nil {
		t.Fatal(err)
	}
}

// TestEveryLength truncates each file, and removes it.
func TestEveryLength(t *testing.T) {
	run := t.TempDir()
	save(t, run, 100)
	for _, name := range []string{manifestFile, stateFile, modelFile, optimizerFile} {
		path := filepath.Join(Path(run, 100), name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		check := func(what string) {
			t.Helper()
			if _, err := Load(Path(run, 100)); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), name) {
				t.Fatalf("%s %s: error %v, want ErrDamaged with the name of the file", name, what, err)
			}
		}
		for n := range len(good) {
			if err := os.Truncate(path, int64(len(good)-1-n)); err != nil {
				t.Fatal(err)
			}
			check("truncated")
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		check("removed")
		if err := os.WriteFile(path, append(bytes.Clone(good), 0), 0o666); err != nil {
			t.Fatal(err)
		}
		check("with another byte")
		if err := os.WriteFile(path, good, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLostClockIsAWarning(t *testing.T) {
	run := t.TempDir()
	save(t, run, 7)
	if err := os.Remove(filepath.Join(Path(run, 7), clockFile)); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Path(run, 7))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 1 || c.State.Seconds != 0 || c.State.Step != 7 {
		t.Errorf("%+v, want step 7 with one warning and 0 seconds", c)
	}
}

// rewrite saves a manifest of another text with a right checksum.
func rewrite(t *testing.T, dir, old, new string) {
	t.Helper()
	path := filepath.Join(dir, manifestFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	body, _, _ := cutLast(string(text))
	body = strings.Replace(body, old, new, 1)
	h := xxh3.New()
	h.WriteString(body)
	if err := os.WriteFile(path, []byte(body+"xxh3 "+sumText(h)+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestManifestOfAnotherKind(t *testing.T) {
	cases := map[string]struct {
		old, new string
		want     error
		text     string
	}{
		"version":      {"checkpoint 1", "checkpoint 2", ErrVersion, "it is 2, this program reads 1"},
		"title":        {manifestTitle, "other ", ErrDamaged, "starts with"},
		"step":         {"step 5", "step 6", ErrDamaged, "of step 5"},
		"another line": {"step 5", "step 5\nmood good", ErrDamaged, "lines that this format"},
		"other file":   {stateFile, "../state.json", ErrDamaged, "does not list"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			run := t.TempDir()
			save(t, run, 4, 5)
			rewrite(t, Path(run, 5), c.old, c.new)
			if _, err := Load(Path(run, 5)); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want %v with %q", err, c.want, c.text)
			}
			latest, damage, err := Latest(run)
			if errors.Is(c.want, ErrVersion) {
				if !errors.Is(err, ErrVersion) {
					t.Errorf("Latest gives %v, want ErrVersion: falling back would lose steps", err)
				}
				return
			}
			if err != nil || len(damage) != 1 {
				t.Fatal(damage, err)
			}
			wantWhole(t, latest, 4, 3)
		})
	}
}

func TestLatest(t *testing.T) {
	run := t.TempDir()
	if _, _, err := Latest(run); !errors.Is(err, ErrNone) {
		t.Errorf("an empty run gives %v, want ErrNone", err)
	}
	save(t, run, 5, 999_999, 1_000_000, 20)
	for _, name := range []string{"step-7", "step-000007x", "other", "step-000008"} { // the last one is a file
		path := filepath.Join(run, Folder, name)
		if name == "step-000008" {
			if err := os.WriteFile(path, nil, 0o666); err != nil {
				t.Fatal(err)
			}
		} else if err := os.Mkdir(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []int{1_000_000, 999_999, 20, 5} {
		c, damage, err := Latest(run)
		if err != nil {
			t.Fatal(err)
		}
		wantWhole(t, c, step, 3)
		for _, d := range damage {
			if !errors.Is(d, ErrDamaged) || !strings.Contains(d.Error(), "step-") {
				t.Errorf("damage %v, want ErrDamaged with the path", d)
			}
		}
		if err := os.Truncate(filepath.Join(Path(run, step), modelFile), 9); err != nil {
			t.Fatal(err)
		}
	}
	c, damage, err := Latest(run)
	if c != nil || len(damage) != 4 || !errors.Is(err, ErrDamaged) || errors.Is(err, ErrNone) {
		t.Errorf("with all damaged: %v, %v, %v; want ErrDamaged", c, damage, err)
	}
	if entries, err := List(run); err != nil || len(entries) != 4 {
		t.Errorf("%v %v, want that nothing was deleted", entries, err)
	}
}

func TestRenamedFolderIsNotLatest(t *testing.T) {
	run := t.TempDir()
	save(t, run, 3, 4)
	if err := os.Rename(Path(run, 3), Path(run, 9)); err != nil {
		t.Fatal(err)
	}
	c, damage, err := Latest(run)
	if err != nil || len(damage) != 1 || !strings.Contains(damage[0].Error(), "it holds step 3") {
		t.Fatal(damage, err)
	}
	wantWhole(t, c, 4, 3)
}

func TestPrune(t *testing.T) {
	cases := map[string]struct {
		keepLast, keepEvery int
		damaged             []int
		want                []int // kept of 10, 20, ... 100
	}{
		"keep all":                      {0, 50, nil, []int{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}},
		"last two":                      {2, 0, nil, []int{90, 100}},
		"last one and every 30":         {1, 30, nil, []int{30, 60, 90, 100}},
		"more than there are":           {50, 0, nil, []int{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}},
		"newest damaged":                {2, 0, []int{100}, []int{90, 100}},
		"all kept are damaged":          {2, 0, []int{90, 100}, []int{80, 90, 100}},
		"kept ones newer are damaged":   {2, 50, []int{80, 90, 100}, []int{50, 70, 90, 100}},
		"every one is damaged":          {1, 0, []int{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}, []int{100}},
		"older damaged ones may go too": {1, 0, []int{20}, []int{100}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			run := t.TempDir()
			save(t, run, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
			for _, step := range c.damaged {
				if err := os.Truncate(filepath.Join(Path(run, step), optimizerFile), 3); err != nil {
					t.Fatal(err)
				}
			}
			removed, err := Prune(run, c.keepLast, c.keepEvery)
			if err != nil {
				t.Fatal(err)
			}
			entries, err := List(run)
			if err != nil {
				t.Fatal(err)
			}
			var kept []int
			for _, e := range entries {
				kept = append(kept, e.Step)
				if slices.Contains(removed, e.Path) {
					t.Errorf("%s is reported as removed", e.Path)
				}
			}
			if diff := cmp.Diff(c.want, kept); diff != "" {
				t.Error(diff)
			}
			if len(kept)+len(removed) != 10 {
				t.Errorf("%d kept and %d removed of 10", len(kept), len(removed))
			}
		})
	}
}

func FuzzManifest(f *testing.F) {
	f.Add(manifest{step: 5, files: []fileSum{{modelFile, 1, "a"}, {optimizerFile, 2, "b"}, {stateFile, 3, "c"}}}.text())
	f.Add("muonclip-checkpoint 1\nstep 5\n")
	f.Fuzz(func(t *testing.T, text string) {
		// A fuzzer does not find checksums, so give it the right one half of the time.
		h := xxh3.New()
		h.WriteString(text)
		for _, s := range []string{text, text + "xxh3 " + sumText(h) + "\n"} {
			m, err := parseManifest(s)
			if err == nil && m.text() != s {
				t.Fatalf("%q was accepted but prints as %q", s, m.text())
			}
			if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
				t.Fatalf("error %v is neither ErrDamaged nor ErrVersion", err)
			}
		}
	})
}
