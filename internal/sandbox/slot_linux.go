package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// slot is a supervisor as the program sees it. One goroutine uses it at a time.
type slot struct {
	cmd    *exec.Cmd
	conn   *net.UnixConn
	errors *bytes.Buffer // what the supervisor wrote to standard error; complete after wait
	group  *controlGroup // nil where there is none
	layers []Layer
	seq    uint64
	broken bool
	ended  sync.Once
}

// nobody is the user inside the sandbox, and outside of it too where the program runs as root.
const nobody = 65534

// grace is how long a supervisor may take beyond the limit of a job before it is taken for dead.
const grace = 30 * time.Second

// inNamespaces starts a process in new namespaces as nobody, with the capabilities that a supervisor needs in them.
func inNamespaces() *syscall.SysProcAttr {
	uid, gid, root := os.Getuid(), os.Getgid(), os.Geteuid() == 0
	if root {
		uid, gid = nobody, nobody
	}
	return &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: nobody, HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: nobody, HostID: gid, Size: 1}},
		// Only root may drop its further groups; the others keep theirs, for files that they will not see.
		GidMappingsEnableSetgroups: root,
		Credential:                 &syscall.Credential{Uid: nobody, Gid: nobody},
		AmbientCaps:                []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SYS_CHROOT, unix.CAP_SETPCAP},
		Setsid:                     true,
	}
}

// start starts a supervisor.
func (s *Sandbox) start(ctx context.Context) (*slot, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("sandbox: make a control channel: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "control"), os.NewFile(uintptr(fds[1]), "control")
	defer theirs.Close()
	c, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		return nil, fmt.Errorf("sandbox: make a control channel: %w", err)
	}
	one := &slot{conn: c.(*net.UnixConn), errors: &bytes.Buffer{}}
	one.cmd = &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{supervisorName}, Env: []string{"GOMAXPROCS=2"}, Dir: "/",
		ExtraFiles: []*os.File{theirs}, Stderr: one.errors, SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if !s.options.Unsafe {
		one.cmd.SysProcAttr = inNamespaces()
	}
	if err := one.cmd.Start(); err != nil {
		_ = one.conn.Close() // nobody is at its other end; the refusal says more
		return nil, refusal(Namespaces, err)
	}
	if one.group, err = s.groups.add(one.cmd.Process.Pid); err != nil {
		one.end()
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = one.conn.SetDeadline(time.Unix(1, 0)) })
	err = send(one.conn, s.setup)
	var answer ready
	if err == nil {
		_, err = receive(one.conn, &answer)
	}
	if !stop() { // the deadline may be set at any moment
		one.end()
		return nil, fmt.Errorf("sandbox: start a supervisor: %w", context.Cause(ctx))
	}
	if err != nil {
		one.end()
		return nil, fmt.Errorf("sandbox: the supervisor did not start (does main call sandbox.Main first?): %w: %s", err, tail(one.errors.Bytes()))
	}
	if answer.Error != "" {
		one.end()
		return nil, refusal(answer.Layer, errors.New(answer.Error))
	}
	one.layers = answer.Layers
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		one.end()
		return nil, errors.New("sandbox: it is closed")
	}
	s.live[one] = true
	return one, nil
}

// refusal is the error for a layer that the kernel does not give.
func refusal(layer string, err error) error {
	const hint = "allow unprivileged user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1, " +
		"kernel.apparmor_restrict_unprivileged_userns=0; in a container, run it with --security-opt seccomp=unconfined or --privileged), " +
		"or trust the code and set Options.Unsafe"
	return fmt.Errorf("sandbox: %s: %w: %s: %w", layer, err, hint, ErrUnsupported)
}

// end ends the supervisor, which is the end of all processes in its namespace.
func (one *slot) end() {
	one.ended.Do(func() {
		_ = one.conn.Close() // the end of it is all that the supervisor waits for
		if one.cmd.SysProcAttr.Cloneflags != 0 {
			_ = one.cmd.Process.Kill() // without a namespace it must clear up by itself, which it does when the connection ends
		}
		_ = one.cmd.Wait()
		one.group.remove()
	})
}

