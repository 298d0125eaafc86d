package token

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// naiveTrain counts all pairs anew for each merge.
func naiveTrain(o TrainOptions, texts ...string) [][]byte {
	o = o.withDefaults()
	p, _ := o.Pattern.lookup()
	tokens, ids := byteTokens()
	counts := map[string]int64{}
	for _, text := range texts {
		for _, w := range cut(p.split, text) {
			counts[w]++
		}
	}
	words := map[string][]int32{}
	for w := range counts {
		for i := range len(w) {
			words[w] = append(words[w], ids[w[i]])
		}
	}
	for len(tokens) < o.VocabSize-len(o.Specials) {
		pairs := map[pair]int64{}
		for w, syms := range words {
			for i := 0; i+1 < len(syms); i++ {
				pairs[pair{syms[i], syms[i+1]}] += counts[w]
			}
		}
		var best pair
		most := int64(0)
		for p, n := range pairs {
			if n < o.MinFrequency || len(tokens[p.left])+len(tokens[p.right]) > o.MaxTokenBytes {
				continue
			}
			if n > most || n == most && comparePairs(p, best) < 0 {
				best, most = p, n
			}
		}
		if most == 0 {
			break
		}
		for w, syms := range words {
			var out []int32
			for i := 0; i < len(syms); i++ {
				if i+1 < len(syms) && syms[i] == best.left && syms[i+1] == best.right {
					out = append(out, int32(len(tokens)))
					i++
				} else {
					out = append(out, syms[i])
				}
			}
			words[w] = out
		}
		tokens = append(tokens, append(append([]byte(nil), tokens[best.left]...), tokens[best.right]...))
	}
	return tokens
}

func TestTrainEqualsNaive(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	corpora := map[string][]string{
		"code":  {goSource(t, 12_000)},
		"prose": {prose(12_000) + " "},
		"runs":  {"aaaa aaa aaaaaaa aaaaabaaaab bababab", strings.Repeat("ab", 300) + strings.Repeat("a", 99)},
		"mixed": {randomText(r, 4000), randomText(r, 4000)},
	}
	for k := range 30 {
		var texts []string
		for range 1 + r.IntN(20) {
			texts = append(texts, randomWord(r, "aab c"[:2+r.IntN(4)], r.IntN(60)))
		}
		corpora[fmt.Sprint("random ", k)] = append(texts, "xx")
	}
	for name, texts := range corpora {
		for _, o := range []TrainOptions{
			{VocabSize: 420},
			{VocabSize: 330, MinFrequency: 5, MaxTokenBytes: 4, Specials: []Special{}},
			{VocabSize: 600, MinFrequency: 1, Pattern: PatternGPT2, Specials: []Special{}},
		} {
			got, err := Train(context.Background(), o, docs(texts...))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want := naiveTrain(o, texts...)
			if d := cmp.Diff(want, got.def.tokens[:len(got.ids)]); d != "" {
				t.Fatalf("%s, %+v (-naive +got):\n%.1000s", name, o, d)
			}
			// Each learnt token has one pair: the vocabulary is what rankedPairs calls trained.
			if got.pairs.used != len(want)-256 {
				t.Errorf("%s: %d pairs for %d learnt tokens", name, got.pairs.used, len(want)-256)
			}
		}
	}
}

func TestTrainDoesNotDependOnWorkers(t *testing.T) {
	text := goSource(t, 3_000_000) // three chunks
	var parts []string
	for i := 0; i < len(text); i += 10_000 {
		parts = append(parts, text[i:min(i+10_000, len(text))])
	}
	backwards := append([]string(nil), parts...)
	for i, j := 0, len(backwards)-1; i < j; i, j = i+1, j-1 {
		backwards[i], backwards[j] = backwards[j], backwards[i]
	}
	prints := map[string]bool{}
	for _, tt := range []struct {
		workers int
		texts   []string
	}{{1, parts}, {2, parts}, {7, parts}, {3, backwards}} {
		tok, err := Train(context.Background(), TrainOptions{VocabSize: 2000, Workers: tt.workers}, docs(tt.texts...))
		if err != nil {
			t.Fatal(err)
		}
		prints[tok.Fingerprint()] = true
	}
	if len(prints) != 1 {
		t.Errorf("%d different vocabularies from one corpus", len(prints))
	}
}

