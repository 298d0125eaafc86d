package token

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
	"github.com/google/go-cmp/cmp"
)

// cut is every pre-token of s.
func cut(split splitter, s string) []string {
	var words []string
	for i := 0; i < len(s); {
		j := split(unicodeClasses(), s, i)
		words = append(words, s[i:j])
		i = j
	}
	return words
}

// reference cuts s with a backtracking regular expression engine, which sees an invalid byte as U+FFFD.
type reference struct{ re *regexp2.Regexp }

func newReference(t testing.TB, p pattern, spelling int) reference {
	t.Helper()
	// The engine writes an intersection with a complement as a subtraction.
	expression := strings.NewReplacer(`[[`, `[`, `]&&[^\p{Han}]]`, `-[\p{Han}]]`, `&&[^\p{Han}]]`, `-[\p{Han}]]`).Replace(p.expressions[spelling])
	re, err := regexp2.Compile(expression, regexp2.None)
	if err != nil {
		t.Fatal(err)
	}
	return reference{re}
}

func (r reference) cut(t testing.TB, s string) []string {
	t.Helper()
	var runes []rune
	var starts []int
	for i, c := range s {
		runes, starts = append(runes, c), append(starts, i)
	}
	starts = append(starts, len(s))
	var words []string
	m, err := r.re.FindRunesMatch(runes)
	for at := 0; ; {
		if err != nil {
			t.Fatal(err)
		}
		if m == nil {
			if at != len(runes) {
				t.Fatalf("the reference leaves out %q", s[starts[at]:])
			}
			return words
		}
		if m.Index != at || m.Length == 0 {
			t.Fatalf("the reference leaves out a part before %q", s[starts[m.Index]:])
		}
		at += m.Length
		words = append(words, s[starts[m.Index]:starts[at]])
		m, err = r.re.FindNextMatch(m)
	}
}

func TestSplitK2(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"Hello, world!", []string{"Hello", ",", " world", "!"}},
		{"中文English混合 字", []string{"中文", "English", "混合", " ", "字"}},
		{"helloWorld HTTPServer", []string{"hello", "World", " HTTPServer"}},
		{"I'll DON'T it'ſx", []string{"I'll", " DON'T", " it'ſ", "x"}},
		{"1234567", []string{"123", "456", "7"}},
		{"a  b\n\n  c   ", []string{"a", " ", " b", "\n\n", " ", " c", "   "}},
		{"if x {\n\treturn\n}\n", []string{"if", " x", " {\n", "\treturn", "\n", "}\n"}},
		{"\xff\xfeab\xffC", []string{"\xff\xfe", "ab", "\xffC"}},
		{"ǅx ǅX", []string{"ǅx", " ǅX"}},
		{"\u0301A \u0301", []string{"\u0301", "A", " \u0301"}},
		{"1〇2 !⺀x", []string{"1〇2", " !⺀", "x"}},
	} {
		if d := cmp.Diff(tt.want, cut(splitK2, tt.text)); d != "" {
			t.Errorf("%q (-want +got):\n%s", tt.text, d)
		}
	}
}

// alphabet has characters of every class that a pattern can tell apart, with those that make it backtrack.
var alphabet = []string{
	"a", "s", "t", "l", "e", "r", "v", "d", "m", "A", "S", "T", "L", "E", "é", "É", "ſ", "ß", "ǅ", "ʰ", "々", "\u0301", "\u0903",
	"中", "文", "〇", "⺀", "\U00020000", "\U00016ff0", "あ", "א", "1", "2", "٣", "Ⅷ", "½", " ", " ", "\t", "\n", "\r", "\r\n", "\u00a0", "\u0085",
	"\u3000", "\ufeff", "\u200b", "'", "'", "’", "!", "-", "_", "(", "{", "$", "€", "😀", "\ufffd", "\x00", "\xff", "\xc3", "\xe4\xb8", "\xf0\x9f", "\xed\xa0\x80", "'s", "'LL", "'re", "   ", "\n\n",
}

func randomText(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

func TestSplitEqualsRegexp(t *testing.T) {
	for _, p := range patterns() {
		t.Run(string(p.name), func(t *testing.T) {
			ref := newReference(t, p, 0)
			r := rand.New(rand.NewPCG(1, 2))
			for range 8_000 {
				s := randomText(r, 1+r.IntN(12))
				if d := cmp.Diff(ref.cut(t, s), cut(p.split, s)); d != "" {
					t.Fatalf("%q (-regexp +scanner):\n%s", s, d)
				}
			}
			s := realText(t, 120_000)
			if d := cmp.Diff(ref.cut(t, s), cut(p.split, s)); d != "" {
				t.Fatalf("real text (-regexp +scanner):\n%.2000s", d)
			}
		})
	}
}

// TestSpellings compares the other spellings of each pattern. This engine does not take the long s for an s
// without regard to case, so the text has none.
func TestSpellings(t *testing.T) {
	for _, p := range patterns() {
		for k := range p.expressions {
			ref := newReference(t, p, k)
			r := rand.New(rand.NewPCG(1, uint64(k)))
			for range 1500 {
				s := strings.ReplaceAll(randomText(r, 1+r.IntN(12)), "ſ", "")
				if d := cmp.Diff(ref.cut(t, s), cut(p.split, s)); d != "" {
					t.Fatalf("%s, spelling %d: %q (-regexp +scanner):\n%s", p.name, k, s, d)
				}
			}
			if found, ok := patternOf(p.expressions[k]); !ok || found != p.name {
				t.Errorf("%s, spelling %d is taken for %q", p.name, k, found)
			}
		}
	}
}

// TestClasses compares the table with the definitions for every code point.
func TestClasses(t *testing.T) {
	table := unicodeClasses()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		han := unicode.Is(unicode.Han, r)
		both := unicode.In(r, unicode.Lm, unicode.Lo, unicode.M)
		newline := r == '\r' || r == '\n'
		var want class
		for _, x := range []struct {
			bit class
			is  bool
		}{
			{isHan, han},
			{isUpper, !han && (both || unicode.In(r, unicode.Lu, unicode.Lt))},
			{isLower, !han && (both || unicode.Is(unicode.Ll, r))},
			{isNumber, unicode.Is(unicode.N, r)},
			{isSpace, unicode.IsSpace(r)},
			{isNewline, newline},
			{isSymbol, !unicode.IsSpace(r) && !unicode.In(r, unicode.L, unicode.N)},
			{isPrefix, !newline && !unicode.In(r, unicode.L, unicode.N)},
		} {
			if x.is {
				want |= x.bit
			}
		}
		if got := table.runes[r]; got != want || got.letter() != unicode.IsLetter(r) {
			t.Fatalf("U+%04X has class %08b, want %08b", r, got, want)
		}
		if r < utf8.RuneSelf && (table.bytes[r] != want || want == 0) {
			t.Fatalf("U+%04X has ASCII class %08b, want %08b", r, table.bytes[r], want)
		}
	}
	for b := utf8.RuneSelf; b < 256; b++ {
		if table.bytes[b] != 0 {
			t.Fatalf("byte %#x has class %08b", b, table.bytes[b])
		}
	}
}

func FuzzSplit(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		f.Add(randomText(r, 20))
	}
	refs := map[Pattern]reference{}
	for _, p := range patterns() {
		refs[p.name] = newReference(f, p, 0)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, p := range patterns() {
			if d := cmp.Diff(refs[p.name].cut(t, s), cut(p.split, s)); d != "" {
				t.Fatalf("%s: %q (-regexp +scanner):\n%s", p.name, s, d)
			}
		}
	})
}
