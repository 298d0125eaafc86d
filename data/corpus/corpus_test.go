package corpus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// writeTree makes files in a new folder, by slash-separated path.
func writeTree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// collect reads a whole corpus.
func collect(t testing.TB, cfg Config) ([]Document, Stats, error) {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var docs []Document
	for d, err := range c.Documents(t.Context()) {
		if err != nil {
			return docs, c.Stats(), err
		}
		docs = append(docs, d)
	}
	return docs, c.Stats(), nil
}

func one(s Source) Config { return Config{Sources: []Source{s}} }

// brief makes "name=text" of documents.
func brief(docs []Document) []string {
	var out []string
	for _, d := range docs {
		out = append(out, d.Name+"="+string(d.Text))
	}
	return out
}

func wantError(t testing.TB, err, sentinel error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one that says %q", parts)
		return
	}
	if sentinel != nil && !errors.Is(err, sentinel) {
		t.Errorf("error %q is not %v", err, sentinel)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

func TestFolder(t *testing.T) {
	dir := writeTree(t, map[string]string{
		"b.txt": "bee", "a/z.go": "zed", "a/y.go": "why", "a/testdata/x.go": "ex", "a/y_test.go": "test",
		".git/config": "hidden", "a/.hidden.go": "hidden", "pic.png": "\x89PNG\x00\x00", "empty.go": "", "bom.txt": "\uFEFFmark",
	})
	cases := []struct {
		name string
		edit func(*Source)
		want []string
	}{
		{"all", func(*Source) {}, []string{"a/testdata/x.go=ex", "a/y.go=why", "a/y_test.go=test", "a/z.go=zed", "b.txt=bee", "bom.txt=mark"}},
		{"by name", func(s *Source) { s.Include = []string{"*.go"}; s.Exclude = []string{"*_test.go"} }, []string{"a/testdata/x.go=ex", "a/y.go=why", "a/z.go=zed"}},
		{"by path", func(s *Source) { s.Include = []string{"**/*.go"}; s.Exclude = []string{"**/testdata/**"} }, []string{"a/y.go=why", "a/y_test.go=test", "a/z.go=zed"}},
		{"one level", func(s *Source) { s.Include = []string{"a/*.go"} }, []string{"a/y.go=why", "a/y_test.go=test", "a/z.go=zed"}},
		{"hidden", func(s *Source) { s.Hidden = true; s.Include = []string{"**/.*", ".git/**"} }, []string{".git/config=hidden", "a/.hidden.go=hidden"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			src := Source{Path: dir, Name: "src"}
			c.edit(&src)
			docs, stats, err := collect(t, one(src))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, brief(docs)); diff != "" {
				t.Error(diff)
			}
			checkStats(t, stats, docs)
		})
	}
	_, stats, err := collect(t, one(Source{Path: dir, Name: "src"}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]Count{"binary": {1, 6}, "empty": {1, 0}}, stats.Dropped); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"src/pic.png"}, stats.BinaryFiles); diff != "" {
		t.Error(diff)
	}
	if raw, err := json.Marshal(stats); err != nil || !strings.Contains(string(raw), `"dropped":{"binary":{"documents":1,"bytes":6}`) {
		t.Errorf("as JSON: %s, %v", raw, err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip("no links here:", err)
	}
	if docs, _, err := collect(t, one(Source{Path: link})); err != nil || len(docs) != 6 {
		t.Errorf("through a link: %d documents, %v", len(docs), err)
	}
}

// checkStats wants that nothing is lost: read = kept + dropped, and kept is what came.
func checkStats(t testing.TB, s Stats, docs []Document) {
	t.Helper()
	sum := s.Kept
	for _, c := range s.Dropped {
		sum.Documents += c.Documents
		sum.Bytes += c.Bytes
	}
	var came, read, kept, splits Count
	for _, d := range docs {
		came.add(d.Text)
	}
	for _, src := range s.Sources {
		read = Count{read.Documents + src.Read.Documents, read.Bytes + src.Read.Bytes}
		kept = Count{kept.Documents + src.Kept.Documents, kept.Bytes + src.Kept.Bytes}
	}
	for _, c := range s.Splits {
		splits = Count{splits.Documents + c.Documents, splits.Bytes + c.Bytes}
	}
	if sum != s.Read || came != s.Kept || read != s.Read || kept != s.Kept || splits != s.Kept {
		t.Errorf("counts do not add up: %+v; %d documents came", s, came.Documents)
	}
}

