package chatshard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/google/go-cmp/cmp"
	"github.com/zeebo/xxh3"

	"muonclip/data/arrowmeta"
)

var testConfig = Config{Tokenizer: "abc123", VocabSize: 1000, Format: "kimi-k2"}

func randomDialogues(n, longest int, seed uint64) []Dialogue {
	r := rand.New(rand.NewPCG(seed, 1))
	var out []Dialogue
	for i := range n {
		d := Dialogue{ID: fmt.Sprintf("row-%d", i), Kind: fmt.Sprint("kind-", i%3), IDs: []int32{}, Turns: []Turn{}}
		for range r.IntN(longest) {
			d.IDs = append(d.IDs, int32(r.IntN(testConfig.VocabSize)))
			d.Turns = append(d.Turns, Turn(r.IntN(int(turns))))
		}
		out = append(out, d)
	}
	return out
}

// writeFolder writes dialogues as files of at most each of them.
func writeFolder(t testing.TB, dir string, dialogues []Dialogue, each int) {
	t.Helper()
	var files []Info
	for len(dialogues) > 0 {
		n := min(each, len(dialogues))
		var b bytes.Buffer
		if err := Write(&b, testConfig, dialogues[:n]); err != nil {
			t.Fatal(err)
		}
		info := Info{File: FileName(len(files)), Dialogues: int64(n), Bytes: int64(b.Len()), XXH3: fmt.Sprintf("%016x", xxh3.Hash(b.Bytes()))}
		for _, d := range dialogues[:n] {
			info.Tokens += int64(len(d.IDs))
			info.Trained += int64(d.Trained())
		}
		if err := os.WriteFile(filepath.Join(dir, info.File), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, info)
		dialogues = dialogues[n:]
	}
	if err := WriteManifest(dir, testConfig, files); err != nil {
		t.Fatal(err)
	}
}

func TestRoundTrip(t *testing.T) {
	dialogues := append(randomDialogues(40, 200, 1), Dialogue{ID: "long", IDs: make([]int32, recordTokens+5), Turns: make([]Turn, recordTokens+5)})
	dialogues = append(dialogues, randomDialogues(3, 10, 2)...)
	dir := t.TempDir()
	writeFolder(t, dir, dialogues, 25)
	for _, resident := range []int64{0, -1} {
		r, err := Open(dir, Options{Tokenizer: "abc123", Format: "kimi-k2", ResidentBytes: resident})
		if err != nil {
			t.Fatal(err)
		}
		if r.Len() != len(dialogues) {
			t.Fatalf("%d dialogues, want %d", r.Len(), len(dialogues))
		}
		for i, want := range dialogues {
			got, err := r.Read(i)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.IDs, want.IDs) || !slices.Equal(got.Turns, want.Turns) || got.ID != want.ID || got.Kind != want.Kind { // cmp.Diff is slow on a million tokens
				t.Fatalf("dialogue %d comes back different", i)
			}
			if r.Tokens(i) != len(want.IDs) || r.Name(i) != want.ID || r.Kind(i) != want.Kind {
				t.Errorf("dialogue %d: %d tokens of %s", i, r.Tokens(i), r.Name(i))
			}
		}
		if r.Find("long") != 40 || r.Find("none") != -1 {
			t.Error("Find is wrong")
		}
		if _, err := r.Read(r.Len()); err == nil {
			t.Error("a dialogue beyond the last is read")
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := r.Read(0); err == nil {
			t.Error("a closed reader reads")
		}
	}
}

