package arrowmeta

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
)

var testColumns = []Column{{"ids", ListUint32}, {"name", Utf8}, {"mask", ListUint8}}

// row is a row of testColumns.
type row struct {
	IDs  []uint32
	Name string
	Mask []byte
}

func randomRows(n int) []row {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]row, n)
	for i := range out {
		for range r.IntN(6) {
			out[i].IDs = append(out[i].IDs, r.Uint32())
		}
		for range r.IntN(6) {
			out[i].Mask = append(out[i].Mask, byte(r.IntN(256)))
		}
		out[i].Name = strings.Repeat("né", r.IntN(4))
	}
	return out
}

// arrowFile writes rows, each slice as a record batch.
func arrowFile(t testing.TB, schema *arrow.Schema, batches [][]row, opts ...ipc.Option) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.arrow")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := ipc.NewFileWriter(f, append(opts, ipc.WithSchema(schema))...)
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	defer b.Release()
	for _, rows := range batches {
		for _, r := range rows {
			ids, mask := b.Field(0).(*array.ListBuilder), b.Field(2).(*array.ListBuilder)
			ids.Append(true)
			ids.ValueBuilder().(*array.Uint32Builder).AppendValues(r.IDs, nil)
			b.Field(1).(*array.StringBuilder).Append(r.Name)
			mask.Append(true)
			mask.ValueBuilder().(*array.Uint8Builder).AppendValues(r.Mask, nil)
		}
		rec := b.NewRecord()
		err := w.Write(rec)
		rec.Release()
		if err != nil {
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

func testSchema() *arrow.Schema {
	meta := arrow.NewMetadata([]string{"k", "empty"}, []string{"v", ""})
	return arrow.NewSchema([]arrow.Field{
		{Name: "ids", Type: arrow.ListOfNonNullable(arrow.PrimitiveTypes.Uint32)},
		{Name: "name", Type: arrow.BinaryTypes.String},
		{Name: "mask", Type: arrow.ListOfNonNullable(arrow.PrimitiveTypes.Uint8)},
	}, &meta)
}

// rowsOf takes the rows from where Parse says that they are.
func rowsOf(t testing.TB, data []byte, f File) [][]row {
	t.Helper()
	var out [][]row
	for _, b := range f.Batches {
		ends := make([][]int64, len(b.Lists))
		for i, l := range b.Lists {
			var err error
			if ends[i], err = l.Ends([]int64{0}, data, 0); err != nil {
				t.Fatal(err)
			}
		}
		var rows []row
		for i := range b.Rows {
			value := func(c int, width int64) []byte {
				return b.Lists[c].Values.Of(data)[width*ends[c][i] : width*ends[c][i+1]]
			}
			r := row{Name: string(value(1, 1))}
			for raw := value(0, 4); len(raw) > 0; raw = raw[4:] {
				r.IDs = append(r.IDs, binary.LittleEndian.Uint32(raw))
			}
			r.Mask = append(r.Mask, value(2, 1)...)
			rows = append(rows, r)
		}
		out = append(out, rows)
	}
	return out
}

func TestParse(t *testing.T) {
	want := [][]row{randomRows(20), randomRows(1), nil, randomRows(7)}
	data := arrowFile(t, testSchema(), want)
	f, err := Parse(data, testColumns)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, rowsOf(t, data, f)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"k": "v", "empty": ""}, f.Meta); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	rows := [][]row{randomRows(5)}
	good := arrowFile(t, testSchema(), rows)
	for _, c := range []struct {
		name    string
		data    []byte
		columns []Column
		says    string
	}{
		{"nothing", nil, testColumns, "begin"},
		{"another file", []byte(strings.Repeat("PAR1", 20)), testColumns, "begin"},
		{"cut", good[:len(good)-1], testColumns, "cut short"},
		{"appended to", append(bytes.Clone(good), "more"...), testColumns, "appended"},
		{"other names", good, []Column{{"ids", ListUint32}, {"title", Utf8}, {"mask", ListUint8}}, `"title"`},
		{"fewer columns", good, testColumns[:2], `"mask"`},
		{"more columns", good, append(testColumns[:3:3], Column{"x", Utf8}), `"x"`},
		{"other width", good, []Column{{"ids", ListUint8}, {"name", Utf8}, {"mask", ListUint8}}, "column ids is not list<uint8>"},
		{"list for text", good, []Column{{"ids", Utf8}, {"name", Utf8}, {"mask", ListUint8}}, "column ids is not utf8"},
		{"text for list", good, []Column{{"ids", ListUint32}, {"name", ListUint8}, {"mask", ListUint8}}, "column name is not list<uint8>"},
		{"compressed", arrowFile(t, testSchema(), rows, ipc.WithZstd()), testColumns, "compressed"},
	} {
		if _, err := Parse(c.data, c.columns); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q in it", c.name, err, c.says)
		}
	}
}

// TestEveryChangedByte parses a file with each byte changed in turn, and each beginning of it.
func TestEveryChangedByte(t *testing.T) {
	data := arrowFile(t, testSchema(), [][]row{randomRows(3)})
	for i := range data {
		for _, x := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(data)
			bad[i] ^= x
			checkInside(t, bad)
		}
	}
	for n := range data {
		if _, err := Parse(data[:n], testColumns); err == nil {
			t.Errorf("the first %d of %d bytes are accepted", n, len(data))
		}
	}
}

// checkInside checks that what is accepted lies inside the file.
func checkInside(t testing.TB, data []byte) {
	t.Helper()
	f, err := Parse(data, testColumns)
	if err != nil {
		return
	}
	for _, b := range f.Batches {
		for i, l := range b.Lists {
			ends, err := l.Ends(nil, data, 0)
			if err != nil {
				continue
			}
			width := int64(testColumns[i].Type.bits() / 8)
			if int64(len(ends)) != b.Rows || len(ends) > 0 && ends[len(ends)-1]*width > l.Values.Len {
				t.Errorf("%d ends of %d rows, the last at %v of %d bytes", len(ends), b.Rows, ends[max(0, len(ends)-1):], l.Values.Len)
			}
			_ = l.Values.Of(data) // panics where it is outside
		}
	}
}

// FuzzParse gives any file.
func FuzzParse(f *testing.F) {
	f.Add(arrowFile(f, testSchema(), [][]row{randomRows(3), randomRows(2)}))
	f.Add(arrowFile(f, testSchema(), nil))
	f.Fuzz(func(t *testing.T, data []byte) { checkInside(t, data) })
}
