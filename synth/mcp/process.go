package mcp

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// process is a server that runs as a child, in a process group of its own.
type process struct {
	cmd    *exec.Cmd
	stdin  *os.File
	stdout *os.File
	stderr *tail
	grace  time.Duration
	exited chan struct{} // closed when it has ended and its group is killed
	status error         // what Wait said; to be read after exited
	once   sync.Once
}

// startProcess starts a server with a clean environment.
func startProcess(s Server, dir *scratch) (*process, error) {
	args := make([]string, len(s.Command))
	for i, a := range s.Command {
		args[i] = dir.fill(a)
	}
	cmd := exec.Command(args[0], args[1:]...)
	if cmd.Err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStart, cmd.Err)
	}
	cmd.Env = environment(s, dir)
	if cmd.Dir = s.Dir; cmd.Dir == "" {
		cmd.Dir = dir.work()
	}
	ownGroup(cmd)
	// The pipes are made here and not by package exec, because they must be closed when a grandchild keeps the other ends open.
	var pipes [6]*os.File
	closeAll := func() {
		for _, f := range pipes {
			if f != nil {
				f.Close()
			}
		}
	}
	for i := 0; i < len(pipes); i += 2 {
		var err error
		if pipes[i], pipes[i+1], err = os.Pipe(); err != nil {
			closeAll()
			return nil, fmt.Errorf("%w: %w", ErrStart, err)
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = pipes[0], pipes[3], pipes[5]
	if err := cmd.Start(); err != nil {
		closeAll()
		return nil, fmt.Errorf("%w: %w", ErrStart, err)
	}
	for _, f := range []*os.File{pipes[0], pipes[3], pipes[5]} {
		f.Close()
	}
	p := &process{cmd: cmd, stdin: pipes[1], stdout: pipes[2], stderr: newTail(pipes[4]), grace: s.Limits.Grace, exited: make(chan struct{})}
	go func() {
		p.status = cmd.Wait()
		killGroup(cmd) // what it leaves behind serves nobody
		// What it wrote last is read, but not for longer than this if somebody outside the group keeps the pipes open. A
		// deadline is refused only where a pipe is closed already.
		soon := time.Now().Add(time.Second)
		_ = p.stdout.SetReadDeadline(soon)
		_ = p.stderr.file.SetReadDeadline(soon)
		close(p.exited)
	}()
	return p, nil
}

// close ends the process: politely by the end of its input, then by a signal to its group, or else by killing the group
// at once.
func (p *process) close(politely bool) {
	p.once.Do(func() {
		p.stdin.Close()
		if politely && !p.wait(p.grace) {
			terminateGroup(p.cmd)
			p.wait(p.grace / 2)
		}
		killGroup(p.cmd)
		<-p.exited
		p.stdout.Close()
		p.stderr.close()
	})
}

func (p *process) wait(d time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	select {
	case <-p.exited:
		return true
	case <-ctx.Done():
		return false
	}
}

// gone describes the end of a process that nobody asked for, nil while it runs.
func (p *process) gone() error {
	select {
	case <-p.exited:
	default:
		return nil
	}
	if p.status == nil {
		return fmt.Errorf("%w (exit status 0)", ErrGone)
	}
	return fmt.Errorf("%w (%w)", ErrGone, p.status)
}

// environment is all that a child sees of ours: nothing but PATH, so that keys stay here.
func environment(s Server, dir *scratch) []string {
	env := map[string]string{
		"PATH": os.Getenv("PATH"), "LANG": "C.UTF-8", "HOME": dir.home(), "TMPDIR": dir.temp(),
		"MEMORY_FILE_PATH": filepath.Join(dir.work(), "memory.jsonl"), // else server-memory writes beside its program
	}
	for k, v := range s.Env {
		env[k] = dir.fill(v)
	}
	var out []string
	for k, v := range env {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return out
}

// tailSize is how much of what a server writes to standard error is kept.
const tailSize = 4 << 10

// tail reads a pipe to its end and keeps the last bytes.
type tail struct {
	file *os.File
	done chan struct{}
	mu   sync.Mutex
	kept []byte
}

func newTail(f *os.File) *tail {
	t := &tail{file: f, done: make(chan struct{})}
	go func() {
		defer close(t.done)
		buf := make([]byte, tailSize)
		for {
			n, err := f.Read(buf)
			t.mu.Lock()
			t.kept = append(t.kept, buf[:n]...)
			if over := len(t.kept) - tailSize; over > 0 {
				t.kept = append(t.kept[:0], t.kept[over:]...)
			}
			t.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return t
}

func (t *tail) close() {
	t.file.Close()
	<-t.done
}

// last returns the last lines in one, for an error.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.FieldsFunc(strings.ToValidUTF8(string(t.kept), "?"), func(r rune) bool { return r < ' ' && r != '\t' })
	var out []string
	size := 0
	for _, l := range slices.Backward(lines) {
		if l = strings.TrimSpace(l); l == "" {
			continue
		}
		if size += len(l); size > 600 || len(out) == 5 {
			break
		}
		out = append(out, l)
	}
	slices.Reverse(out)
	return strings.Join(out, " | ")
}
