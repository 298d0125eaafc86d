package shard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/zeebo/xxh3"
)

// editManifest changes the manifest of dir as text would be changed by hand.
func editManifest(t testing.TB, dir string, edit func(*Manifest)) {
	t.Helper()
	m, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	edit(&m)
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ManifestName), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// rewrite replaces a shard by other bytes and, where reseal is set, makes the manifest agree, as a
// program with a bug would.
func rewrite(t testing.TB, dir string, i int, reseal bool, edit func([]byte) []byte) {
	t.Helper()
	m, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, m.Shards[i].File)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data = edit(data)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if reseal {
		editManifest(t, dir, func(m *Manifest) {
			m.Shards[i].Bytes, m.Shards[i].XXH3 = int64(len(data)), fmt.Sprintf("%016x", xxh3.Hash(data))
		})
	}
}

// TestDamage opens folders with one thing wrong each.
func TestDamage(t *testing.T) {
	flip := func(data []byte) []byte { data[len(data)/2] ^= 1; return data }
	cut := func(data []byte) []byte { return data[:len(data)-100] }
	cases := []struct {
		name     string
		spoil    func(t *testing.T, dir string)
		opts     Options
		sentinel error
		says     []string
	}{
		{"flipped bit", func(t *testing.T, dir string) { rewrite(t, dir, 2, false, flip) }, Options{}, ErrDamaged, []string{"shard-00002.arrow", "checksum"}},
		{"truncated", func(t *testing.T, dir string) { rewrite(t, dir, 1, false, cut) }, Options{}, ErrDamaged, []string{"shard-00001.arrow", "bytes"}},
		{"truncated, resealed", func(t *testing.T, dir string) { rewrite(t, dir, 1, true, cut) }, Options{}, ErrDamaged, []string{"shard-00001.arrow", "cut short"}},
		{"missing", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "shard-00003.arrow")) }, Options{}, ErrDamaged, []string{"shard-00003.arrow", "missing"}},
		{"empty file", func(t *testing.T, dir string) { rewrite(t, dir, 0, true, func([]byte) []byte { return nil }) }, Options{}, ErrDamaged, []string{"shards[0]"}},
		{"other tokenizer", func(*testing.T, string) {}, Options{Tokenizer: "zzz"}, ErrTokenizer, []string{"abc123", "zzz", "make the shards again"}},
		{"small vocabulary", func(*testing.T, string) {}, Options{VocabSize: 990}, ErrTokenRange, []string{"shard-0000", "document", "position", "990"}},
		{"newer version", func(t *testing.T, dir string) { editManifest(t, dir, func(m *Manifest) { m.Version = 2 }) }, Options{}, ErrVersion, []string{"2", "reads 1"}},
		{"manifest of something else", func(t *testing.T, dir string) { editManifest(t, dir, func(m *Manifest) { m.Format = "parquet" }) }, Options{}, ErrDamaged, []string{"parquet"}},
		{"manifest and shard disagree on the tokenizer", func(t *testing.T, dir string) { editManifest(t, dir, func(m *Manifest) { m.Tokenizer = "def" }) }, Options{}, ErrDamaged, []string{"shard-00000.arrow", "abc123", "def"}},
		{"wrong sum", func(t *testing.T, dir string) { editManifest(t, dir, func(m *Manifest) { m.Tokens++ }) }, Options{}, ErrDamaged, []string{"sum to"}},
		{"wrong counts", func(t *testing.T, dir string) {
			editManifest(t, dir, func(m *Manifest) { m.Tokens++; m.Shards[0].Tokens++ })
		}, Options{}, ErrDamaged, []string{"shard-00000.arrow", "tokens"}},
		{"path outside", func(t *testing.T, dir string) {
			editManifest(t, dir, func(m *Manifest) { m.Shards[0].File = "../x.arrow" })
		}, Options{}, ErrDamaged, []string{"../x.arrow"}},
		{"swapped shards", func(t *testing.T, dir string) {
			editManifest(t, dir, func(m *Manifest) { m.Shards[0].File, m.Shards[1].File = m.Shards[1].File, m.Shards[0].File })
		}, Options{}, ErrDamaged, []string{"shard-00001.arrow"}},
		{"half a manifest", func(t *testing.T, dir string) {
			data, _ := os.ReadFile(filepath.Join(dir, ManifestName))
			os.WriteFile(filepath.Join(dir, ManifestName), data[:len(data)/2], 0o644)
		}, Options{}, ErrDamaged, []string{ManifestName, "JSON"}},
		{"no folder", func(t *testing.T, dir string) { os.RemoveAll(dir) }, Options{}, ErrNoManifest, []string{"muonclip data shard"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "shards")
			writeDocs(t, dir, testConfig, randomDocs(60, 100, 1000, 1))
			c.spoil(t, dir)
			r, err := Open(dir, c.opts)
			wantError(t, err, c.sentinel, c.says...)
			if r != nil {
				t.Error("Open gave a reader beside the error")
			}
		})
	}
}

