package sandbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// open makes a sandbox, or skips the test where the machine refuses.
func open(t *testing.T, o Options) *Sandbox {
	t.Helper()
	s, err := New(t.Context(), o)
	if errors.Is(err, ErrUnsupported) {
		t.Skip("no sandbox here:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// pythonJob runs a program with time for slow machines.
func pythonJob(code string) Job {
	return Job{
		Files: map[string][]byte{"main.py": []byte(code)}, Args: []string{"python3", "-S", "-s", "-B", "main.py"}, Limits: Limits{Wall: time.Minute},
	}
}

func TestRun(t *testing.T) {
	s := open(t, Options{})
	for _, l := range s.Layers() {
		t.Logf("%-16s %-5v %s", l.Name, l.Active, l.Detail)
	}
	j := pythonJob("import sys, os\nprint(open('a/b.txt').read(), sys.stdin.read(), os.getcwd(), os.getuid(), os.getpid(), sys.argv[1:])\n" +
		"print(sorted(os.listdir('/')), file=sys.stderr)\nsys.exit(3)")
	j.Files["a/b.txt"] = []byte("hello")
	j.Stdin = []byte("you")
	j.Args = append(j.Args, "an argument")
	r, err := s.Run(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != Exited || r.Exit != 3 || string(r.Stdout) != "hello you /work 65534 1 ['an argument']\n" {
		t.Errorf("%s, status %d, %q", r.Verdict, r.Exit, r.Stdout)
	}
	for _, name := range []string{"root", "home", "proc", "sys", "var", "mnt"} {
		if strings.Contains(string(r.Stderr), "'"+name+"'") {
			t.Errorf("the root has %s: %s", name, r.Stderr)
		}
	}
	if r.Wall <= 0 || r.CPU <= 0 || r.PeakMemory < 1<<20 {
		t.Errorf("measured: %v, %v, %d bytes", r.Wall, r.CPU, r.PeakMemory)
	}
}

func TestNextJobSeesNothing(t *testing.T) {
	s := open(t, Options{})
	leave := pythonJob("import os\nfor f in ('/work/x', '/tmp/y'): open(f, 'w').write('left')\nos.mkdir('d')")
	look := pythonJob("import os\nprint(sorted(os.listdir('/work')), sorted(os.listdir('/tmp')))")
	for range 2 { // the same supervisor serves both
		for _, j := range []Job{leave, look} {
			r, err := s.Run(t.Context(), j)
			if err != nil {
				t.Fatal(err)
			}
			if want := "['main.py'] ['main.py']\n"; r.Exit != 0 || len(r.Stdout) > 0 && string(r.Stdout) != want {
				t.Errorf("status %d, %q, want %q: %s", r.Exit, r.Stdout, want, r.Stderr)
			}
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	s, other := open(t, Options{Parallel: 3}), open(t, Options{})
	if r, err := other.Run(t.Context(), pythonJob("print(1)")); err != nil || string(r.Stdout) != "1\n" {
		t.Errorf("a second sandbox: %+v, %v", r, err)
	}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			r, err := s.Run(t.Context(), pythonJob(fmt.Sprintf("print(%d * %d)", i, i)))
			if err != nil || string(r.Stdout) != fmt.Sprintln(i*i) {
				t.Errorf("job %d: %+v, %v", i, r, err)
			}
		})
	}
	wg.Wait()
	if n := len(s.live); n > 3 {
		t.Errorf("%d supervisors for 3 jobs at a time", n)
	}
}

func TestRunPair(t *testing.T) {
	s := open(t, Options{})
	a := pythonJob("import os\nos.write(3, b'question')\nprint(os.read(3, 100))")
	b := pythonJob("import os, time\nprint(os.read(3, 100), flush=True)\nos.write(3, b'answer')\ntime.sleep(1000)")
	ra, rb, err := s.RunPair(t.Context(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	if string(ra.Stdout) != "b'answer'\n" || ra.Verdict != Exited {
		t.Errorf("the first: %s, %q %s", ra.Verdict, ra.Stdout, ra.Stderr)
	}
	if string(rb.Stdout) != "b'question'\n" || rb.Verdict != Killed { // the end of the first is the end of the second
		t.Errorf("the second: %s, %q %s", rb.Verdict, rb.Stdout, rb.Stderr)
	}
}

func TestPairsDoNotWaitForEachOther(t *testing.T) {
	s := open(t, Options{Parallel: 2})
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			j := pythonJob("print(1)")
			if _, _, err := s.RunPair(t.Context(), j, j); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestCancel(t *testing.T) {
	s := open(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	j := pythonJob("import time\ntime.sleep(1000)")
	time.AfterFunc(200*time.Millisecond, cancel)
	if _, err := s.Run(ctx, j); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled job gives %v", err)
	}
	if r, err := s.Run(t.Context(), pythonJob("print(1)")); err != nil || string(r.Stdout) != "1\n" {
		t.Errorf("afterwards: %+v, %v", r, err)
	}
	if _, err := New(ctx, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("New with a cancelled context gives %v", err)
	}
}

func TestClose(t *testing.T) {
	s := open(t, Options{})
	time.AfterFunc(300*time.Millisecond, func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Run(t.Context(), pythonJob("import time\ntime.sleep(1000)")); err == nil {
		t.Error("a job in a sandbox that was closed has a result")
	}
	if _, err := s.Run(t.Context(), pythonJob("print(1)")); err == nil {
		t.Error("a closed sandbox runs a job")
	}
}

func TestSupervisorThatDies(t *testing.T) {
	s := open(t, Options{})
	time.AfterFunc(300*time.Millisecond, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for one := range s.live {
			_ = one.cmd.Process.Kill()
		}
	})
	if r, err := s.Run(t.Context(), pythonJob("import time\ntime.sleep(1000)")); err == nil {
		t.Errorf("a job without a supervisor gives %+v, want an error: it is not the program's fault", r)
	}
	if r, err := s.Run(t.Context(), pythonJob("print(1)")); err != nil || string(r.Stdout) != "1\n" {
		t.Errorf("afterwards: %+v, %v", r, err)
	}
}

func TestBadJobs(t *testing.T) {
	s := open(t, Options{})
	for name, j := range map[string]Job{
		"no arguments":    {},
		"other program":   {Args: []string{"/bin/sh"}},
		"parent":          {Args: []string{"python3"}, Files: map[string][]byte{"../x": nil}},
		"absolute":        {Args: []string{"python3"}, Files: map[string][]byte{"/etc/x": nil}},
		"not clean":       {Args: []string{"python3"}, Files: map[string][]byte{"a//b": nil}},
		"folder":          {Args: []string{"python3"}, Files: map[string][]byte{".": nil}},
		"negative limit":  {Args: []string{"python3"}, Limits: Limits{Wall: -1}},
		"files too large": {Args: []string{"python3"}, Files: map[string][]byte{"x": make([]byte, 1<<20)}, Limits: Limits{FileBytes: 1 << 16}},
	} {
		if r, err := s.Run(t.Context(), j); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r, err := s.Run(t.Context(), pythonJob("print(1)")); err != nil || string(r.Stdout) != "1\n" {
		t.Errorf("afterwards: %+v, %v", r, err)
	}
}

func TestOutputIsCut(t *testing.T) {
	s := open(t, Options{})
	for size, want := range map[int]Verdict{99: Exited, 100: Exited, 101: Flooded} {
		j := pythonJob(fmt.Sprintf("import sys\nsys.stdout.write('x' * %d)", size))
		j.Limits.Output = 100
		r, err := s.Run(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != want || len(r.Stdout) != min(size, 100) {
			t.Errorf("%d bytes: %s with %d bytes, want %s", size, r.Verdict, len(r.Stdout), want)
		}
	}
}
