package instrument

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"muonclip/internal/atomicfile"
)

// FileName is the name of the measurements in the run folder.
const FileName = "instruments.parquet"

// Row is one figure.
type Row struct {
	Step  int64
	Name  string // one of Names
	Param string // parameter that it is of; empty for none
	Layer int32  // layer that it is of; -1 for none
	Index int32  // rank, head, expert or 100 * alpha; -1 for none
	Value float64
}

// columns are those of the file.
var columns = arrow.NewSchema([]arrow.Field{
	{Name: "step", Type: arrow.PrimitiveTypes.Int64}, {Name: "name", Type: arrow.BinaryTypes.String}, {Name: "param", Type: arrow.BinaryTypes.String},
	{Name: "layer", Type: arrow.PrimitiveTypes.Int32}, {Name: "index", Type: arrow.PrimitiveTypes.Int32}, {Name: "value", Type: arrow.PrimitiveTypes.Float64},
}, nil)

// write puts all rows into the file of a run folder, which changes as a whole.
func write(dir string, rows []Row) error {
	b := array.NewRecordBuilder(memory.DefaultAllocator, columns)
	defer b.Release()
	for _, r := range rows {
		b.Field(0).(*array.Int64Builder).Append(r.Step)
		b.Field(1).(*array.StringBuilder).Append(r.Name)
		b.Field(2).(*array.StringBuilder).Append(r.Param)
		b.Field(3).(*array.Int32Builder).Append(r.Layer)
		b.Field(4).(*array.Int32Builder).Append(r.Index)
		b.Field(5).(*array.Float64Builder).Append(r.Value)
	}
	record := b.NewRecord()
	defer record.Release()
	err := atomicfile.Write(filepath.Join(dir, FileName), func(w io.Writer) error {
		props := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd))
		out, err := pqarrow.NewFileWriter(columns, keepOpen{w}, props, pqarrow.DefaultWriterProps())
		if err != nil {
			return err
		}
		return errors.Join(out.Write(record), out.Close())
	})
	if err != nil {
		return fmt.Errorf("instrument: write %s: %w", FileName, err)
	}
	return nil
}

// keepOpen hides the Close of a writer that belongs to somebody else.
type keepOpen struct{ io.Writer }

// Read gives the measurements of a run folder, none where there is no file.
func Read(dir string) ([]Row, error) {
	path := filepath.Join(dir, FileName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	rows, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("instrument: %s: %w; remove it to go on without what was measured", path, err)
	}
	return rows, nil
}

func read(path string) (rows []Row, err error) {
	f, err := file.OpenParquetFile(path, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	table, err := r.ReadTable(context.Background())
	if err != nil {
		return nil, err
	}
	defer table.Release()
	if table.NumCols() != int64(columns.NumFields()) {
		return nil, fmt.Errorf("the columns are %v, want %v", table.Schema(), columns)
	}
	rows = make([]Row, 0, table.NumRows())
	for batches := array.NewTableReader(table, 0); batches.Next(); {
		b := batches.Record()
		step, ok := b.Column(0).(*array.Int64)
		name, ok1 := b.Column(1).(*array.String)
		param, ok2 := b.Column(2).(*array.String)
		layer, ok3 := b.Column(3).(*array.Int32)
		index, ok4 := b.Column(4).(*array.Int32)
		value, ok5 := b.Column(5).(*array.Float64)
		if !(ok && ok1 && ok2 && ok3 && ok4 && ok5) {
			return nil, fmt.Errorf("the columns are %v, want %v", b.Schema(), columns)
		}
		for i := range int(b.NumRows()) {
			rows = append(rows, Row{step.Value(i), name.Value(i), param.Value(i), layer.Value(i), index.Value(i), value.Value(i)})
		}
	}
	return rows, nil
}
