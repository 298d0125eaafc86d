package unittest

import (
	"strings"
	"testing"
	"time"

	"muonclip/internal/sandbox"
)

// The task of all attacks: double a number, or a list.
var double = Program{
	Preamble: "import random\nSECRET = 'hidden-word'\n",
	Tests: []string{
		"assert double(2) == 4",
		"assert double(21) == 42, 'the answer'",
		"assert all(map(lambda x: double(x) == 2 * x, [3, 4, 5]))",
		"def check(candidate):\n    assert candidate(-5) == -10\n    assert candidate([1]) == [1, 1]\n    for i in range(3):\n        x = random.randint(100, 999)\n        assert candidate(x) == 2 * x\n    assert type(candidate(1.5)) is float\n",
	},
	Calls: []string{"double"},
}

// attacks are solutions that want to pass without being right.
var attacks = []struct{ name, code string }{
	{"exit", "import sys\nsys.exit(0)"},
	{"exit in the call", "import sys\ndef double(x): sys.exit(0)"},
	{"hard exit", "import os\nos._exit(0)"},
	{"hard exit in the call", "import os\ndef double(x): os._exit(0)"},
	{"exception of an exit", "def double(x): raise SystemExit(0)"},
	{"equal to all", "class E:\n    def __eq__(self, o): return True\n    def __ne__(self, o): return False\ndef double(x): return E()"},
	{"int equal to all", "class E(int):\n    def __eq__(self, o): return True\n    __hash__ = int.__hash__\ndef double(x): return E(1)"},
	{"list equal to all", "class E(list):\n    def __eq__(self, o): return True\ndef double(x): return E()"},
	{"text equal to all", "class E(str):\n    def __eq__(self, o): return True\n    __hash__ = str.__hash__\ndef double(x): return E('x')"},
	{"end of an iteration", "def double(x):\n    class S(StopIteration): pass\n    raise S if x == 3 else StopIteration"},
	{"nan", "def double(x): return float('nan')"},
	{"patched builtins", "import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.AssertionError = type('A', (BaseException,), {})\nbuiltins.type = lambda x: float\ndef double(x): return 1"},
	{"patched arithmetic by ctypes", "import ctypes\nctypes.c_int.from_address(id(4) + 24).value = 1\ndef double(x): return 1"},
	{"at exit", "import atexit, os\natexit.register(lambda: os.write(1, b'done 3 3 \\n'))\nimport sys\nsys.exit()"},
	{"forged verdict", "import sys\nsys.stdout.write('P 61 \\ndone 9 9 \\n')\nsys.stdout.flush()\ndef double(x): return 0"},
	{"forged verdict in the channel", "import os\nos.write(3, b'\\0\\0\\0\\x0bdone 9 9 \\n')\ndef double(x): return 0"},
	{"forged verdict everywhere", "import os\nfor fd in range(1, 64):\n    try: os.write(fd, b'done 9 9 \\n')\n    except OSError: pass\ndef double(x): return 0"},
	{"many answers", "import os\nfor i in range(1000): os.write(3, b'\\0\\0\\0\\x02RT')\ndef double(x): return 0"},
	{"endless answer", "import os\nos.write(3, b'\\xff\\xff\\xff\\xff')\nwhile True: os.write(3, b'x' * 65536)"},
	{"nested answer", "import os\nb = b'R' + b'l1:' * 100000 + b'n'\nos.write(3, len(b).to_bytes(4, 'big') + b)\ndef double(x): return 0"},
	{"long answer", "def double(x): return [0] * 10**7"},
	{"large number", "def double(x): return 1 << 10**9"},
	{"colliding keys", "P = 2**61 - 1\ndef double(x): return {i * P: 0 for i in range(40000)}"},
	{"holds itself", "def double(x):\n    l = []\n    l.append(l)\n    return l"},
	{"reads the tests", "import os, glob\nfound = [n for d, _, names in os.walk('/work') for n in names] + glob.glob('/tmp/*')\nassert any('test' in n for n in found), found\ndef double(x): return eval(open('test0.py').read().split('==')[1])"},
	{"edits the tests", "for n in ('test0.py', 'test1.py', 'test2.py'): open(n, 'w').write('assert True')\ndef double(x): return 0"},
	{"imports the harness", "import runner\nrunner.report.good = 9\ndef double(x): return 0"},
	{"changes the harness", "import sys\nm = sys.modules['__main__']\nm.encode = lambda v, out, depth=0: out.extend(b'T')\nm.answer = lambda k, v: None\ndef double(x): return 0"},
	{"frames", "import sys\ndef double(x):\n    f = sys._getframe()\n    while f:\n        for v in list(f.f_locals.values()) + list(f.f_globals.values()):\n            if 'hidden-word' in str(v)[:100000] and 'f_locals' not in str(v): return 2 * x\n        f = f.f_back\n    return 0"},
	{"garbage collector", "import gc\nw = 'hidden-' + 'word'\ndef double(x):\n    for o in gc.get_objects():\n        if isinstance(o, dict) and o.get('SECRET') == w: return 2 * x\n    return 0"},
	{"trace function", "import sys\nseen = []\nsys.settrace(lambda f, e, a: seen.append(f.f_code.co_filename))\ndef double(x): return 2 * x if any('test' in s for s in seen) else 0"},
	{"stopped clock", "import time\ntime.monotonic = time.time = time.perf_counter = lambda: 0.0\ndef double(x):\n    while True: pass"},
	{"sleep", "import time\ndef double(x): time.sleep(1000)"},
	{"sleep while loading", "import time\ntime.sleep(1000)"},
	{"slow answer", "import os, time\ndef double(x):\n    for b in b'\\0\\0\\0\\x7fR' + b's100:':\n        os.write(3, bytes([b])); time.sleep(0.4)"},
	{"silence after closing", "import os\nos.close(3)\nimport time\ntime.sleep(1000)"},
	{"flood", "import os\ndef double(x):\n    while True: os.write(1, b'x' * 65536)"},
	{"fork and answer twice", "import os\ndef double(x):\n    os.fork()\n    return 0"},
	{"daemon", "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(1000)\ndef double(x): return 0"},
	{"recursion", "def double(x): return double(x)"},
	{"crash", "import ctypes\ndef double(x): return ctypes.string_at(0)"},
	{"no such function", "def triple(x): return 3 * x"},
	{"not Python", "def double(x) return x"},
	{"null bytes", "def double(x): return 0\x00"},
	{"empty", ""},
	{"generator", "def double(x): yield 2 * x"},
	{"function", "def double(x): return lambda: 2 * x"},
	{"type", "def double(x): return int"},
	{"wrong", "def double(x): return x + 2"},
	{"right by half", "def double(x): return 2 * x if isinstance(x, int) else x"},
}

