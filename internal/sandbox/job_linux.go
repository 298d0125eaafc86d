package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// environment of every job. The seed makes the order of sets the same in every run.
var environment = []string{
	"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1", "PYTHONNOUSERSITE=1", "MALLOC_ARENA_MAX=2",
}

// onThread calls f on a thread that is used for nothing else and ends with it, so that f may give up rights and change
// namespaces for good. The first thread of the process cannot end: where the goroutine is on it, another one is taken.
func onThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		return // without unlocking: the thread ends
	}
	end := make(chan struct{})
	go func() {
		defer close(end)
		onThread(f)
	}()
	<-end
	runtime.UnlockOSThread()
}

// run runs a job on the calling thread, which cannot be used afterwards.
func (s *supervisor) run(o order, files []*os.File) done {
	d := done{Seq: o.Seq}
	folder, layer, err := s.confine(o)
	if s.Unsafe && folder != "" {
		defer os.RemoveAll(folder)
	}
	if err != nil {
		d.Layer, d.Error = layer, err.Error()
		return d
	}
	fds := make([]uintptr, len(files))
	for i, f := range files {
		fds[i] = f.Fd()
	}
	attr := &syscall.ProcAttr{
		Dir: folder, Files: fds, Env: append(environment[:len(environment):len(environment)], "HOME="+folder, "TMPDIR="+folder),
		// Traced, the process stops at its first instruction: there its limits are set.
		Sys: &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL, Setpgid: s.Unsafe},
	}
	start := time.Now()
	pid, err := syscall.ForkExec(o.Path, o.Args, attr)
	if err != nil {
		d.Layer, d.Error = ResourceLimits, fmt.Sprintf("start %s: %v", o.Path, err)
		return d
	}
	if err := release(pid, o.Limit); err != nil {
		_ = unix.Kill(pid, unix.SIGKILL)
		_, _ = unix.Wait4(pid, nil, 0, nil)
		d.Layer, d.Error = ResourceLimits, err.Error()
		return d
	}
	closeAll(files) // the job has them now, and its end must be seen as the end of its output

	s.mu.Lock()
	s.pid = pid
	if s.verdict != "" { // it was killed before it had begun
		s.killProcess(pid)
	}
	s.mu.Unlock()
	wall := time.AfterFunc(o.Limit.Wall, func() { s.kill(o.Seq, TimedOut) })
	defer wall.Stop()
	var peak <-chan int64
	end := make(chan struct{})
	if s.watched {
		peak = s.watch(o, end)
	}

	s.await(pid)
	s.mu.Lock()
	s.pid = 0
	verdict := s.verdict
	s.mu.Unlock()
	close(end)
	if peak != nil {
		d.PeakMemory = <-peak
	}
	var status unix.WaitStatus
	var usage unix.Rusage
	for {
		if _, err = unix.Wait4(pid, &status, 0, &usage); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	s.killStragglers()
	if err != nil {
		d.Layer, d.Error = ResourceLimits, fmt.Sprintf("wait for the job: %v", err)
		return d
	}
	d.Wall = time.Since(start)
	d.CPU = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	d.PeakMemory = max(d.PeakMemory, usage.Maxrss<<10)
	d.Exit, d.Signal, d.Verdict = judge(status, verdict, d.CPU, o.Limit)
	return d
}

// await returns when a process has ended. It only looks: until the end is collected the number of the process is its own.
func (s *supervisor) await(pid int) {
	for {
		var info unix.Siginfo
		if err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err == unix.EINTR {
			continue
		}
		if info.Code != cldTrapped {
			return
		}
		// The job has asked to be traced once more, so that its stops look like its end.
		s.killProcess(pid)
	}
}

// cldTrapped is the code of a traced process that has stopped (CLD_TRAPPED in waitid(2)).
const cldTrapped = 4

// judge says how a job ended by its status and by the verdict with which the supervisor killed it, if it did.
func judge(status unix.WaitStatus, killed Verdict, cpu time.Duration, l Limits) (exit, signal int, v Verdict) {
	switch {
	case status.Exited():
		return status.ExitStatus(), 0, Exited
	case killed != "" && status.Signal() == unix.SIGKILL:
		v = killed
	// Nobody else kills the first process of a namespace, but the kernel's clocks differ.
	case status.Signal() == unix.SIGXCPU, status.Signal() == unix.SIGKILL && cpu >= l.CPU/2:
		v = OutOfCPU
	default:
		v = Killed
	}
	return -1, int(status.Signal()), v
}

