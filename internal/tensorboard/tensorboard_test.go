package tensorboard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var noon = time.Unix(1_800_000_000, 500_000_000)

func collect(seq iter.Seq2[Event, error]) (events []Event, err error) {
	for e, err := range seq {
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
	return events, nil
}

func create(t *testing.T, dir string, step int64, now time.Time) *Writer {
	t.Helper()
	w, err := Create(dir, step, now)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// write makes a file with one event of three values and one of one value.
func write(t *testing.T, dir string) (path string, want []Event) {
	t.Helper()
	w := create(t, dir, 0, noon)
	values := []Value{{"loss/train", 4.25}, {"optim/lr", 0.002}, {"größe", float32(math.Inf(1))}}
	pairs := func(yield func(string, float64) bool) {
		for _, v := range values {
			if !yield(v.Tag, float64(v.Simple)) {
				return
			}
		}
	}
	if err := errors.Join(w.Scalars(7, noon, pairs), w.Scalar(-1, noon, "", math.NaN()), w.Sync(), w.Close()); err != nil {
		t.Fatal(err)
	}
	wall := 1_800_000_000.5
	return w.Path(), []Event{
		{WallTime: wall, FileVersion: FileVersion},
		{WallTime: wall, Step: 7, Values: values},
		{WallTime: wall, Step: -1, Values: []Value{{"", float32(math.NaN())}}},
	}
}

func TestRoundTrip(t *testing.T) {
	path, want := write(t, t.TempDir())
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := collect(Read(bytes.NewReader(data)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("events changed (-want +got):\n%s", diff)
	}
	if base := filepath.Base(path); base != "events.out.tfevents.1800000000.muonclip" {
		t.Errorf("file is named %s", base)
	}
}

// TestFirstRecordBytes pins the frame of the file version event: 24 bytes that every TensorBoard file begins with, apart
// from the time. They are the bytes at the head of the files that TensorFlow itself writes.
func TestFirstRecordBytes(t *testing.T) {
	path, _ := write(t, t.TempDir())
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head := []byte{0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22, 0x09} // length 24, its checksum, tag of wall_time
	if !bytes.HasPrefix(data, head) {
		t.Errorf("file begins with % x, want % x", data[:len(head)], head)
	}
	if want := append([]byte{0x1a, 0x0d}, FileVersion...); !bytes.Equal(data[21:36], want) {
		t.Errorf("file version field is % x, want % x", data[21:36], want)
	}
}

func TestEveryFlippedBitAndEveryCutIsNoticed(t *testing.T) {
	path, want := write(t, t.TempDir())
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		bad := slices.Clone(data)
		bad[i] ^= 1 << (i % 8)
		if _, err := collect(Read(bytes.NewReader(bad))); err == nil {
			t.Errorf("byte %d changed and nothing noticed", i)
		}
	}
	var ends int
	for n := range data {
		got, err := collect(Read(bytes.NewReader(data[:n])))
		if err == nil {
			ends++ // a cut between two frames is a shorter whole file
		} else if !errors.Is(err, ErrTruncated) {
			t.Errorf("cut at %d: %v, want ErrTruncated", n, err)
		}
		if len(got) >= len(want) {
			t.Errorf("cut at %d: %d events", n, len(got))
		}
	}
	if ends != len(want)-1 {
		t.Errorf("%d cuts read as whole files, want %d", ends, len(want)-1)
	}
}

func TestResumeStartsANewerFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tensorboard")
	var paths []string
	for i, now := range []time.Time{noon, noon, noon.Add(-time.Hour), noon.Add(time.Hour)} { // same second, clock set back, later
		w := create(t, dir, int64(100*i), now)
		paths = append(paths, w.Path())
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.IsSorted(paths) || len(slices.Compact(slices.Clone(paths))) != len(paths) {
		t.Errorf("names do not sort in the order of the starts: %q", paths)
	}
	f, err := os.Open(paths[1])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	events, err := collect(Read(f))
	if err != nil || len(events) != 2 || !events[1].Start || events[1].Step != 101 {
		t.Errorf("resumed file holds %+v, %v; want a start at step 101", events, err)
	}
}

// fullDisk takes `room` bytes and then a part of the next write.
type fullDisk struct {
	bytes.Buffer
	room int
}

func (d *fullDisk) Write(p []byte) (int, error) {
	n, _ := d.Buffer.Write(p[:min(len(p), d.room-d.Len())])
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}
func (d *fullDisk) Truncate(n int64) error { d.Buffer.Truncate(int(n)); return nil }
func (d *fullDisk) Sync() error            { return nil }
func (d *fullDisk) Close() error           { return nil }

func TestFullDiskLeavesWholeFrames(t *testing.T) {
	disk := &fullDisk{room: 100}
	w := &Writer{f: disk}
	if err := w.write(&Event{FileVersion: FileVersion}, nil); err != nil {
		t.Fatal(err)
	}
	var err error
	for step := int64(1); err == nil; step++ {
		err = w.Scalar(step, noon, "loss", 1)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want ENOSPC", err)
	}
	events, err := collect(Read(bytes.NewReader(disk.Bytes())))
	if err != nil || len(events) < 2 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

func TestSteadyScalarsAllocateLittle(t *testing.T) {
	w := create(t, t.TempDir(), 0, noon)
	defer w.Close()
	values := maps.All(map[string]float64{"a": 1, "b": 2})
	if n := testing.AllocsPerRun(100, func() {
		if err := w.Scalars(1, noon, values); err != nil {
			t.Fatal(err)
		}
	}); n > 4 {
		t.Errorf("an event allocates %v times", n)
	}
}

func TestRejects(t *testing.T) {
	frame := func(msg []byte) []byte { return endFrame(append(beginFrame(nil), msg...)) }
	version := frame((&Event{FileVersion: FileVersion}).appendHeader(nil))
	other := frame((&Event{FileVersion: "brain.Event:1"}).appendHeader(nil))
	damaged := frame(nil)
	damaged[5] = 1 // a length of 2^40
	long := slices.Clone(damaged)
	binary.LittleEndian.PutUint32(long[8:], maskedCRC(long[:8]))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":           {nil, ErrTruncated.Error()},
		"other version":   {other, "file version"},
		"no version":      {frame([]byte{0x10, 1}), "file version"},
		"two versions":    {append(slices.Clone(version), version...), "file version"},
		"wrong wire type": {append(slices.Clone(version), frame([]byte{0x08, 1})...), "wire type"},
		"bad message":     {append(slices.Clone(version), frame([]byte{0xff})...), "well-formed"},
		"damaged length":  {append(slices.Clone(version), damaged...), "checksum of the length"},
		"absurd length":   {append(slices.Clone(version), long...), "is above"},
	} {
		if _, err := collect(Read(bytes.NewReader(c.data))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	frame := func(msg []byte) []byte { return endFrame(append(beginFrame(nil), msg...)) }
	f.Add((&Event{WallTime: 1, FileVersion: FileVersion}).appendHeader(nil), []byte("\x10\x05"))
	f.Add([]byte{0x2a, 0x08, 0x0a, 0x06, 0x0a, 0x00, 0x15, 0, 0, 0x80, 0x3f}, []byte{0x3a, 2, 8, 1})
	version := frame((&Event{FileVersion: FileVersion}).appendHeader(nil))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		// The messages are framed with right checksums, so that the fuzzer reaches the protocol buffer parser.
		data := slices.Concat(version, frame(a), frame(b))
		for range Read(bytes.NewReader(data)) {
		}
		for range Read(bytes.NewReader(a)) {
		}
	})
}