func TestAttacks(t *testing.T) {
	sb := open(t, sandbox.Options{Parallel: 4})
	t.Run("all", func(t *testing.T) {
		for _, a := range attacks {
			t.Run(a.name, func(t *testing.T) {
				t.Parallel()
				p := double
				p.Code = a.code
				p.PerCall = 2 * time.Second
				p.Limits = sandbox.Limits{Wall: time.Minute, CPU: 5 * time.Second}
				o, err := Check(t.Context(), sb, p)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%d of %d, %q, solution %s: %+v", o.Good, o.Total, o.Reason, o.Solution.Verdict, failures(o)[:min(1, len(failures(o)))])
				if o.Passed {
					t.Error("it has passed")
				}
				if o.Good == o.Total && o.Reason == "" {
					t.Errorf("%d of %d tests passed", o.Good, o.Total)
				}
				if o.Reason == "" && o.Total != 9 {
					t.Errorf("%d tests, want 9", o.Total)
				}
			})
		}
	})
	p := double
	p.Code, p.PerCall, p.Limits.Wall = "def double(x): return x + x", time.Minute, time.Minute
	o, err := Check(t.Context(), sb, p)
	if err != nil || !o.Passed || o.Total != 9 || o.Good != 9 {
		t.Errorf("the right solution gives %+v, %v", o, err)
	}
	if s := string(o.Solution.Stdout) + string(o.Solution.Stderr); strings.Contains(s, "hidden-word") {
		t.Error("the solution has seen the tests")
	}
}
