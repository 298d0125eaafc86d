package progress

import (
	"strings"
	"time"
)

// Task is one piece of long work. Its methods may be called from several goroutines and do nothing after Done or
// Fail.
type Task struct {
	d      *Display
	spec   Spec
	done   int64
	fields []Field
	start  time.Time
	shown  time.Time // when the last frame or line was written
	rate   rate
	ended  bool
}

// Set says that `done` units are done, and sets the fields unless none are given.
func (t *Task) Set(done int64, fields ...Field) {
	if t == nil {
		return
	}
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	t.update(done, fields)
}

// Add says that n more units are done.
func (t *Task) Add(n int64) {
	if t == nil {
		return
	}
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	t.update(t.done+n, nil)
}

// SetTotal corrects the number of units, which may become known during the work.
func (t *Task) SetTotal(total int64) {
	if t == nil {
		return
	}
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	t.spec.Total = total
}

// Done ends the task and leaves one line with the final figures and the summary, which may be empty.
func (t *Task) Done(summary string) {
	if t == nil {
		return
	}
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	t.finish(summary)
}

// Fail ends the task and leaves a line that says how far it came and why it stopped. A nil error is Done("").
func (t *Task) Fail(err error) {
	if t == nil {
		return
	}
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	if err == nil {
		t.finish("")
		return
	}
	t.finish("stopped: " + err.Error())
}

func (t *Task) update(done int64, fields []Field) {
	if t.ended {
		return
	}
	t.done = done
	if len(fields) > 0 {
		t.fields = append(t.fields[:0], fields...)
	}
	now := t.d.o.Now()
	t.rate.observe(now, done)
	t.show(now, false)
}

// show writes a frame or a line when it is time for one.
func (t *Task) show(now time.Time, always bool) {
	o := t.d.o
	switch o.Mode {
	case Live:
		if always || now.Sub(t.shown) >= o.Refresh {
			t.shown = now
			t.d.draw(t.frame(now, o.Width()))
		}
	case Plain:
		if always || now.Sub(t.shown) >= o.Every {
			t.shown = now
			_, _ = t.d.o.Out.Write([]byte(t.line(now) + "\n"))
		}
	}
}

// finish writes the last line. The lock is held.
func (t *Task) finish(summary string) {
	if t.ended {
		return
	}
	t.ended = true
	if t.d.task == t {
		t.d.task = nil
	}
	if t.d.o.Mode == Quiet {
		return
	}
	t.d.clear()
	_, _ = t.d.o.Out.Write([]byte(t.last(t.d.o.Now(), summary) + "\n"))
}

// title is "stage 2/4 tokenizer" or just the name.
func (t *Task) title() string {
	if t.spec.Stage <= 0 {
		return clean(t.spec.Name)
	}
	return "stage " + count(int64(t.spec.Stage)) + "/" + count(int64(t.spec.Stages)) + " " + clean(t.spec.Name)
}

// fieldTexts gives the fields as "loss 4.213".
func (t *Task) fieldTexts() []string {
	var out []string
	for _, f := range t.fields {
		out = append(out, clean(strings.TrimSpace(f.Name+" "+f.Value)))
	}
	return out
}
