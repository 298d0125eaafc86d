package unittest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/sandbox"
)

// patient limits are for slow machines.
var patient = sandbox.Limits{Wall: 2 * time.Minute, CPU: time.Minute}

func TestCheck(t *testing.T) {
	sb := open(t, sandbox.Options{})
	o, err := Check(t.Context(), sb, Program{
		Code:     "print('loading')\ndef half(x):\n    if x < 0: raise ValueError('below zero')\n    return x / 2 if x % 2 else x // 2\n",
		Preamble: "def twice(x): return 2 * x\n",
		Tests: []string{
			"assert twice(half(8)) == 8\nassert half(3) == 1, 'rounded down'",
			"try:\n    half(-1)\nexcept ValueError as e:\n    assert str(e) == 'below zero'",
			"for i in range(3): assert half(2 * i) == i",
			"assert half('x')",
			"half(3)",
		},
		Calls: []string{"half"}, PerCall: time.Minute, Limits: patient,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []Test{
		{"assert twice(half(8)) == 8", true, ""},
		{"assert half(3) == 1, 'rounded down'", false, "AssertionError: rounded down"},
		{"assert str(e) == 'below zero'", true, ""},
		{"for i in range(3): assert half(2 * i) == i", true, ""},
		{"for i in range(3): assert half(2 * i) == i", true, ""},
		{"for i in range(3): assert half(2 * i) == i", true, ""},
		{"assert half('x')", false, "TypeError: '<' not supported between instances of 'str' and 'int'"},
		{"test4.py", false, "the test asserts nothing"},
	}
	if diff := cmp.Diff(want, o.Tests); diff != "" {
		t.Error(diff)
	}
	if o.Passed || o.Total != 8 || o.Good != 5 || o.Reason != "" {
		t.Errorf("%v, %d of %d, %q", o.Passed, o.Good, o.Total, o.Reason)
	}
	if string(o.Solution.Stdout) != "loading\n" {
		t.Errorf("it printed %q", o.Solution.Stdout)
	}
}

// Values arrive as they were sent, with their exact types, in both directions.
func TestValues(t *testing.T) {
	sb := open(t, sandbox.Options{})
	values := []string{
		"None", "True", "0", "-1", "10**30", "-(1 << 4000)", "0.1", "-0.0", "1e308", "5e-324", "float('inf')", "1+2j", "''", "'ünïcödé \\ud800 \\0'", "b'\\xff\\0'",
		"[]", "[[1], (2,), {3}]", "()", "(1, 'a', None)", "set()", "{1, 2}", "frozenset([1, (2, 3)])", "{}", "{1: {'a': [True]}, (1, 2): None}",
		"range(3, -9, -2)", "int", "str", "type(None)", "[1] * 5000", "'x' * 100000",
	}
	var tests []string
	for _, v := range values {
		tests = append(tests, "v = "+v+"\nassert same(v) == v and type(same(v)) is type(v) and repr(same(v)) == repr(v)")
	}
	tests = append(tests, "v = same(float('nan'))\nassert v != v", "assert same(a=1, b=[2]) == {'a': 1, 'b': [2]}", "assert list(same({3: 1, 1: 2})) == [3, 1]")
	o, err := Check(t.Context(), sb, Program{
		Code: "def same(*args, **named): return args[0] if args else named", Tests: tests, Calls: []string{"same"}, PerCall: time.Minute,
		Limits: patient,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !o.Passed || o.Total != len(tests) {
		t.Errorf("%d of %d, want %d: %s %+v", o.Good, o.Total, len(tests), o.Reason, failures(o))
	}
}

func TestSubclassesArriveAsTheirBase(t *testing.T) {
	sb := open(t, sandbox.Options{})
	o, err := Check(t.Context(), sb, Program{
		Code:  "import collections\nP = collections.namedtuple('P', 'x y')\ndef point(): return P(1, 2)\ndef count(s): return collections.Counter(s)",
		Tests: []string{"assert point() == (1, 2) and type(point()) is tuple", "assert count('aab') == {'a': 2, 'b': 1} and type(count('')) is dict"},
		Calls: []string{"point", "count"}, PerCall: time.Minute, Limits: patient,
	})
	if err != nil || !o.Passed {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestTestsThatCannotRun(t *testing.T) {
	sb := open(t, sandbox.Options{})
	good := Program{Code: "def f(): return 1", Tests: []string{"assert f() == 1"}, Calls: []string{"f"}, PerCall: time.Minute, Limits: patient}
	for name, change := range map[string]func(p *Program){
		"syntax":   func(p *Program) { p.Tests = []string{"assert ("} },
		"preamble": func(p *Program) { p.Preamble = "import no_such_module" },
		"no tests": func(p *Program) { p.Tests = nil },
		"no calls": func(p *Program) { p.Calls = nil },
	} {
		p := good
		change(&p)
		if o, err := Check(t.Context(), sb, p); !errors.Is(err, ErrTests) {
			t.Errorf("%s: %+v, %v; want ErrTests", name, o, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if o, err := Check(ctx, sb, good); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %+v, %v", o, err)
	}
	if err := sb.Close(); err != nil {
		t.Fatal(err)
	}
	if o, err := Check(t.Context(), sb, good); err == nil {
		t.Errorf("without a sandbox: %+v, want an error and no zero", o)
	}
}

func TestTestsThatDoNotEnd(t *testing.T) {
	sb := open(t, sandbox.Options{})
	o, err := Check(t.Context(), sb, Program{
		Code: "def f(): return 1", Tests: []string{"f()\nwhile True: pass"}, Calls: []string{"f"}, Limits: sandbox.Limits{Wall: time.Second},
	})
	if err != nil || o.Passed || !strings.Contains(o.Reason, "timed out") {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestParse(t *testing.T) {
	out, end, why, err := parse("P 61 \nF 62 63\ndone 3 1 64\n")
	want := Outcome{Total: 3, Good: 1, Tests: []Test{{"a", true, ""}, {"b", false, "c"}}}
	if err != nil || end != "done" || why != "d" || !cmp.Equal(out, want) {
		t.Errorf("%+v, %q, %q, %v", out, end, why, err)
	}
	for _, bad := range []string{"", "\n", "P 61 ", "X 61 \ndone 1 1 ", "P 6 \ndone 1 1 ", "done 1 2 ", "done 0 -1 ", "done x 0 ", "over 0 0 ", "P 61 \ndone 0 0 ", "done 0 0 zz", "done 0 0"} {
		if out, _, _, err := parse(bad); err == nil {
			t.Errorf("%q gives %+v", bad, out)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("P 61 \nF 62 63\ndone 3 1 64\n")
	f.Add("broken 0 0 61\n")
	f.Fuzz(func(t *testing.T, text string) {
		out, end, _, err := parse(text)
		if err != nil {
			return
		}
		if end != "done" && end != "broken" || out.Good > out.Total || len(out.Tests) > out.Total || out.Passed {
			t.Errorf("%q gives %+v, %q", text, out, end)
		}
	})
}

func FuzzRows(f *testing.F) {
	f.Add([]byte(`{"task_id": "HumanEval/0", "prompt": "def f():\n", "entry_point": "f", "canonical_solution": "    return 1", "test": "def check(c): assert c() == 1"}`))
	f.Add([]byte(`{"task_id": 7, "text": "x", "code": "import sys\ndef f(x):\r\n return x", "test_setup_code": "", "test_list": ["assert f(1) == 1"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, errA := parseRows(bytes.NewReader(data), humanEval.task)
		b, errB := parseRows(bytes.NewReader(data), mbpp.task)
		if errA == nil && errB == nil {
			t.Error("the rows are those of two formats")
		}
		for _, task := range append(a, b...) {
			if task.ID == "" || len(task.Tests) == 0 || len(task.Calls) == 0 {
				t.Errorf("a task without name, tests or calls: %+v", task)
			}
		}
	})
}

func TestMBPPRows(t *testing.T) {
	row := `{"task_id": 7, "text": "x", "code": "import sys\r\nimport re\r\nclass P:\r\n  pass\r\ndef f(x):\r\n return x\r\ndef g(x): return x", "test_setup_code": "", "test_list": ["assert f(P()) == sys.maxsize"]}`
	got, err := parseRows(strings.NewReader(row+"\n\n"), mbpp.task)
	want := []Task{{
		ID: "MBPP/7", Prompt: "x", Solution: "import sys\nimport re\nclass P:\n  pass\ndef f(x):\n return x\ndef g(x): return x", Preamble: "import sys\n",
		Tests: []string{"assert f(P()) == sys.maxsize"}, Calls: []string{"P", "f"},
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for _, bad := range []string{"", "{}", "[1]", `{"task_id": 1, "code": "x = 1", "test_list": ["assert f()"]}`} {
		if got, err := parseRows(strings.NewReader(bad), mbpp.task); err == nil {
			t.Errorf("%q gives %+v", bad, got)
		}
	}
}
