package metrics

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
)

var errNoStep = errors.New(`the object has no "step"`)

// record is a pointer to one of the three line types.
type record[T any] interface {
	*T
	json.Unmarshaler
}

// Rows reads metrics.jsonl of a run folder. A missing file reads as empty and a last line without its line end,
// which a killed program may leave, is passed over. A damaged line gives an error that names file and line;
// iteration goes on behind it if the caller does.
func Rows(dir string) iter.Seq2[Row, error] { return readFile[Row](filepath.Join(dir, RowsFile)) }

// Events reads events.jsonl of a run folder in the way of Rows.
func Events(dir string) iter.Seq2[Event, error] {
	return readFile[Event](filepath.Join(dir, EventsFile))
}

// Samples reads samples.jsonl of a run folder in the way of Rows.
func Samples(dir string) iter.Seq2[Sample, error] {
	return readFile[Sample](filepath.Join(dir, SamplesFile))
}

// ReadRows decodes rows from r; name stands for the file in errors.
func ReadRows(name string, r io.Reader) iter.Seq2[Row, error] { return readAll[Row](name, r) }

// ReadEvents decodes events from r; name stands for the file in errors.
func ReadEvents(name string, r io.Reader) iter.Seq2[Event, error] { return readAll[Event](name, r) }

// ReadSamples decodes samples from r; name stands for the file in errors.
func ReadSamples(name string, r io.Reader) iter.Seq2[Sample, error] { return readAll[Sample](name, r) }

// Collect gathers a sequence and stops at the first error.
func Collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for v, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

func readFile[T any, P record[T]](path string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			var zero T
			yield(zero, fmt.Errorf("metrics: %w", err))
			return
		}
		defer f.Close()
		readAll[T, P](path, f)(yield)
	}
}

func readAll[T any, P record[T]](name string, r io.Reader) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		sc := newLines(r)
		for {
			line, whole, err := sc.next()
			var v T
			if err != nil {
				if !errors.Is(err, io.EOF) {
					yield(v, fmt.Errorf("metrics: read %s:%d: %w", name, sc.n, err))
				}
				return
			}
			if len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			if err := P(&v).UnmarshalJSON(line); err != nil {
				if !whole {
					return // torn by a kill; a resume repairs it
				}
				var zero T
				if !yield(zero, fmt.Errorf("metrics: %s:%d: %w; the line is damaged, remove or mend it", name, sc.n, err)) {
					return
				}
				continue
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// lines splits a file into lines of any length, reusing one buffer.
type lines struct {
	r   *bufio.Reader
	buf []byte
	n   int // number of the line that next gave, from 1
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, 1<<16)} }

// next gives a line without its end, and whether it had one. The bytes are valid until the next call.
func (l *lines) next() (line []byte, whole bool, err error) {
	l.buf = l.buf[:0]
	l.n++
	for {
		part, err := l.r.ReadSlice('\n')
		l.buf = append(l.buf, part...)
		switch {
		case err == nil:
			return l.buf[:len(l.buf)-1], true, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case err == io.EOF && len(l.buf) > 0:
			return l.buf, false, nil
		default:
			return nil, false, err
		}
	}
}
