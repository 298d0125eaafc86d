package plan

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"

	"muonclip/internal/config"
)

// MachineMemory is the memory that a process may still take on this machine.
type MachineMemory struct {
	Available int64  // bytes
	Limit     string // what limits it: "MemAvailable" or "cgroup limit"
}

// AvailableMemory reads how much memory this process may still take: the kernel's MemAvailable, or
// what the process's control groups (version 2 or 1) leave if that is less. root is the file
// system of the machine, os.DirFS("/"). The error wraps fs.ErrNotExist where there is no
// /proc/meminfo, which is so outside Linux.
func AvailableMemory(root fs.FS) (MachineMemory, error) {
	free, err := memAvailable(root)
	if err != nil {
		return MachineMemory{}, err
	}
	m := MachineMemory{Available: free, Limit: "MemAvailable"}
	if left := cgroupLeft(root); left < free {
		m = MachineMemory{Available: left, Limit: "cgroup limit"}
	}
	return m, nil
}

// ThisMachine is AvailableMemory of the machine that the program runs on, zero where unknown.
func ThisMachine() MachineMemory {
	m, err := AvailableMemory(os.DirFS("/"))
	if err != nil {
		return MachineMemory{}
	}
	return m
}

func memAvailable(root fs.FS) (int64, error) {
	f, err := root.Open("proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("plan: read the memory of this machine: %w", err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		if rest, ok := strings.CutPrefix(sc.Text(), "MemAvailable:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("plan: MemAvailable of /proc/meminfo: %w", err)
			}
			return kb << 10, nil
		}
	}
	return 0, errors.Join(errors.New("plan: /proc/meminfo has no MemAvailable"), sc.Err())
}

// cgroupLeft is the smallest rest, limit less use, over the process's control groups and their
// parents. Groups without a limit, and machines without groups, leave math.MaxInt64.
func cgroupLeft(root fs.FS) int64 {
	left := int64(math.MaxInt64)
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return left
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		switch {
		case parts[0] == "0" && parts[1] == "":
			left = min(left, walkGroups(root, "sys/fs/cgroup", parts[2], "memory.max", "memory.current"))
		case strings.Contains(","+parts[1]+",", ",memory,"):
			left = min(left, walkGroups(root, "sys/fs/cgroup/memory", parts[2], "memory.limit_in_bytes", "memory.usage_in_bytes"))
		}
	}
	return left
}

// walkGroups looks from a group up to the root of its hierarchy. In a container the group's own
// path may not be visible, and the root is the container's group.
func walkGroups(root fs.FS, base, group, maxFile, useFile string) int64 {
	left := int64(math.MaxInt64)
	for g := path.Clean("/" + group); ; g = path.Dir(g) {
		limit, okLimit := readNumber(root, path.Join(base, g, maxFile))
		used, okUsed := readNumber(root, path.Join(base, g, useFile))
		if okLimit && okUsed {
			left = min(left, max(0, limit-used))
		}
		if g == "/" {
			return left
		}
	}
}

// readNumber reads a file with one number; "max" and a missing file are no number.
func readNumber(root fs.FS, name string) (int64, bool) {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return n, err == nil
}

// Here says whether the run fits this machine when it trains on the CPU.
type Here struct {
	Fits      bool   `json:"fits"` // also true when the machine's memory is unknown
	Need      Memory `json:"need"`
	Available int64  `json:"available"` // bytes, 0 when unknown
	Limit     string `json:"limit"`
}

// FitsHere compares what training in float32 on the CPU of one machine needs with the memory that
// is available: weights, gradients and optimizer state without a second copy, and the activations
// of one micro-batch. A zero MachineMemory means that it is unknown.
func FitsHere(c config.Config, machine MachineMemory) Here {
	c.Cluster = config.Cluster{
		Devices: 1, DeviceMemoryGiB: float64(machine.Available) / gib,
		WeightDtype: "fp32", GradDtype: "fp32", OptimizerDtype: "fp32", MasterDtype: "none", ActivationDtype: "fp32",
		ActivationRecompute: c.Train.ActivationRecompute,
	}
	need := deviceMemory(c)
	return Here{
		Fits: machine.Available == 0 || need.Total <= machine.Available,
		Need: need, Available: machine.Available, Limit: machine.Limit,
	}
}
