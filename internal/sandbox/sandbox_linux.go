package sandbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"
)

// Sandbox runs jobs, many at a time. It holds as many supervisors as jobs have been running at once.
type Sandbox struct {
	options      Options
	interpreters map[string]string
	setup        setup
	layers       []Layer
	groups       *controlGroups // nil where the kernel's are not ours to use
	sem          *semaphore.Weighted

	mu     sync.Mutex
	idle   []*slot
	live   map[*slot]bool
	closed bool
}

// New finds the interpreter, starts a supervisor and runs a first job through all layers. The error wraps ErrUnsupported
// where a required layer is refused. A cancelled ctx ends New, not the sandbox.
func New(ctx context.Context, o Options) (*Sandbox, error) {
	if o.Parallel < 0 {
		return nil, fmt.Errorf("sandbox: Parallel is %d, want 0 or more", o.Parallel)
	}
	if o.Parallel == 0 {
		o.Parallel = 2 * runtime.GOMAXPROCS(0)
	}
	o.Parallel = max(o.Parallel, 2)
	if o.Require == nil {
		o.Require = []string{Namespaces, PrivateRoot, Capabilities, ResourceLimits}
	}
	python, err := findPython(ctx, o.Python)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{
		options: o, interpreters: map[string]string{"python3": python.path}, live: map[*slot]bool{},
		setup: setup{Tree: python.tree(), Unsafe: o.Unsafe}, sem: semaphore.NewWeighted(int64(o.Parallel)),
	}
	var group Layer
	if !o.Unsafe {
		s.groups, group = newControlGroups()
	} else {
		group = Layer{ControlGroup, false, "switched off"}
	}
	first, err := s.start(ctx)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.layers = append(first.layers, group)
	s.idle = append(s.idle, first)
	if err := s.try(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// try runs a job that does nothing and holds the layers against what is required.
func (s *Sandbox) try(ctx context.Context) error {
	r, err := s.Run(ctx, Job{Args: []string{"python3", "-S", "-s", "-B", "-c", "print(6*7)"}, Limits: Limits{Wall: time.Minute}})
	if err != nil {
		return err
	}
	if r.Verdict != Exited || r.Exit != 0 || string(r.Stdout) != "42\n" {
		return fmt.Errorf("sandbox: %s does not run (%s, status %d): %s: %w", s.interpreters["python3"], r.Verdict, r.Exit, tail(r.Stderr), ErrUnsupported)
	}
	s.layers = append(s.layers, Layer{Capabilities, !s.options.Unsafe, "no capabilities, no_new_privs, user nobody"},
		Layer{ResourceLimits, true, "CPU, memory, files, processes, file size, stack, no core files"})
	if s.options.Unsafe {
		return nil
	}
	for _, want := range s.options.Require {
		at := slices.IndexFunc(s.layers, func(l Layer) bool { return l.Name == want })
		if at < 0 {
			return fmt.Errorf("sandbox: there is no layer %q to require", want)
		}
		if l := s.layers[at]; !l.Active {
			return fmt.Errorf("sandbox: the layer %s is required: %s: %w", l.Name, l.Detail, ErrUnsupported)
		}
	}
	return nil
}

// Layers says what holds a job.
func (s *Sandbox) Layers() []Layer { return slices.Clone(s.layers) }

// Interpreters are the programs that jobs may name, with their paths.
func (s *Sandbox) Interpreters() map[string]string { return maps.Clone(s.interpreters) }

// Run runs a job. The error is about the sandbox, or is ctx's, never about the program. It waits while Options.Parallel
// jobs run.
func (s *Sandbox) Run(ctx context.Context, j Job) (*Result, error) {
	o, err := s.order(j)
	if err != nil {
		return nil, err
	}
	slots, err := s.acquire(ctx, 1)
	if err != nil {
		return nil, err
	}
	r, err := slots[0].run(ctx, o, j.Stdin, nil, nil)
	s.release(slots...)
	return r, err
}

// RunPair runs two jobs at a time, each in its own sandbox, that can talk to each other through descriptor 3: the two
// ends of a stream. Otherwise they know nothing of each other. The end of a is the end of b.
func (s *Sandbox) RunPair(ctx context.Context, a, b Job) (ra, rb *Result, err error) {
	oa, err := s.order(a)
	if err != nil {
		return nil, nil, err
	}
	ob, err := s.order(b)
	if err != nil {
		return nil, nil, err
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("sandbox: make a channel: %w", err)
	}
	ends := [2]*os.File{os.NewFile(uintptr(fds[0]), "channel"), os.NewFile(uintptr(fds[1]), "channel")}
	slots, err := s.acquire(ctx, 2) // both or none: pairs that wait for their second half could wait for each other
	if err != nil {
		closeAll(ends[:])
		return nil, nil, err
	}
	defer s.release(slots...)
	second, stop := make(chan error, 1), make(chan struct{})
	go func() {
		var err error
		rb, err = slots[1].run(ctx, ob, b.Stdin, ends[1], stop)
		second <- err
	}()
	ra, err = slots[0].run(ctx, oa, a.Stdin, ends[0], nil)
	close(stop)
	if e := <-second; err == nil {
		err = e
	}
	if err != nil {
		return nil, nil, err
	}
	return ra, rb, nil
}

// order checks a job and looks its program up.
func (s *Sandbox) order(j Job) (order, error) {
	if err := j.check(); err != nil {
		return order{}, err
	}
	path, ok := s.interpreters[j.Args[0]]
	if !ok {
		return order{}, fmt.Errorf("sandbox: there is no interpreter %q: want one of %q", j.Args[0], slices.Sorted(maps.Keys(s.interpreters)))
	}
	args := append([]string{path}, j.Args[1:]...)
	return order{Path: path, Args: args, Files: j.Files, Limit: j.Limits.or(DefaultLimits)}, nil
}

// acquire takes n supervisors, and starts those that are missing.
func (s *Sandbox) acquire(ctx context.Context, n int) ([]*slot, error) {
	if err := s.sem.Acquire(ctx, int64(n)); err != nil {
		return nil, fmt.Errorf("sandbox: wait for a free place: %w", err)
	}
	var got []*slot
	for range n {
		s.mu.Lock()
		var one *slot
		if last := len(s.idle) - 1; last >= 0 {
			one, s.idle = s.idle[last], s.idle[:last]
		}
		s.mu.Unlock()
		if one == nil {
			var err error
			if one, err = s.start(ctx); err != nil {
				s.release(got...)
				s.sem.Release(int64(n - len(got)))
				return nil, err
			}
		}
		got = append(got, one)
	}
	return got, nil
}

// release gives supervisors back. Those that failed are ended; a later job gets a new one.
func (s *Sandbox) release(slots ...*slot) {
	s.mu.Lock()
	for _, one := range slots {
		if one.broken || s.closed {
			delete(s.live, one)
			one.end()
		} else {
			s.idle = append(s.idle, one)
		}
	}
	s.mu.Unlock()
	s.sem.Release(int64(len(slots)))
}

// Close ends all supervisors, and with them jobs that still run.
func (s *Sandbox) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.idle = nil
	for one := range s.live {
		one.end()
		delete(s.live, one)
	}
	s.groups.remove()
	return nil
}
