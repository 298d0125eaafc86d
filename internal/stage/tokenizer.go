package stage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"muonclip/data/corpus"
	"muonclip/data/token"
	"muonclip/internal/atomicfile"
	"muonclip/internal/checkpoint"
	"muonclip/internal/config"
	"muonclip/internal/progress"
)

// Tokenizer makes the tokenizer of the run in data/tokenizer, unless it is there: trained on the run's
// text, or copied from tokenizer.path.
func (r *Run) Tokenizer(ctx context.Context, stage, stages int) (*token.Tokenizer, error) {
	if tok, err := r.LoadTokenizer(); !errors.Is(err, ErrNoData) {
		return tok, err
	}
	var tok *token.Tokenizer
	var err error
	if path := r.Config.Tokenizer.Path; path != "" {
		tok, err = token.Load(path)
	} else {
		tok, err = r.trainTokenizer(ctx, stage, stages)
	}
	if err != nil {
		return nil, err
	}
	if _, err := ModelConfig(r.Config, tok); err != nil {
		return nil, err
	}
	return tok, r.saveTokenizer(tok)
}

// saveTokenizer writes data/tokenizer as a whole, so that a run that is killed meanwhile finds none.
func (r *Run) saveTokenizer(tok *token.Tokenizer) error {
	if err := os.MkdirAll(r.path("data"), 0o755); err != nil {
		return fmt.Errorf("tokenizer: %w", err)
	}
	if _, err := atomicfile.Clean(r.path("data")); err != nil {
		return err
	}
	return atomicfile.WriteDir(r.path("data", "tokenizer"), true, tok.Save)
}

// LoadTokenizer reads the tokenizer of the run. The error wraps ErrNoData where there is none.
func (r *Run) LoadTokenizer() (*token.Tokenizer, error) {
	dir := r.path("data", "tokenizer")
	if !hasTokenizer(dir) {
		return nil, fmt.Errorf("%s has no tokenizer: %w; make one with \"muonclip tokenizer train --out %s\"", r.Dir, ErrNoData, r.Dir)
	}
	tok, err := token.Load(dir)
	if err != nil {
		return nil, DamagedError{err}
	}
	return tok, nil
}

func hasTokenizer(dir string) bool {
	return exists(filepath.Join(dir, token.FileJSON)) || exists(filepath.Join(dir, token.FileTiktoken))
}

func (r *Run) trainTokenizer(ctx context.Context, stage, stages int) (*token.Tokenizer, error) {
	if c, _, err := checkpoint.Latest(r.Dir); err == nil && c.State.TokenizerFingerprint == "" {
		return nil, DamagedError{fmt.Errorf("%s was imported without its tokenizer, and a new one would number other tokens: copy its tokenizer.json to %s", r.Dir, r.path("data", "tokenizer"))}
	}
	c, err := r.corpus(ctx, r.Config.Tokenizer.TrainBytes)
	if err != nil {
		return nil, err
	}
	task := r.Progress.Start(progress.Spec{Name: "tokenizer", Stage: stage, Stages: stages, Unit: "tokens", Total: int64(r.Config.TokenizerVocab())})
	tok, err := token.Train(ctx, token.TrainOptions{
		VocabSize: r.Config.TokenizerVocab(), Pattern: token.Pattern(r.Config.Tokenizer.Pattern), Workers: r.Config.Train.Threads,
		Progress: func(p token.Progress) {
			task.Set(int64(p.Tokens), progress.Field{Name: "text", Value: fmt.Sprintf("%.1f MB", float64(p.Bytes)/1e6)})
		},
	}, texts(ctx, c))
	if err != nil {
		task.Fail(failed(ctx))
		return nil, explainSplit(err)
	}
	task.Set(int64(tok.VocabSize())) // with the special tokens
	enough := ""
	if tok.VocabSize() < r.Config.TokenizerVocab() {
		enough = "the text has no more pairs to merge"
	}
	task.Done(enough)
	return tok, nil
}

// explainSplit adds to an error about an empty split which keys decide on it.
func explainSplit(err error) error {
	if errors.Is(err, corpus.ErrSplit) {
		return fmt.Errorf("%w (data.val_fraction, seed, data.chunk_bytes; data.val_fraction=0 holds nothing out)", err)
	}
	return err
}

// texts yields the training documents.
func texts(ctx context.Context, c *corpus.Corpus) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for d, err := range c.Documents(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			if c.Split(d) == corpus.Train && !yield(d.Text, nil) {
				return
			}
		}
	}
}

// pieceOfFile is how a single file is cut up where data.chunk_bytes does not say.
const pieceOfFile = 8192

// corpus opens the run's text, up to limit bytes of it, which the sources share by their weights; 0 means all.
func (r *Run) corpus(ctx context.Context, limit int64) (*corpus.Corpus, error) {
	d := r.Config.Data
	cfg := corpus.Config{
		Seed: r.Config.Seed, HeldOut: d.ValFraction,
		Filters: corpus.Filters{MinBytes: int(d.MinBytes), MaxBytes: int(d.MaxBytesPerDoc), ExactDuplicates: d.DedupExact},
	}
	if d.DedupNear {
		cfg.Filters.NearDuplicates.Threshold = d.NearThreshold
	}
	if len(d.Sources) == 0 {
		return nil, errors.New("there is no text to train on: give --data PATH, or data.sources in the configuration")
	}
	weights := 0.0
	for _, s := range d.Sources {
		weights += s.Weight
	}
	for _, s := range d.Sources {
		if s.Path == config.Recall && !hasTokenizer(r.path("data", "tokenizer")) {
			continue // it is made of the tokens that are being learned
		}
		share := 1 / float64(len(d.Sources))
		if weights > 0 {
			share = s.Weight / weights
		}
		path, err := r.location(ctx, s)
		if err != nil {
			return nil, err
		}
		format := s.Format
		if format == "auto" {
			format = ""
		}
		chunk := d.ChunkBytes
		if chunk == 0 && corpus.IsTextFile(path, format) {
			chunk = pieceOfFile
		}
		cfg.Sources = append(cfg.Sources, corpus.Source{
			Name: s.Label(), Path: path, Format: format, TextField: s.Field, Include: s.Include, Exclude: s.Exclude, ChunkBytes: int(chunk),
			MaxBytes: int64(share * float64(limit)),
		})
	}
	return corpus.New(cfg)
}
