package token

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// naiveMerge is BPE as it is defined: again and again, merge the leftmost pair of the lowest rank.
func naiveMerge(word string, rank func(left, right string) (int, bool)) []string {
	var parts []string
	for i := range len(word) {
		parts = append(parts, word[i:i+1])
	}
	for {
		best, at := 0, -1
		for i := 0; i+1 < len(parts); i++ {
			if r, ok := rank(parts[i], parts[i+1]); ok && (at < 0 || r < best) {
				best, at = r, i
			}
		}
		if at < 0 {
			return parts
		}
		parts = append(append(append([]string(nil), parts[:at]...), parts[at]+parts[at+1]), parts[at+2:]...)
	}
}

// naiveEncode is Encode after the definition of tiktoken: a pre-token that is a token keeps its id, and
// any two neighbours whose bytes are a token may merge.
func naiveEncode(t *Tokenizer, text string) []int32 {
	rank := func(left, right string) (int, bool) {
		id, ok := t.TokenID([]byte(left + right))
		return int(id), ok
	}
	var ids []int32
	for _, w := range cut(t.scan, text) {
		if id, ok := t.TokenID([]byte(w)); ok {
			ids = append(ids, id)
			continue
		}
		for _, part := range naiveMerge(w, rank) {
			id, _ := t.TokenID([]byte(part))
			ids = append(ids, id)
		}
	}
	return ids
}

func randomWord(r *rand.Rand, letters string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}

func TestEncodeEqualsNaive(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, letters := range []string{"ab", "abc ", "abcdefgh  \n"} {
		for _, n := range []int{5, 40, 200} {
			length := 5
			if letters == "ab" && n > 40 {
				length = 9
			}
			tok, err := New("", randomVocab(r, letters, min(n, 50*length), length), nil)
			if err != nil {
				t.Fatal(err)
			}
			for range 300 {
				text := randomWord(r, letters, r.IntN(60))
				if d := cmp.Diff(naiveEncode(tok, text), tok.Encode(nil, text)); d != "" {
					t.Fatalf("%d tokens over %q: %q (-naive +got):\n%s", n, letters, text, d)
				}
			}
			for range 3 { // longer than shortWord
				text := randomWord(r, strings.TrimSpace(letters), 500)
				if d := cmp.Diff(naiveEncode(tok, text), tok.Encode(nil, text)); d != "" {
					t.Fatalf("long word, %d tokens over %q (-naive +got):\n%s", n, letters, d)
				}
			}
		}
	}
}

func TestEncodeTrainedEqualsNaive(t *testing.T) {
	text := realText(t, 60_000)
	tok := trained(t, 1500, text)
	if len(tok.def.merges) != 0 || tok.pairs.used != 1500-256-len(K2Specials()) {
		t.Fatalf("a trained vocabulary has %d pairs for %d tokens", tok.pairs.used, tok.VocabSize())
	}
	for _, s := range []string{text, goSource(t, 400_000)[300_000:]} {
		if d := cmp.Diff(naiveEncode(tok, s), tok.Encode(nil, s)); d != "" {
			t.Fatalf("(-naive +got):\n%.2000s", d)
		}
	}
}

// TestRoundTrip encodes any bytes, with and without special tokens, and decodes them.
func TestRoundTrip(t *testing.T) {
	tok := trained(t, 600, realText(t, 20_000))
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.OneOf(
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
			rapid.String(),
			rapid.SampledFrom([]string{"[EOS]", "<|im_end|>", "<|im_", "[BO", "the ", "func ", "'ll", strings.Repeat("x", 200)}),
		)
		text := strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "text"), "")
		for name, ids := range map[string][]int32{
			"Encode":             tok.Encode(nil, text),
			"EncodeBytes":        tok.EncodeBytes(nil, []byte(text)),
			"EncodeWithSpecials": tok.EncodeWithSpecials(nil, text),
		} {
			got, err := tok.Decode(nil, ids)
			if err != nil || string(got) != text {
				t.Fatalf("%s: %q became %q, %v", name, text, got, err)
			}
		}
		for _, id := range tok.Encode(nil, text) {
			if tok.IsSpecial(id) {
				t.Fatalf("ordinary text %q has the special token %d", text, id)
			}
		}
	})
}

func FuzzEncode(f *testing.F) {
	tok := trained(f, 600, realText(f, 20_000))
	f.Add("Hello, world!", "[EOS]")
	f.Add("\xff中文", "<|im_end|>x")
	f.Fuzz(func(t *testing.T, a, b string) {
		ids := tok.EncodeWithSpecials(tok.Encode(nil, a), b)
		got, err := tok.Decode(nil, ids)
		if err != nil || string(got) != a+b {
			t.Fatalf("%q became %q, %v", a+b, got, err)
		}
		if d := cmp.Diff(naiveEncode(tok, a), tok.Encode(nil, a)); d != "" {
			t.Fatalf("%q (-naive +got):\n%s", a, d)
		}
	})
}