func TestSingleFiles(t *testing.T) {
	dir := writeTree(t, map[string]string{"play.txt": "To be", "bin": "a\x00b", "latin": strings.Repeat("\xe9\xe8", 50), "accents.txt": "caf\xe9, and the rest is plain ASCII"})
	docs, _, err := collect(t, one(Source{Path: filepath.Join(dir, "play.txt")}))
	if err != nil || len(docs) != 1 || docs[0].Source != "play.txt" || docs[0].Name != "play.txt" || string(docs[0].Text) != "To be" {
		t.Errorf("%+v, %v", docs, err)
	}
	_, _, err = collect(t, one(Source{Path: filepath.Join(dir, "bin")}))
	wantError(t, err, ErrBinary, "bin", "zero byte at 1")
	_, _, err = collect(t, one(Source{Path: filepath.Join(dir, "latin")}))
	wantError(t, err, ErrBinary, "latin", "100%")
	if docs, _, err := collect(t, one(Source{Path: filepath.Join(dir, "accents.txt")})); err != nil || len(docs) != 1 {
		t.Errorf("a little invalid UTF-8: %v", err)
	}
	_, _, err = collect(t, one(Source{Path: filepath.Join(dir, "nothing")}))
	wantError(t, err, os.ErrNotExist, "nothing", "check the path")
	_, _, err = collect(t, one(Source{Path: filepath.Join(dir, "play.txt"), Include: []string{"*"}}))
	wantError(t, err, nil, "for folders")
}

func TestEmptyCorpus(t *testing.T) {
	dir := writeTree(t, map[string]string{"a.txt": "short", "b.txt": "short too", "x.bin": "\x00", "c.md": "other"})
	src := Source{Path: dir, Name: "mine", Exclude: []string{"*.md"}}
	_, _, err := collect(t, Config{Sources: []Source{src}, Filters: Filters{MinBytes: 100}})
	wantError(t, err, ErrEmpty, "3 documents", "mine", dir, "2 too_short", "1 binary (mine/x.bin)", "1 other file")
	src.Include = []string{"*.go"}
	_, _, err = collect(t, one(src))
	wantError(t, err, ErrEmpty, "0 files", "4 other files", "patterns")
}

func TestFilters(t *testing.T) {
	lines := "same line\n"
	files := map[string]string{
		"1.txt": "an ordinary text that stays in the corpus",
		"2.txt": "an ordinary text that stays in the corpus",
		"3.txt": "short",
		"4.txt": strings.Repeat("a long text of words. ", 100),
		"5.txt": "one\n" + strings.Repeat("x", 300) + "\n",
		"6.txt": "(((((((((((((((())))))))))))))))===== a",
		"7.txt": strings.Repeat(lines, 9) + "another line",
	}
	f := Filters{MinBytes: 10, MaxBytes: 1000, MaxLineBytes: 200, MinAlphanumeric: 0.5, MaxRepeatedLines: 0.5, ExactDuplicates: true}
	docs, stats, err := collect(t, Config{Sources: []Source{{Path: writeTree(t, files)}}, Filters: f})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Count{}
	for name, reason := range map[string]string{"2.txt": "exact_duplicate", "3.txt": "too_short", "4.txt": "too_long", "5.txt": "long_line", "6.txt": "few_letters", "7.txt": "repeated_lines"} {
		want[reason] = Count{1, int64(len(files[name]))}
	}
	if diff := cmp.Diff(want, stats.Dropped); diff != "" {
		t.Error(diff)
	}
	checkStats(t, stats, docs)
	if docs, _, err := collect(t, one(Source{Path: writeTree(t, files)})); err != nil || len(docs) != len(files) {
		t.Errorf("zero filters keep %d of %d: %v", len(docs), len(files), err)
	}
	if got := repeatedLines([]byte(strings.Repeat(lines, 9) + "another line")); got != 0.8 {
		t.Errorf("repeated lines %v, want 8 of 10", got)
	}
	if got := alphanumeric([]byte("ab é9 \t\n..")); got != 4./6 {
		t.Errorf("alphanumeric %v, want 4 of 6", got)
	}
	if got := longestLine([]byte("abc\nabcd")); got != 4 {
		t.Errorf("longest line %d, want 4", got)
	}
}

