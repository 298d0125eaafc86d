package codeenv

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/sandbox/unittest"
)

func TestExtract(t *testing.T) {
	for _, c := range []struct {
		text string
		want answer
	}{
		{"", answer{}},
		{"x = 1\n", answer{code: "x = 1"}},
		{"\n\n  x = 1", answer{code: "  x = 1"}},
		{"```python\nx = 1\n```", answer{"x = 1", 1, true}},
		{"So:\r\n```py\r\nx = 1\r\n```\r\nDone.", answer{"x = 1", 1, true}},
		{"```\na\n```\n```\nb\n\nc\n```", answer{"b\n\nc", 2, true}},
		{"```\na\n```\n```\nb", answer{"b", 2, false}},
		{"~~~\n```\n~~~", answer{"```", 1, true}},
		{"````\n```\nx\n```\n````", answer{"```\nx\n```", 1, true}},
		{"Use `x` and ```y``` here", answer{code: "Use `x` and ```y``` here"}},
		{"    ```\nx", answer{code: "    ```\nx"}},
		{"```python\nx = '''\n```python\n'''\n```", answer{"x = '''\n```python\n'''", 1, true}},
		{"```", answer{"", 1, false}},
	} {
		if diff := cmp.Diff(c.want, extract(c.text), cmp.AllowUnexported(answer{})); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add("```python\nx = 1\n```")
	f.Add("~~~\n```\n````\n~~~~ \n")
	f.Fuzz(func(t *testing.T, text string) {
		a := extract(text)
		clean := strings.ReplaceAll(text, "\r\n", "\n")
		if !strings.Contains(clean, a.code) || a.blocks == 0 && a.code != strings.Trim(clean, "\n") {
			t.Fatalf("%q gives %+v", text, a)
		}
		// What has no fence in it comes back from a block.
		if !strings.Contains(clean, "```") && !strings.Contains(clean, "\r") {
			want := answer{clean, 1, true}
			if got := extract("```python\n" + clean + "\n```"); got != want {
				t.Fatalf("%q comes back as %+v", clean, got)
			}
		}
	})
}

func TestSplitFunction(t *testing.T) {
	for _, c := range []struct {
		code, body, says string
		params           []string
	}{
		{code: "def f(x): return x + 3", params: []string{"x"}, body: "return x + 3"},
		{code: "# so\ndef f(x, y):\n    '''Adds.'''\n    if x:\n        return y\n\n    return x\n", params: []string{"x", "y"},
			body: "'''Adds.'''\nif x:\n    return y\n\nreturn x\n"},
		{code: "def f(x):\n  # é\n  return 'é'", params: []string{"x"}, body: "return 'é'"},
		{code: "def g(x): return x", says: "does not define f"},
		{code: "def f(x): return x\ndef g(x): return x", says: "2 statements"},
		{code: "def f(x=1): return x", says: "plain names"},
		{code: "def f(x): return (", says: "got end of file"},
		{code: "", says: "0 statements"},
		{code: strings.Repeat("#", 20<<10), says: "bytes"},
	} {
		params, body, err := splitFunction(c.code, "f")
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q: %v, want %q", short(c.code), err, c.says)
			}
			continue
		}
		if err != nil || body != c.body || !cmp.Equal(params, c.params) {
			t.Errorf("%q: %q, %q, %v", c.code, params, body, err)
		}
	}
}

func FuzzSplitFunction(f *testing.F) {
	f.Add("def f(x):\n    return x\n")
	f.Add("def f(x): return x; y")
	f.Fuzz(func(t *testing.T, code string) {
		params, body, err := splitFunction(code, "f")
		if err == nil && strings.TrimSpace(body) == "" {
			t.Fatalf("%q has the parameters %q and no body", code, params)
		}
	})
}

func TestTampering(t *testing.T) {
	for _, c := range []struct {
		code, says string
		seen       unittest.Outcome
	}{
		{code: "def f(x): return x"},
		{code: "import sys, os, re, math\nprint(sys.maxsize, os.path.join('a', 'b'))"},
		{code: "# solution.py\ndef f(x): return x"},
		{code: "import sys\nsys.exit(0)", says: "ends the process"},
		{code: "open('test0.py').read()", says: "opens files"},
		{code: "open('/proc/self/mem')", says: "opens files"},
		{code: "import builtins", says: "built-in"},
		{code: "__builtins__['len'] = f", says: "built-in"},
		{code: "class A:\n  def __eq__(self, other): return True", says: "equality"},
		{code: "import os\nos.write (3, b'')", says: "channel"},
		{code: "from subprocess import run", says: "out of the process"},
		{code: "import sys; sys._getframe(1)", says: "frames"},
		{code: "f = 1", seen: unittest.Outcome{Reason: "Gone: an answer of an unknown kind"}, says: "harness"},
		{code: "f = 1", seen: unittest.Outcome{Tests: []unittest.Test{{Detail: "Gone: an answer of 77 bytes"}}}, says: "harness"},
		{code: "f = 1", seen: unittest.Outcome{Tests: []unittest.Test{{Detail: "ValueError: an answer of 77 bytes"}}}},
	} {
		got := strings.Join(tampering(c.code, c.seen), "; ")
		if c.says == "" && got != "" || !strings.Contains(got, c.says) {
			t.Errorf("%q: %q, want %q", c.code, got, c.says)
		}
	}
}
