package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// controlGroups makes a control group for each supervisor, where this program may: as root, or in a delegated tree. Then
// the kernel itself holds the memory and the number of all processes of a job, without gaps. A nil *controlGroups, like a
// nil *controlGroup, does nothing.
type controlGroups struct {
	memory, pids string // parents of the groups; the same in the second version
	v2           bool
	made         atomic.Int64
}

// controlGroup is the group of one supervisor.
type controlGroup struct {
	memory, pids string
	v2           bool
	kills        int64 // by the kernel, before the job
}

const cgroupRoot = "/sys/fs/cgroup"

// newControlGroups finds a hierarchy that can be written.
func newControlGroups() (*controlGroups, Layer) {
	g := &controlGroups{memory: cgroupRoot + "/memory", pids: cgroupRoot + "/pids"}
	if controllers, err := os.ReadFile(cgroupRoot + "/cgroup.controllers"); err == nil {
		g = &controlGroups{memory: cgroupRoot, pids: cgroupRoot, v2: true}
		if !bytes.Contains(controllers, []byte("memory")) || !bytes.Contains(controllers, []byte("pids")) {
			return nil, Layer{ControlGroup, false, "the controllers memory and pids are not available"}
		}
		if err := os.WriteFile(cgroupRoot+"/cgroup.subtree_control", []byte("+memory +pids"), 0); err != nil {
			return nil, Layer{ControlGroup, false, fmt.Sprintf("the kernel does not let this user make one (%v)", err)}
		}
	}
	refused := func(err error) (*controlGroups, Layer) {
		return nil, Layer{ControlGroup, false, fmt.Sprintf("the kernel does not let this user make one (%v)", err)}
	}
	g.clean()
	memory, err := os.MkdirTemp(g.memory, fmt.Sprintf("muonclip-%d-*", os.Getpid()))
	if err != nil {
		return refused(err)
	}
	g.memory, g.pids = memory, filepath.Join(g.pids, filepath.Base(memory))
	if g.v2 {
		err = os.WriteFile(g.memory+"/cgroup.subtree_control", []byte("+memory +pids"), 0)
	} else {
		err = os.Mkdir(g.pids, 0o700)
	}
	if err != nil {
		_ = os.Remove(g.memory)
		return refused(err)
	}
	version := 1
	if g.v2 {
		version = 2
	}
	return g, Layer{ControlGroup, true, fmt.Sprintf("version %d, memory and processes", version)}
}

// clean removes the groups of programs that were killed before they could do so.
func (g *controlGroups) clean() {
	for _, parent := range []string{g.memory, g.pids} {
		old, _ := filepath.Glob(parent + "/muonclip-*-*")
		for _, dir := range old {
			var pid int
			if _, err := fmt.Sscanf(filepath.Base(dir), "muonclip-%d-", &pid); err == nil && unix.Kill(pid, 0) == unix.ESRCH {
				removeTree(dir)
			}
		}
	}
}

// removeTree removes a folder of groups. Those in use stay.
func removeTree(dir string) {
	groups, _ := filepath.Glob(dir + "/*/cgroup.procs")
	for _, procs := range groups {
		_ = os.Remove(filepath.Dir(procs))
	}
	_ = os.Remove(dir)
}

// Room in a group beside the job: the supervisor's own memory.
const supervisorBytes = 64 << 20

// add makes a group for a supervisor, which is in it from then on with all that it starts.
func (g *controlGroups) add(pid int) (*controlGroup, error) {
	if g == nil {
		return nil, nil
	}
	name := strconv.FormatInt(g.made.Add(1), 10)
	one := &controlGroup{memory: filepath.Join(g.memory, name), pids: filepath.Join(g.pids, name), v2: g.v2}
	for _, dir := range one.folders() {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, fmt.Errorf("sandbox: make a control group: %w", err)
		}
		if err := os.WriteFile(dir+"/cgroup.procs", []byte(strconv.Itoa(pid)), 0); err != nil {
			one.remove()
			return nil, fmt.Errorf("sandbox: put a supervisor into %s: %w", dir, err)
		}
	}
	return one, nil
}

func (one *controlGroup) folders() []string {
	if one.v2 {
		return []string{one.memory}
	}
	return []string{one.memory, one.pids}
}

// begin sets the limits for the next job. The other layers hold the job where the kernel does not take one of them.
func (one *controlGroup) begin(l Limits) {
	if one == nil {
		return
	}
	memory := strconv.FormatInt(l.Memory+supervisorBytes, 10)
	if one.v2 {
		_ = os.WriteFile(one.memory+"/memory.max", []byte(memory), 0)
		_ = os.WriteFile(one.memory+"/memory.swap.max", []byte("0"), 0)
	} else {
		_ = os.WriteFile(one.memory+"/memory.limit_in_bytes", []byte(memory), 0)
	}
	_ = os.WriteFile(one.pids+"/pids.max", []byte(strconv.Itoa(l.Processes+supervisorThreads)), 0)
	one.kills = one.killed()
}

// end reports whether the kernel killed a process for its memory since begin.
func (one *controlGroup) end() bool { return one != nil && one.killed() > one.kills }

// killed is how many processes of the group the kernel has killed for their memory.
func (one *controlGroup) killed() int64 {
	path := one.memory + "/memory.oom_control"
	if one.v2 {
		path = one.memory + "/memory.events"
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		if words := bytes.Fields(line); len(words) == 2 && string(words[0]) == "oom_kill" {
			n, _ := strconv.ParseInt(string(words[1]), 10, 64)
			return n
		}
	}
	return 0
}

// remove removes the group of a supervisor that has ended.
func (one *controlGroup) remove() {
	if one == nil {
		return
	}
	for _, dir := range one.folders() {
		_ = os.Remove(dir) // EBUSY: a process is still being taken apart; the empty group costs nothing
	}
}

// remove removes what newControlGroups made.
func (g *controlGroups) remove() {
	if g == nil {
		return
	}
	removeTree(g.memory)
	removeTree(g.pids)
}