func TestSplit(t *testing.T) {
	files := map[string]string{}
	for i := range 2000 {
		files[fmt.Sprintf("%04d.txt", i)] = fmt.Sprint("text number ", i)
	}
	dir := writeTree(t, files)
	for _, by := range []string{"content", "name"} {
		cfg := Config{Sources: []Source{{Path: dir, Name: "s"}}, Seed: 3, HeldOut: 0.1, HeldOutBy: by}
		docs, stats, err := collect(t, cfg)
		if err != nil {
			t.Fatal(err)
		}
		// 200 are expected; the standard deviation is 13.4, and the hash is fixed.
		if n := stats.Splits[Val].Documents; n < 150 || n > 250 {
			t.Errorf("by %s: %d of 2000 held out", by, n)
		}
		c, _ := New(cfg)
		cfg.Seed++
		other, _ := New(cfg)
		differ := 0
		for _, d := range docs {
			if c.Split(d) != other.Split(d) {
				differ++
			}
			edited := d
			if by == "content" {
				edited.Name = "x"
			} else {
				edited.Text = nil
			}
			if c.Split(d) != c.Split(edited) {
				t.Fatalf("by %s: the split of %s depends on something else", by, d.Name)
			}
		}
		if differ < 200 {
			t.Errorf("by %s: another seed moves only %d documents", by, differ)
		}
	}
	_, _, err := collect(t, Config{Sources: []Source{{Path: filepath.Join(dir, "0000.txt")}}, HeldOut: 0.05})
	wantError(t, err, ErrSplit, "val", "chunk_bytes", "of 1 ")
}

func TestSampleAndLimit(t *testing.T) {
	files := map[string]string{}
	for i := range 400 {
		files[fmt.Sprintf("%04d.txt", i)] = fmt.Sprintf("%04d", i)
	}
	dir := writeTree(t, files)
	_, stats, err := collect(t, Config{Sources: []Source{{Path: dir}}, Filters: Filters{Sample: 0.25}})
	if n := stats.Kept.Documents; err != nil || n < 70 || n > 130 || stats.Dropped["not_sampled"].Documents != 400-n {
		t.Errorf("a sample of a quarter keeps %d of 400, %v", n, err)
	}
	docs, stats, err := collect(t, Config{Sources: []Source{{Path: dir, Name: "a", MaxBytes: 42}, {Path: dir, Name: "b", MaxBytes: 8}}})
	if err != nil || len(docs) != 13 || stats.Kept.Bytes != 52 || stats.Sources[1].Kept.Documents != 2 {
		t.Errorf("limits of 42 and 8 bytes: %d documents, %+v, %v", len(docs), stats.Kept, err)
	}
}

