package stage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"muonclip/data/batch"
	"muonclip/data/chat"
	"muonclip/data/chat/schema"
	"muonclip/data/chatshard"
	"muonclip/data/dialogue"
	"muonclip/data/pack"
	"muonclip/data/token"
	"muonclip/internal/atomicfile"
	"muonclip/internal/compute"
	"muonclip/internal/config"
	"muonclip/internal/progress"
	"muonclip/internal/report"
	"muonclip/internal/train"
)

// SFT fine-tunes the model of a folder, or of the run itself where from is empty, on the dialogues of the configuration.
// It is a run of its own in the folder sft of the run.
func (r *Run) SFT(ctx context.Context, from string, stage, stages int) (sum *Summary, err error) {
	defer compute.Guard(&err)
	if from == "" {
		from = r.Dir
	}
	base, err := OpenTrained(from, r.Config.Train.Threads, r.Log)
	if err != nil {
		return nil, err
	}
	if base.Tokenizer == nil {
		return nil, fmt.Errorf("%s has no tokenizer, so dialogues cannot be encoded for it: put its tokenizer.json there", from)
	}
	data, err := r.dialogues(ctx, base.Tokenizer, stage, stages)
	if err != nil {
		return nil, err
	}
	defer data.close()

	cfg := r.Config.For(config.StageSFT)
	cfg.Model = base.Model.Config
	loader, err := pack.NewLoader(data.train, pack.Config{Seed: cfg.Seed, Rows: cfg.Train.BatchSize, Cols: cfg.Train.SeqLen})
	if err != nil {
		return nil, damaged(err)
	}
	cfg.Train.Steps, cfg.Train.Tokens = int(loader.Steps(cfg.SFT.Epochs)), 0
	sub, err := r.open("sft", cfg, base.Tokenizer)
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	manifest, err := sub.goOn(base)
	if err != nil || manifest.Finished != "" {
		return sub.outcome(manifest, err)
	}
	manifest.Shards = data.prints
	for _, p := range loader.Parts(1) {
		manifest.Documents += p.Dialogues
		manifest.TokensTrain += p.Places
	}
	j := job{name: "sft", model: base.Model, place: place{Backend: base.Backend}, tokenizer: base.Tokenizer, data: loader, manifest: manifest}
	if len(data.val) > 0 {
		heldOut, err := pack.NewHeldOut(data.val, pack.Config{Rows: cfg.Train.BatchSize, Cols: cfg.Train.SeqLen})
		if err != nil {
			return nil, damaged(err)
		}
		j.val = heldOut
	}
	if err := sub.use(&j); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	sum, err = sub.train(ctx, j, stage, stages)
	if err != nil && !sub.began {
		return nil, err
	}
	path, reportErr := report.Write(sub.Dir)
	if err = errors.Join(err, reportErr); err != nil {
		return nil, err
	}
	sum.Report = path
	return sum, nil
}

// goOn starts the manifest of a stage that begins with the weights of another one. It is that of the finished stage
// where nothing is left to do.
func (r *Run) goOn(base *Trained) (Manifest, error) {
	before, weights := r.readManifest(), train.Fingerprint(base.Model)
	if before.FromWeights != "" && before.FromWeights != weights {
		return before, DamagedError{fmt.Errorf("%s began with other weights than those of %s: remove it to do this stage again", r.Dir, base.Path)}
	}
	if r.done(before, base.Tokenizer) {
		return before, nil
	}
	m := r.begin(base.Model, base.Backend, base.Tokenizer, before)
	m.From, m.FromWeights = base.Path, weights
	return m, nil
}

// outcome is the summary of a stage that was done before.
func (r *Run) outcome(m Manifest, err error) (*Summary, error) {
	if err != nil {
		return nil, err
	}
	return r.summary(m)
}

// open makes the run folder of a later stage, with the tokenizer of the model that it goes on from.
func (r *Run) open(name string, cfg config.Config, tok *token.Tokenizer) (*Run, error) {
	sub, err := Open(Run{Dir: r.path(name), Config: cfg, Log: r.Log, Progress: r.Progress, Command: r.Command, OnRow: r.OnRow})
	if err != nil {
		return nil, err
	}
	have, err := sub.LoadTokenizer()
	switch {
	case errors.Is(err, ErrNoData):
		err = sub.saveTokenizer(tok)
	case err == nil && have.Fingerprint() != tok.Fingerprint():
		err = DamagedError{fmt.Errorf("%s was made with another tokenizer than the model that it goes on from: remove it", sub.Dir)}
	}
	if err != nil {
		return nil, errors.Join(err, sub.Close())
	}
	return sub, nil
}

