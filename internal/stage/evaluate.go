package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"

	"muonclip/data/batch"
	"muonclip/data/corpus"
	"muonclip/data/token"
	"muonclip/internal/compute"
	"muonclip/internal/config"
	"muonclip/internal/train"
)

// EvalOptions says which model to measure on what.
type EvalOptions struct {
	Model   string // run, checkpoint or model folder
	Data    string // text; empty means the held-out shards of the run
	SeqLen  int    // 0 means the run's, or 512
	Threads int
	Device  string       // cpu, cuda or auto; empty means that of the run
	Log     *slog.Logger // gets warnings; may be nil
}

// EvalResult is a held-out loss.
type EvalResult struct {
	Loss        float64 `json:"loss"` // nats per token
	Perplexity  float64 `json:"perplexity"`
	BitsPerByte float64 `json:"bits_per_byte"` // separators between documents count as tokens and not as bytes
	Tokens      int64   `json:"tokens"`
	Bytes       int64   `json:"bytes"`
	Weights     string  `json:"weights"` // checkpoint or folder
}

// EvalLoss measures the mean next-token loss of a model.
func EvalLoss(ctx context.Context, o EvalOptions) (res *EvalResult, err error) {
	defer compute.Guard(&err)
	t, set, heldOut, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	defer set.close()
	if err := t.Move(o.Device, o.Log); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	bytes, err := textBytes(set.val, t.Tokenizer)
	if err != nil {
		return nil, err
	}
	loss, _, err := train.Evaluate(t.Model, stoppable{heldOut, ctx}, 0)
	if err != nil {
		return nil, err
	}
	n := heldOut.Targets()
	return &EvalResult{
		Loss: loss, Perplexity: math.Exp(loss), BitsPerByte: loss * float64(n) / math.Ln2 / float64(bytes), Tokens: n, Bytes: bytes, Weights: t.Path,
	}, nil
}

// HeldOutRows returns a model and the beginning of its held-out text: rows of equal length, together about
// the given number of tokens.
func HeldOutRows(ctx context.Context, o EvalOptions, tokens int) (*Trained, [][]int32, error) {
	t, set, heldOut, err := o.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer set.close()
	var rows [][]int32
	var b batch.Batch
	some := heldOut.Spread(max(1, int64(tokens)/4096))
	for i := range some.Len() {
		if err := some.At(i, &b); err != nil {
			return nil, nil, err
		}
		for r := range b.Rows {
			if b.Targets[(r+1)*b.Cols-1] >= 0 && len(rows)*b.Cols < tokens { // a row without a filled-up end
				rows = append(rows, slices.Clone(b.Inputs[r*b.Cols:(r+1)*b.Cols]))
			}
		}
	}
	if len(rows) == 0 {
		return nil, nil, fmt.Errorf("the held-out text of %s does not fill a row of %d tokens; make --accuracy-tokens larger or hold out more", o.Model, b.Cols)
	}
	return t, rows, nil
}

// open loads the model and finds the held-out text. The caller closes the set.
func (o EvalOptions) open(ctx context.Context) (*Trained, *shardSet, *batch.HeldOut, error) {
	t, err := OpenTrained(o.Model, o.Threads, o.Log)
	if err != nil {
		return nil, nil, nil, err
	}
	switch room := t.Model.Config.MaxPositionEmbeddings; {
	case o.SeqLen < 0 || o.SeqLen > room:
		return nil, nil, nil, UsageError{fmt.Errorf("--seq-len is %d, the model takes 1 to %d tokens", o.SeqLen, room)}
	case o.Data == "" && t.Step < 0:
		return nil, nil, nil, UsageError{fmt.Errorf("%s is a model without a run, so it holds no text out; give text with --data", o.Model)}
	}
	if t.Tokenizer == nil {
		return nil, nil, nil, fmt.Errorf("%s has no tokenizer, so text cannot be encoded for it", o.Model)
	}
	cfg := t.Config
	cfg.Train.SeqLen = firstPositive(o.SeqLen, cfg.Train.SeqLen, min(512, t.Model.Config.MaxPositionEmbeddings))
	cfg.Train.BatchSize = max(1, 4096/cfg.Train.SeqLen)
	cfg.Model = t.Model.Config
	r := &Run{Dir: o.Model, Config: cfg}

	set := &shardSet{}
	if o.Data != "" {
		r.Config.Data = config.Data{Sources: []config.Source{{Path: o.Data}}}
		set.val, err = r.encodeAll(ctx, t.Tokenizer)
	} else {
		r.Dir = runOf(t.Path)
		set, err = r.openShards(t.Tokenizer)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	if len(set.val) == 0 {
		set.close()
		return nil, nil, nil, errors.New("the run holds nothing out; give text with --data")
	}
	heldOut, err := batch.NewHeldOut(set.val, r.batchConfig(t.Tokenizer))
	if err != nil {
		set.close()
		return nil, nil, nil, err
	}
	return t, set, heldOut, nil
}

// stoppable ends an evaluation between batches when ctx ends.
type stoppable struct {
	*batch.HeldOut
	ctx context.Context
}

func (s stoppable) At(index int64, dst *batch.Batch) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	return s.HeldOut.At(index, dst)
}

// encodeAll encodes the text of the run's sources in memory.
func (r *Run) encodeAll(ctx context.Context, tok *token.Tokenizer) ([]batch.Source, error) {
	c, err := r.corpus(ctx, r.Config.Data.MaxBytes)
	if err != nil {
		return nil, err
	}
	docs := &memoryDocuments{ends: []int64{0}}
	for d, err := range c.Documents(ctx) {
		if err != nil {
			return nil, err
		}
		docs.ids = tok.EncodeBytes(docs.ids, d.Text)
		docs.ends = append(docs.ends, int64(len(docs.ids)))
	}
	return []batch.Source{{Name: corpus.Val, Documents: docs}}, nil
}

// memoryDocuments is tokenized text in memory: document d ends where ends[d+1] says.
type memoryDocuments struct {
	ids  []int32
	ends []int64
}

func (m *memoryDocuments) NumDocs() int64   { return int64(len(m.ends) - 1) }
func (m *memoryDocuments) NumTokens() int64 { return int64(len(m.ids)) }

func (m *memoryDocuments) DocRange(doc int64) (start, end int64, err error) {
	return m.ends[doc], m.ends[doc+1], nil
}

func (m *memoryDocuments) ReadTokens(dst []int32, start int64) error {
	copy(dst, m.ids[start:])
	return nil
}

// textBytes is the length of the text behind the sources' tokens.
func textBytes(sources []batch.Source, tok *token.Tokenizer) (int64, error) {
	var n int64
	var ids []int32
	var text []byte
	for _, s := range sources {
		for d := range s.Documents.NumDocs() {
			start, end, err := s.Documents.DocRange(d)
			if err != nil {
				return 0, err
			}
			ids = append(ids[:0], make([]int32, end-start)...)
			if err := s.Documents.ReadTokens(ids, start); err != nil {
				return 0, err
			}
			if text, err = tok.Decode(text[:0], ids); err != nil {
				return 0, err
			}
			n += int64(len(text))
		}
	}
	return n, nil
}

func firstPositive(values ...int) int {
	for _, v := range values {
		if v > 0 {
			return v
		}
	}
	return 0
}