// TestArrowGoReads reads a file with arrow/go's own reader.
func TestArrowGoReads(t *testing.T) {
	want := randomDialogues(30, 50, 3)
	var b bytes.Buffer
	if err := Write(&b, testConfig, want); err != nil {
		t.Fatal(err)
	}
	r, err := ipc.NewFileReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []Dialogue
	for i := range r.NumRecords() {
		rec, err := r.RecordAt(i)
		if err != nil {
			t.Fatal(err)
		}
		tokens, masks := rec.Column(0).(*array.List), rec.Column(1).(*array.List)
		for row := range int(rec.NumRows()) {
			d := Dialogue{ID: rec.Column(2).(*array.String).Value(row), Kind: rec.Column(3).(*array.String).Value(row), IDs: []int32{}, Turns: []Turn{}}
			from, to := tokens.ValueOffsets(row)
			for k := from; k < to; k++ {
				d.IDs = append(d.IDs, int32(tokens.ListValues().(*array.Uint32).Value(int(k))))
				d.Turns = append(d.Turns, Turn(masks.ListValues().(*array.Uint8).Value(int(k))))
			}
			got = append(got, d)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, d := range map[string]Dialogue{
		"short mask":     {IDs: []int32{1, 2}, Turns: []Turn{Text}},
		"id too large":   {IDs: []int32{1000}, Turns: []Turn{Text}},
		"no such turn":   {IDs: []int32{1}, Turns: []Turn{turns}},
		"id is negative": {IDs: []int32{-1}, Turns: []Turn{Text}},
	} {
		if err := Write(&bytes.Buffer{}, testConfig, []Dialogue{d}); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	made := func(t *testing.T) string {
		dir := t.TempDir()
		writeFolder(t, dir, randomDialogues(20, 100, 4), 10)
		return dir
	}
	edit := func(old, new string) func(string) error {
		return func(dir string) error {
			path := filepath.Join(dir, ManifestName)
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			changed := strings.Replace(string(data), old, new, 1)
			if changed == string(data) {
				return fmt.Errorf("%q is not in the manifest", old)
			}
			return os.WriteFile(path, []byte(changed), 0o644)
		}
	}
	file := func(dir string) string { return filepath.Join(dir, FileName(1)) }
	for _, c := range []struct {
		name    string
		damage  func(dir string) error
		options Options
		want    error
	}{
		{"no manifest", func(dir string) error { return os.Remove(filepath.Join(dir, ManifestName)) }, Options{}, ErrNoManifest},
		{"file removed", func(dir string) error { return os.Remove(file(dir)) }, Options{}, ErrDamaged},
		{"file cut", func(dir string) error { return os.Truncate(file(dir), 200) }, Options{}, ErrDamaged},
		{"byte changed", func(dir string) error {
			data, err := os.ReadFile(file(dir))
			if err != nil {
				return err
			}
			data[len(data)/2] ^= 1
			return os.WriteFile(file(dir), data, 0o644)
		}, Options{}, ErrDamaged},
		{"path outside", edit(`"tokens-00001.arrow"`, `"../tokens-00001.arrow"`), Options{}, ErrDamaged},
		{"another version", edit(`"version": 2`, `"version": 1`), Options{}, ErrVersion},
		{"another format", edit(FormatName, "something"), Options{}, ErrDamaged},
		{"other sums", edit(`"dialogues": 20`, `"dialogues": 21`), Options{}, ErrDamaged},
		{"another tokenizer", nil, Options{Tokenizer: "zzz"}, ErrTokenizer},
		{"another chat format", nil, Options{Format: "hermes"}, ErrTokenizer},
		{"a smaller vocabulary", nil, Options{VocabSize: 10}, ErrDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := made(t)
			if c.damage != nil {
				if err := c.damage(dir); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := Open(dir, c.options); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// TestEveryChangedByte indexes a file with each byte changed in turn, past the checksum. A change of an id may be accepted; what
// is accepted lies inside the file.
func TestEveryChangedByte(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, testConfig, randomDialogues(5, 10, 6)); err != nil {
		t.Fatal(err)
	}
	for i := range b.Len() {
		for _, x := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(b.Bytes())
			bad[i] ^= x
			checkIndex(t, bad)
		}
	}
	for n := range b.Len() {
		if _, err := index(b.Bytes()[:n], Manifest{Config: testConfig}, Info{Dialogues: 5}, 1000); err == nil {
			t.Errorf("the first %d of %d bytes are accepted", n, b.Len())
		}
	}
}

// checkIndex indexes a file that is what the manifest promises, whatever that is.
func checkIndex(t *testing.T, data []byte) {
	t.Helper()
	file, err := arrowmeta.Parse(data, columns)
	if err != nil {
		return
	}
	var info Info
	for _, b := range file.Batches {
		info.Dialogues += b.Rows
		info.Tokens += b.Lists[0].Count
		for _, m := range b.Lists[1].Values.Of(data) {
			info.Trained += int64(min(m, 1))
		}
	}
	places, err := index(data, Manifest{Config: testConfig}, info, 1000)
	if err != nil {
		return
	}
	for _, p := range places {
		if p.tokens < 0 || p.ids < 0 || p.ids+4*int64(p.tokens) > int64(len(data)) || p.mask < 0 || p.mask+int64(p.tokens) > int64(len(data)) {
			t.Errorf("a dialogue outside the file: %+v", p)
		}
	}
}

// FuzzIndex reads hostile files: no panic, no endless loop, and what is accepted can be read.
func FuzzIndex(f *testing.F) {
	for seed := range uint64(3) {
		var b bytes.Buffer
		if err := Write(&b, testConfig, randomDialogues(int(4*seed), 20, seed)); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkIndex(t, data) })
}

func FuzzParseManifest(f *testing.F) {
	data, err := json.Marshal(Manifest{Format: FormatName, Version: FormatVersion, Config: testConfig, Files: []Info{{File: "tokens-00000.arrow", Bytes: 100}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err == nil && (m.VocabSize <= 0 || m.Tokens < 0) {
			t.Errorf("accepted: %+v", m)
		}
	})
}