// chatData is the open shards of dialogues.
type chatData struct {
	train, val []pack.Source
	prints     map[string]string // fingerprint by source and split
	open       []*chatshard.Reader
}

func (d *chatData) close() {
	for _, r := range d.open {
		_ = r.Close() // read only
	}
}

// dialogues encodes the dialogues of all tasks and files into shards, unless that is done, and opens them.
func (r *Run) dialogues(ctx context.Context, tok *token.Tokenizer, stage, stages int) (*chatData, error) {
	format, err := chat.ByName(r.Config.SFT.Format)
	if err != nil {
		return nil, UsageError{err}
	}
	d := &chatData{prints: map[string]string{}}
	for _, s := range r.chatSources() {
		dir := r.path("data", "chat", s.Name)
		if err := r.encode(ctx, s, dir, tok, format, stage, stages); err != nil {
			d.close()
			return nil, err
		}
		for split, list := range map[string]*[]pack.Source{dialogue.TrainDir: &d.train, dialogue.ValDir: &d.val} {
			if !exists(filepath.Join(dir, split)) {
				continue
			}
			shards, err := chatshard.Open(filepath.Join(dir, split), chatshard.Options{Tokenizer: tok.Fingerprint(), Format: format.Name()})
			if err != nil {
				d.close()
				return nil, damaged(err)
			}
			d.open = append(d.open, shards)
			d.prints[s.Name+"/"+split] = shards.Manifest().Fingerprint()
			*list = append(*list, pack.Source{Name: s.Name, Dialogues: shards, Weight: s.Weight})
		}
	}
	if len(d.train) == 0 {
		return nil, UsageError{errors.New("there are no dialogues to learn from: give --data PATH, or tasks or sft.data in the configuration")}
	}
	return d, nil
}

// chatSources lists where dialogues come from: those made for the tasks, then the files.
func (r *Run) chatSources() []config.ChatData {
	var out []config.ChatData
	for _, t := range r.Config.Tasks {
		if t.Dialogues > 0 {
			out = append(out, config.ChatData{Name: t.Label(), Path: r.path("data", "dialogues", t.Label())})
		}
	}
	for _, s := range r.Config.SFT.Data {
		if s.Name == "" {
			s.Name = filepath.Base(s.Path)
		}
		out = append(out, s)
	}
	return out
}

// encode makes the shards of one source. Shards that were made of something else are made again.
func (r *Run) encode(ctx context.Context, s config.ChatData, dir string, tok *token.Tokenizer, f chat.Format, stage, stages int) error {
	origin := fmt.Sprintf("%s %s %s seed %d val %g tokens %d", s.Path, tok.Fingerprint(), f.Name(), r.Config.Seed, r.Config.SFT.ValFraction, r.Config.SFT.SeqLen)
	mark := filepath.Join(dir, "origin")
	if was, err := os.ReadFile(mark); err == nil && string(was) == origin {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("sft: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("sft: %w", err)
	}
	task := r.Progress.Start(progress.Spec{Name: "encode " + s.Name, Stage: stage, Stages: stages, Unit: "dialogues"})
	rep, err := dialogue.Build(ctx, counted(dialogue.Read(ctx, dialogue.Source{Path: s.Path, Kind: s.Name}), task), tok, f, dir, dialogue.Options{
		ValFraction: r.Config.SFT.ValFraction, Seed: r.Config.Seed, MaxTokens: r.Config.SFT.SeqLen + 1, Arguments: &schema.Validator{}, Workers: r.threads(),
	})
	if err != nil {
		task.Fail(failed(ctx))
		if errors.Is(err, fs.ErrNotExist) {
			err = UsageError{err}
		}
		return err
	}
	dropped := int64(0)
	for reason, d := range rep.Dropped {
		dropped += d.Count
		r.Log.Debug("dialogues left out", "source", s.Name, "reason", reason, "count", d.Count, "examples", d.Examples)
	}
	task.Done(fmt.Sprintf("%d left out", dropped))
	return atomicfile.WriteFile(mark, []byte(origin))
}

// counted shows how many items have passed.
func counted(items iter.Seq2[dialogue.Item, error], task *progress.Task) iter.Seq2[dialogue.Item, error] {
	return func(yield func(dialogue.Item, error) bool) {
		n := int64(0)
		for item, err := range items {
			n++
			task.Set(n)
			if !yield(item, err) {
				return
			}
		}
	}
}

var _ batch.Evaluation = (*pack.HeldOut)(nil)
