package tensorboard

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// prefix of the names that TensorBoard looks for.
const prefix = "events.out.tfevents."

// suffix stands where others put the host's name, which has no place in a file that people pass on.
const suffix = ".muonclip"

// Writer appends events to one file. It is not safe for concurrent use.
type Writer struct {
	f    file
	path string
	size int64
	msg  []byte // the summary of the event being built, reused
	buf  []byte // the frame being built, reused
}

// file is what a Writer needs of *os.File.
type file interface {
	io.WriteCloser
	Truncate(int64) error
	Sync() error
}

// Create starts a new event file in dir, which is made where missing, for a run that goes on after `step` steps
// (0 for a new run). Every start has a file of its own; its name sorts behind all earlier ones, because TensorBoard
// reads the files of a run in the order of their names. On a resume the file tells TensorBoard to drop points of
// later steps, which the run will write again.
func Create(dir string, step int64, now time.Time) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("tensorboard: %w", err)
	}
	stamp, err := nextStamp(dir, now.Unix())
	if err != nil {
		return nil, fmt.Errorf("tensorboard: %w", err)
	}
	path := filepath.Join(dir, prefix+strconv.FormatInt(stamp, 10)+suffix)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, fmt.Errorf("tensorboard: %w", err)
	}
	w := &Writer{f: f, path: path}
	err = w.write(&Event{WallTime: seconds(now), FileVersion: FileVersion}, nil)
	if err == nil && step > 0 {
		err = w.write(&Event{WallTime: seconds(now), Step: step + 1, Start: true}, nil)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return w, nil
}

// nextStamp is unix, or one second behind the newest file's stamp where that is later: two starts within a second,
// or a clock that went back.
func nextStamp(dir string, unix int64) (int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), prefix)
		if !ok {
			continue
		}
		digits, _, _ := strings.Cut(rest, ".")
		if stamp, err := strconv.ParseInt(digits, 10, 64); err == nil {
			unix = max(unix, stamp+1)
		}
	}
	return unix, nil
}

// Path is the file being written.
func (w *Writer) Path() string { return w.path }

// Scalars writes one event with all the values of a step. On an error the file is as it was before the call.
func (w *Writer) Scalars(step int64, now time.Time, values iter.Seq2[string, float64]) error {
	w.msg = w.msg[:0]
	for tag, v := range values {
		w.msg = appendValue(w.msg, tag, float32(v))
	}
	return w.write(&Event{WallTime: seconds(now), Step: step}, w.msg)
}

// Scalar writes one event with one value.
func (w *Writer) Scalar(step int64, now time.Time, tag string, v float64) error {
	w.msg = appendValue(w.msg[:0], tag, float32(v))
	return w.write(&Event{WallTime: seconds(now), Step: step}, w.msg)
}

// write appends one frame with one call, so that a kill leaves whole frames.
func (w *Writer) write(e *Event, summary []byte) error {
	w.buf = e.appendHeader(beginFrame(w.buf[:0]))
	if len(summary) > 0 {
		w.buf = protowire.AppendTag(w.buf, eventSummary, protowire.BytesType)
		w.buf = protowire.AppendBytes(w.buf, summary)
	}
	w.buf = endFrame(w.buf)
	n, err := w.f.Write(w.buf)
	if err != nil {
		if n > 0 {
			err = errors.Join(err, w.f.Truncate(w.size))
		}
		return fmt.Errorf("tensorboard: event of step %d: %w", e.Step, err)
	}
	w.size += int64(n)
	return nil
}

// Sync forces the events to the disk.
func (w *Writer) Sync() error {
	if err := w.f.Sync(); err != nil {
		return fmt.Errorf("tensorboard: %s: %w", w.path, err)
	}
	return nil
}

// Close syncs and closes the file.
func (w *Writer) Close() error {
	if err := errors.Join(w.f.Sync(), w.f.Close()); err != nil {
		return fmt.Errorf("tensorboard: %s: %w", w.path, err)
	}
	return nil
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
