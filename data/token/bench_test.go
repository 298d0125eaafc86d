package token

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// benchTexts are 4 MB each of three kinds of real text, none of which a benchmark trains on, and text that is
// made to be slow: words that no cache can hold.
func benchTexts(b *testing.B) []struct{ name, text string } {
	r := rand.New(rand.NewPCG(17, 18))
	var words, lines strings.Builder
	for words.Len() < 1_000_000 {
		words.WriteString(" " + randomWord(r, "abcdefghijklmnopqrstuvwxyz", 4+r.IntN(9)))
	}
	for lines.Len() < 1_000_000 {
		lines.WriteString(randomWord(r, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 76) + "\n")
	}
	return []struct{ name, text string }{
		{"go", goSource(b, 36_000_000)[32_000_000:]},
		{"prose", tail(prose(9_000_000), 1_500_000)},
		{"json", tail(jsonText(20_000_000), 4_000_000)},
		{"words", words.String()},
		{"base64", lines.String()},
		{"one-word", randomWord(r, "abcdefghijklmnopqrstuvwxyz", 1_000_000)},
	}
}

// tail is the last n bytes of s.
func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// BenchmarkEncode encodes with a vocabulary for a small model, a usual one, and one as large as that of Kimi K2.
func BenchmarkEncode(b *testing.B) {
	texts := benchTexts(b)
	train := goSource(b, 32_000_000) + prose(4_000_000) + jsonText(8_000_000)
	for _, vocab := range []int{2048, 32768, 163840} {
		tok := trained(b, vocab, train)
		for _, bench := range texts {
			b.Run(fmt.Sprintf("%s-%d", bench.name, vocab), func(b *testing.B) {
				if bench.text == "" {
					b.Skip("the text is not here")
				}
				var ids []int32
				b.SetBytes(int64(len(bench.text)))
				b.ReportAllocs()
				for b.Loop() {
					ids = tok.Encode(ids[:0], bench.text)
				}
				b.ReportMetric(float64(len(bench.text))/float64(len(ids)), "bytes/token")
			})
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	t := unicodeClasses()
	texts := benchTexts(b)
	for _, p := range patterns() {
		for _, bench := range texts {
			b.Run(fmt.Sprintf("%s-%s", bench.name, p.name), func(b *testing.B) {
				b.SetBytes(int64(len(bench.text)))
				for b.Loop() {
					for i := 0; i < len(bench.text); {
						i = p.split(t, bench.text, i)
					}
				}
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	text := goSource(b, 4_000_000)
	tok := trained(b, 4096, text[:1_000_000])
	ids := tok.Encode(nil, text)
	var out []byte
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		out, _ = tok.Decode(out[:0], ids)
	}
}

// BenchmarkTrain learns from real text with one worker.
func BenchmarkTrain(b *testing.B) {
	for _, bench := range []struct {
		name  string
		vocab int
		text  string
	}{
		{"2048-8MB", 2048, goSource(b, 4_000_000) + prose(2_000_000) + jsonText(2_000_000)},
		{"32768-50MB", 32768, goSource(b, 34_000_000) + prose(5_000_000) + jsonText(11_000_000)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.text)))
			for b.Loop() {
				if _, err := Train(context.Background(), TrainOptions{VocabSize: bench.vocab, Workers: 1}, docs(bench.text)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
