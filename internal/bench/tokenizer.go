package bench

import (
	"context"
	"fmt"
	"io"
	"iter"
	"runtime"
	"time"

	"muonclip/data/token"
)

// TokenizerOptions says what to measure.
type TokenizerOptions struct {
	Docs   [][]byte // text to learn from and to encode
	Vocab  int      // ids of the vocabulary
	Rounds int      // passes of encoding over the text, after the first; 0 means 5
	Cores  int      // processors that may be used, for encoding always one; 0 means 1
}

// Tokenizer is what was measured. A megabyte is 10^6 bytes.
type Tokenizer struct {
	Machine      Machine `json:"machine"`
	Bytes        int64   `json:"bytes"`
	Documents    int     `json:"documents"`
	Vocab        int     `json:"vocab"` // that came out
	TrainSeconds float64 `json:"train_seconds"`
	TrainMBs     float64 `json:"train_mb_s"`

	FirstMBs      float64 `json:"encode_first_mb_s"` // the first pass over the text, with an empty cache of words
	EncodeMBs     Spread  `json:"encode_mb_s"`       // later passes
	TokensPerS    float64 `json:"encode_tokens_s"`   // of the median pass
	BytesPerToken float64 `json:"bytes_per_token"`
	DecodeMBs     Spread  `json:"decode_mb_s"`

	CopyGBs    float64 `json:"copy_gb_s"`   // rate of a copy of the text on one core
	BoundShare float64 `json:"bound_share"` // of encoding, were it a copy: how far from merely touching each byte
}

// MeasureTokenizer learns a vocabulary from the text and encodes and decodes the text with it, on one core unless more are
// allowed. While it runs, GOMAXPROCS is the number of cores.
func MeasureTokenizer(ctx context.Context, o TokenizerOptions) (*Tokenizer, error) {
	o.Cores = max(o.Cores, 1)
	if o.Rounds == 0 {
		o.Rounds = 5
	}
	res := &Tokenizer{Machine: DescribeMachine("", o.Cores), Documents: len(o.Docs)}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(o.Cores))
	longest := 0
	for _, d := range o.Docs {
		res.Bytes += int64(len(d))
		longest = max(longest, len(d))
	}
	start := time.Now()
	tok, err := token.Train(ctx, token.TrainOptions{VocabSize: o.Vocab, Workers: o.Cores}, all(o.Docs))
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	res.TrainSeconds, res.Vocab = time.Since(start).Seconds(), tok.VocabSize()
	megabytes := float64(res.Bytes) / 1e6
	res.TrainMBs = megabytes / res.TrainSeconds

	runtime.GOMAXPROCS(1)
	var ids []int32
	var tokens int64
	var encode, decode []float64
	text := make([]byte, 0, longest)
	for round := range o.Rounds + 1 {
		tokens = 0
		var encoding, decoding time.Duration
		for _, d := range o.Docs {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			start := time.Now()
			ids = tok.EncodeBytes(ids[:0], d)
			encoded := time.Now()
			if text, err = tok.Decode(text[:0], ids); err != nil {
				return nil, fmt.Errorf("bench: %w", err)
			}
			encoding, decoding = encoding+encoded.Sub(start), decoding+time.Since(encoded)
			tokens += int64(len(ids))
		}
		if round == 0 {
			res.FirstMBs = megabytes / encoding.Seconds()
			continue
		}
		encode, decode = append(encode, megabytes/encoding.Seconds()), append(decode, megabytes/decoding.Seconds())
	}
	res.EncodeMBs, res.DecodeMBs = spread(encode), spread(decode)
	res.BytesPerToken = float64(res.Bytes) / float64(tokens)
	res.TokensPerS = res.EncodeMBs.Median * 1e6 / res.BytesPerToken
	res.CopyGBs = copyRate(1, 16<<20) / 1e9
	res.BoundShare = res.EncodeMBs.Median / (res.CopyGBs * 1e3)
	return res, nil
}

func all(docs [][]byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, d := range docs {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// Print writes the figures as a table.
func (t *Tokenizer) Print(w io.Writer) error {
	tab := newTable(w)
	tab.put("machine\t%s\n", t.Machine)
	tab.put("text\t%s in %d documents, %.2f bytes a token\n", bytesText(t.Bytes), t.Documents, t.BytesPerToken)
	tab.put("learn a vocabulary of %d\t%.2f s\t%.1f MB/s\n", t.Vocab, t.TrainSeconds, t.TrainMBs)
	tab.put("on one core\tmedian\tmin\tmax\n")
	tab.spread("encode", "MB/s", t.EncodeMBs, 1, fmt.Sprintf("%.3g tokens/s; %.1f MB/s in the first pass", t.TokensPerS, t.FirstMBs))
	tab.spread("decode", "MB/s", t.DecodeMBs, 1, "")
	tab.put("a copy of the text\t%.1f GB/s\t\t\tencoding reaches %s of it\n", t.CopyGBs, percent(t.BoundShare))
	return tab.Flush()
}
