package corpus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// parquetRows is how many rows are decoded at once.
const parquetRows = 1024

// guard runs f and makes an error of a panic: arrow/go panics on some damaged files.
func guard(path string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s is damaged: %v", path, r)
		}
	}()
	return f()
}

// boundedAllocator refuses sizes that the file cannot account for: a changed length in a damaged
// file would otherwise ask for terabytes and end the program.
type boundedAllocator struct {
	memory.Allocator
	limit int
}

// allocatorFor bounds a single buffer by 1000 times the size of the file, more than text compresses,
// and by 4 GiB, twice what a column of texts with 32-bit offsets holds.
func allocatorFor(fileSize int64) memory.Allocator {
	return boundedAllocator{memory.NewGoAllocator(), int(min(1<<20+1000*fileSize, 4<<30))}
}

// Allocate implements memory.Allocator.
func (a boundedAllocator) Allocate(size int) []byte {
	a.check(size)
	return a.Allocator.Allocate(size)
}

// Reallocate implements memory.Allocator.
func (a boundedAllocator) Reallocate(size int, b []byte) []byte {
	a.check(size)
	return a.Allocator.Reallocate(size, b)
}

func (a boundedAllocator) check(size int) {
	if size < 0 || size > a.limit {
		panic(fmt.Sprintf("it asks for a buffer of %d bytes", size))
	}
}

// readParquet emits the text column row by row, a part of a row group at a time.
func (r *sourceReader) readParquet(ctx context.Context, path, name string, emit emitFunc) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	mem := allocatorFor(info.Size())
	var f *file.Reader
	if err := guard(path, func() (err error) {
		f, err = file.OpenParquetFile(path, false, file.WithReadProps(parquet.NewReaderProperties(mem)))
		return err
	}); err != nil {
		return fmt.Errorf("%s: not a readable Parquet file: %w", path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var column *pqarrow.ColumnReader
	err = guard(path, func() error {
		fr, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: parquetRows}, mem)
		if err != nil {
			return err
		}
		schema, err := fr.Schema()
		if err != nil {
			return err
		}
		if err := r.checkColumn(path, schema); err != nil {
			return err
		}
		leaf := f.MetaData().Schema.ColumnIndexByName(r.TextField)
		if leaf < 0 {
			return fmt.Errorf("column %q is nested, want a column of text", r.TextField)
		}
		groups := make([]int, f.NumRowGroups())
		for i := range groups {
			groups[i] = i
		}
		// One column by itself: the reader of whole records starts goroutines, whose panics nobody could catch.
		column, err = fr.GetFieldReader(ctx, schema.FieldIndices(r.TextField)[0], map[int]bool{leaf: true}, groups)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer column.Release()
	next := func() ([]arrow.Array, error) {
		part, err := column.NextBatch(parquetRows)
		if err != nil {
			return nil, err
		}
		if part.Len() == 0 {
			return nil, io.EOF
		}
		return part.Chunks(), nil
	}
	rows, err := r.readRows(ctx, path, name, next, emit)
	if err == nil && rows != f.NumRows() {
		err = fmt.Errorf("%s is damaged: it promises %d rows and has %d", path, f.NumRows(), rows)
	}
	return err
}

// readArrow emits the text column of an Arrow IPC file or stream.
func (r *sourceReader) readArrow(ctx context.Context, path, name string, emit emitFunc) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	mem := ipc.WithAllocator(allocatorFor(info.Size()))
	var read func() (arrow.Record, error)
	var schema *arrow.Schema
	err = guard(path, func() error {
		head := make([]byte, len(ipc.Magic))
		if _, err := io.ReadFull(f, head); err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if bytes.Equal(head, ipc.Magic) {
			in, err := ipc.NewFileReader(f, mem)
			if err != nil {
				return err
			}
			read, schema = in.Read, in.Schema()
			return nil
		}
		if err := checkStreamEnd(f, info.Size()); err != nil {
			return err
		}
		in, err := ipc.NewReader(f, mem)
		if err != nil {
			return err
		}
		read, schema = in.Read, in.Schema()
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: not a readable Arrow IPC file or stream: %w", path, err)
	}
	if err := r.checkColumn(path, schema); err != nil {
		return err
	}
	col := schema.FieldIndices(r.TextField)[0]
	next := func() ([]arrow.Array, error) {
		rec, err := read()
		if err != nil {
			return nil, err
		}
		return []arrow.Array{rec.Column(col)}, nil
	}
	_, err = r.readRows(ctx, path, name, next, emit)
	return err
}

// checkStreamEnd demands the end-of-stream mark. The format allows a stream to end without it, but
// then a stream that was cut between two messages could not be told from a whole one.
func checkStreamEnd(f *os.File, size int64) error {
	mark := make([]byte, 4)
	if _, err := f.ReadAt(mark, size-4); err != nil {
		return err
	}
	if !bytes.Equal(mark, make([]byte, 4)) {
		return errors.New("it ends without an end-of-stream mark: it was cut short")
	}
	return nil
}

// checkColumn wants the text column to exist and to hold text.
func (r *sourceReader) checkColumn(path string, schema *arrow.Schema) error {
	var fields []string
	for _, f := range schema.Fields() {
		fields = append(fields, f.Name)
		if f.Name == r.TextField && !isText(f.Type) {
			return fmt.Errorf("%s: column %q has type %s, want text; set text_field to another", path, f.Name, f.Type)
		}
	}
	if !schema.HasField(r.TextField) {
		return r.noField(path, fields)
	}
	return nil
}

func isText(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW, arrow.BINARY, arrow.LARGE_BINARY, arrow.BINARY_VIEW:
		return true
	case arrow.DICTIONARY:
		return isText(t.(*arrow.DictionaryType).ValueType)
	}
	return false
}

// readRows emits the values of the arrays that next gives until it returns io.EOF, and returns
// their number. The arrays are valid until next is called again, so their values are copied.
func (r *sourceReader) readRows(ctx context.Context, path, name string, next func() ([]arrow.Array, error), emit emitFunc) (int64, error) {
	var row int64
	for {
		if err := ctx.Err(); err != nil {
			return row, err
		}
		var texts [][]byte // nil for null
		done := false
		err := guard(path, func() error {
			parts, err := next()
			if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				done = true
				return nil
			}
			if err != nil {
				return fmt.Errorf("%s is damaged: %w", path, err)
			}
			for _, part := range parts {
				for i := range part.Len() {
					texts = append(texts, textAt(part, i))
				}
			}
			return nil
		})
		if err != nil || done {
			return row, err
		}
		for _, text := range texts {
			row++
			if text == nil {
				r.null()
			} else if err := emit(name+":"+strconv.FormatInt(row, 10), text); err != nil {
				return row, err
			}
		}
	}
}

// textAt returns a copy of a value, nil for null.
func textAt(col arrow.Array, i int) []byte {
	if col.IsNull(i) {
		return nil
	}
	switch col := col.(type) {
	case *array.Dictionary:
		return textAt(col.Dictionary(), col.GetValueIndex(i))
	case interface{ Value(int) string }:
		return []byte(col.Value(i))
	case interface{ Value(int) []byte }:
		return append([]byte{}, col.Value(i)...)
	}
	panic(fmt.Sprintf("column of type %s", col.DataType()))
}
