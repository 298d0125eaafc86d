package shard

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// testDoc is one document of a test folder.
type testDoc struct {
	Name string
	IDs  []int32
}

// randomDocs makes documents with ids below vocab, some of them empty.
func randomDocs(n, maxLen, vocab int, seed uint64) []testDoc {
	rng := rand.New(rand.NewPCG(seed, 1))
	docs := make([]testDoc, n)
	for i := range docs {
		docs[i].Name = fmt.Sprintf("dir/file-%d.go", i)
		for range rng.IntN(maxLen + 1) {
			docs[i].IDs = append(docs[i].IDs, int32(rng.IntN(vocab)))
		}
	}
	return docs
}

func writeDocs(t testing.TB, dir string, cfg WriterConfig, docs []testDoc) Manifest {
	t.Helper()
	w, err := Create(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		if err := w.Add(d.Name, d.IDs); err != nil {
			t.Fatal(err)
		}
	}
	m, err := w.Finish(map[string]int{"read": len(docs)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var testConfig = WriterConfig{Source: "test", Split: "train", Tokenizer: "abc123", VocabSize: 1000, Seed: 7, ShardTokens: 500}

// TestRoundTrip reads back what was written, in every way the reader offers.
func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	docs := randomDocs(60, 100, 1000, 1)
	docs = append(docs, testDoc{"longer than a shard", make([]int32, 1300)}, testDoc{"bad \xff name", []int32{1}}, testDoc{"empty last", nil})
	m := writeDocs(t, dir, testConfig, docs)
	if len(m.Shards) < 5 {
		t.Fatalf("%d shards, want several", len(m.Shards))
	}
	for _, s := range m.Shards {
		if s.Tokens > testConfig.ShardTokens && s.Documents != 1 {
			t.Errorf("%s has %d tokens in %d documents, above the budget", s.File, s.Tokens, s.Documents)
		}
		if info, err := os.Stat(filepath.Join(dir, s.File)); err != nil || info.Size() != s.Bytes {
			t.Errorf("%s: size %v, %v; manifest says %d", s.File, info, err, s.Bytes)
		}
	}
	for _, opts := range []Options{{}, {Lazy: true}, {ResidentBytes: -1}, {Tokenizer: "abc123", VocabSize: 1000, Lazy: true, ResidentBytes: -1}} {
		t.Run(fmt.Sprintf("%+v", opts), func(t *testing.T) {
			r, err := Open(dir, opts)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if diff := cmp.Diff(m, r.Manifest(), cmpopts.IgnoreFields(Manifest{}, "Corpus")); diff != "" {
				t.Error(diff)
			}
			checkReader(t, r, docs)
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if _, err := r.Doc(0); !errors.Is(err, ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		})
	}
}

func checkReader(t testing.TB, r *Reader, docs []testDoc) {
	t.Helper()
	var stream []int32
	for i, d := range docs {
		start, end, err := r.DocRange(int64(i))
		if err != nil || start != int64(len(stream)) || end != start+int64(len(d.IDs)) {
			t.Fatalf("document %d lies at %d..%d, %v; want %d..%d", i, start, end, err, len(stream), len(stream)+len(d.IDs))
		}
		got, err := r.Doc(int64(i))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d.IDs, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("document %d: %s", i, diff)
		}
		for p := start; p < end; p++ {
			if at, err := r.DocAt(p); err != nil || at != int64(i) {
				t.Fatalf("DocAt(%d) = %d, %v; want %d", p, at, err, i)
			}
		}
		name, err := r.DocName(int64(i))
		if want := strings.ToValidUTF8(d.Name, "\uFFFD"); err != nil || name != want {
			t.Fatalf("DocName(%d) = %q, %v; want %q", i, name, err, want)
		}
		stream = append(stream, d.IDs...)
	}
	if r.NumTokens() != int64(len(stream)) || r.NumDocs() != int64(len(docs)) {
		t.Fatalf("%d tokens, %d documents; want %d, %d", r.NumTokens(), r.NumDocs(), len(stream), len(docs))
	}
	got, err := r.Tokens(0, len(stream))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stream, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatal(diff)
	}
}

// TestRoundTripProperty writes arbitrary documents with arbitrary budgets.
func TestRoundTripProperty(t *testing.T) {
	root := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(root, fmt.Sprint(n))
		ids := rapid.SliceOfN(rapid.Int32Range(0, 999), 0, 40)
		var docs []testDoc
		for i, d := range rapid.SliceOfN(ids, 1, 12).Draw(rt, "docs") {
			docs = append(docs, testDoc{fmt.Sprint(i), d})
		}
		cfg := testConfig
		cfg.ShardTokens = rapid.Int64Range(1, 100).Draw(rt, "budget")
		writeDocs(t, dir, cfg, docs)
		r, err := Open(dir, Options{})
		if err != nil {
			rt.Fatal(err)
		}
		defer r.Close()
		checkReader(t, r, docs)
		start := rapid.Int64Range(0, r.NumTokens()).Draw(rt, "start")
		length := rapid.Int64Range(0, r.NumTokens()-start).Draw(rt, "length")
		all, err := r.Tokens(0, int(r.NumTokens()))
		if err != nil {
			rt.Fatal(err)
		}
		part, err := r.Tokens(start, int(length))
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(all[start:start+length], part, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatal(diff)
		}
		os.RemoveAll(dir)
	})
}

