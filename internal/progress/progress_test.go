package progress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// clock is a time that only the test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time        { return c.t }
func (c *clock) sleep(d time.Duration) { c.t = c.t.Add(d) }
func newClock() *clock                 { return &clock{time.Unix(1_800_000_000, 0)} }
func lines(b *bytes.Buffer) []string {
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}
func wide(columns int) func() int          { return func() int { return columns } }
func plain(w io.Writer, c *clock) *Display { return New(Options{Out: w, Mode: Plain, Now: c.now}) }

func TestPlainLines(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	d := plain(&out, c)
	task := d.Start(Spec{Name: "pretrain", Stage: 3, Stages: 4, Unit: "steps", Total: 100})
	for i := range int64(100) {
		c.sleep(200 * time.Millisecond)
		task.Set(i+1, Float("loss", 4.2131), Field{"tokens/s", "5,312"})
	}
	task.Done("report.html")
	task.Set(5)
	task.Done("again")
	want := []string{
		"[0s] stage 3/4 pretrain: 0%, 0/100 steps, eta -, loss",
		"[5s] stage 3/4 pretrain: 25%, 25/100 steps, 5.000 steps/s, eta 15s, loss 4.213, tokens/s 5,312",
		"[10s] stage 3/4 pretrain: 50%, 50/100 steps, 5.000 steps/s, eta 10s, loss 4.213, tokens/s 5,312",
		"[15s] stage 3/4 pretrain: 75%, 75/100 steps, 5.000 steps/s, eta 5s, loss 4.213, tokens/s 5,312",
		"[20s] stage 3/4 pretrain: 100%, 100/100 steps, 5.000 steps/s, eta 0s, loss 4.213, tokens/s 5,312",
		"stage 3/4 pretrain: 100/100 steps, in 20s, 5.000 steps/s, loss 4.213, tokens/s 5,312, report.html",
	}
	want[0] = strings.TrimSuffix(want[0], ", loss") // no fields before the first Set
	if diff := cmp.Diff(want, lines(&out)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestResumedTaskCountsOnlyItsOwnWork(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	task := plain(&out, c).Start(Spec{Name: "pretrain", Unit: "steps", Total: 1000, Done: 900})
	c.sleep(10 * time.Second)
	task.Set(910)
	task.Done("")
	got := lines(&out)
	if want := "[10s] pretrain: 91%, 910/1,000 steps, 1.000 steps/s, eta 1m30s"; got[1] != want {
		t.Errorf("got %q, want %q", got[1], want)
	}
	if want := "pretrain: 910/1,000 steps, in 10s, 1.000 steps/s"; got[2] != want {
		t.Errorf("got %q, want %q", got[2], want)
	}
}

// screen plays a terminal of one line per row: what stands there after all the output.
func screen(out string) []string {
	rows := []string{""}
	for out != "" {
		last := len(rows) - 1
		switch {
		case strings.HasPrefix(out, "\x1b[K"):
			out = out[3:] // what follows the cursor; the test's lines are complete at that point
		case out[0] == '\r':
			rows[last] = ""
			out = out[1:]
		case out[0] == '\n':
			rows = append(rows, "")
			out = out[1:]
		default:
			n := strings.IndexAny(out, "\r\n\x1b")
			if n < 0 {
				n = len(out)
			}
			rows[last] += out[:n]
			out = out[n:]
		}
	}
	return rows
}

func TestLiveLine(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	d := New(Options{Out: &out, Mode: Live, Now: c.now, Width: wide(120)})
	task := d.Start(Spec{Name: "tokenizer", Stage: 2, Stages: 4, Unit: "merges", Total: 2000})
	c.sleep(2 * time.Second)
	task.Set(500, Float("loss", 1))
	const frame = "stage 2/4 tokenizer  ━━━━━━──────────────────  25%  500/2,000 merges  250.0 merges/s  eta 6s  loss 1.000"
	if got := screen(out.String()); got[len(got)-1] != frame {
		t.Errorf("live line is %q, want %q", got[len(got)-1], frame)
	}
	fmt.Fprintln(d.Writer(), "WRN something")
	d.Println("a", 1)
	if diff := cmp.Diff([]string{"WRN something", "a 1", frame}, screen(out.String())); diff != "" {
		t.Errorf("screen after a log line (-want +got):\n%s", diff)
	}
	before := out.Len()
	c.sleep(99 * time.Millisecond)
	task.Add(1)
	if out.Len() != before {
		t.Error("redrawn before the refresh time")
	}
	c.sleep(time.Millisecond)
	task.Add(1)
	if out.Len() == before {
		t.Error("not redrawn after the refresh time")
	}
	task.Fail(errors.New("disk\x1b[2Jfull"))
	got := screen(out.String())
	if want := "stage 2/4 tokenizer: 502/2,000 merges, in 2.1s, 239.0 merges/s, loss 1.000, stopped: disk?[2Jfull"; got[len(got)-2] != want {
		t.Errorf("last line is %q, want %q", got[len(got)-2], want)
	}
	if got[len(got)-1] != "" {
		t.Errorf("%q is left on the line", got[len(got)-1])
	}
}

func TestNextTaskEndsTheOneBefore(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	d := plain(&out, c)
	first := d.Start(Spec{Name: "read"})
	c.sleep(time.Second)
	second := d.Start(Spec{Name: "shard", Unit: "documents"})
	first.Set(10)
	c.sleep(3 * time.Second)
	second.SetTotal(30)
	second.Set(30)
	second.Done("")
	want := []string{"[0s] read: 0s", "read: in 1s", "[0s] shard: 0 documents, 0s", "shard: 30/30 documents, in 3s, 10.00 documents/s"}
	if diff := cmp.Diff(want, lines(&out)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestFrameFitsEveryWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		width := rapid.IntRange(1, 200).Draw(t, "width")
		d := New(Options{Out: io.Discard, Mode: Live, Now: c.now, Width: wide(width)})
		task := d.Start(Spec{Name: rapid.String().Draw(t, "name"), Stage: rapid.IntRange(0, 3).Draw(t, "stage"), Stages: 3,
			Unit: rapid.SampledFrom([]string{"", "steps"}).Draw(t, "unit"), Total: rapid.Int64Range(0, 1e12).Draw(t, "total")})
		c.sleep(time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "ns")))
		task.Set(rapid.Int64().Draw(t, "done"), Float("loss", rapid.Float64().Draw(t, "loss")), Field{rapid.String().Draw(t, "field"), "x"})
		d.mu.Lock()
		frame := task.frame(c.t, width)
		d.mu.Unlock()
		if n := utf8.RuneCountInString(frame); n > max(width-1, 1) {
			t.Errorf("frame has %d columns in a terminal of %d: %q", n, width, frame)
		}
		if strings.ContainsFunc(frame, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
			t.Errorf("frame has a control character: %q", frame)
		}
	})
}

