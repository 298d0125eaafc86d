package dialogue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// parquetColumns are the columns that parse looks at.
var parquetColumns = []string{"id", "messages", "tools", "conversations", "system", "kind", "kinds"}

// guard runs f and makes an error of a panic: arrow/go panics on some damaged files.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it is damaged: %v", r)
		}
	}()
	return f()
}

// boundedAllocator refuses sizes that the file cannot account for: a changed length in a damaged file would otherwise ask
// for terabytes and end the program.
type boundedAllocator struct {
	memory.Allocator
	limit int
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

// readParquet emits the rows of a file as JSON objects of the columns that matter. It reads the columns by themselves and
// puts the nested ones together again, because arrow/go's own reader of nested columns works in goroutines, whose panics on
// damaged files nobody could catch.
func readParquet(ctx context.Context, path string, emit recordFunc) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	mem := boundedAllocator{memory.NewGoAllocator(), int(min(1<<20+1000*info.Size(), 4<<30))} // text does not compress better
	var f *file.Reader
	if err := guard(func() (err error) {
		f, err = file.OpenParquetFile(path, false, file.WithReadProps(parquet.NewReaderProperties(mem)))
		return err
	}); err != nil {
		return fmt.Errorf("%s: not a readable Parquet file: %w", path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	p := parquetReader{f: f, emit: emit}
	if err := guard(p.columns); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for g := range f.NumRowGroups() {
		if err := p.group(ctx, g); errors.Is(err, errStop) {
			return err
		} else if err != nil {
			return fmt.Errorf("%s: row group %d: %w", path, g, err)
		}
	}
	return nil
}

// parquetReader reads a file row by row.
type parquetReader struct {
	f      *file.Reader
	fields []*node
	number int // rows so far
	emit   recordFunc
}

// columns finds the columns that are read.
func (p *parquetReader) columns() error {
	root := p.f.MetaData().Schema.Root()
	var names []string
	leaf := 0
	for i := range root.NumFields() {
		name := root.Field(i).Name()
		names = append(names, name)
		n, err := newNode(root.Field(i), 0, 0, &leaf, 0)
		if err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
		if slices.Contains(parquetColumns, name) {
			p.fields = append(p.fields, n)
		}
	}
	if !slices.Contains(names, "messages") && !slices.Contains(names, "conversations") {
		return fmt.Errorf("it has neither a column messages nor conversations but %q", names[:min(len(names), 20)])
	}
	return nil
}

// group emits the rows of a row group.
func (p *parquetReader) group(ctx context.Context, g int) error {
	var rows int64
	err := guard(func() error {
		group := p.f.RowGroup(g)
		rows = group.NumRows()
		for _, field := range p.fields {
			if err := field.open(group); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var record []byte
	for range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.number++
		if err := guard(func() (err error) {
			record, err = p.row(record[:0])
			return err
		}); err != nil {
			return fmt.Errorf("row %d: %w", p.number, err)
		}
		if !p.emit(p.number, record, checkText(record)) {
			return errStop
		}
	}
	for _, n := range p.fields {
		if err := guard(n.first.peek); err != nil {
			return err
		}
		if !n.first.end {
			return fmt.Errorf("column %s: %w", n.name, errLevels)
		}
	}
	return nil
}

// row appends the next row as a JSON object.
func (p *parquetReader) row(dst []byte) ([]byte, error) {
	dst = append(dst, '{')
	for i, n := range p.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), n.name...), `":`...)
		var err error
		if dst, err = n.value(dst); err != nil {
			return nil, fmt.Errorf("column %s: %w", n.name, err)
		}
		if err := n.rowEnds(); err != nil {
			return nil, fmt.Errorf("column %s: %w", n.name, err)
		}
	}
	return append(dst, '}'), nil
}

// isList says whether a group is a list in the sense of the format's logical types.
func isList(n schema.Node) bool {
	if _, ok := n.LogicalType().(schema.ListLogicalType); ok {
		return true
	}
	return n.ConvertedType() == schema.ConvertedTypes.List
}
