package sandbox

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// prelude gives attacks system calls by number and a way to say what happened. An attack that is stopped says BLOCKED; one
// that gets through says ESCAPED.
var prelude = fmt.Sprintf(`
import os, sys, time, errno
NR = %s
def libc():
    import ctypes
    return ctypes.CDLL(None, use_errno=True)
def call(name, *args):
    import ctypes
    c = libc()
    ctypes.set_errno(0)
    r = c.syscall(ctypes.c_long(NR[name]), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    if r == -1:
        raise OSError(ctypes.get_errno(), name)
    return r
def attempt(what, *excepted):
    try:
        got = what()
    except (OSError, MemoryError, ValueError, RuntimeError, ImportError) as e:
        print("BLOCKED", type(e).__name__, e)
        return
    print("ESCAPED", got)
`, numbers())

func numbers() string {
	all := map[string]int{
		"ptrace": unix.SYS_PTRACE, "mount": unix.SYS_MOUNT, "unshare": unix.SYS_UNSHARE, "clone": unix.SYS_CLONE, "setns": unix.SYS_SETNS,
		"keyctl": unix.SYS_KEYCTL, "add_key": unix.SYS_ADD_KEY, "bpf": unix.SYS_BPF, "perf_event_open": unix.SYS_PERF_EVENT_OPEN,
		"io_uring_setup": unix.SYS_IO_URING_SETUP, "userfaultfd": unix.SYS_USERFAULTFD, "process_vm_readv": unix.SYS_PROCESS_VM_READV,
		"memfd_create": unix.SYS_MEMFD_CREATE, "shmget": unix.SYS_SHMGET, "kexec_load": unix.SYS_KEXEC_LOAD, "init_module": unix.SYS_INIT_MODULE,
		"clock_settime": unix.SYS_CLOCK_SETTIME, "reboot": unix.SYS_REBOOT, "pivot_root": unix.SYS_PIVOT_ROOT, "umount2": unix.SYS_UMOUNT2,
		"open_by_handle_at": unix.SYS_OPEN_BY_HANDLE_AT, "capset": unix.SYS_CAPSET, "getpid": unix.SYS_GETPID, "syslog": unix.SYS_SYSLOG,
	}
	var b strings.Builder
	b.WriteString("{")
	for name, nr := range all {
		fmt.Fprintf(&b, "%q: %d, ", name, nr)
	}
	return b.String() + "}"
}

// attack is a program that tries something, and what must come of it.
type attack struct {
	name    string
	code    string // @HOST@ is a file of the host, @PORT@ a port that it listens on, @MARK@ a word to find processes by
	verdict []Verdict
	limits  Limits
}

var brief = Limits{Wall: time.Second}