// TestDocumentsRestarts checks that reading twice, or stopping early, gives the same as reading once.
func TestDocumentsRestarts(t *testing.T) {
	dir := writeTree(t, map[string]string{"a": "one", "b": "two", "c": "one"})
	c, err := New(Config{Sources: []Source{{Path: dir}}, Filters: Filters{ExactDuplicates: true}})
	if err != nil {
		t.Fatal(err)
	}
	for range c.Documents(t.Context()) {
		break
	}
	for range 2 {
		var got []string
		for d, err := range c.Documents(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, d.Name)
		}
		if !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("read %v", got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range c.Documents(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	good := Source{Path: "x"}
	cases := []struct {
		cfg  Config
		says []string
	}{
		{Config{}, []string{"no sources"}},
		{one(Source{}), []string{"no path"}},
		{one(Source{Path: "x", Format: "xml"}), []string{"xml", "jsonl"}},
		{one(Source{Path: "x", Include: []string{"a**b"}}), []string{"a**b", "alone"}},
		{one(Source{Path: "x", Exclude: []string{"[a"}}), []string{"[a"}},
		{one(Source{Path: "x", Include: []string{"/abs"}}), []string{"/abs", "relative"}},
		{one(Source{Path: "x", ChunkBytes: 3}), []string{"chunk_bytes is 3"}},
		{Config{Sources: []Source{{Path: "a/x"}, {Path: "b/x"}}}, []string{`named "x"`}},
		{Config{Sources: []Source{good}, HeldOut: 1}, []string{"held_out is 1"}},
		{Config{Sources: []Source{good}, HeldOutBy: "size"}, []string{"size"}},
		{one(Source{Path: "x", MaxBytes: -1}), []string{"max_bytes"}},
		{Config{Sources: []Source{good}, Filters: Filters{MinBytes: 5, MaxBytes: 4}}, []string{"min_bytes 5"}},
		{Config{Sources: []Source{good}, Filters: Filters{MinAlphanumeric: 2, Sample: -1}}, []string{"min_alphanumeric is 2", "sample is -1"}},
		{Config{Sources: []Source{good}, Filters: Filters{NearDuplicates: NearDuplicates{Threshold: 0.5, Shingle: "lines", Size: 99}}}, []string{"lines", "99"}},
	}
	for _, c := range cases {
		_, err := New(c.cfg)
		wantError(t, err, nil, c.says...)
	}
}

func TestMatch(t *testing.T) {
	cases := []struct {
		pattern, path string
		want          bool
	}{
		{"*.go", "a.go", true}, {"*.go", "x/y/a.go", true}, {"**/*.go", "a.go", true}, {"**/*.go", "x/y/a.go", true},
		{"x/*.go", "x/y/a.go", false}, {"x/**", "x/y/a.go", true}, {"x/**", "x", true}, {"**", "x/y", true}, {"x/**/a.go", "x/a.go", true},
		{"x/**/z/**/a.go", "x/1/z/2/3/a.go", true}, {"x/**/z/**/a.go", "x/1/2/3/a.go", false}, {"x/?.[ch]", "x/a.c", true},
		{"x/?.[ch]", "x/a.d", false}, {"x", "x/y", false}, {"y", "x/y", true}, {"**/x/**", "a/x/b", true}, {"**/x/**", "a/xx/b", false},
	}
	for _, c := range cases {
		if err := checkPattern(c.pattern); err != nil {
			t.Error(err)
		}
		if got := match(c.pattern, c.path); got != c.want {
			t.Errorf("match(%q, %q) = %v", c.pattern, c.path, got)
		}
	}
}

// TestChunks puts the pieces of arbitrary texts together again.
func TestChunks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab é世\n\n ")), 0, 300, -1).Draw(rt, "text")
		size := rapid.IntRange(minChunk, 80).Draw(rt, "size")
		var all string
		err := chunked(func(name string, piece []byte) error {
			if len(piece) > size || len(piece) == 0 && text != "" || !strings.HasPrefix(name, "n") {
				rt.Fatalf("piece %q called %s", piece, name)
			}
			if want := strings.ToValidUTF8(string(piece), "?"); want != string(piece) {
				rt.Fatalf("a character was cut: %q", piece)
			}
			all += string(piece)
			return nil
		}, size)("n", []byte(text))
		if err != nil || all != text {
			rt.Fatalf("%q became %q, %v", text, all, err)
		}
	})
	dir := writeTree(t, map[string]string{"a.txt": "first paragraph\n\nsecond one\nwith a line\n\nthird"})
	docs, _, err := collect(t, one(Source{Path: filepath.Join(dir, "a.txt"), ChunkBytes: 28}))
	want := []string{"a.txt#1=first paragraph\n\n", "a.txt#2=second one\nwith a line\n\n", "a.txt#3=third"}
	if diff := cmp.Diff(want, brief(docs)); err != nil || diff != "" {
		t.Error(err, diff)
	}
}
