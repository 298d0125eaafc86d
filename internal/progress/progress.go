// Package progress shows how far long work has come: one live line on a terminal, and plain lines, a few a minute,
// anywhere else. Work reports through a Task; a program that runs several stages numbers them, as in
// "stage 2/4 tokenizer". A nil *Display and a nil *Task do nothing, so that libraries need not ask.
//
// The renderer is small and its own: progressbar/v3 reads the wall clock, prints rates in whole units, counts the
// steps that a resumed run had done before into its rate, and has no form for output that is not a terminal.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// Mode says how to show progress.
type Mode int

// The modes.
const (
	Auto  Mode = iota // Live on a terminal that can move its cursor, else Plain
	Live              // one line, redrawn in place
	Plain             // whole lines, rarely
	Quiet             // nothing but what Println and Writer are given
)

// Options configure a Display. The zero value suits a command-line program.
type Options struct {
	Out     io.Writer        // nil: os.Stderr
	Mode    Mode             // zero: Auto
	Refresh time.Duration    // least time between two live frames; 0: 100 ms
	Every   time.Duration    // least time between two plain lines; 0: 5 s
	Now     func() time.Time // nil: time.Now
	Width   func() int       // columns of the terminal; nil: asked of Out, 80 where it does not say
}

// Display is the place where tasks are shown, one after the other. It may be used from several goroutines.
type Display struct {
	mu   sync.Mutex
	o    Options
	live string // what stands on the live line, "" for nothing
	task *Task  // the task that owns the line
}

// New makes a display.
func New(o Options) *Display {
	if o.Out == nil {
		o.Out = os.Stderr
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Refresh <= 0 {
		o.Refresh = 100 * time.Millisecond
	}
	if o.Every <= 0 {
		o.Every = 5 * time.Second
	}
	fd, terminal := terminalOf(o.Out)
	if o.Mode == Auto {
		o.Mode = Plain
		if terminal && os.Getenv("TERM") != "dumb" {
			o.Mode = Live
		}
	}
	if o.Width == nil {
		o.Width = func() int {
			if terminal {
				if w, _, err := term.GetSize(fd); err == nil && w > 0 {
					return w
				}
			}
			return 80
		}
	}
	return &Display{o: o}
}

func terminalOf(w io.Writer) (fd int, ok bool) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// Spec describes a task.
type Spec struct {
	Name   string // what is done, as in "tokenizer"
	Stage  int    // number of the stage from 1; 0: not one of several
	Stages int    // number of stages
	Unit   string // what is counted, plural, as in "steps"; "": nothing is counted but time
	Total  int64  // units of the whole work; 0: not known
	Done   int64  // units done before, by the part of a run that is resumed; they do not count for the rate
}

// Field is one extra figure behind the bar, as {"loss", "4.213"}. The fields given first are the last to
// be dropped where the terminal is narrow.
type Field struct{ Name, Value string }

// Float is a field with four significant digits, enough to watch and short enough not to jump about.
func Float(name string, v float64) Field { return Field{name, significant(v)} }

// Start begins a task and shows it. A task that is still open is ended first.
func (d *Display) Start(s Spec) *Task {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.task != nil {
		d.task.finish("")
	}
	now := d.o.Now()
	t := &Task{d: d, spec: s, done: s.Done, start: now, rate: newRate(now, s.Done)}
	d.task = t
	t.show(now, true)
	return t
}

// Println writes a line above the live line.
func (d *Display) Println(args ...any) {
	if d == nil {
		return
	}
	fmt.Fprintln(d.Writer(), args...)
}

// Writer gives a writer for log lines and other text that is not progress: the live line makes way for it and comes
// back. It wants whole lines.
func (d *Display) Writer() io.Writer {
	if d == nil {
		return io.Discard
	}
	return above{d}
}

type above struct{ d *Display }

// Write implements io.Writer.
func (a above) Write(p []byte) (int, error) {
	a.d.mu.Lock()
	defer a.d.mu.Unlock()
	line := a.d.live
	a.d.clear()
	n, err := a.d.o.Out.Write(p)
	a.d.draw(line)
	return n, err
}

// draw puts a line in the place of the live one. Progress that cannot be written is no reason to stop the work,
// so errors are dropped.
func (d *Display) draw(line string) {
	if line != "" {
		_, _ = io.WriteString(d.o.Out, "\r"+line+"\x1b[K") // erase what a longer line left
	}
	d.live = line
}

func (d *Display) clear() {
	if d.live != "" {
		_, _ = io.WriteString(d.o.Out, "\r\x1b[K")
	}
	d.live = ""
}

// clean replaces control characters, which could move the cursor or change the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || (r >= 0x7f && r < 0xa0) {
			return '?'
		}
		return r
	}, s)
}
