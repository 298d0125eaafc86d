package token

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// whole merges all of s at once with the heap.
func whole(t *Tokenizer, s string) []int32 {
	m := merger{pairs: &t.pairs}
	return m.mergeHeap(t.appendBytes(nil, s))
}

// TestLongEqualsWhole compares the joined pieces of long words with the heap over all of the word, for vocabularies that training
// made, for ones that none would make, and for words in which seams reach far.
func TestLongEqualsWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	toks := map[string]*Tokenizer{"code": trained(t, 1500, goSource(t, 100_000))}
	for _, letters := range []string{"ab", "abc", "abcdefgh"} {
		toks[letters+" trained"] = trained(t, 700, randomWord(r, letters, 20_000)+" "+randomWord(r, letters, 300))
		for _, n := range []int{10, 100} {
			tok, err := New("", randomVocab(r, letters, n, 9), nil)
			if err != nil {
				t.Fatal(err)
			}
			toks[fmt.Sprint(letters, n)] = tok
		}
	}
	for name, tok := range toks {
		e := tok.borrow()
		for range 60 {
			letters := []string{"ab", "abc", "abcdefgh", "etaoin shrdlu"}[r.IntN(4)]
			s := randomWord(r, letters, 1+r.IntN(1500))
			if r.IntN(2) == 0 {
				s = strings.Repeat(s[:min(len(s), 1+r.IntN(150))], 20)
			}
			if d := cmp.Diff(whole(tok, s), e.mergeLong(nil, s)); d != "" {
				t.Fatalf("%s: %q (-whole +pieces):\n%.2000s", name, s, d)
			}
		}
	}
}

// chain is a vocabulary in which a merge at the end of a word decides about all before it, and the word: of n symbols of three bytes,
// the pair of one and the next merges before the pair to its left.
func chain(t *testing.T, n int) (tok *Tokenizer, word string) {
	t.Helper()
	tokens, _ := byteTokens()
	symbols := make([]string, n)
	for k := range symbols {
		symbols[k] = string([]byte{byte(k % 200), byte(200 + k/200), 255})
		tokens = append(tokens, []byte(symbols[k][:2]), []byte(symbols[k]))
	}
	for k := n - 1; k > 0; k-- {
		tokens = append(tokens, []byte(symbols[k-1]+symbols[k]))
	}
	tok, err := New("", tokens, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tok, strings.Join(symbols, "")
}

// TestLongSeamsReachFar has seams that need the whole word: they cost more than the budget.
func TestLongSeamsReachFar(t *testing.T) {
	tok, word := chain(t, 1000)
	e := tok.borrow()
	for _, s := range []string{word, word[3:], word[:len(word)-3], strings.Repeat(word[:450], 3), word[1500:] + word} {
		if d := cmp.Diff(whole(tok, s), e.mergeLong(nil, s)); d != "" {
			t.Fatalf("%d bytes (-whole +pieces):\n%.2000s", len(s), d)
		}
	}
}

// TestCacheKeepsIDs encodes the same words over and over in random order, more than the cache and its ring hold, and words
// of every length.
func TestCacheKeepsIDs(t *testing.T) {
	tok := trained(t, 700, realText(t, 20_000))
	r := rand.New(rand.NewPCG(23, 24))
	words := make([]string, 6000)
	want := make([][]int32, len(words))
	for i := range words {
		words[i] = randomWord(r, "etaoinshrdlu", 1+r.IntN(cacheLong+20))
		want[i] = (&encoder{t: tok, merger: merger{pairs: &tok.pairs, bytes: tok.bytePairs}}).merge(nil, words[i])
	}
	e := tok.borrow()
	for range 30_000 {
		// A few words are frequent, the others push them out of the ring.
		i := r.IntN(1 + r.IntN(len(words)))
		if got := e.encode(nil, words[i]); !cmp.Equal(got, want[i]) {
			t.Fatalf("%q became %v, want %v", words[i], got, want[i])
		}
	}
	if e.cache.head < 3*cacheRing {
		t.Errorf("only %d bytes went through the ring of %d", e.cache.head, cacheRing)
	}
}

func TestWordCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(rapid.OneOf(
			rapid.StringMatching(`[ab]{1,4}`),
			rapid.StringMatching(`a{12,18}`),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 40), func(b []byte) string { return string(b) }),
		)).Draw(t, "words")
		want, got := map[string]int64{}, map[string]int64{}
		w := newWordCount()
		for i, s := range words {
			want[s] += int64(i)
			w.add(keyOf(s+"tail", 0, len(s)), s, int64(i))
		}
		for s, n := range w.all() {
			got[strings.Clone(s)] += n
		}
		if d := cmp.Diff(want, got); d != "" || w.used != len(want) {
			t.Fatalf("%d words (-map +table):\n%s", w.used, d)
		}
	})
	// Many words, so that the table grows.
	w := newWordCount()
	for i := range 50_000 {
		s := fmt.Sprint("word ", i%20_000, strings.Repeat("x", i%7))
		w.add(keyOf(s, 0, len(s)), s, 1)
	}
	total := int64(0)
	for _, n := range w.all() {
		total += n
	}
	if total != 50_000 {
		t.Errorf("%d words counted of 50,000", total)
	}
}
