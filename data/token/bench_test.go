package token

import (
	"context"
	"testing"
)

// benchVocab is the size of the vocabulary that Encode and Train are measured with.
const benchVocab = 32768

func BenchmarkEncode(b *testing.B) {
	train := goSource(b, 8_000_000) + prose(8_000_000)
	tok, err := Train(context.Background(), TrainOptions{VocabSize: benchVocab}, docs(train))
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct{ name, text string }{
		{"go", goSource(b, 12_000_000)[8_000_000:]},
		{"prose", prose(4_000_000)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			if bench.text == "" {
				b.Skip("no prose here")
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

func BenchmarkSplit(b *testing.B) {
	text := goSource(b, 4_000_000)
	b.SetBytes(int64(len(text)))
	t := unicodeClasses()
	for b.Loop() {
		for i := 0; i < len(text); {
			i = splitK2(t, text, i)
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

// BenchmarkTrain learns 32,768 tokens from up to 50 MB with one worker.
func BenchmarkTrain(b *testing.B) {
	text := goSource(b, 45_000_000) + prose(5_000_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Train(context.Background(), TrainOptions{VocabSize: benchVocab, Workers: 1}, docs(text)); err != nil {
			b.Fatal(err)
		}
	}
}
