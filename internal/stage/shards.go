package stage

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"

	"muonclip/data/batch"
	"muonclip/data/corpus"
	"muonclip/data/shard"
	"muonclip/data/token"
	"muonclip/internal/progress"
)

// encodeAtOnce is how many documents are encoded side by side before they are written in order.
const encodeAtOnce = 256

// Shards encodes the run's text into data/shards/SOURCE/{train,val}, unless that is done.
func (r *Run) Shards(ctx context.Context, tok *token.Tokenizer, stage, stages int) error {
	if r.shardsDone() {
		return nil
	}
	c, err := r.corpus(ctx, r.Config.Data.MaxBytes)
	if err != nil {
		return err
	}
	task := r.Progress.Start(progress.Spec{Name: "shards", Stage: stage, Stages: stages, Unit: "documents"})
	writers := &shardWriters{run: r, tok: tok, open: map[string]*shard.Writer{}}
	defer writers.abort()
	var docs []corpus.Document
	var done, size int64
	flush := func() error {
		if err := writers.add(c, docs); err != nil {
			return err
		}
		done += int64(len(docs))
		for _, d := range docs {
			size += int64(len(d.Text))
		}
		docs = docs[:0]
		task.Set(done, progress.Field{Name: "text", Value: fmt.Sprintf("%.1f MB", float64(size)/1e6)})
		return nil
	}
	for d, err := range c.Documents(ctx) {
		if err == nil {
			docs = append(docs, d)
			if len(docs) == encodeAtOnce {
				err = flush()
			}
		}
		if err != nil {
			task.Fail(failed(ctx))
			return explainSplit(err)
		}
	}
	if err := errors.Join(flush(), writers.finish(c.Stats())); err != nil {
		task.Fail(failed(ctx))
		return err
	}
	task.Done("")
	return nil
}

// shardsDone reports whether every source has its finished training shards. Their manifests are
// written after all shards, the training split's last.
func (r *Run) shardsDone() bool {
	for _, s := range r.Config.Data.Sources {
		if _, err := os.Stat(r.shardDir(s.Label(), corpus.Train) + "/" + shard.ManifestName); err != nil {
			return false
		}
	}
	return len(r.Config.Data.Sources) > 0
}

func (r *Run) shardDir(source, split string) string { return r.path("data", "shards", source, split) }

// shardWriters holds the open writers by folder.
type shardWriters struct {
	run  *Run
	tok  *token.Tokenizer
	open map[string]*shard.Writer
	ids  [][]int32
}

// add encodes documents in parallel and writes them in their order.
func (w *shardWriters) add(c *corpus.Corpus, docs []corpus.Document) error {
	for len(w.ids) < len(docs) {
		w.ids = append(w.ids, nil)
	}
	var g errgroup.Group
	g.SetLimit(w.run.threads())
	for i, d := range docs {
		g.Go(func() error {
			w.ids[i] = w.tok.EncodeBytes(w.ids[i][:0], d.Text)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, d := range docs {
		if len(w.ids[i]) == 0 {
			continue
		}
		out, err := w.writer(d.Source, c.Split(d))
		if err != nil {
			return err
		}
		if err := out.Add(d.Name, w.ids[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *shardWriters) writer(source, split string) (*shard.Writer, error) {
	dir := w.run.shardDir(source, split)
	if open, ok := w.open[dir]; ok {
		return open, nil
	}
	// What an interrupted run finished of this split is made again with the rest.
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("shards: %w", err)
	}
	out, err := shard.Create(dir, shard.WriterConfig{
		Source: source, Split: split, Tokenizer: w.tok.Fingerprint(), VocabSize: w.tok.VocabSize(), Seed: w.run.Config.Seed,
		ShardTokens: w.run.Config.Data.ShardTokens,
	})
	w.open[dir] = out
	return out, err
}

// finish writes the manifests, training splits last, so that their presence means that all is there.
func (w *shardWriters) finish(stats corpus.Stats) error {
	for _, split := range []string{corpus.Val, corpus.Train} {
		for _, s := range w.run.Config.Data.Sources {
			if out, ok := w.open[w.run.shardDir(s.Label(), split)]; ok {
				if _, err := out.Finish(stats); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (w *shardWriters) abort() {
	for _, out := range w.open {
		if out != nil {
			_ = out.Abort() // nothing is lost: the shards are made from the text again
		}
	}
}

// shardSet is the open shards of a run.
type shardSet struct{ train, val []batch.Source }

func (r *Run) openShards(tok *token.Tokenizer) (*shardSet, error) {
	if !r.shardsDone() {
		return nil, fmt.Errorf("%s has no shards: %w; make them with \"muonclip data shard --out %s\"", r.Dir, ErrNoData, r.Dir)
	}
	set := &shardSet{}
	for _, s := range r.Config.Data.Sources {
		for _, split := range []string{corpus.Train, corpus.Val} {
			dir := r.shardDir(s.Label(), split)
			if _, err := os.Stat(dir); split == corpus.Val && errors.Is(err, os.ErrNotExist) {
				continue
			}
			reader, err := shard.Open(dir, shard.Options{Tokenizer: tok.Fingerprint(), VocabSize: r.Config.Model.VocabSize})
			if err != nil {
				set.close()
				return nil, damaged(err)
			}
			source := batch.Source{Name: s.Label(), Documents: reader, Weight: s.Weight}
			if split == corpus.Train {
				set.train = append(set.train, source)
			} else {
				set.val = append(set.val, source)
			}
		}
	}
	return set, nil
}

func (s *shardSet) close() {
	for _, source := range append(s.train, s.val...) {
		if reader, ok := source.Documents.(*shard.Reader); ok {
			_ = reader.Close() // read only: nothing can be lost
		}
	}
}

// describe adds the data to the manifest.
func (s *shardSet) describe(m *Manifest, loader *batch.Loader, heldOut *batch.HeldOut) {
	m.Shards = map[string]string{}
	for split, sources := range map[string][]batch.Source{corpus.Train: s.train, corpus.Val: s.val} {
		for _, source := range sources {
			info := source.Documents.(*shard.Reader).Manifest()
			m.Shards[source.Name+"/"+split] = info.Fingerprint()
			m.Documents += info.Documents
			m.Corpus = info.Corpus
		}
	}
	for _, part := range loader.Parts(0) {
		m.TokensTrain += part.Tokens
	}
	if heldOut != nil {
		m.TokensVal = heldOut.Targets()
	}
}

// batches returns the training batches and the held-out ones; the latter are nil where nothing is
// held out.
func (r *Run) batches(tok *token.Tokenizer, set *shardSet) (*batch.Loader, *batch.HeldOut, error) {
	cfg := r.batchConfig(tok)
	loader, err := batch.NewLoader(set.train, cfg)
	if err != nil || len(set.val) == 0 {
		return loader, nil, err
	}
	heldOut, err := batch.NewHeldOut(set.val, cfg)
	return loader, heldOut, err
}

// batchConfig cuts documents as the run trains on them, each between the tokenizer's BOS and EOS.
func (r *Run) batchConfig(tok *token.Tokenizer) batch.Config {
	cfg := batch.Config{
		Seed: r.Config.Seed, Rows: r.Config.Train.BatchSize, Cols: r.Config.Train.SeqLen, MaskDocuments: r.Config.Data.MaskDocuments,
		VocabSize: r.Config.Model.VocabSize,
	}
	roles := tok.Roles()
	if id, ok := tok.ID(roles.BOS); ok {
		cfg.Before = []int32{id}
	}
	if id, ok := tok.ID(roles.EOS); ok {
		cfg.After = []int32{id}
	}
	return cfg
}
