package sandbox

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// supervisorName is the name under which this executable is a supervisor; controlFD is its connection.
const (
	supervisorName = "muonclip-sandbox"
	controlFD      = 3
)

// Main serves jobs and never returns where this process was started as a supervisor, and returns at once elsewhere. Call
// it before anything else in main and in TestMain.
func Main() {
	if len(os.Args) != 1 || os.Args[0] != supervisorName {
		return
	}
	if err := supervise(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// supervisor is the process that builds the private root and runs jobs in it, one at a time.
type supervisor struct {
	setup
	layers  []Layer
	watched bool // the processes of the job can be seen

	mu      sync.Mutex
	seq     uint64
	pid     int     // of the job's first process, 0 where none runs
	verdict Verdict // that ended it
}

// supervise takes orders until the connection ends. Its end, as the first process of the namespace, is the end of
// everything in it.
func supervise() error {
	c, err := net.FileConn(os.NewFile(controlFD, "control"))
	if err != nil {
		return fmt.Errorf("sandbox: a supervisor is started by the program itself, not by hand: %w", err)
	}
	conn, ok := c.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("sandbox: the supervisor's connection is a %T, want a Unix socket", c)
	}
	if err := closeInherited(); err != nil {
		return err
	}
	s := &supervisor{}
	if _, err := receive(conn, &s.setup); err != nil {
		return fmt.Errorf("sandbox: read the setup: %w", err)
	}
	answer := ready{}
	if layer, err := s.prepare(); err != nil {
		answer.Layer, answer.Error = layer, err.Error()
	}
	answer.Layers = s.layers
	if err := send(conn, answer); err != nil {
		return err
	}
	for {
		var o order
		files, err := receive(conn, &o)
		if err != nil { // the program is gone or wants no more
			s.killStragglers()
			return nil
		}
		if o.Kill != "" {
			s.kill(o.Seq, o.Kill)
			continue
		}
		s.mu.Lock()
		s.seq, s.pid, s.verdict = o.Seq, 0, ""
		s.mu.Unlock()
		go onThread(func() {
			d := s.run(o, files)
			closeAll(files)
			if err := send(conn, d); err != nil {
				os.Exit(1)
			}
		})
	}
}

// closeInherited closes what the program was itself started with and did not know of: jobs would have it, too.
func closeInherited() error {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("sandbox: list open files: %w", err)
	}
	unix.CloseOnExec(controlFD)
	for _, e := range open {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd <= controlFD {
			continue
		}
		// Everything that this program opens is closed on exec; EBADF: the listing itself.
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
	return nil
}

// prepare sets up what all jobs share and returns the name of the layer that failed.
func (s *supervisor) prepare() (layer string, err error) {
	if s.Unsafe {
		s.watched = true
		s.layers = []Layer{{Namespaces, false, "switched off"}, {PrivateRoot, false, "switched off"}, {Landlock, false, "switched off"}, {Seccomp, false, "switched off"}}
		return ResourceLimits, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	s.layers = append(s.layers, Layer{Namespaces, true, "user, mount, process, network, IPC, host name; process, mount and IPC anew for each job"})
	if err := unix.Sethostname([]byte("sandbox")); err != nil {
		return Namespaces, fmt.Errorf("set the host name: %w", err)
	}
	watch, err := buildRoot(s.Tree)
	if err != nil {
		return PrivateRoot, err
	}
	s.watched = watch == nil
	s.layers = append(s.layers, Layer{PrivateRoot, true, fmt.Sprintf("%d read-only entries; %s is a new memory file system for each job", len(s.Tree), workFolder)})
	land, calls := landlockState(), seccompState()
	s.Landlock, s.Seccomp = land.Active, calls.Active
	s.layers = append(s.layers, land, calls)
	if s.watched {
		s.layers = append(s.layers, Layer{MemoryWatch, true, fmt.Sprintf("every %v", watchEvery)})
	} else {
		s.layers = append(s.layers, Layer{MemoryWatch, false, fmt.Sprintf("the kernel gives no process list (%v): each process is limited, their sum is not", watch)})
	}
	return "", nil
}

// kill ends a job with a verdict, unless it has ended or is being ended for another reason.
func (s *supervisor) kill(seq uint64, v Verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seq != seq || s.verdict != "" {
		return
	}
	s.verdict = v
	if s.pid != 0 {
		s.killProcess(s.pid)
	}
}

// killProcess kills the first process of a job, and with it its namespace.
func (s *supervisor) killProcess(pid int) {
	_ = unix.Kill(pid, unix.SIGKILL) // ESRCH: it is gone
	if s.Unsafe {
		_ = unix.Kill(-pid, unix.SIGKILL)
	}
}

// killStragglers ends what a job without a namespace left behind: its orphans are children of the supervisor.
func (s *supervisor) killStragglers() {
	for range 100 {
		if !s.Unsafe {
			return
		}
		pids := processes(s.Unsafe)
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		for _, pid := range pids {
			_, _ = unix.Wait4(pid, nil, 0, nil) // ECHILD: a grandchild, which becomes a child when its parent is gone
		}
	}
}