// TestLazyDamage checks that a lazy reader returns nothing of a damaged shard, and the rest.
func TestLazyDamage(t *testing.T) {
	dir := t.TempDir()
	m := writeDocs(t, dir, testConfig, randomDocs(60, 100, 1000, 1))
	rewrite(t, dir, 1, false, func(data []byte) []byte { data[len(data)/2] ^= 0x10; return data })
	r, err := Open(dir, Options{Lazy: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Tokens(0, int(m.Shards[0].Tokens)); err != nil {
		t.Errorf("the first shard is whole: %v", err)
	}
	for range 2 {
		_, err = r.Tokens(m.Shards[0].Tokens, 1)
		wantError(t, err, ErrDamaged, "shard-00001.arrow", "checksum")
	}
	_, err = r.Tokens(0, int(r.NumTokens()))
	wantError(t, err, ErrDamaged, "shard-00001.arrow")
	_, err = r.Doc(r.NumDocs())
	wantError(t, err, nil, "does not exist")
	_, err = r.Tokens(r.NumTokens(), 1)
	wantError(t, err, nil, "do not exist")
	if _, err := r.DocAt(-1); err == nil {
		t.Error("DocAt(-1) gave no error")
	}
}

// TestTruncatedWhileOpen shortens a file under a reader that reads from it.
func TestTruncatedWhileOpen(t *testing.T) {
	dir := t.TempDir()
	m := writeDocs(t, dir, testConfig, randomDocs(60, 100, 1000, 1))
	r, err := Open(dir, Options{ResidentBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := os.Truncate(filepath.Join(dir, m.Shards[0].File), 64); err != nil {
		t.Fatal(err)
	}
	_, err = r.Tokens(0, 10)
	wantError(t, err, ErrDamaged, "shard-00000.arrow", "changed after it was verified")
}

// smallShard returns the bytes of a shard with a few documents, its manifest and its entry.
func smallShard(t testing.TB) ([]byte, Manifest, Info) {
	t.Helper()
	dir := t.TempDir()
	m := writeDocs(t, dir, testConfig, []testDoc{{"a", []int32{1, 2, 3}}, {"b", nil}, {"c", []int32{999}}})
	data, err := os.ReadFile(filepath.Join(dir, m.Shards[0].File))
	if err != nil {
		t.Fatal(err)
	}
	return data, m, m.Shards[0]
}

// TestEveryFlippedByte parses a shard with each byte changed in turn, past the checksum. The parser
// may accept a change of an id; it may not panic, and what it accepts must be readable.
func TestEveryFlippedByte(t *testing.T) {
	data, m, info := smallShard(t)
	for i := range data {
		for _, x := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(data)
			bad[i] ^= x
			readAll(t, bad, m, info)
		}
	}
	for n := range data {
		if _, err := indexShard(data[:n], m, info, 1000); err == nil {
			t.Errorf("the first %d of %d bytes were accepted", n, len(data))
		}
	}
}

func readAll(t testing.TB, data []byte, m Manifest, info Info) {
	idx, err := indexShard(data, m, info, 1000)
	if err != nil {
		return
	}
	src := bytes.NewReader(data)
	for d := range info.Documents {
		if _, err := idx.name(src, d); err != nil {
			t.Errorf("accepted, but the name of document %d: %v", d, err)
		}
	}
	for _, rec := range idx.records {
		ids := make([]int32, rec.tokens)
		if err := readIDs(ids, src, rec.ids.Values.Pos); err != nil {
			t.Errorf("accepted, but: %v", err)
		}
		for _, id := range ids {
			if id < 0 || id >= 1000 {
				t.Errorf("accepted, but id %d", id)
			}
		}
	}
}

// FuzzShard gives the parser any bytes.
func FuzzShard(f *testing.F) {
	data, m, info := smallShard(f)
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Fuzz(func(t *testing.T, data []byte) { readAll(t, data, m, info) })
}

// FuzzManifest gives the manifest parser any bytes.
func FuzzManifest(f *testing.F) {
	_, m, _ := smallShard(f)
	good, err := json.Marshal(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"format":"muonclip-shards","version":1,"vocab_size":5,"shards":[{"file":"a","tokens":9e18}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err == nil && (m.Tokens < 0 || m.Documents < 0 || m.VocabSize <= 0) {
			t.Errorf("accepted %+v", m)
		}
	})
}
