// Package sandbox runs programs that nobody trusts: solutions a model wrote, which are to be judged by tests.
//
// On Linux a job is a fresh process with a fresh writable folder, held by the kernel: namespaces (user, mount, process,
// network, IPC, host name), a root of its own with nothing but the interpreter in it, Landlock and a seccomp filter on
// top, no capabilities, and limits for time, memory, output, files and processes. What happened in a job cannot reach the
// next one: when it ends, all its processes are killed and its folder is gone.
//
// Cost is kept low by supervisors. A supervisor is this program, started anew inside namespaces; it builds the private
// root once and then starts one job after the other, each in further process and mount namespaces. A job costs what the
// interpreter costs to start, and about a millisecond.
//
// A program that uses the package must call Main first thing, because a supervisor is the same executable.
package sandbox

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// ErrUnsupported says that this machine cannot hold untrusted code. The error that wraps it names the layer, what the
// kernel said and what would allow it.
var ErrUnsupported = errors.New("untrusted code cannot be run here")

// Job is one run of one program.
type Job struct {
	Files  map[string][]byte // put into the working folder; paths are relative, with slashes, and stay inside
	Args   []string          // program and arguments; the program is a name of Interpreters, such as "python3"
	Stdin  []byte
	Limits Limits // zero fields take the defaults
}

// Limits bound a job. A zero field takes the default of DefaultLimits.
type Limits struct {
	Wall      time.Duration // from the start of the process to the death of the last one
	CPU       time.Duration // of each process; the kernel counts in whole seconds, rounded up
	Memory    int64         // bytes of the job together; no process can map more than this and 64 MiB for code
	Output    int64         // bytes of standard output and of standard error, each
	FileBytes int64         // bytes of the working folder together
	Files     int           // open files of a process, and files in the working folder
	Processes int           // processes and threads together
}

// DefaultLimits are the limits of a job that names none.
var DefaultLimits = Limits{
	Wall: 10 * time.Second, CPU: 10 * time.Second, Memory: 512 << 20, Output: 1 << 20, FileBytes: 64 << 20, Files: 256, Processes: 32,
}

// or fills zero fields from the defaults.
func (l Limits) or(d Limits) Limits {
	pick := func(v, d int64) int64 {
		if v == 0 {
			return d
		}
		return v
	}
	return Limits{
		Wall: time.Duration(pick(int64(l.Wall), int64(d.Wall))), CPU: time.Duration(pick(int64(l.CPU), int64(d.CPU))),
		Memory: pick(l.Memory, d.Memory), Output: pick(l.Output, d.Output), FileBytes: pick(l.FileBytes, d.FileBytes),
		Files: int(pick(int64(l.Files), int64(d.Files))), Processes: int(pick(int64(l.Processes), int64(d.Processes))),
	}
}

// Verdict says how a job ended.
type Verdict string

// The ends of a job.
const (
	Exited      Verdict = "exited"        // by itself; Result.Exit has the status
	TimedOut    Verdict = "timed out"     // Limits.Wall
	OutOfCPU    Verdict = "out of CPU"    // Limits.CPU
	OutOfMemory Verdict = "out of memory" // Limits.Memory, where the watch or the kernel ended it; an interpreter that was refused memory often exits by itself
	Flooded     Verdict = "flooded"       // Limits.Output
	Killed      Verdict = "killed"        // by the signal in Result.Signal, such as a crash
)

// Result is what is known of a finished job.
type Result struct {
	Stdout, Stderr []byte // cut at Limits.Output
	Exit           int    // exit status, -1 where a signal ended it
	Verdict        Verdict
	Signal         string // name of the signal that ended it, such as SIGSEGV
	Wall           time.Duration
	CPU            time.Duration // user and system time of the first process and of those that it waited for
	PeakMemory     int64         // bytes: the largest process, or the largest sum that the watch saw
}

// Options of a sandbox. The zero value suits most: the first Python found, two jobs at a time for each processor, and
// everything required that keeps untrusted code in.
type Options struct {
	// Python is the interpreter's path; empty searches /usr/bin, /usr/local/bin and PATH.
	Python string
	// Parallel is how many jobs run at a time; 0 means two for each processor. It is at least 2, as a pair needs two.
	Parallel int
	// Require lists layers that must hold. Nil means Namespaces, PrivateRoot, Capabilities and ResourceLimits; the others
	// (Landlock, Seccomp, MemoryWatch, ControlGroup) are then used where the kernel has them.
	Require []string
	// Unsafe runs jobs with resource limits only, as the user who runs this program, with its files and its network. It is
	// for programs that are trusted, on machines that refuse the rest.
	Unsafe bool
}

// Names of the layers.
const (
	Namespaces     = "namespaces"      // user, mount, process, network, IPC and host name
	PrivateRoot    = "private root"    // only the interpreter is there, and only the working folder can be written
	Capabilities   = "capabilities"    // none, and no way to get one: no_new_privs
	ResourceLimits = "resource limits" // rlimits of every process
	Landlock       = "landlock"        // file access once more, by the kernel's own rules
	Seccomp        = "seccomp"         // system calls that no solution needs are refused
	MemoryWatch    = "memory watch"    // the memory of all processes together, looked at often
	ControlGroup   = "control group"   // the same, enforced by the kernel
)

// Layer is the state of one layer.
type Layer struct {
	Name   string
	Active bool
	Detail string // what it does, or why it is not there
}

// check refuses jobs that name files outside the working folder or that ask for nothing.
func (j Job) check() error {
	if len(j.Args) == 0 {
		return errors.New("sandbox: the job has no arguments: Args[0] is the interpreter, such as python3")
	}
	for name := range j.Files {
		if !filepath.IsLocal(name) || filepath.ToSlash(filepath.Clean(name)) != name || name == "." || strings.ContainsRune(name, 0) {
			return fmt.Errorf("sandbox: the file %q is not a clean relative path: it would leave the working folder", name)
		}
	}
	l := j.Limits
	if l.Wall < 0 || l.CPU < 0 || l.Memory < 0 || l.Output < 0 || l.FileBytes < 0 || l.Files < 0 || l.Processes < 0 {
		return errors.New("sandbox: a limit is negative: zero takes the default")
	}
	return nil
}