// TestAnEightyColumnTerminalShowsTheFigures: the bar gives way before what people watch.
func TestAnEightyColumnTerminalShowsTheFigures(t *testing.T) {
	c := newClock()
	d := New(Options{Out: io.Discard, Mode: Live, Now: c.now, Width: wide(80)})
	task := d.Start(Spec{Name: "pretrain", Stage: 3, Stages: 4, Unit: "steps", Total: 600})
	c.sleep(time.Minute)
	task.Set(270, Float("loss", 3.4), Field{"tok/s", "17210"}, Float("max logit", 12.1))
	line := task.frame(c.now(), 80)
	for _, want := range []string{"45%", "eta", "loss 3.4", "tok/s 17210", "max logit 12.1"} {
		if !strings.Contains(line, want) {
			t.Errorf("%q does not show %s", line, want)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	for _, mode := range []Mode{Live, Plain, Quiet} {
		var out bytes.Buffer
		d := New(Options{Out: &out, Mode: mode, Refresh: time.Nanosecond, Every: time.Nanosecond})
		task := d.Start(Spec{Name: "x", Unit: "bytes", Total: 400})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 100 {
					task.Add(1)
					d.Println("log")
				}
			})
		}
		wg.Wait()
		task.Done("")
		if n := strings.Count(out.String(), "log\n"); n != 400 {
			t.Errorf("mode %d: %d log lines, want 400", mode, n)
		}
		if mode != Quiet && !strings.Contains(out.String(), "x: 400/400 bytes") {
			t.Errorf("mode %d: the last line is missing", mode)
		}
	}
}

func TestNilAndAuto(t *testing.T) {
	var d *Display
	d.Println("x")
	task := d.Start(Spec{Name: "x"})
	task.Set(1)
	task.Add(1)
	task.SetTotal(2)
	task.Fail(nil)
	task.Done("")
	if n, err := d.Writer().Write([]byte("x")); n != 1 || err != nil {
		t.Errorf("nil display's writer gave %d, %v", n, err)
	}
	if d := New(Options{Out: &bytes.Buffer{}}); d.o.Mode != Plain {
		t.Errorf("a buffer is shown in mode %d, want Plain", d.o.Mode)
	}
}

func TestText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 420 * time.Millisecond: "0.4s", 9940 * time.Millisecond: "9.9s", 9960 * time.Millisecond: "10s", 59400 * time.Millisecond: "59s",
		59600 * time.Millisecond: "1m00s", 185 * time.Second: "3m05s", 2*time.Hour + 7*time.Minute: "2h07m", 100 * time.Hour: "4d04h",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %s, want %s", d, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0", 4.21312: "4.213", -4.21312: "-4.213", 12.346: "12.35", 131.24: "131.2", 5312.4: "5,312", 0.002: "0.002", 1.1e11: "1.1e+11", 99.999: "100.0", 9.99999: "10.00"} {
		if got := Float("", v).Value; got != want {
			t.Errorf("significant(%v) = %s, want %s", v, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -999: "-999", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestRateFollowsAChange(t *testing.T) {
	c := newClock()
	r := newRate(c.t, 0)
	done := int64(0)
	for range 100 { // 100 s at 10 a second
		c.sleep(time.Second)
		done += 10
		r.observe(c.t, done)
	}
	if v := r.perSecond(); v < 9.99 || v > 10.01 {
		t.Errorf("steady rate is %v, want 10", v)
	}
	for range 100 {
		c.sleep(time.Second)
		done += 2
		r.observe(c.t, done)
	}
	if v := r.perSecond(); v < 2 || v > 2.1 {
		t.Errorf("rate is %v 100 s after it fell to 2", v)
	}
}