func TestTrainLayout(t *testing.T) {
	text := goSource(t, 200_000)
	var last Progress
	calls := 0
	tok, err := Train(context.Background(), TrainOptions{VocabSize: 1000, Progress: func(p Progress) { last = p; calls++ }}, docs(text, "", text))
	if err != nil {
		t.Fatal(err)
	}
	n := 1000 - len(K2Specials())
	if tok.VocabSize() != 1000 || len(tok.ids) != n {
		t.Errorf("%d ids, %d ordinary", tok.VocabSize(), len(tok.ids))
	}
	for i, s := range tok.Specials() {
		if want := K2Specials()[i]; s.Text != want.Text || s.Keep != want.Keep || s.ID != int32(n+i) {
			t.Errorf("special token %d is %+v", i, s)
		}
	}
	if id, ok := tok.ID("[BOS]"); !ok || id != int32(n) {
		t.Errorf("[BOS] has id %d, %t", id, ok)
	}
	if d := cmp.Diff(Roles{"[BOS]", "[EOS]", "[PAD]", "[UNK]"}, tok.Roles()); d != "" {
		t.Errorf("roles (-want +got):\n%s", d)
	}
	if last.Bytes != 2*int64(len(text)) || last.Documents != 3 || last.Tokens != n || last.Want != n || last.Words == 0 || calls < 3 {
		t.Errorf("after %d calls the progress is %+v", calls, last)
	}
	if id, _ := tok.TokenID([]byte("!")); id != 0 {
		t.Errorf("! has id %d, want 0 as in tiktoken", id)
	}
	if id, _ := tok.TokenID([]byte(" ")); id != 220 {
		t.Errorf("space has id %d, want 220 as in tiktoken", id)
	}
}

func TestTrainErrors(t *testing.T) {
	broken := errors.New("broken document")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		o    TrainOptions
		docs []string
		err  error
		want error
		text string
	}{
		{name: "empty corpus", o: TrainOptions{VocabSize: 300}, want: ErrEmptyCorpus},
		{name: "empty documents", o: TrainOptions{VocabSize: 300}, docs: []string{"", ""}, want: ErrEmptyCorpus},
		{name: "too small", o: TrainOptions{VocabSize: 260}, docs: []string{"x"}, text: "vocabulary size 260 is too small"},
		{name: "too large", o: TrainOptions{VocabSize: 1 << 30}, docs: []string{"x"}, text: "above the limit"},
		{name: "unknown pattern", o: TrainOptions{VocabSize: 300, Pattern: "x"}, docs: []string{"x"}, text: `unknown pattern "x"`},
		{name: "reader", o: TrainOptions{VocabSize: 300}, docs: []string{"x"}, err: broken, want: broken},
		{name: "cancelled", ctx: cancelled, o: TrainOptions{VocabSize: 300}, docs: []string{"x"}, want: context.Canceled},
		{name: "special twice", o: TrainOptions{VocabSize: 300, Specials: []Special{{Text: "a"}, {Text: "a"}}}, docs: []string{"x"}, text: "two ids"},
	} {
		ctx := tt.ctx
		if ctx == nil {
			ctx = context.Background()
		}
		_, err := Train(ctx, tt.o, func(yield func([]byte, error) bool) {
			for _, d := range tt.docs {
				if !yield([]byte(d), nil) {
					return
				}
			}
			if tt.err != nil {
				yield(nil, tt.err)
			}
		})
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: error %v", tt.name, err)
		}
	}
}
