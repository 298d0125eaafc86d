package sandbox

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// watchEvery is how often the memory of a job is looked at. In this time one process can fill a few hundred megabytes,
// but never more than its own limit.
const watchEvery = 20 * time.Millisecond

// watch looks at the memory of a job until end is closed, kills the job where it uses too much, and sends the largest sum
// that it saw.
func (s *supervisor) watch(o order, end <-chan struct{}) <-chan int64 {
	out := make(chan int64, 1)
	go func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		var peak int64
		for {
			select {
			case <-end:
				out <- peak
				return
			case <-tick.C:
			}
			var sum int64
			for _, pid := range processes(s.Unsafe) {
				sum += memoryOf(s.proc(), pid)
			}
			peak = max(peak, sum)
			if sum > o.Limit.Memory {
				s.kill(o.Seq, OutOfMemory)
			}
		}
	}()
	return out
}

func (s *supervisor) proc() string {
	if s.Unsafe {
		return "/proc"
	}
	return procFolder
}

// processes lists the processes of the job: all of the namespace but the supervisor, or where there is no namespace the
// supervisor's descendants.
func processes(unsafe bool) []int {
	proc := procFolder
	if unsafe {
		proc = "/proc"
	}
	self := os.Getpid()
	names, err := os.ReadDir(proc)
	if err != nil {
		return nil
	}
	var all []int
	parent := map[int]int{}
	for _, n := range names {
		pid, err := strconv.Atoi(n.Name())
		if err != nil || pid == self {
			continue
		}
		all = append(all, pid)
		if unsafe {
			parent[pid] = int(field(proc, pid, "PPid:"))
		}
	}
	if !unsafe {
		return all
	}
	var ours []int
	for _, pid := range all {
		for p, depth := pid, 0; p > 1 && depth < len(all); p, depth = parent[p], depth+1 {
			if parent[p] == self {
				ours = append(ours, pid)
				break
			}
		}
	}
	return ours
}

// memoryOf is what a process has written to in bytes, without the pages of the interpreter's files.
func memoryOf(proc string, pid int) int64 {
	return (field(proc, pid, "RssAnon:") + field(proc, pid, "RssShmem:")) << 10
}

// field is a number in the status of a process, 0 where the process is gone.
func field(proc string, pid int, name string) int64 {
	status, err := os.ReadFile(proc + "/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, ok := bytes.Cut(status, []byte("\n"+name))
	if !ok {
		return 0
	}
	words := bytes.Fields(rest)
	if len(words) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(string(words[0]), 10, 64)
	return n
}
