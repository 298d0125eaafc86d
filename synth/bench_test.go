package synth

import (
	"context"
	"iter"
	"path/filepath"
	"strconv"
	"testing"

	"muonclip/data/token"
	"muonclip/synth/dataset"
)

// BenchmarkGenerate10000 measures all that is done with a dialogue after it was made: 10,000 of them with every
// output. The target for generation and outputs together is 30 s on two cores.
func BenchmarkGenerate10000(b *testing.B) {
	s := &cached{}
	s.fill(b, 10_000)
	for _, bench := range []struct {
		name string
		tok  *token.Tokenizer
	}{{"parquet", nil}, {"tokens", trainTokenizer(b, s)}} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				o := Options{Dir: filepath.Join(b.TempDir(), "set"), N: 10_000, Tokenizer: bench.tok}
				r, err := Generate(b.Context(), s, o)
				if err != nil {
					b.Fatal(err)
				}
				var bytes int64
				for _, p := range r.Manifest.Parts {
					for _, f := range p.Files {
						bytes += f.Bytes
					}
				}
				b.ReportMetric(float64(bytes)/1e6, "MB")
			}
		})
	}
}

// cached gives the same dialogues again and again, so that making them is not measured.
type cached struct {
	fake
	rows []fakeRow
}

func trainTokenizer(b *testing.B, s *cached) *token.Tokenizer {
	b.Helper()
	docs := func(yield func([]byte, error) bool) {
		for i := range 200 {
			if !yield(s.rows[i].row.Dialogue.AppendJSON(nil), nil) {
				return
			}
		}
	}
	specials := token.K2Specials()
	tok, err := token.Train(context.Background(), token.TrainOptions{VocabSize: 4096, Specials: specials}, iter.Seq2[[]byte, error](docs))
	if err != nil {
		b.Fatal(err)
	}
	return tok
}

type fakeRow struct{ row *dataset.Row }

func (s *cached) fill(b *testing.B, n int64) {
	b.Helper()
	for i := range n {
		row, _, err := s.fake.Dialogue(b.Context(), i)
		if err != nil {
			b.Fatal(err)
		}
		s.rows = append(s.rows, fakeRow{row})
	}
}

func (s *cached) Dialogue(_ context.Context, index int64) (*dataset.Row, *Refusal, error) {
	row := *s.rows[index%int64(len(s.rows))].row
	row.Key = strconv.FormatInt(index, 10)
	return &row, nil, nil
}
