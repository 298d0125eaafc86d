package corpus

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

func packed(t testing.TB, w func(io.Writer) io.WriteCloser, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := w(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gz(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }

func zst(w io.Writer) io.WriteCloser {
	z, err := zstd.NewWriter(w)
	if err != nil {
		panic(err)
	}
	return z
}

func TestJSONL(t *testing.T) {
	text := "{\"text\":\"one\\nline\",\"id\":1}\n\n{\"text\":null}\r\n{\"id\":2,\"text\":\"zwei \\u00fc\"}" // no newline at the end
	want := []string{"=one\nline", "=zwei ü"}
	files := map[string]string{"a.jsonl": text, "b.jsonl.gz": packed(t, gz, text), "c.ndjson.zst": packed(t, zst, text), "d.txt": "not JSON"}
	dir := writeTree(t, files)
	for name := range files {
		if name == "d.txt" {
			continue
		}
		docs, stats, err := collect(t, one(Source{Path: filepath.Join(dir, name)}))
		if diff := cmp.Diff([]string{name + ":1" + want[0], name + ":4" + want[1]}, brief(docs)); err != nil || diff != "" {
			t.Error(name, err, diff)
		}
		if stats.Dropped["null_text"].Documents != 1 {
			t.Errorf("%s: %+v", name, stats)
		}
		checkStats(t, stats, docs)
	}
	docs, stats, err := collect(t, one(Source{Path: dir, Format: JSONL}))
	if err != nil || len(docs) != 6 || stats.Sources[0].Files != 3 || stats.Sources[0].Other != 1 {
		t.Errorf("a folder of JSONL: %d documents, %+v, %v", len(docs), stats, err)
	}
	long := strings.Repeat("x", 3<<20)
	docs, _, err = collect(t, one(Source{Path: filepath.Join(writeTree(t, map[string]string{"x.jsonl": `{"a":{"b.c":"` + long + `"}}`}), "x.jsonl"), TextField: "a.b.c"}))
	if err != nil || len(docs) != 1 || string(docs[0].Text) != long {
		t.Errorf("a long line and a path of keys: %d documents, %v", len(docs), err)
	}
}

func TestJSONLErrors(t *testing.T) {
	cases := []struct {
		name, text string
		sentinel   error
		says       []string
	}{
		{"no field", `{"question":"a","answer":"b"}`, ErrNoField, []string{"x.jsonl:1", `"text"`, "answer, question", "text_field"}},
		{"later line", "{\"text\":\"a\"}\n{\"txt\":\"b\"}", ErrNoField, []string{"x.jsonl:2", "txt"}},
		{"a list", `{"text":["a"]}`, nil, []string{"x.jsonl:1", "a list", "fields are: text"}},
		{"a number", `{"text":5}`, nil, []string{"a number"}},
		{"no JSON", "{\"text\":\"a\"}\nhello", nil, []string{"x.jsonl:2", "not a JSON object"}},
		{"an array", `[1]`, nil, []string{"not a JSON object"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := collect(t, one(Source{Path: filepath.Join(writeTree(t, map[string]string{"x.jsonl": c.text}), "x.jsonl")}))
			wantError(t, err, c.sentinel, c.says...)
		})
	}
	whole := packed(t, gz, strings.Repeat(`{"text":"a"}`+"\n", 100))
	for name, data := range map[string]string{"cut.jsonl.gz": whole[:len(whole)-9], "no.jsonl.gz": "plain", "no.jsonl.zst": "plain"} {
		_, _, err := collect(t, one(Source{Path: filepath.Join(writeTree(t, map[string]string{name: data}), name)}))
		wantError(t, err, nil, name)
	}
}

// rows are the texts of the column tests; the null is to be dropped.
var rows = []string{"first", "", "drei ü", "<null>", "last"}

// columnRecord makes a record with the rows in a column of the type, beside another column.
func columnRecord(t testing.TB, typ arrow.DataType, repeat int) arrow.Record {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "text", Type: typ, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	defer b.Release()
	for range repeat {
		for i, s := range rows {
			b.Field(0).(*array.Int64Builder).Append(int64(i))
			if s == "<null>" {
				b.Field(1).AppendNull()
			} else if err := b.Field(1).AppendValueFromString(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b.NewRecord()
}

func arrowFile(t testing.TB, rec arrow.Record, stream bool) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var w interface {
		Write(arrow.Record) error
		Close() error
	}
	if stream {
		w = ipc.NewWriter(f, ipc.WithSchema(rec.Schema()))
	} else if w, err = ipc.NewFileWriter(f, ipc.WithSchema(rec.Schema()), ipc.WithZstd()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parquetFile(t testing.TB, rec arrow.Record, codec compress.Compression, dictionary bool) []byte {
	t.Helper()
	var b bytes.Buffer
	props := parquet.NewWriterProperties(parquet.WithCompression(codec), parquet.WithDictionaryDefault(dictionary), parquet.WithDataPageSize(4096))
	w, err := pqarrow.NewFileWriter(rec.Schema(), &b, props, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // two row groups
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// wantRows is what a file of 2*repeat times the rows gives.
func wantRows(name string, repeat int) []string {
	var out []string
	for i := range 2 * repeat * len(rows) {
		if s := rows[i%len(rows)]; s != "" && s != "<null>" { // the empty one is dropped as empty, the null as null_text
			out = append(out, fmt.Sprintf("%s:%d=%s", name, i+1, s))
		}
	}
	return out
}

func checkColumn(t *testing.T, name string, data []byte, repeat int) {
	t.Helper()
	dir := writeTree(t, map[string]string{name: string(data)})
	docs, stats, err := collect(t, one(Source{Path: filepath.Join(dir, name)}))
	if diff := cmp.Diff(wantRows(name, repeat), brief(docs)); err != nil || diff != "" {
		t.Error(name, err, diff)
	}
	if n := stats.Dropped["null_text"].Documents; n != int64(2*repeat) {
		t.Errorf("%s: %d nulls, want %d", name, n, 2*repeat)
	}
	checkStats(t, stats, docs)
}

func TestArrow(t *testing.T) {
	dict := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	for _, typ := range []arrow.DataType{arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, dict} {
		rec := columnRecord(t, typ, 3)
		defer rec.Release()
		checkColumn(t, "file.arrow", arrowFile(t, rec, false), 3)
		checkColumn(t, "stream.arrows", arrowFile(t, rec, true), 3)
	}
}

func TestParquet(t *testing.T) {
	for _, codec := range []compress.Compression{compress.Codecs.Uncompressed, compress.Codecs.Snappy, compress.Codecs.Gzip, compress.Codecs.Zstd, compress.Codecs.Brotli} {
		for _, dictionary := range []bool{false, true} {
			t.Run(fmt.Sprint(codec, dictionary), func(t *testing.T) {
				rec := columnRecord(t, arrow.BinaryTypes.String, 700) // more than one read of a row group
				defer rec.Release()
				checkColumn(t, "x.parquet", parquetFile(t, rec, codec, dictionary), 700)
			})
		}
	}
}

// TestColumnErrors covers the wrong field, the wrong type and damaged files.
func TestColumnErrors(t *testing.T) {
	rec := columnRecord(t, arrow.BinaryTypes.String, 300)
	defer rec.Release()
	files := map[string][]byte{
		"f.arrow":   arrowFile(t, rec, false),
		"s.arrows":  arrowFile(t, rec, true),
		"p.parquet": parquetFile(t, rec, compress.Codecs.Snappy, false),
	}
	for name, data := range files {
		dir := writeTree(t, map[string]string{name: string(data)})
		src := Source{Path: filepath.Join(dir, name), TextField: "body"}
		_, _, err := collect(t, one(src))
		wantError(t, err, ErrNoField, name, `"body"`, "id, text", "text_field")
		src.TextField = "id"
		_, _, err = collect(t, one(src))
		wantError(t, err, nil, name, "int64")
		for _, n := range []int{0, 3, 100, len(data) / 2, len(data) - 1, len(data) - 8} {
			cutName := "cut-" + name
			dir := writeTree(t, map[string]string{cutName: string(data[:n])})
			_, _, err := collect(t, one(Source{Path: filepath.Join(dir, cutName)}))
			wantError(t, err, nil, cutName)
		}
		// A changed byte is an error or other text, never a panic.
		for i := 0; i < len(data); i += 1 + len(data)/60 {
			bad := bytes.Clone(data)
			bad[i] ^= 0x41
			dir := writeTree(t, map[string]string{name: string(bad)})
			docs, stats, err := collect(t, one(Source{Path: filepath.Join(dir, name)}))
			if err == nil {
				checkStats(t, stats, docs)
			}
		}
	}
}

// FuzzJSONL gives the reader any line.
func FuzzJSONL(f *testing.F) {
	f.Add([]byte(`{"text":"a"}`))
	f.Add([]byte(`{"a":{"text":null}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r := sourceReader{Source: Source{TextField: "a.text"}}
		text, ok, err := r.jsonText(line, "line")
		if err != nil && (ok || text != nil) {
			t.Errorf("text %q beside error %v", text, err)
		}
	})
}
