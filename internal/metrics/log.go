package metrics

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// KeepAll is the step for Open that drops nothing.
const KeepAll = math.MaxInt64

// Log appends to the three files of a run folder. Each append is one write of one whole line, so a killed
// program loses nothing that was appended; Sync makes it survive a power failure too. Its methods may be called
// from several goroutines.
type Log struct {
	mu                    sync.Mutex
	rows, events, samples appender
	last                  int64
}

// Open opens the logs of a run folder, making the files where they are missing, for a run that goes on after
// `step` optimizer steps: lines of later steps are dropped, because the run will write them again, and lines up
// to and including step are kept. Open(dir, 0) starts a new run; Open(dir, KeepAll) only appends. Events that
// are Lasting stay. A half-written last line is removed. A file changes as a whole or not at all, and a damaged
// line elsewhere is an error naming file and line: nothing is dropped that was not asked for.
func Open(dir string, step int64) (*Log, error) {
	l := &Log{}
	for _, f := range []struct {
		name string
		to   *appender
	}{{RowsFile, &l.rows}, {EventsFile, &l.events}, {SamplesFile, &l.samples}} {
		path := filepath.Join(dir, f.name)
		last, err := prepare(path, step, f.name == EventsFile)
		if err == nil {
			err = f.to.open(path)
		}
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		if f.name == RowsFile {
			l.last = last
		}
	}
	return l, nil
}

// LastStep is the largest step among the rows, 0 where there are none.
func (l *Log) LastStep() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Row appends one training step. On an error, such as a full disk, the file is as it was before the call, and
// the call may be repeated.
func (l *Log) Row(r *Row) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.rows.append(r); err != nil {
		return fmt.Errorf("metrics: row of step %d was not written: %w", r.Step, err)
	}
	l.last = max(l.last, r.Step)
	return nil
}

// Event appends one event, in the way of Row.
func (l *Log) Event(e Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.events.append(&e); err != nil {
		return fmt.Errorf("metrics: %s event of step %d was not written: %w", e.Kind, e.Step, err)
	}
	return nil
}

// Sample appends one generated text, in the way of Row.
func (l *Log) Sample(s Sample) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.samples.append(&s); err != nil {
		return fmt.Errorf("metrics: sample of step %d was not written: %w", s.Step, err)
	}
	return nil
}

// Sync forces what was appended to the disk. A checkpoint of step s calls it first, so that a checkpoint never
// outlives the rows that led to it.
func (l *Log) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.each(func(a *appender) error { return a.f.Sync() })
}

// Close syncs and closes the files. The log must not be used afterwards; a second Close does nothing.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.each(func(a *appender) error {
		err := errors.Join(a.f.Sync(), a.f.Close())
		a.f = nil
		return err
	})
}

func (l *Log) each(f func(*appender) error) error {
	var errs []error
	for _, a := range []*appender{&l.rows, &l.events, &l.samples} {
		if a.f == nil {
			continue
		}
		if err := f(a); err != nil {
			errs = append(errs, fmt.Errorf("metrics: %s: %w", a.path, err))
		}
	}
	return errors.Join(errs...)
}

// file is the part of *os.File that an appender needs; tests put a full disk in its place.
type file interface {
	io.WriteCloser
	Truncate(size int64) error
	Sync() error
}

type appender struct {
	path string
	f    file
	size int64
	buf  []byte // reused, so that a steady append allocates nothing
}

func (a *appender) open(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("metrics: %w", err), f.Close())
	}
	a.path, a.f, a.size = path, f, info.Size()
	return nil
}

func (a *appender) append(v interface{ AppendJSON([]byte) []byte }) error {
	if a.f == nil {
		return os.ErrClosed
	}
	a.buf = append(v.AppendJSON(a.buf[:0]), '\n')
	n, err := a.f.Write(a.buf)
	if err == nil {
		a.size += int64(n)
		return nil
	}
	if n > 0 { // take the torn part back, so that the next append starts a line
		err = errors.Join(err, a.f.Truncate(a.size))
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("no space left for %s; free some and resume the run, all earlier lines are intact: %w", a.path, err)
	}
	return err
}
