package token

import (
	"context"
	"go/build"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dataDir holds real texts for tests; it is not part of the repository.
const dataDir = "../../../shared/data"

// goSource is up to limit bytes of the standard library, which every machine with Go has.
func goSource(t testing.TB, limit int) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(filepath.Join(build.Default.GOROOT, "src"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || b.Len() >= limit {
			return err
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		data, err := os.ReadFile(path)
		b.Write(data)
		return err
	})
	if err != nil || b.Len() == 0 {
		t.Skipf("the Go source is not here: %v", err)
	}
	s := b.String()
	return s[:min(len(s), limit)]
}

// prose is up to limit bytes of books, or "" where they are missing.
func prose(limit int) string {
	var b strings.Builder
	for _, name := range []string{"gutenberg", "tinyshakespeare"} {
		dir := filepath.Join(dataDir, name)
		files, err := os.ReadDir(dir)
		if err != nil {
			return ""
		}
		for _, f := range files {
			if data, err := os.ReadFile(filepath.Join(dir, f.Name())); err == nil && strings.HasSuffix(f.Name(), ".txt") {
				b.Write(data)
			}
		}
	}
	s := b.String()
	return s[:min(len(s), limit)]
}

// jsonText is up to limit bytes of tool calls, tool lists and exercises, or "" where they are missing.
func jsonText(limit int) string {
	var b strings.Builder
	for _, name := range []string{"bfcl", "gsm8k", "mcp-tools"} {
		err := filepath.WalkDir(filepath.Join(dataDir, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasPrefix(filepath.Ext(path), ".json") {
				return err
			}
			data, err := os.ReadFile(path)
			b.Write(data)
			return err
		})
		if err != nil {
			return ""
		}
	}
	s := b.String()
	return s[:min(len(s), limit)]
}

// realText is code, and prose where it is here, n bytes of each.
func realText(t testing.TB, n int) string {
	t.Helper()
	return goSource(t, n) + prose(n)
}

// docs yields each text as one document.
func docs(texts ...string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		buf := []byte(nil)
		for _, s := range texts {
			buf = append(buf[:0], s...) // the same memory for all, as Train allows
			if !yield(buf, nil) {
				return
			}
		}
	}
}

// trained is a small tokenizer.
func trained(t testing.TB, size int, texts ...string) *Tokenizer {
	t.Helper()
	tok, err := Train(context.Background(), TrainOptions{VocabSize: size}, docs(texts...))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// randomVocab makes a vocabulary of random tokens, most of which no training would make.
func randomVocab(r *rand.Rand, letters string, n, length int) [][]byte {
	tokens, _ := byteTokens()
	seen := map[string]bool{}
	for len(tokens) < 256+n {
		b := make([]byte, 2+r.IntN(length-1))
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		if !seen[string(b)] {
			seen[string(b)] = true
			tokens = append(tokens, b)
		}
	}
	return tokens
}
