package corpus

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"muonclip/internal/minhash"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// exactJaccard compares the sets of shingles themselves.
func exactJaccard(cfg NearDuplicates, a, b []byte) float64 {
	set := func(text []byte) map[uint64]bool {
		m := map[uint64]bool{}
		cfg.shingles(text, func(h uint64) { m[h] = true })
		return m
	}
	x, y := set(a), set(b)
	both := 0
	for h := range x {
		if y[h] {
			both++
		}
	}
	return float64(both) / float64(len(x)+len(y)-both)
}

// randomWords makes a text of n different words.
func randomWords(rng *rand.Rand, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("w%x", rng.Uint64())
	}
	return out
}

// TestEstimate compares estimates with exact Jaccard indices of texts that share a part. Each
// estimate is binomial with 128 draws: the deviation stays below 5 standard deviations, and the mean
// over all pairs near 0.
func TestEstimate(t *testing.T) {
	for _, cfg := range []NearDuplicates{{}, {Size: 2}, {Shingle: "bytes"}, {Shingle: "bytes", Size: 5}} {
		rng := rand.New(rand.NewPCG(1, 2))
		var sum float64
		const pairs = 150
		for i := range pairs {
			common := randomWords(rng, 20+i)
			a := strings.Join(append(slices.Clone(common), randomWords(rng, rng.IntN(100))...), " ")
			b := strings.Join(append(slices.Clone(common), randomWords(rng, rng.IntN(100))...), " ")
			exact := exactJaccard(cfg, []byte(a), []byte(b))
			got := cfg.signature([]byte(a)).Similarity(cfg.signature([]byte(b)))
			if dev := math.Abs(got - exact); dev > 5*math.Sqrt(exact*(1-exact)/float64(len(minhash.Signature{})))+1e-9 {
				t.Errorf("%+v: estimate %.3f of %.3f", cfg, got, exact)
			}
			sum += got - exact
		}
		// The mean of 150 errors has a standard deviation below 0.0036.
		if mean := sum / pairs; math.Abs(mean) > 0.015 {
			t.Errorf("%+v: the estimates are off by %.4f on average", cfg, mean)
		}
	}
}

// TestEstimateProperty draws texts over few words, with many repeated shingles.
func TestEstimateProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		word := rapid.SampledFrom([]string{"a", "b", "c", "d", "é"})
		a := strings.Join(rapid.SliceOfN(word, 0, 200).Draw(rt, "a"), " ")
		b := strings.Join(rapid.SliceOfN(word, 0, 200).Draw(rt, "b"), ", ")
		cfg := NearDuplicates{Size: rapid.IntRange(1, 6).Draw(rt, "size")}
		exact := exactJaccard(cfg, []byte(a), []byte(b))
		got := cfg.signature([]byte(a)).Similarity(cfg.signature([]byte(b)))
		switch {
		case exact == 1 && got != 1:
			rt.Fatalf("equal sets, estimate %v", got)
		case exact == 0 && got != 0:
			rt.Fatalf("disjoint sets, estimate %v", got)
		case math.Abs(got-exact) > 6*math.Sqrt(exact*(1-exact)/float64(len(minhash.Signature{})))+0.02:
			rt.Fatalf("estimate %v of %v", got, exact)
		}
	})
}

// TestShingles wants words joined in reading order, whatever stands between them.
func TestShingles(t *testing.T) {
	list := func(text string) []uint64 {
		var out []uint64
		NearDuplicates{Size: 3}.shingles([]byte(text), func(h uint64) { out = append(out, h) })
		return out
	}
	a := list("one two, three four! (five)")
	if len(a) != 3 || !slices.Equal(a, list("one  two\nthree four five")) {
		t.Errorf("%d shingles, want 3 that depend on the words only", len(a))
	}
	if b := list("zero one two three four"); len(b) != 3 || b[1] != a[0] || b[2] != a[1] {
		t.Error("the same three words give another shingle at another place")
	}
	if c := list("two one three"); len(c) != 1 || c[0] == a[0] {
		t.Error("the order of words does not matter")
	}
	if len(list("one")) != 1 || len(list("")) != 1 {
		t.Error("a short text is one shingle")
	}
	if words := list("größe straße 世界"); len(words) != 1 {
		t.Errorf("%d shingles of three words in other letters", len(words))
	}
}

// TestNearDuplicates plants edited copies among unrelated texts.
func TestNearDuplicates(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	files := map[string]string{}
	var want []string
	for i := range 60 {
		words := randomWords(rng, 300)
		name := fmt.Sprintf("%03d.txt", i)
		files[name] = strings.Join(words, " ")
		want = append(want, name)
		if i%3 == 0 { // one word changed: J = 291/301
			words[150] = "changed"
			files[fmt.Sprintf("%03d.txt-copy", i)] = strings.Join(words, "\n")
		}
		if i%3 == 1 { // half the words changed: J near 1/3
			files[name+"-half"] = strings.Join(append(words[:150:150], randomWords(rng, 150)...), " ")
			want = append(want, name+"-half")
		}
	}
	cfg := Config{Sources: []Source{{Path: writeTree(t, files)}}, Filters: Filters{NearDuplicates: NearDuplicates{Threshold: 0.8}}}
	docs, stats, err := collect(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range docs {
		got = append(got, d.Name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if stats.Dropped["near_duplicate"].Documents != 20 {
		t.Errorf("dropped %+v", stats.Dropped)
	}
	checkStats(t, stats, docs)
	if again, _, _ := collect(t, cfg); !cmp.Equal(docs, again) {
		t.Error("the second run keeps other documents")
	}
}

// TestNearDuplicatesAgainstAllPairs compares banded search with comparing every pair.
func TestNearDuplicatesAgainstAllPairs(t *testing.T) {
	cfg := NearDuplicates{Threshold: 0.7, Size: 2}
	rng := rand.New(rand.NewPCG(5, 6))
	base := randomWords(rng, 120)
	x := newNearIndex(cfg)
	var kept []*minhash.Signature
	missed, found := 0, 0
	for i := range 300 {
		words := slices.Clone(base[:100])
		for range i % 40 {
			words[rng.IntN(len(words))] = fmt.Sprint(rng.Uint64())
		}
		text := []byte(strings.Join(words, " "))
		s := cfg.signature(text)
		near := slices.ContainsFunc(kept, func(k *minhash.Signature) bool { return k.Similarity(s) >= cfg.Threshold })
		if got := x.add(text); got {
			found++
			if !near {
				t.Fatal("dropped a text that resembles none")
			}
		} else {
			kept = append(kept, s)
			if near {
				missed++
			}
		}
	}
	if found < 50 || missed*10 > found {
		t.Errorf("found %d, missed %d", found, missed)
	}
}
