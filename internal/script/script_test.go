package script

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.starlark.net/starlark"
)

func run(t *testing.T, src string) (starlark.Value, error) {
	t.Helper()
	f, err := Compile("test", src, nil, starlark.StringDict{})
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	return f.Run(&starlark.Thread{}, 100_000, 1<<18, nil)
}

func TestPrograms(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"x = [1, 2]\nx += [3]\ny = x\ny += x\nreturn [x, len(x)]", "[[1, 2, 3, 1, 2, 3], 6]"},
		{"d = {}\nd['a'] = 1\nk = 'a'\nd[k] += 4\nreturn d", `{"a": 5}`},
		{"return sorted([{'a': 2}, {'a': 1}], key=lambda r: r['a'], reverse=True)", `[{"a": 2}, {"a": 1}]`},
		{"return '%s has %d' % ('x', 3) + 'y' * 2", `"x has 3yy"`},
		{"return [round(2.5), round(2.345, 2), sum([1, 2.5]), max([3, 9, 4]), int('12')]", "[3, 2.35, 3.5, 9, 12]"},
		{"return 'a' in {'a': 1} and 2 not in [1, 3] and 'b' in 'abc'", "True"},
		{"t = 0\nfor i, w in enumerate('a b c'.split(' ')):\n    t += i\nreturn t", "3"},
		{"return [x[1:3], x[-1]] if x else None", ""},
		{"return '{} of {}'.format(1, [2]).upper() + ','.join(['a', 'b'])", `"1 OF [2]a,b"`},
		{"d = {'a': 1} | {'b': 2}\nreturn [(k, v) for k, v in d.items()] + [d.get('z', 7), d.get('b')]", `[("a", 1), ("b", 2), 7, 2]`},
		{"x = 10\nx -= 3\nx //= 2\nx *= 5\nx %= 4\nreturn x", "3"},
	} {
		if c.want == "" {
			c.src = "x = [1, 2, 3, 4]\n" + c.src
			c.want = "[[2, 3], 4]"
		}
		v, err := run(t, c.src)
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		if v.String() != c.want {
			t.Errorf("%s: got %s, want %s", c.src, v, c.want)
		}
	}
}