var attacks = []attack{
	// resources
	{name: "fork bomb", code: "while True:\n    os.fork()", verdict: []Verdict{TimedOut, Exited, OutOfMemory}, limits: brief},
	{name: "fork and sleep", code: `
n = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(100)
        n += 1
except OSError:
    print("BLOCKED" if n < 100 else "ESCAPED", n)`},
	{name: "thread bomb", code: `
import threading
def make():
    for n in range(1000):
        threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
attempt(make)
sys.stdout.flush()
os._exit(0)`},
	{name: "zombie flood", code: `
n = 0
try:
    while True:
        if os.fork() == 0:
            os._exit(0)
        n += 1
except OSError:
    print("BLOCKED" if n < 100 else "ESCAPED", n)`},
	{name: "memory at once", code: "attempt(lambda: bytearray(8 << 30))"},
	{name: "memory in steps", code: "x = []\ndef fill():\n    while True: x.append(bytearray(1 << 20))\nattempt(fill)", verdict: []Verdict{Exited, OutOfMemory}},
	{name: "memory in many processes", code: `
for _ in range(8):
    if os.fork() == 0:
        x = bytearray(os.urandom(1 << 20)) * 100
        time.sleep(100)
time.sleep(100)`, verdict: []Verdict{OutOfMemory}, limits: Limits{Wall: 30 * time.Second, Memory: 200 << 20}},
	{name: "memory without a file", code: "attempt(lambda: call('memfd_create', b'x', 0))"},
	{name: "shared memory segment", code: "attempt(lambda: call('shmget', 0, 1 << 30, 0o1777))"},
	{name: "disk fill", code: "def fill():\n  for i in range(10000):\n    open('f%d' % i, 'wb').write(bytes(8 << 20))\nattempt(fill)"},
	{name: "many files", code: "def fill():\n  for i in range(100000): open('f%d' % i, 'w').close()\nattempt(fill)"},
	{name: "sparse file", code: "attempt(lambda: os.truncate(os.open('f', os.O_CREAT | os.O_RDWR), 1 << 40))"},
	{name: "output flood", code: "while True: os.write(1, b'x' * 65536)", verdict: []Verdict{Flooded}},
	{name: "error flood", code: "while True: os.write(2, b'x' * 65536)", verdict: []Verdict{Flooded}},
	{name: "infinite loop", code: "while True: pass", verdict: []Verdict{OutOfCPU}, limits: Limits{Wall: time.Minute, CPU: time.Second}},
	{name: "infinite loop against the clock", code: "while True: pass", verdict: []Verdict{TimedOut}, limits: brief},
	{name: "sleep forever", code: "time.sleep(1e6)", verdict: []Verdict{TimedOut}, limits: brief},
	{name: "ignored signals", code: "import signal\nfor n in range(1, 65):\n  try: signal.signal(n, signal.SIG_IGN)\n  except (OSError, ValueError): pass\nwhile True: time.sleep(1)",
		verdict: []Verdict{TimedOut}, limits: brief},
	{name: "deep recursion", code: "sys.setrecursionlimit(10**9)\ndef f(): return f() + 1\nattempt(f)", verdict: []Verdict{Killed, Exited, OutOfMemory}},
	{name: "raised limits", code: "import resource\nattempt(lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40)))"},
	{name: "stream kept open in a socket", code: "import socket, array\na, b = socket.socketpair()\na.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [1, a.fileno(), b.fileno()]))])\nprint('BLOCKED: over')"},

	// network
	{name: "connect", code: "import socket\nattempt(lambda: socket.create_connection(('1.1.1.1', 53), 5))"},
	{name: "connect to the host", code: "import socket\nattempt(lambda: socket.create_connection(('127.0.0.1', @PORT@), 5))"},
	{name: "host's socket by name", code: "import socket\ns = socket.socket(socket.AF_UNIX)\nattempt(lambda: s.connect('\\0@MARK@'))"},
	{name: "name lookup", code: "import socket\nattempt(lambda: socket.getaddrinfo('example.com', 80))"},
	{name: "raw socket", code: "import socket\nattempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))"},
	{name: "packet socket", code: "import socket\nattempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))"},
	{name: "routing socket", code: "import socket\nattempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))"},

	// files of the host
	{name: "shadow", code: "attempt(lambda: open('/etc/shadow').read())"},
	{name: "home", code: "attempt(lambda: os.listdir('/root'))"},
	{name: "file of the host", code: "attempt(lambda: open('@HOST@').read())"},
	{name: "symbolic link", code: "os.symlink('../../../../../..@HOST@', 'l')\nattempt(lambda: open('l').read())"},
	{name: "many parents", code: "attempt(lambda: open('../' * 50 + '@HOST@').read())"},
	{name: "root of the first process", code: "attempt(lambda: os.listdir('/proc/1/root'))"},
	{name: "list of processes", code: "attempt(lambda: os.listdir('/.proc/1'))"},
	{name: "environment", code: "print('ESCAPED' if '@MARK@' in str(os.environ) else 'BLOCKED', os.environ)"},
	{name: "write to the interpreter", code: "attempt(lambda: open(os.__file__, 'a'))"},
	{name: "write to the root", code: "attempt(lambda: open('/x', 'w'))"},
	{name: "hard link", code: "attempt(lambda: os.link(os.__file__, 'l'))"},
	{name: "chroot", code: "os.mkdir('d')\nattempt(lambda: os.chroot('d'))"},
	{name: "file by handle", code: "import ctypes\nattempt(lambda: call('open_by_handle_at', 3, ctypes.create_string_buffer(64), 0))"},
	{name: "inherited descriptors", code: `
found = []
for fd in range(3, 256):
    try:
        os.fstat(fd)
        found.append(fd)
    except OSError:
        pass
me = [os.open('main.py', os.O_RDONLY)]
print('ESCAPED' if found else 'BLOCKED', found)`},

	// rights
	{name: "super-user", code: "attempt(lambda: os.setuid(0))"},
	{name: "group", code: "attempt(lambda: os.setgid(0))"},
	{name: "capability", code: "import ctypes\nhead = (ctypes.c_uint * 2)(0x20080522, 0)\nall = (ctypes.c_uint * 6)(*[0xffffffff] * 6)\nattempt(lambda: call('capset', head, all))"},
	{name: "program with rights", code: "import subprocess\nattempt(lambda: subprocess.run(['/usr/bin/su', '-c', 'id'], stdin=subprocess.DEVNULL, check=True).returncode if os.path.exists('/usr/bin/su') else os.setuid(0))",
		verdict: []Verdict{Exited}},
	{name: "mount", code: "attempt(lambda: call('mount', b'none', b'/work', b'tmpfs', 0, 0))"},
	{name: "unmount", code: "attempt(lambda: call('umount2', b'/work', 2))"},
	{name: "pivot", code: "attempt(lambda: call('pivot_root', b'.', b'.'))"},
	{name: "user namespace", code: "attempt(lambda: call('unshare', 0x10000000))"},
	{name: "user namespace by clone", code: "attempt(lambda: call('clone', 0x10000000 | 17, 0, 0, 0, 0))"},
	{name: "mount namespace", code: "attempt(lambda: call('unshare', 0x00020000))"},
	{name: "other namespace", code: "attempt(lambda: call('setns', 0, 0))"},
	{name: "device node", code: "attempt(lambda: os.mknod('d', 0o600 | 0o060000, os.makedev(8, 0)))"},
	{name: "memory device", code: "attempt(lambda: open('/dev/mem', 'rb'))"},
	{name: "kernel log", code: "attempt(lambda: call('syslog', 3, b' ' * 64, 64))"},
	{name: "host name", code: "attempt(lambda: __import__('socket').sethostname('x'))"},

	// other processes and the kernel
	{name: "trace", code: "pid = os.fork()\nif pid == 0: time.sleep(100)\nattempt(lambda: call('ptrace', 16, pid, 0, 0))"},
	{name: "trace me", code: "import signal\ncall('ptrace', 0, 0, 0, 0)\nos.kill(os.getpid(), signal.SIGUSR1)\nprint('ESCAPED')\nsys.stdout.flush()\ntime.sleep(1000)",
		verdict: []Verdict{Killed}},
	{name: "read a process", code: "pid = os.fork()\nif pid == 0: time.sleep(100)\nattempt(lambda: call('process_vm_readv', pid, 0, 0, 0, 0, 0))"},
	{name: "signal to the parent", code: "print('BLOCKED' if os.getppid() == 0 else 'ESCAPED', os.getppid())\nsys.stdout.flush()\nos.kill(-1, 9)", verdict: []Verdict{Exited}},
	{name: "daemon", code: `
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(1000)', '@MARK@'])
    os._exit(0)
time.sleep(0.3)
print('BLOCKED: over')`},
	{name: "keyring", code: "attempt(lambda: call('add_key', b'user', b'x', b'y', 1, -4))"},
	{name: "keys", code: "attempt(lambda: call('keyctl', 0, -3, 0))"},
	{name: "bpf", code: "attempt(lambda: call('bpf', 0, 0, 0))"},
	{name: "counters", code: "attempt(lambda: call('perf_event_open', 0, 0, -1, -1, 0))"},
	{name: "rings", code: "attempt(lambda: call('io_uring_setup', 1, 0))"},
	{name: "page faults", code: "attempt(lambda: call('userfaultfd', 1))"},
	{name: "kernel module", code: "attempt(lambda: call('init_module', b'', 0, b''))"},
	{name: "kernel", code: "attempt(lambda: call('kexec_load', 0, 0, 0, 0))"},
	{name: "reboot", code: "attempt(lambda: call('reboot', 0xfee1dead - (1 << 32), 672274793, 0x1234567, 0))"},
	{name: "clock", code: "attempt(lambda: time.clock_settime(time.CLOCK_REALTIME, 0))"},
	{name: "crash", code: "import ctypes\nctypes.string_at(0)", verdict: []Verdict{Killed}},
}

