package dialogue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
)

var (
	textType = arrow.BinaryTypes.String

	// openAI has the columns of a data set with nested messages, as synth writes it.
	openAI = arrow.NewSchema([]arrow.Field{
		{Name: "other", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true},
		{Name: "id", Type: textType},
		{Name: "messages", Type: arrow.ListOfNonNullable(arrow.StructOf(
			arrow.Field{Name: "role", Type: textType},
			arrow.Field{Name: "content", Type: textType, Nullable: true},
			arrow.Field{Name: "name", Type: textType, Nullable: true},
			arrow.Field{Name: "tool_call_id", Type: textType, Nullable: true},
			arrow.Field{Name: "tool_calls", Nullable: true, Type: arrow.ListOfNonNullable(arrow.StructOf(
				arrow.Field{Name: "id", Type: textType},
				arrow.Field{Name: "type", Type: textType},
				arrow.Field{Name: "function", Type: arrow.StructOf(
					arrow.Field{Name: "name", Type: textType},
					arrow.Field{Name: "arguments", Type: textType})}))},
			arrow.Field{Name: "weight", Type: arrow.PrimitiveTypes.Int32, Nullable: true}))},
		{Name: "tools", Type: textType},
		{Name: "kinds", Type: arrow.ListOf(textType), Nullable: true},
	}, nil)

	// flat has everything as text.
	flat = arrow.NewSchema([]arrow.Field{
		{Name: "messages", Type: textType, Nullable: true},
		{Name: "tools", Type: textType, Nullable: true},
		{Name: "kind", Type: textType, Nullable: true},
	}, nil)

	// conversations is ShareGPT's shape.
	conversations = arrow.NewSchema([]arrow.Field{
		{Name: "conversations", Nullable: true, Type: arrow.ListOf(arrow.StructOf(
			arrow.Field{Name: "from", Type: textType, Nullable: true},
			arrow.Field{Name: "value", Type: textType, Nullable: true}))},
		{Name: "system", Type: textType, Nullable: true},
		{Name: "tools", Type: textType, Nullable: true},
		{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
)

// nestedRow is a dialogue as a row of openAI.
func nestedRow(t testing.TB, d chat.Dialogue, kinds string) string {
	t.Helper()
	tools, err := json.Marshal(string(chat.AppendTools(nil, d.Tools)))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"other": [1, 2], "id": %q, "messages": %s, "tools": %s, "kinds": %s}`, d.ID, chat.AppendMessages(nil, d.Messages), tools, kinds)
}

func readBytes(t testing.TB, name string, data []byte) ([]Item, []string, error) {
	t.Helper()
	return collect(Source{Path: filepath.Join(write(t, map[string][]byte{name: data}), name)})
}

func TestParquetNested(t *testing.T) {
	var rows []string
	var want []chat.Dialogue
	for i := range 30 {
		d := weather(i)
		d.Messages = d.Messages[:len(d.Messages)-i%6]
		if i == 7 {
			d.Messages = d.Messages[:1]
		}
		want = append(want, d)
		rows = append(rows, nestedRow(t, d, []string{`null`, `[]`, `["a"]`, `["b", "a"]`}[i%4]))
	}
	for _, codec := range []compress.Compression{compress.Codecs.Uncompressed, compress.Codecs.Snappy, compress.Codecs.Zstd} {
		for _, dictionary := range []bool{false, true} {
			data := parquetOf(t, openAI, "["+strings.Join(rows, ",")+"]", 2, dictionary, codec)
			items, bad, err := readBytes(t, "x.parquet", data)
			if err != nil || bad != nil || len(items) != 2*len(want) {
				t.Fatalf("%v %v: %d items, %v, %v", codec, dictionary, len(items), bad, err)
			}
			for i, it := range items {
				n := i % len(want)
				if diff := cmp.Diff(want[n], it.Dialogue); diff != "" {
					t.Fatalf("row %d: %s", i, diff)
				}
				if kind := []string{"", "", "a", "b"}[n%4]; it.Kind != kind || !strings.HasSuffix(it.Where, fmt.Sprint("x.parquet:", i+1)) {
					t.Fatalf("row %d: kind %q at %s", i, it.Kind, it.Where)
				}
			}
		}
	}
}

func TestParquetFlat(t *testing.T) {
	d := weather(1)
	messages, _ := json.Marshal(string(chat.AppendMessages(nil, d.Messages)))
	tools, _ := json.Marshal(string(chat.AppendTools(nil, d.Tools)))
	rows := fmt.Sprintf(`[{"messages": %s, "tools": %s, "kind": "k"}, {"messages": null, "tools": null, "kind": null}, {"messages": "[", "tools": "", "kind": null}, {"messages": %s, "tools": %s, "kind": null}]`,
		messages, tools, messages, tools)
	items, bad, err := readBytes(t, "x.parquet", parquetOf(t, flat, rows, 1, true, compress.Codecs.Snappy))
	if err != nil || len(items) != 2 || len(bad) != 2 || !strings.Contains(bad[0], "x.parquet:2:") || !strings.Contains(bad[1], "x.parquet:3:") {
		t.Fatalf("%d items, %q, %v", len(items), bad, err)
	}
	d.ID = "x.parquet:4"
	if diff := cmp.Diff(d, items[1].Dialogue); diff != "" || items[0].Kind != "k" || items[1].Kind != "" {
		t.Error(diff)
	}
}

func TestParquetShareGPT(t *testing.T) {
	line, want := shareGPT(t, 1)
	row := strings.Replace(string(line), "{", `{"id": 12,`, 1)
	items, bad, err := readBytes(t, "x.parquet", parquetOf(t, conversations, "["+row+`,{"id": 13, "conversations": [null, {"from": "human"}], "system": null, "tools": null}]`, 1, false, compress.Codecs.Gzip))
	if err != nil || len(items) != 1 || len(bad) != 1 {
		t.Fatalf("%d items, %q, %v", len(items), bad, err)
	}
	want.ID = "12"
	if diff := cmp.Diff(want, items[0].Dialogue); diff != "" {
		t.Error(diff)
	}
}

// TestParquetTypes compares values of all types and nestings, nulls at every level, with what was written.
func TestParquetTypes(t *testing.T) {
	inner := arrow.StructOf(
		arrow.Field{Name: "a", Type: arrow.ListOf(arrow.ListOf(textType)), Nullable: true},
		arrow.Field{Name: "b", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		arrow.Field{Name: "c", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		arrow.Field{Name: "d", Type: arrow.PrimitiveTypes.Int64},
		arrow.Field{Name: "e", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
		arrow.Field{Name: "f", Nullable: true, Type: arrow.StructOf(arrow.Field{Name: "g", Type: arrow.PrimitiveTypes.Int32, Nullable: true})})
	schema := arrow.NewSchema([]arrow.Field{{Name: "messages", Type: arrow.ListOf(inner), Nullable: true}}, nil)
	rows := `[
		{"messages": null}, {"messages": []}, {"messages": [null]},
		{"messages": [{"a": null, "b": null, "c": null, "d": 1, "e": null, "f": null}]},
		{"messages": [{"a": [], "b": 1.5, "c": true, "d": -9007199254740992, "e": 0.25, "f": {"g": null}}, null]},
		{"messages": [{"a": [null, [], [null], ["x", "", "<&>"]], "b": 1e300, "c": false, "d": 0, "e": -2, "f": {"g": 7}}, {"a": [["y"], ["z", null]], "b": 0, "c": null, "d": 5, "e": null, "f": null}]}]`
	path := filepath.Join(write(t, map[string][]byte{"x.parquet": parquetOf(t, schema, rows, 1, false, compress.Codecs.Snappy)}), "x.parquet")
	var got []any
	err := readParquet(t.Context(), path, func(_ int, record []byte, err error) bool {
		if err != nil {
			t.Error(err)
		}
		got = append(got, unmarshal(t, string(record)))
		return true
	})
	if diff := cmp.Diff(unmarshal(t, rows), any(got)); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func unmarshal(t testing.TB, text string) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return numbers(v)
}

// numbers makes integers that differ in their last digit different, and 1 and 1.0 equal.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}

// TestParquetOracle compares a nested column with what arrow/go's own reader gives.
func TestParquetOracle(t *testing.T) {
	data := parquetOf(t, openAI, "["+nestedRow(t, weather(1), `["a"]`)+","+nestedRow(t, weather(2), `null`)+"]", 1, true, compress.Codecs.Snappy)
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.NewGoAllocator())
	if err != nil {
		t.Fatal(err)
	}
	table, err := r.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	column := table.Column(table.Schema().FieldIndices("messages")[0]).Data().Chunk(0)
	path := filepath.Join(write(t, map[string][]byte{"x.parquet": data}), "x.parquet")
	row := 0
	if err := readParquet(t.Context(), path, func(_ int, record []byte, _ error) bool {
		want, err := json.Marshal(column.GetOneForMarshal(row))
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Messages json.RawMessage `json:"messages"`
		}
		if err := json.Unmarshal(record, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(unmarshal(t, string(want)), unmarshal(t, string(got.Messages))); diff != "" {
			t.Errorf("row %d: %s", row, diff)
		}
		row++
		return true
	}); err != nil || row != 2 {
		t.Errorf("%d rows, %v", row, err)
	}
}

func TestParquetErrors(t *testing.T) {
	other := arrow.NewSchema([]arrow.Field{{Name: "text", Type: textType}}, nil)
	_, _, err := readBytes(t, "o.parquet", parquetOf(t, other, `[{"text": "a"}]`, 1, false, compress.Codecs.Snappy))
	if err == nil || !strings.Contains(err.Error(), `"text"`) {
		t.Errorf("without the columns: %v", err)
	}
	fixed := arrow.NewSchema([]arrow.Field{{Name: "messages", Type: &arrow.FixedSizeBinaryType{ByteWidth: 2}}}, nil)
	_, _, err = readBytes(t, "f.parquet", parquetOf(t, fixed, `[{"messages": "YWI="}]`, 1, false, compress.Codecs.Snappy))
	if err == nil || !strings.Contains(err.Error(), "messages") {
		t.Errorf("a type that is not read: %v", err)
	}
	good := parquetOf(t, flat, `[{"messages": "[]", "tools": null, "kind": null}]`, 1, false, compress.Codecs.Snappy)
	for n := range good {
		if _, _, err := readBytes(t, "cut.parquet", good[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are read", n, len(good))
		}
	}
}

// TestParquetDamage changes single bytes all over a file: that is an error or other text, never a panic or an endless loop.
func TestParquetDamage(t *testing.T) {
	data := parquetOf(t, openAI, "["+nestedRow(t, weather(1), `["a"]`)+","+nestedRow(t, weather(2), `null`)+"]", 1, true, compress.Codecs.Snappy)
	path := filepath.Join(t.TempDir(), "x.parquet")
	for i := 0; i < len(data); i += 13 {
		bad := bytes.Clone(data)
		bad[i] ^= 0x41
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, err := range Read(t.Context(), Source{Path: path}) {
			if err != nil && !errors.Is(err, ErrRecord) {
				break
			}
		}
	}
}

// FuzzParquet gives any file.
func FuzzParquet(f *testing.F) {
	f.Add(parquetOf(f, openAI, "["+nestedRow(f, weather(1), `["a"]`)+"]", 1, true, compress.Codecs.Snappy))
	f.Add(parquetOf(f, flat, `[{"messages": "[]", "tools": null, "kind": null}]`, 1, false, compress.Codecs.Uncompressed))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(write(t, map[string][]byte{"x.parquet": data}), "x.parquet")
		last := 0
		_ = readParquet(t.Context(), path, func(number int, record []byte, err error) bool { // an error is fine
			if number != last+1 || err == nil && !json.Valid(record) {
				t.Errorf("row %d after %d: %s", number, last, record)
			}
			last = number
			return number < 10000
		})
	})
}
