package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Machine says where a figure was measured; a figure without it means nothing.
type Machine struct {
	CPU     string  `json:"cpu"`     // the processor's own name, "" where the system does not tell it
	Cores   int     `json:"cores"`   // logical processors that the program may use
	System  string  `json:"system"`  // such as linux/amd64
	Go      string  `json:"go"`      // version of the compiler
	Kernels string  `json:"kernels"` // avx512, avx2 or go
	Threads int     `json:"threads"` // that did the work
	GPU     string  `json:"gpu,omitempty"`
	Load    float64 `json:"load"` // load average of the minute before: what else ran; -1 where unknown
}

// DescribeMachine describes this machine and the kernels and threads that are about to be measured.
func DescribeMachine(kernels string, threads int) Machine {
	m := Machine{Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Kernels: kernels, Threads: threads, Load: -1}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU = cpuModel(info)
	}
	if avg, err := os.ReadFile("/proc/loadavg"); err == nil {
		if _, err := fmt.Sscan(string(avg), &m.Load); err != nil {
			m.Load = -1
		}
	}
	return m
}

// cpuModel finds the first processor's name in the text of /proc/cpuinfo.
func cpuModel(info []byte) string {
	for lines := bufio.NewScanner(bytes.NewReader(info)); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// String is the machine in one line.
func (m Machine) String() string {
	name := m.CPU
	if name == "" {
		name = "unknown processor"
	}
	s := fmt.Sprintf("%s, cores: %d, %s, %s", name, m.Cores, m.System, m.Go)
	if m.GPU != "" {
		s = m.GPU + "; " + s
	}
	if m.Kernels != "" {
		s += ", kernels " + m.Kernels
	}
	if m.Threads > 0 {
		s += ", " + threadsText(m.Threads)
	}
	if m.Load >= 0 {
		s += fmt.Sprintf(", load %.2f", m.Load)
	}
	return s
}

// copyRate measures how many bytes a second the threads together read and write when each copies a part of size
// bytes: the best of a few passes.
func copyRate(threads, size int) float64 {
	src, dst := make([]byte, size), make([]byte, size)
	for i := range src {
		src[i] = byte(i)
	}
	part := (size + threads - 1) / threads
	best := time.Duration(0)
	for range 6 {
		start := time.Now()
		var wg sync.WaitGroup
		for t := range threads {
			lo, hi := min(size, t*part), min(size, (t+1)*part)
			wg.Go(func() { copy(dst[lo:hi], src[lo:hi]) })
		}
		wg.Wait()
		if d := time.Since(start); best == 0 || d < best {
			best = d
		}
	}
	return 2 * float64(size) / best.Seconds()
}