func TestAttacks(t *testing.T) {
	t.Setenv("SANDBOX_ATTACK", "sandbox-attack-marker")
	const mark = "sandbox-attack-marker"
	s := open(t, Options{Parallel: 4})
	host := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(host, []byte("ESCAPED"), 0o644); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	named, err := net.Listen("unix", "@"+mark)
	if err != nil {
		t.Fatal(err)
	}
	defer named.Close()
	fill := strings.NewReplacer("@HOST@", host, "@MARK@", mark, "@PORT@", fmt.Sprint(listener.Addr().(*net.TCPAddr).Port))

	t.Run("all", func(t *testing.T) {
		for _, a := range attacks {
			t.Run(a.name, func(t *testing.T) {
				t.Parallel()
				j := pythonJob(prelude + fill.Replace(a.code))
				if a.limits != (Limits{}) {
					j.Limits = a.limits
				}
				r, err := s.Run(t.Context(), j)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%s, status %d %s, %v, CPU %v: %.200s %.300s", r.Verdict, r.Exit, r.Signal, r.Wall.Round(time.Millisecond), r.CPU, r.Stdout, tail(r.Stderr))
				if bytes.Contains(r.Stdout, []byte("ESCAPED")) {
					t.Error("it got through")
				}
				if a.verdict == nil && !bytes.HasPrefix(r.Stdout, []byte("BLOCKED")) || a.verdict != nil && !slices.Contains(a.verdict, r.Verdict) {
					t.Errorf("the job ended as %s and said %.200q, want BLOCKED or one of %v", r.Verdict, r.Stdout, a.verdict)
				}
				if int64(len(r.Stdout)) > DefaultLimits.Output || int64(len(r.Stderr)) > DefaultLimits.Output {
					t.Errorf("%d and %d bytes of output were kept", len(r.Stdout), len(r.Stderr))
				}
			})
		}
	})
	t.Logf("%d attacks", len(attacks))
	if left := processesNamed(t, mark); len(left) > 0 {
		t.Errorf("processes have survived their jobs: %q", left)
	}
	// After all this the sandbox is what it was.
	r, err := s.Run(t.Context(), pythonJob("import os; print(os.listdir('.'), os.listdir('/tmp'))"))
	if err != nil || string(r.Stdout) != "['main.py'] ['main.py']\n" {
		t.Errorf("after the attacks a job says %+v, %v", r, err)
	}
}

// processesNamed lists the processes of the machine with a word among their arguments.
func processesNamed(t *testing.T, word string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && bytes.Contains(text, []byte(word)) {
			found = append(found, f)
		}
	}
	return found
}