// confine gives the calling thread the job's namespaces and folder and takes its rights. What it starts has neither more.
func (s *supervisor) confine(o order) (folder, layer string, err error) {
	if s.Unsafe {
		if folder, err = os.MkdirTemp("", "sandbox-"); err != nil {
			return "", PrivateRoot, err
		}
		return folder, PrivateRoot, writeFiles(folder, o.Files)
	}
	// The process namespace is that of the children; the other two are the thread's own.
	if err := unix.Unshare(unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC); err != nil {
		return "", Namespaces, fmt.Errorf("make the job's namespaces: %w", err)
	}
	if err := newWorkFolder(o.Limit); err != nil {
		return "", PrivateRoot, err
	}
	if err := writeFiles(workFolder, o.Files); err != nil {
		return "", PrivateRoot, err
	}
	if err := dropCapabilities(); err != nil {
		return "", Capabilities, err
	}
	if s.Landlock {
		if err := restrictFiles(workFolder); err != nil {
			return "", Landlock, err
		}
	}
	if s.Seccomp {
		if err := restrictCalls(); err != nil {
			return "", Seccomp, err
		}
	}
	return workFolder, "", nil
}

// dropCapabilities takes all capabilities from the calling thread, and every way to get one.
func dropCapabilities() error {
	const lockedBits = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<6 | 1<<7 // NOROOT, NO_SETUID_FIXUP, NO_CAP_AMBIENT_RAISE, each with its lock
	if err := unix.Prctl(unix.PR_SET_SECUREBITS, lockedBits, 0, 0, 0); err != nil {
		return fmt.Errorf("lock the rights of the super-user: %w", err)
	}
	for c := uintptr(0); c <= 63; c++ {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err == unix.EINVAL {
			break // behind the kernel's last
		} else if err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&head, &none[0]); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	return nil
}

// Room beside a job's own limits: what an interpreter maps of libraries, and the threads of the supervisor, which the
// kernel counts with the job's.
const (
	codeBytes         = 64 << 20
	supervisorThreads = 16
	stackBytes        = 8 << 20
)

// release sets the limits of a process that has stopped at its first instruction, and lets it run.
func release(pid int, l Limits) error {
	var status unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &status, 0, nil); err == nil {
			break
		} else if err != unix.EINTR {
			return fmt.Errorf("wait for the start of the job: %w", err)
		}
	}
	if !status.Stopped() {
		return fmt.Errorf("the job ended before it began (status %#x)", int(status))
	}
	seconds := uint64((l.CPU + time.Second - 1) / time.Second)
	for _, r := range []struct {
		what  int
		limit uint64
	}{
		{unix.RLIMIT_CPU, seconds},
		{unix.RLIMIT_AS, uint64(l.Memory + codeBytes)},
		{unix.RLIMIT_FSIZE, uint64(l.FileBytes)},
		{unix.RLIMIT_NOFILE, uint64(l.Files)},
		{unix.RLIMIT_NPROC, uint64(l.Processes + supervisorThreads)},
		{unix.RLIMIT_STACK, stackBytes},
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_MEMLOCK, 0},
		{unix.RLIMIT_MSGQUEUE, 0},
		{unix.RLIMIT_RTPRIO, 0},
	} {
		// A limit that the whole program already has is not raised.
		var old unix.Rlimit
		if err := unix.Prlimit(pid, r.what, nil, &old); err != nil {
			return fmt.Errorf("read limit %d: %w", r.what, err)
		}
		n := min(r.limit, old.Max)
		if err := unix.Prlimit(pid, r.what, &unix.Rlimit{Cur: n, Max: n}, nil); err != nil {
			return fmt.Errorf("set limit %d: %w", r.what, err)
		}
	}
	if err := unix.PtraceDetach(pid); err != nil {
		return fmt.Errorf("start the job: %w", err)
	}
	return nil
}