// run runs a job. The file, if any, becomes its descriptor 3 and is closed here. The job is killed when stop is closed.
func (one *slot) run(ctx context.Context, o order, stdin []byte, extra *os.File, stop <-chan struct{}) (*Result, error) {
	if err := ctx.Err(); err != nil {
		extra.Close() // may be nil
		return nil, err
	}
	one.seq++
	o.Seq = one.seq
	p, err := newPipes(stdin, extra)
	if err != nil {
		extra.Close()
		return nil, err
	}
	one.group.begin(o.Limit)
	err = send(one.conn, o, p.theirs...)
	closeAll(p.theirs)
	if err != nil {
		one.broken = true
		p.finish()
		return nil, err
	}
	var cause error
	kill := func(v Verdict) { _ = send(one.conn, order{Seq: o.Seq, Kill: v}) }
	flooded, ended := p.pump(o.Limit.Output), make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-ended:
			return
		case <-flooded:
			kill(Flooded)
		case <-stop:
			kill(Killed)
		case <-ctx.Done():
			cause = context.Cause(ctx)
			kill(Killed)
		}
	})
	_ = one.conn.SetReadDeadline(time.Now().Add(o.Limit.Wall + grace))
	var d done
	_, err = receive(one.conn, &d)
	close(ended)
	watching.Wait()
	oom := one.group.end()
	if err != nil {
		one.broken = true
		p.finish()
		if cause != nil {
			return nil, cause
		}
		if oom { // the kernel took the supervisor, too
			return &Result{Stdout: p.out.Bytes(), Stderr: p.err.Bytes(), Exit: -1, Verdict: OutOfMemory, Signal: "SIGKILL"}, nil
		}
		one.end()
		return nil, fmt.Errorf("sandbox: the supervisor did not answer: %w: %s", err, tail(one.errors.Bytes()))
	}
	p.finish()
	switch {
	case cause != nil:
		return nil, cause
	case d.Error != "":
		one.broken = true
		return nil, refusal(d.Layer, errors.New(d.Error))
	}
	r := &Result{
		Stdout: p.out.Bytes(), Stderr: p.err.Bytes(), Exit: d.Exit, Verdict: d.Verdict, Wall: d.Wall, CPU: d.CPU, PeakMemory: d.PeakMemory,
	}
	if d.Signal != 0 {
		r.Signal = unix.SignalName(syscall.Signal(d.Signal))
		if oom && r.Signal == "SIGKILL" && (d.Verdict == Killed || d.Verdict == OutOfCPU) {
			r.Verdict = OutOfMemory
		}
	}
	if p.isFlooded() { // it may have ended before it could be killed
		r.Verdict = Flooded
	}
	return r, nil
}

// tail is the end of a text for an error.
func tail(b []byte) string {
	if len(b) > 2000 {
		b = b[len(b)-2000:]
	}
	return string(bytes.TrimSpace(b))
}

// pipes are the standard streams of a job.
type pipes struct {
	theirs   []*os.File
	in       *os.File
	read     [2]*os.File
	stdin    []byte
	out, err bytes.Buffer
	flooded  chan struct{}
	flood    sync.Once
	wg       sync.WaitGroup
}

func newPipes(stdin []byte, extra *os.File) (*pipes, error) {
	p := &pipes{stdin: stdin, flooded: make(chan struct{})}
	var all []*os.File
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(all)
			return nil, fmt.Errorf("sandbox: make the job's streams: %w", err)
		}
		all = append(all, r, w)
	}
	p.in, p.read = all[1], [2]*os.File{all[2], all[4]}
	p.theirs = []*os.File{all[0], all[3], all[5]}
	if extra != nil {
		p.theirs = append(p.theirs, extra)
	}
	return p, nil
}

// pump feeds and reads the streams; the channel is closed where more than limit bytes come.
func (p *pipes) pump(limit int64) <-chan struct{} {
	p.wg.Go(func() {
		_, _ = p.in.Write(p.stdin) // EPIPE: the job does not read it
		p.in.Close()
	})
	for i, to := range []*bytes.Buffer{&p.out, &p.err} {
		p.wg.Go(func() {
			from := p.read[i]
			if n, err := io.Copy(to, io.LimitReader(from, limit)); err != nil || n < limit {
				return
			}
			if n, _ := io.Copy(io.Discard, io.LimitReader(from, 1)); n == 0 {
				return
			}
			p.flood.Do(func() { close(p.flooded) })
			_, _ = io.Copy(io.Discard, from)
		})
	}
	return p.flooded
}

func (p *pipes) isFlooded() bool {
	select {
	case <-p.flooded:
		return true
	default:
		return false
	}
}

// finish waits for the ends of the streams. All processes are dead; still, a descriptor under way in a socket can keep a
// stream open, so it does not wait for long.
func (p *pipes) finish() {
	deadline := time.Now().Add(2 * time.Second)
	for _, f := range []*os.File{p.in, p.read[0], p.read[1]} {
		_ = f.SetDeadline(deadline)
	}
	p.wg.Wait()
	p.in.Close()
	closeAll(p.read[:])
}