func TestEncodeWithSpecials(t *testing.T) {
	tokens, _ := byteTokens()
	tok, err := New("", tokens, []Special{{Text: "<a>"}, {Text: "<a><b>"}, {Text: "<a><"}, {Text: "[X]"}})
	if err != nil {
		t.Fatal(err)
	}
	id := func(s string) int32 { id, _ := tok.ID(s); return id }
	b := func(s string) []int32 { return tok.Encode(nil, s) }
	for _, tt := range []struct {
		text string
		want [][]int32
	}{
		{"<a>", [][]int32{{id("<a>")}}},
		{"<a><b>", [][]int32{{id("<a><b>")}}},
		{"<a><a>", [][]int32{{id("<a><")}, b("a>")}},
		{"x<a", [][]int32{b("x<a")}},
		{"<<a>[[X]]", [][]int32{b("<"), {id("<a>")}, b("["), {id("[X]")}, b("]")}},
	} {
		var want []int32
		for _, w := range tt.want {
			want = append(want, w...)
		}
		if d := cmp.Diff(want, tok.EncodeWithSpecials(nil, tt.text)); d != "" {
			t.Errorf("%q (-want +got):\n%s", tt.text, d)
		}
	}
}

// TestLongWord has a pre-token of 1 MB; a quadratic encoder would take an hour.
func TestLongWord(t *testing.T) {
	tok := trained(t, 1000, goSource(t, 100_000))
	for _, text := range []string{
		strings.Repeat("a", 1<<20),
		randomWord(rand.New(rand.NewPCG(7, 8)), "abcdefghijklmnopqrstuvwxyz", 1<<20),
		strings.Repeat(" ", 1<<20),
	} {
		start := time.Now()
		got, err := tok.Decode(nil, tok.Encode(nil, text))
		if err != nil || string(got) != text {
			t.Fatalf("%.20q... does not come back: %v", text, err)
		}
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%.20q... took %v", text, d)
		}
	}
}

func TestConcurrentEncode(t *testing.T) {
	text := goSource(t, 100_000)
	tok := trained(t, 800, text)
	want := tok.Encode(nil, text)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 3 {
				if got := tok.Encode(nil, text); !cmp.Equal(got, want) {
					t.Error("goroutines get different ids for one text")
				}
			}
		})
	}
	group.Wait()
	if len(tok.idle) > 4 {
		t.Errorf("%d encoders for 4 goroutines", len(tok.idle))
	}
}

func TestDecodeErrors(t *testing.T) {
	tokens, _ := byteTokens()
	tok, err := New("", tokens, []Special{{Text: "<s>", ID: 300}})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []int32{-1, 256, 299, 301, 1 << 30} {
		got, err := tok.Decode([]byte("x"), []int32{300, id, 300})
		if !errors.Is(err, ErrID) || string(got) != "x<s>" {
			t.Errorf("id %d: %q, %v", id, got, err)
		}
		if _, err := tok.NewStream().Next(nil, id); !errors.Is(err, ErrID) {
			t.Errorf("stream, id %d: %v", id, err)
		}
	}
}

func TestStream(t *testing.T) {
	tokens, _ := byteTokens()
	tok, err := New("", tokens, []Special{{Text: "<s>"}, {Text: "<k>", Keep: true}})
	if err != nil {
		t.Fatal(err)
	}
	s := tok.NewStream()
	s.SkipSpecials = true
	var steps []string
	for _, id := range tok.EncodeWithSpecials(nil, "a中\xff\xe4<s>b<k>\xf0\x9f") {
		out, err := s.Next(nil, id)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, string(out))
	}
	steps = append(steps, string(s.Flush(nil)))
	if d := cmp.Diff([]string{"a", "", "", "中", "\ufffd", "", "\ufffd", "b", "<k>", "", "", "\ufffd\ufffd"}, steps); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestStreamEqualsDecode(t *testing.T) {
	tok := trained(t, 600, realText(t, 20_000))
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		s := tok.NewStream()
		var got []byte
		for _, id := range tok.Encode(nil, text) {
			var err error
			if got, err = s.Next(got, id); err != nil || !utf8.Valid(got) {
				t.Fatalf("%q: %q, %v", text, got, err)
			}
		}
		if got = s.Flush(got); !bytes.Equal(got, []byte(string([]rune(text)))) {
			t.Fatalf("%q streamed as %q", text, got)
		}
	})
}