// TestManyRecords covers shards with several record batches.
func TestManyRecords(t *testing.T) {
	dir := t.TempDir()
	docs := randomDocs(7, 3*recordTokens/4, 1000, 5)
	cfg := testConfig
	cfg.ShardTokens = 0
	m := writeDocs(t, dir, cfg, docs)
	r, err := Open(dir, Options{ResidentBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if s, _ := r.shard(0); len(m.Shards) != 1 || len(s.idx.records) < 2 {
		t.Fatalf("%d shards, %d record batches; want one with several", len(m.Shards), len(s.idx.records))
	}
	var pos int64
	for i, d := range docs {
		got, err := r.Doc(int64(i))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(d.IDs, got) {
			t.Errorf("document %d differs", i)
		}
		pos += int64(len(d.IDs))
	}
	all, err := r.Tokens(0, int(pos))
	if err != nil || int64(len(all)) != pos {
		t.Errorf("the whole stream: %d tokens, %v", len(all), err)
	}
}

// TestConcurrentReads reads from many goroutines, with the shards verified on first touch.
func TestConcurrentReads(t *testing.T) {
	dir := t.TempDir()
	docs := randomDocs(60, 100, 1000, 2)
	writeDocs(t, dir, testConfig, docs)
	r, err := Open(dir, Options{Lazy: true, ResidentBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range docs {
				d := (i*7 + g*13) % len(docs)
				got, err := r.Doc(int64(d))
				if err != nil || !cmp.Equal(docs[d].IDs, got, cmpopts.EquateEmpty()) {
					t.Errorf("document %d: %v", d, err)
				}
			}
		})
	}
	wg.Wait()
}

// TestReadTokensAllocates checks that the hot path does not.
func TestReadTokensAllocates(t *testing.T) {
	dir := t.TempDir()
	writeDocs(t, dir, testConfig, randomDocs(60, 100, 1000, 2))
	for _, resident := range []int64{0, -1} {
		r, err := Open(dir, Options{ResidentBytes: resident})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		dst := make([]int32, 1500)
		if n := testing.AllocsPerRun(50, func() {
			if err := r.ReadTokens(dst, 3); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("ResidentBytes %d: %v allocations a read, want 0", resident, n)
		}
	}
}

func TestWriterErrors(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, testConfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []int32{-1, 1000} {
		err := w.Add("x.txt", []int32{1, id})
		wantError(t, err, ErrTokenRange, "x.txt", "position 1", fmt.Sprint(id), "1000")
	}
	_, err = w.Finish(nil)
	wantError(t, err, nil, "no documents", "train")
	_, err = Open(dir, Options{})
	wantError(t, err, ErrNoManifest, dir)
	for i := range 20 {
		if err := w.Add(fmt.Sprint(i), make([]int32, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("Abort left %v", left)
	}
	// What a killed writer leaves goes away; what is finished stays.
	os.WriteFile(filepath.Join(dir, "shard-00009.arrow"), []byte("left over"), 0o644)
	writeDocs(t, dir, testConfig, randomDocs(3, 9, 1000, 1))
	if _, err := os.Stat(filepath.Join(dir, "shard-00009.arrow")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the unfinished shard is still there: %v", err)
	}
	_, err = Create(dir, testConfig)
	wantError(t, err, os.ErrExist, dir)
	_, err = Create(t.TempDir(), WriterConfig{})
	wantError(t, err, nil, "vocabulary size is 0")
}

// wantError checks the sentinel (nil for none) and that the message names everything it should.
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

func TestInspect(t *testing.T) {
	dir := t.TempDir()
	docs := randomDocs(60, 100, 1000, 1)
	m := writeDocs(t, dir, testConfig, docs)
	rep, err := Inspect(dir, 5, 8)
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	for _, b := range rep.Lengths {
		for _, d := range docs {
			if n := int64(len(d.IDs)); n >= b.Min && n <= b.Max {
				total++
			}
		}
		total -= b.Documents
	}
	if total != 0 || len(rep.Shards) != len(m.Shards) || len(rep.Samples) != 5 {
		t.Errorf("histogram off by %d, %d shards, %d samples", total, len(rep.Shards), len(rep.Samples))
	}
	for _, s := range rep.Samples {
		d := docs[s.Document]
		if s.Name != d.Name || s.Tokens != int64(len(d.IDs)) || !cmp.Equal(s.IDs, d.IDs[:min(8, len(d.IDs))], cmpopts.EquateEmpty()) {
			t.Errorf("sample %+v is not document %+v", s, d)
		}
	}
	os.Remove(filepath.Join(dir, m.Shards[1].File))
	rep, err = Inspect(dir, 5, 8)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rep.Shards {
		if (row.Error != "") != (i == 1) {
			t.Errorf("shard %d: error %q", i, row.Error)
		}
	}
}
