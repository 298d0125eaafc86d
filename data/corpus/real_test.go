package corpus

import (
	"os"
	"path/filepath"
	"testing"
)

// realData is a folder of texts that nobody of this project wrote; the test is skipped without it.
func realData(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "data", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skip("no real data here:", err)
	}
	return path
}

// TestRealData counts the documents of real corpora, whose numbers their publishers give.
func TestRealData(t *testing.T) {
	cases := []struct {
		src  Source
		docs int64
	}{
		{Source{Path: realData(t, "gsm8k/train.jsonl"), TextField: "question"}, 7473},
		{Source{Path: realData(t, "gsm8k"), Name: "all", Format: JSONL, TextField: "answer"}, 7473 + 1319},
		{Source{Path: realData(t, "humaneval/HumanEval.jsonl.gz"), TextField: "prompt"}, 164},
		{Source{Path: realData(t, "gutenberg"), Include: []string{"*.txt"}, Exclude: []string{"LICENSE*"}}, 6},
	}
	for _, c := range cases {
		docs, stats, err := collect(t, one(c.src))
		if err != nil || stats.Read.Documents != c.docs || stats.Kept.Documents != c.docs {
			t.Errorf("%s: %+v, %v; want %d documents", c.src.Path, stats, err, c.docs)
		}
		checkStats(t, stats, docs)
	}
	src := Source{Path: realData(t, "gutenberg"), Include: []string{"*.txt"}, ChunkBytes: 20000}
	docs, stats, err := collect(t, Config{Sources: []Source{src}, HeldOut: 0.05,
		Filters: Filters{MinBytes: 200, MinAlphanumeric: 0.5, ExactDuplicates: true, NearDuplicates: NearDuplicates{Threshold: 0.8}}})
	if err != nil || stats.Kept.Documents < 250 || stats.Splits[Val].Documents < 3 {
		t.Errorf("novels in pieces: %+v, %v", stats, err)
	}
	checkStats(t, stats, docs)
}
