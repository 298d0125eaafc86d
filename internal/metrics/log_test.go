package metrics

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/atomicfile"
)

func open(t *testing.T, dir string, step int64) *Log {
	t.Helper()
	l, err := Open(dir, step)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func steps(t *testing.T, dir string) (rows, events []int64) {
	t.Helper()
	rs, err := Collect(Rows(dir))
	if err != nil {
		t.Fatal(err)
	}
	es, err := Collect(Events(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rs {
		rows = append(rows, r.Step)
	}
	for _, e := range es {
		events = append(events, e.Step)
	}
	return rows, events
}

// fill writes the log of a run of n steps.
func fill(t *testing.T, dir string, n int64) {
	t.Helper()
	l := open(t, dir, 0)
	for s := int64(1); s <= n; s++ {
		if err := l.Row(&Row{Step: s, Loss: 1 / float64(s)}); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.Event(Event{Step: s, Kind: KindQKClip}), l.Sample(Sample{Step: s, Text: "x\ny"})); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestResumeDropsLaterSteps(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 5)
	l := open(t, dir, KeepAll)
	if err := l.Event(Event{Step: 5, Kind: KindSpike, Signal: "loss", Action: ActionRollback, To: 2}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	l = open(t, dir, 3)
	if l.LastStep() != 3 {
		t.Errorf("last step %d, want 3", l.LastStep())
	}
	if err := l.Row(&Row{Step: 4}); err != nil {
		t.Fatal(err)
	}
	rows, events := steps(t, dir)
	if diff := cmp.Diff([]int64{1, 2, 3, 4}, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int64{1, 2, 3, 5}, events); diff != "" { // 5 is the rollback, which lasts
		t.Errorf("events (-want +got):\n%s", diff)
	}
	samples, err := Collect(Samples(dir))
	if err != nil || len(samples) != 3 || samples[2].Text != "x\ny" {
		t.Errorf("samples %+v, %v", samples, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, atomicfile.TempPrefix+"*")); len(left) > 0 {
		t.Errorf("temporary files left: %q", left)
	}
}

func TestOpenLeavesAWholeFileAlone(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 3)
	path := filepath.Join(dir, RowsFile)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	open(t, dir, 3)
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was rewritten although nothing had to go (%v)", err)
	}
}

// TestTornAtEveryByte cuts the file at every length, as a kill or a power failure may, and resumes.
func TestTornAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 3)
	path := filepath.Join(dir, RowsFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) + 1 {
		if err := os.WriteFile(path, whole[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		complete := int64(strings.Count(string(whole[:n]), "\n"))
		if n < len(whole) && whole[n] == '\n' {
			complete++ // only the line end is missing
		}
		if rows, err := Collect(Rows(dir)); err != nil || int64(len(rows)) != complete {
			t.Fatalf("cut at %d: reader gives %d rows, %v; want %d", n, len(rows), err, complete)
		}
		l := open(t, dir, KeepAll)
		if l.LastStep() != complete {
			t.Fatalf("cut at %d: last step %d, want %d", n, l.LastStep(), complete)
		}
		if err := errors.Join(l.Row(&Row{Step: 99}), l.Close()); err != nil {
			t.Fatal(err)
		}
		rows, err := Collect(Rows(dir))
		if err != nil || int64(len(rows)) != complete+1 || rows[complete].Step != 99 {
			t.Fatalf("cut at %d: after the repair %d rows, %v", n, len(rows), err)
		}
	}
}

func TestDamagedLineIsNamedAndKept(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, RowsFile)
	const text = `{"step":1,"loss":1}` + "\n" + `{"step":2,"lo` + "\x00\n" + `{"step":3,"loss":1}` + "\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, 1)
	if err == nil || !strings.Contains(err.Error(), "metrics.jsonl:2: ") {
		t.Errorf("error %v does not name metrics.jsonl:2", err)
	}
	if got, _ := os.ReadFile(path); string(got) != text {
		t.Error("the damaged file was changed")
	}
	var good int
	var bad []string
	for _, err := range Rows(dir) {
		if err != nil {
			bad = append(bad, err.Error())
		} else {
			good++
		}
	}
	if good != 2 || len(bad) != 1 || !strings.Contains(bad[0], "metrics.jsonl:2: ") {
		t.Errorf("reader gave %d rows and errors %q, want 2 rows and one error at line 2", good, bad)
	}
}

// fullDisk accepts `room` bytes and then fails as a full file system does, after a part of the line.
type fullDisk struct {
	data []byte
	room int
}

func (d *fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), d.room-len(d.data))
	d.data = append(d.data, p[:n]...)
	if n < len(p) {
		return n, fmt.Errorf("write: %w", syscall.ENOSPC)
	}
	return n, nil
}
func (d *fullDisk) Truncate(size int64) error { d.data = d.data[:size]; return nil }
func (d *fullDisk) Sync() error               { return nil }
func (d *fullDisk) Close() error              { return nil }

func TestFullDisk(t *testing.T) {
	line := len((&Row{Step: 1}).AppendJSON(nil)) + 1
	disk := &fullDisk{room: line + line/2}
	l := &Log{rows: appender{path: "run/metrics.jsonl", f: disk}}
	if err := l.Row(&Row{Step: 1}); err != nil {
		t.Fatal(err)
	}
	err := l.Row(&Row{Step: 2})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "no space left for run/metrics.jsonl") || !strings.Contains(err.Error(), "step 2") {
		t.Errorf("error %v does not tell of the full disk", err)
	}
	if len(disk.data) != line || l.LastStep() != 1 {
		t.Errorf("file has %d bytes and last step %d after the failure, want %d and 1", len(disk.data), l.LastStep(), line)
	}
	disk.room = 10 * line // space was freed: the same row goes through
	if err := l.Row(&Row{Step: 2}); err != nil || len(disk.data) != 2*line {
		t.Errorf("retry: %v, %d bytes, want %d", err, len(disk.data), 2*line)
	}
}

func TestLogFromManyGoroutines(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 25 {
				if err := l.Row(&Row{Step: int64(g*25 + i + 1)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(l.Sync(), l.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	rows, _ := steps(t, dir)
	if len(rows) != 100 || l.LastStep() != 100 {
		t.Errorf("%d rows, last step %d, want 100 and 100", len(rows), l.LastStep())
	}
	if err := l.Row(&Row{Step: 101}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("append after Close gave %v, want os.ErrClosed", err)
	}
}

func TestSteadyRowAllocatesNothing(t *testing.T) {
	l := open(t, t.TempDir(), 0)
	row := Row{
		Step: 1, Loss: 3.14159, MaxLogit: make([][]float32, 12), ExpertLoad: [][]float32{{0.1, 0.9}},
		UpdateRMS: map[string]float64{"attention": 1, "router": 2, "expert": 3, "dense": 4, "norm": 5, "head": 6, "embedding": 7},
	}
	for i := range row.MaxLogit {
		row.MaxLogit[i] = []float32{1.25, 2.5, 3.125, 12.0625}
	}
	if n := testing.AllocsPerRun(100, func() {
		if err := l.Row(&row); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("an append allocates %v times, want 0", n)
	}
}
