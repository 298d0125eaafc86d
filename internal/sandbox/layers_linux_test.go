package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestRequire(t *testing.T) {
	if _, err := New(t.Context(), Options{Require: []string{"moat"}}); err == nil {
		t.Error("a layer that does not exist was required without an error")
	}
	_, err := New(t.Context(), Options{Python: "/nowhere/python3"})
	if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "/nowhere/python3") {
		t.Errorf("without Python: %v", err)
	}
	err = refusal(Namespaces, unix.EPERM)
	if !errors.Is(err, ErrUnsupported) || !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "max_user_namespaces") {
		t.Errorf("a refused layer: %v", err)
	}
}

func TestUnsafe(t *testing.T) {
	s, err := New(t.Context(), Options{Unsafe: true})
	if err != nil {
		t.Skip("there is no Python here:", err)
	}
	defer s.Close()
	if at := slices.IndexFunc(s.Layers(), func(l Layer) bool { return l.Name == Namespaces }); at < 0 || s.Layers()[at].Active {
		t.Errorf("layers: %+v", s.Layers())
	}
	const mark = "sandbox-unsafe-marker"
	daemon := pythonJob("import os, sys, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(1000)', '" + mark + "'])\n    os._exit(0)\ntime.sleep(0.2)\nprint(os.getcwd())")
	r, err := s.Run(t.Context(), daemon)
	if err != nil {
		t.Fatal(err)
	}
	if left := processesNamed(t, mark); len(left) > 0 {
		t.Errorf("processes have survived their job: %q", left)
	}
	if _, err := os.Stat(strings.TrimSpace(string(r.Stdout))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder %s is still there: %v", r.Stdout, err)
	}
	sleep := pythonJob("import time\ntime.sleep(1000)")
	sleep.Limits.Wall = 200 * time.Millisecond
	if r, err := s.Run(t.Context(), sleep); err != nil || r.Verdict != TimedOut {
		t.Errorf("a sleeper: %+v, %v", r, err)
	}
	if r, err := s.Run(t.Context(), pythonJob("bytearray(8 << 30)")); err != nil || !bytes.Contains(r.Stderr, []byte("MemoryError")) {
		t.Errorf("much memory: %+v, %v", r, err)
	}
}

// Root runs the tests above as another user, too: there the sandbox must be made without any right.
func TestWithoutRights(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this is not root")
	}
	open(t, Options{}) // or skip
	cmd := exec.Command("/proc/self/exe", "-test.run=^(TestRun|TestRunPair|TestNextJobSeesNothing)$", "-test.v")
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/local/bin:/usr/bin:/bin", "TMPDIR=/tmp"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, os.ErrPermission) {
		t.Skip("another user may not run the tests:", err)
	}
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestRun ")) && !bytes.Contains(out, []byte("--- SKIP: TestRun ")) {
		t.Fatalf("%v\n%s", err, out)
	}
	if bytes.Contains(out, []byte("--- SKIP")) {
		t.Skipf("the kernel refuses other users:\n%s", out)
	}
}

// A program that is killed leaves empty groups, which the next one removes.
func TestStaleControlGroups(t *testing.T) {
	gone := exec.Command("/proc/self/exe", "-test.run=^$")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	stale, own := fmt.Sprintf("%s/muonclip-%d-1", root, gone.Process.Pid), fmt.Sprintf("%s/muonclip-%d-2", root, os.Getpid())
	for _, dir := range []string{stale, own} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	(&controlGroups{memory: root, pids: root}).clean()
	if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the group of a program that is gone: %v", err)
	}
	if _, err := os.Stat(own); err != nil {
		t.Errorf("the group of a running program: %v", err)
	}
}

func TestFilterJumpsStayInside(t *testing.T) {
	if architecture.audit == 0 {
		t.Skip("there is no filter for this architecture")
	}
	p := filter()
	for at, op := range p {
		if op.Code&7 == unix.BPF_JMP && at+1+int(max(op.Jt, op.Jf)) >= len(p) {
			t.Errorf("instruction %d jumps out of the program", at)
		}
	}
	if last := p[len(p)-1]; last.Code != unix.BPF_RET|unix.BPF_K {
		t.Error("the program does not end with a return")
	}
	nrs := append(slices.Clone(refused), architecture.refused...)
	slices.Sort(nrs)
	if len(slices.Compact(nrs)) != len(refused)+len(architecture.refused) {
		t.Error("a system call is refused twice")
	}
}

func TestJudge(t *testing.T) {
	signalled := func(s unix.Signal) unix.WaitStatus { return unix.WaitStatus(s) }
	limits := Limits{CPU: time.Second}
	for _, c := range []struct {
		name   string
		status unix.WaitStatus
		killed Verdict
		cpu    time.Duration
		exit   int
		want   Verdict
	}{
		{"exit", 3 << 8, "", 0, 3, Exited},
		{"exit before the kill", 0, TimedOut, 0, 0, Exited},
		{"wall", signalled(unix.SIGKILL), TimedOut, 2 * time.Second, -1, TimedOut},
		{"memory", signalled(unix.SIGKILL), OutOfMemory, 0, -1, OutOfMemory},
		{"CPU", signalled(unix.SIGKILL), "", 990 * time.Millisecond, -1, OutOfCPU},
		{"CPU, soft", signalled(unix.SIGXCPU), "", 0, -1, OutOfCPU},
		{"crash", signalled(unix.SIGSEGV), "", 0, -1, Killed},
		{"crash before the kill", signalled(unix.SIGSEGV), TimedOut, 0, -1, Killed},
	} {
		if exit, _, got := judge(c.status, c.killed, c.cpu, limits); exit != c.exit || got != c.want {
			t.Errorf("%s: status %d, %s; want %d, %s", c.name, exit, got, c.exit, c.want)
		}
	}
}