func TestMalicious(t *testing.T) {
	cases := map[string]string{
		"endless loop":      "x = 0\nfor i in range(9999):\n    for j in range(9999):\n        x = i\nreturn x",
		"list repetition":   "return [0] * 50000000",
		"text repetition":   "return len('a' * 50000000)",
		"doubling list":     "x = [0]\nfor i in range(60):\n    x = x + x\nreturn len(x)",
		"doubling in place": "x = [0]\nfor i in range(60):\n    x += x\nreturn len(x)",
		"doubling text":     "x = 'ab'\nfor i in range(60):\n    x += x\nreturn len(x)",
		"hoarded texts":     "x = 'a' * 60000\nl = []\nfor i in range(9000):\n    l.append(x + str(i))\nreturn len(l)",
		"hoarded slices":    "x = [0] * 9000\nl = []\nfor i in range(9000):\n    l.append(x[:])\nreturn len(l)",
		"shared tree str":   "x = [0]\nfor i in range(60):\n    x = [x, x]\nreturn str(x)",
		"shared tree mod":   "x = [0]\nfor i in range(60):\n    x = [x, x]\nreturn '%s' % [x]",
		"shared tree fmt":   "x = [0]\nfor i in range(60):\n    x = [x, x]\nreturn '{}'.format(x)",
		"shared tree eq":    "x = [0] * 5000\ny = [x] * 5000\nz = [y] * 5000\nu = [y] * 5000\nreturn z == u",
		"shared tree in":    "x = [0] * 5000\ny = [x] * 5000\nz = [y] * 5000\nreturn [y] in z",
		"shared tree index": "x = [0] * 5000\ny = [x] * 5000\nz = [y] * 5000\nreturn z.index([0])",
		"shared tree hash":  "x = (0,)\nfor i in range(60):\n    x = (x, x)\nreturn {x: 1}",
		"hash by index":     "x = (0,)\nfor i in range(60):\n    x = (x, x)\nd = {}\nd[x] = 1\nreturn d",
		"hash by get":       "x = (0,)\nfor i in range(60):\n    x = (x, x)\nreturn {}.get(x)",
		"hash by dict":      "x = (0,)\nfor i in range(60):\n    x = (x, x)\nreturn dict([(x, 1)])",
		"hash by in":        "x = (0,)\nfor i in range(60):\n    x = (x, x)\nreturn x in {1: 2}",
		"self in itself":    "x = []\nx.append(x)\nx.append(x)\nreturn x == [x, x]",
		"squaring":          "x = 9\nfor i in range(60):\n    x = x * x\nreturn x",
		"replace":           "x = 'a' * 900\nfor i in range(9):\n    x = x.replace('a', x)\nreturn len(x)",
		"join":              "return len(('a' * 60000).join(['b'] * 9000))",
		"long range":        "return len(list(range(1000000000)))",
		"sorting keys":      "x = [0] * 5000\nreturn sorted([1] * 5000, key=lambda v: [x])",
		"extend itself":     "x = [0]\nfor i in range(60):\n    x.extend(x)\nreturn len(x)",
		"recursion":         "f = lambda g: g(g)\nreturn f(f)",
		"infinite float":    "x = 10.0\nfor i in range(2000):\n    x = x * 10\nreturn x",
		"huge int text":     "return int('9' * 50000)",
		"attribute mix":     "return 'a'.format.x",
	}
	for name, src := range cases {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			f, err := Compile("test", src, nil, starlark.StringDict{})
			if err == nil {
				_, err = f.Run(&starlark.Thread{}, 100_000, 1<<18, nil)
			}
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatal("the program was not stopped")
			}
			if took > 2*time.Second {
				t.Errorf("took %v", took)
			}
			if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 64 {
				t.Errorf("allocated %d MiB in all", mib)
			}
			t.Log(took.Round(time.Microsecond), err)
		})
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"while True:\n    pass", "while"},
		{"def f():\n    return 1\nreturn f()", "def"},
		{"load('x', 'y')", "load"},
		{"return 1 << 5", "operator <<"},
		{"return getattr('a', 'b')", "getattr is not available"},
		{"return hash('a')", "hash is not available"},
		{"return set([1])", "set"},
		{"x = {}\nreturn x.status", `write r["status"]`},
		{"return __mul(2, 3)", "two underscores"},
		{"return 'a'.encode()", "method encode"},
		{"return max(*[1, 2])", "*args"},
		{"return unknown_name", "undefined: unknown_name"},
		{"[1][0:1] += [2]", "target"},
		{"return (1", "1:"},
		{"", "empty"},
		{strings.Repeat("(", 20_000), "bytes"},
		{strings.Repeat("(", 10_000), "1:"},
	} {
		_, err := Compile("test", c.src, nil, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: got %v, want an error with %q", c.src, err, c.want)
		}
	}
}

func TestErrorPosition(t *testing.T) {
	_, err := Compile("test", "x = 1\ny = 2\nreturn x +* y", nil, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "3:") {
		t.Errorf("got %v, want an error at line 3", err)
	}
}

func TestCompileExpr(t *testing.T) {
	f, err := CompileExpr("when", "nights > 7 and [x for x in wishes if x != None] and days_between(today(), arrival) < 2", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.Params, " "); got != "nights wishes arrival" {
		t.Errorf("free names %q", got)
	}
	if got := strings.Join(f.Calls, " "); got != "days_between today" {
		t.Errorf("calls %q", got)
	}
}

func TestShared(t *testing.T) {
	f, err := Compile("test", "x = []\nfor i in range(n):\n    x.append(i * 2)\nreturn sum(x)", []string{"n"}, starlark.StringDict{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				v, err := f.Run(&starlark.Thread{}, 10_000, 10_000, starlark.Tuple{starlark.MakeInt(10)})
				if err != nil || v.String() != "90" {
					t.Errorf("got %v %v", v, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestResourcesError(t *testing.T) {
	_, err := run(t, "for i in range(9999):\n    for j in range(9999):\n        pass\nreturn 1")
	if !errors.Is(err, ErrResources) {
		t.Errorf("got %v, want ErrResources", err)
	}
}
