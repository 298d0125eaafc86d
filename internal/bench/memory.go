package bench

import (
	"bufio"
	"bytes"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"muonclip/model"
	"muonclip/optim"
)

// Memory is what a training step needs by count, and what the process held at its peak. All are bytes.
type Memory struct {
	Weights     int64 `json:"weights"`
	Gradients   int64 `json:"gradients"`
	Optimizer   int64 `json:"optimizer"`
	Activations int64 `json:"activations"` // most that the tape had in use at one time: activations, their gradients and its scratch
	Pool        int64 `json:"pool"`        // what the tape holds for these, in use or free

	Before  int64   `json:"resident_before"`  // resident before the model was made: program and runtime; 0 where unknown
	Program int64   `json:"resident_program"` // files mapped at the peak, the program's own above all: what is resident of them is up to the system's cache
	Peak    int64   `json:"resident_peak"`    // largest resident size from then on, files and all; 0 where the system does not tell
	Ratio   float64 `json:"ratio"`            // Peak over Needed
}

// Needed is the sum of the counted parts.
func (m Memory) Needed() int64 { return m.Weights + m.Gradients + m.Optimizer + m.Activations }

// countMemory counts what a model and its optimizer hold.
func countMemory(m *model.Model[float32], opt *optim.Optimizer) Memory {
	var c Memory
	for _, p := range m.ReadParams() {
		c.Weights += 4 * p.Elems()
		c.Gradients += 4 * p.Elems()
	}
	for _, t := range opt.State().Tensors {
		c.Optimizer += 4 * int64(t.Value.Shape().TotalSize())
	}
	c.Activations, c.Pool = 4*int64(m.LiveSet()), 4*int64(m.Memory())
	return c
}

// resetPeak gives unused memory back and sets the peak of the resident size to the present one, which it returns.
// Where the kernel refuses, the peak stays that of the whole process; ok is false where there is no such figure at all.
func resetPeak() (now int64, ok bool) {
	debug.FreeOSMemory()
	if f, err := os.OpenFile("/proc/self/clear_refs", os.O_WRONLY, 0); err == nil {
		_, _ = f.WriteString("5") // a kernel without it leaves the higher peak, which claims no less than the truth
		_ = f.Close()
	}
	return residentOf("VmRSS")
}

// resident fills in the largest resident size since resetPeak, which gave the size before.
func (m *Memory) resident(before int64) {
	m.Before = before
	m.Program, _ = residentOf("RssFile")
	if peak, ok := residentOf("VmHWM"); ok {
		m.Peak, m.Ratio = peak, float64(peak)/float64(m.Needed())
	}
}

func residentOf(field string) (int64, bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	return statusBytes(status, field)
}

// statusBytes reads a field such as "VmHWM:    1234 kB" of /proc/self/status.
func statusBytes(status []byte, field string) (int64, bool) {
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		key, value, ok := strings.Cut(lines.Text(), ":")
		if !ok || key != field {
			continue
		}
		kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
		return kb << 10, err == nil
	}
	return 0, false
}

// counted are the lines of the table about what is needed.
func (m Memory) counted(put func(format string, args ...any)) {
	put("weights\t%s\n", bytesText(m.Weights))
	put("gradients\t%s\n", bytesText(m.Gradients))
	put("optimizer state\t%s\n", bytesText(m.Optimizer))
	put("activations and their gradients\t%s\t%s held for them\n", bytesText(m.Activations), bytesText(m.Pool))
}

// measured is the line about what was held.
func (m Memory) measured(put func(format string, args ...any)) {
	if m.Peak == 0 {
		put("peak resident\tnot told by this system\n")
		return
	}
	put("peak resident\t%s\t%.2f times their sum of %s; %s of it the program's file, %s before the model was made\n",
		bytesText(m.Peak), m.Ratio, bytesText(m.Needed()), bytesText(m.Program), bytesText(m.Before))
}
