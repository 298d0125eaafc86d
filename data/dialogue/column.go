package dialogue

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// errLevels says that the columns below a nested one do not fit together.
var errLevels = errors.New("it is damaged: its levels are not consistent")

// leaf is a column of values with their levels, as Parquet stores nested data (Melnik et al., "Dremel", 2010): the repetition
// level says which list a value continues, 0 for a new row; the definition level how many optional and repeated fields on the
// way to it are there.
type leaf struct {
	index          int // of the column in the file
	physical       parquet.Type
	maxDef, maxRep int16

	reader   file.ColumnChunkReader
	ahead    bool // the entry below was read and not taken
	end      bool
	def, rep int16
	value    []byte // as JSON
}

func (l *leaf) open(group *file.RowGroupReader) (err error) {
	l.ahead, l.end = false, false
	l.reader, err = group.Column(l.index)
	return err
}

// peek reads the next entry where it was not read yet. At the end of the row group, rep is 0.
func (l *leaf) peek() error {
	if l.ahead || l.end {
		return nil
	}
	// One entry at a time: the values of a longer read may lie in a page that is gone by the end of it.
	def, rep := []int16{l.maxDef}, []int16{0}
	n, err := l.read(def, rep)
	if err != nil {
		return err
	}
	l.ahead, l.end = n > 0, n == 0
	l.def, l.rep = def[0], rep[0]
	if l.end {
		l.def, l.rep = 0, 0
	}
	if l.def < 0 || l.def > l.maxDef || l.rep < 0 || l.rep > l.maxRep {
		return errLevels
	}
	return nil
}

// take passes over the next entry.
func (l *leaf) take() error {
	if err := l.peek(); err != nil {
		return err
	}
	if l.end {
		return errors.Join(errors.New("it is damaged: it ends before its last row"), l.reader.Err())
	}
	l.ahead = false
	return nil
}

// read reads one entry.
func (l *leaf) read(def, rep []int16) (n int64, err error) {
	l.value = l.value[:0]
	var there int
	switch r := l.reader.(type) {
	case *file.ByteArrayColumnChunkReader:
		var v [1]parquet.ByteArray
		if n, there, err = r.ReadBatch(1, v[:], def, rep); there > 0 {
			l.value, err = appendText(l.value, v[0])
		}
	case *file.Int32ColumnChunkReader:
		var v [1]int32
		if n, there, err = r.ReadBatch(1, v[:], def, rep); there > 0 {
			l.value = strconv.AppendInt(l.value, int64(v[0]), 10)
		}
	case *file.Int64ColumnChunkReader:
		var v [1]int64
		if n, there, err = r.ReadBatch(1, v[:], def, rep); there > 0 {
			l.value = strconv.AppendInt(l.value, v[0], 10)
		}
	case *file.Float32ColumnChunkReader:
		var v [1]float32
		if n, there, err = r.ReadBatch(1, v[:], def, rep); there > 0 {
			l.value, err = appendNumber(l.value, float64(v[0]))
		}
	case *file.Float64ColumnChunkReader:
		var v [1]float64
		if n, there, err = r.ReadBatch(1, v[:], def, rep); there > 0 {
			l.value, err = appendNumber(l.value, v[0])
		}
	case *file.BooleanColumnChunkReader:
		var v [1]bool
		if n, there, err = r.ReadBatch(1, v[:], def, rep); there > 0 {
			l.value = strconv.AppendBool(l.value, v[0])
		}
	default:
		return 0, fmt.Errorf("values of type %s are not read", l.physical)
	}
	return n, err
}

// appendText appends text as a JSON string. Bytes that are not UTF-8 stay, so that the record is refused for them.
func appendText(dst []byte, s []byte) ([]byte, error) {
	if checkText(s) != nil {
		return append(append(append(dst, '"'), s...), '"'), nil
	}
	quoted, err := json.Marshal(string(s))
	return append(dst, quoted...), err
}

func appendNumber(dst []byte, v float64) ([]byte, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(dst, "null"...), nil
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64), nil
}
