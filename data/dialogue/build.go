package dialogue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"runtime"

	"github.com/zeebo/xxh3"

	"muonclip/data/chat"
	"muonclip/data/chatshard"
	"muonclip/data/token"
	"muonclip/internal/atomicfile"
)

// The folders and files that Build makes.
const (
	TrainDir   = "train"
	ValDir     = "val"
	ReportName = "report.json"
)

// ErrEmpty says that no dialogue is left for training, or for the held-out split.
var ErrEmpty = errors.New("no dialogues")

// Options says what Build keeps. The zero value keeps all in the training split.
type Options struct {
	ValFraction float64 // of the dialogues, which go to the held-out split by a hash of their content; 0 makes no split
	Seed        uint64  // of the split
	// MaxTokens is the length of the longest dialogue that is kept; longer ones are left out as a whole. 0 keeps all. For rows of
	// C places (package pack) it is C+1.
	MaxTokens int
	// Arguments checks the arguments of calls against the schemas of their tools; nil leaves them unchecked.
	Arguments  chat.ArgumentValidator
	FileTokens int64 // tokens of a file; 0 means chatshard.DefaultFileTokens
	Workers    int   // goroutines that encode; 0 means one for each processor. The result does not depend on it.
}

// Build encodes dialogues and writes them to the new folder dir: train/ and, with ValFraction, val/, which chatshard.Open
// reads, and report.json. The folder appears whole or not at all; one that is there already is an error that wraps
// fs.ErrExist. The files depend on the dialogues, their order, the tokenizer, the format and the options alone.
//
// Calls are numbered as K2's format wants it. What cannot be read (errors that wrap ErrRecord), is no valid dialogue, is longer
// than MaxTokens, has nothing to learn in it or is the same as an earlier one is left out and counted. Any other error of
// dialogues ends Build.
func Build(ctx context.Context, dialogues iter.Seq2[Item, error], tok *token.Tokenizer, f chat.Format, dir string, o Options) (Report, error) {
	if !(o.ValFraction >= 0 && o.ValFraction < 1) {
		return Report{}, fmt.Errorf("dialogue: held-out fraction is %v, want 0 to below 1", o.ValFraction)
	}
	if o.MaxTokens < 0 || o.Workers < 0 {
		return Report{}, fmt.Errorf("dialogue: longest dialogue %d, workers %d: want no negative number", o.MaxTokens, o.Workers)
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return Report{}, fmt.Errorf("dialogue: %w", err)
	}
	b := builder{tok: tok, format: f, options: o, seen: map[xxh3.Uint128]bool{}}
	err := atomicfile.WriteDir(dir, false, func(dir string) error { return b.build(ctx, dialogues, dir) })
	if err != nil {
		return b.report, fmt.Errorf("dialogue: encode into %s: %w", dir, err)
	}
	return b.report, nil
}

// builder is a Build in progress.
type builder struct {
	tok     *token.Tokenizer
	format  chat.Format
	options Options
	report  Report
	seen    map[xxh3.Uint128]bool
	splits  [2]*chatshard.Writer // train, val
}

func (b *builder) build(ctx context.Context, dialogues iter.Seq2[Item, error], dir string) error {
	config := chatshard.Config{Tokenizer: b.tok.Fingerprint(), VocabSize: b.tok.VocabSize(), Format: b.format.Name()}
	b.report = newReport(config)
	names := []string{TrainDir, ValDir}
	if b.options.ValFraction == 0 {
		names = names[:1]
	}
	for i, name := range names {
		sub := filepath.Join(dir, name)
		if err := os.Mkdir(sub, 0o755); err != nil {
			return err
		}
		w, err := chatshard.Create(sub, config, b.options.FileTokens)
		if err != nil {
			return err
		}
		b.splits[i] = w
	}
	if err := inOrder(ctx, b.options.Workers, dialogues, b.encode, b.take); err != nil {
		return err
	}
	for i, name := range names {
		m, err := b.splits[i].Finish()
		if err != nil {
			return err
		}
		if m.Dialogues == 0 {
			return fmt.Errorf("%w in the split %s: %s", ErrEmpty, name, b.report.explain())
		}
		b.report.Splits[name] = Split{Dialogues: m.Dialogues, Tokens: m.Tokens, Trained: m.Trained, Fingerprint: m.Fingerprint()}
	}
	data, err := json.MarshalIndent(b.report, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, ReportName), append(data, '\n'))
}

// encoded is what became of an item.
type encoded struct {
	where   string
	d       chatshard.Dialogue
	content xxh3.Uint128
	split   int
	reason  string // why it is left out; "" keeps it
	why     error
}

// encode works on one item. Its own error is about the tokenizer, not about the item.
func (b *builder) encode(it Item, readErr error) (encoded, error) {
	e := encoded{where: it.Where}
	refuse := func(reason string, why error) (encoded, error) {
		e.reason, e.why = reason, why
		return e, nil
	}
	if readErr != nil {
		if errors.Is(readErr, ErrRecord) {
			return refuse(ReasonUnreadable, readErr)
		}
		return e, readErr
	}
	d, err := chat.Renumber(it.Dialogue)
	if err != nil {
		return refuse(ReasonInvalid, err)
	}
	if err := chat.Validate(d, b.options.Arguments); err != nil {
		return refuse(ReasonInvalid, err)
	}
	if e.d, err = Encode(b.tok, b.format, d); err != nil {
		return e, err
	}
	e.d.Kind = it.Kind
	if n := len(e.d.IDs); b.options.MaxTokens > 0 && n > b.options.MaxTokens {
		return refuse(ReasonTooLong, fmt.Errorf("it has %d tokens, at most %d fit", n, b.options.MaxTokens))
	}
	if e.d.Trained() == 0 {
		return refuse(ReasonNothing, errors.New("no turn of an assistant is in the loss"))
	}
	d.ID = ""
	content := d.AppendJSON(nil)
	e.content = xxh3.Hash128(content)
	if fraction := float64(xxh3.HashSeed(content, b.options.Seed)>>11) / math.Exp2(53); fraction < b.options.ValFraction {
		e.split = 1
	}
	return e, nil
}

// take takes the items in their order.
func (b *builder) take(e encoded) error {
	b.report.Read++
	switch {
	case e.reason != "":
		b.report.drop(e.reason, e.where, e.why)
		return nil
	case b.seen[e.content]:
		b.report.drop(ReasonDuplicate, e.where, errors.New("the same as an earlier one"))
		return nil
	}
	b.seen[e.content] = true
	b.report.keep(e.d)
	return b.splits[e.split].Add(e.d)
}
