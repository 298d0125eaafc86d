package stage

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"muonclip/data/chat"
	"muonclip/data/dialogue"
	"muonclip/data/recall"
	"muonclip/data/token"
	"muonclip/internal/atomicfile"
	"muonclip/internal/config"
	"muonclip/internal/progress"
	"muonclip/internal/rng"
	"muonclip/synth"
	"muonclip/synth/task"
	"muonclip/synth/tool"
)

// solver is an environment that shows how its tasks are done.
type solver interface {
	Dialogues(seed, n uint64) iter.Seq2[chat.Dialogue, error]
}

// Dialogues makes the dialogues of all tasks in data/dialogues/TASK, unless that is done: those of tools by the
// generator of package synth, each proved, others by the environment's worked solutions. Held-out tools and problems do
// not occur in them.
func (r *Run) Dialogues(ctx context.Context, stage, stages int) error {
	for _, t := range r.Config.Tasks {
		if t.Dialogues == 0 {
			continue
		}
		dir := r.path("data", "dialogues", t.Label())
		origin := fmt.Sprintf("%+v seed %d", t, r.Config.Seed)
		mark := filepath.Join(dir, "origin")
		if was, err := os.ReadFile(mark); err == nil && string(was) == origin {
			continue
		} else if err == nil { // made for other tasks
			if err := os.RemoveAll(dir); err != nil {
				return fmt.Errorf("dialogues: %w", err)
			}
		}
		var err error
		if t.Env == "tools" {
			err = r.toolDialogues(ctx, t, dir)
		} else {
			err = r.worked(ctx, t, dir, stage, stages)
		}
		if err != nil {
			return fmt.Errorf("dialogues of %s: %w", t.Label(), err)
		}
		if err := atomicfile.WriteFile(mark, []byte(origin)); err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) toolDialogues(ctx context.Context, t config.Task, dir string) error {
	kinds, err := config.Weights(t.Kinds)
	if err != nil {
		return UsageError{err}
	}
	from := synth.SourceConfig{Seed: r.Config.Seed, Weights: taskWeights(kinds), Domains: t.Domains, Compact: t.Compact, Split: synth.Train}
	if len(t.Domains) > 0 {
		from.Part = task.Train
		if i := slices.IndexFunc(t.Domains, tool.HeldOut); i >= 0 {
			return errHeldOut(t.Domains[i])
		}
	}
	source, err := synth.NewSource(ctx, from)
	if err != nil {
		return err
	}
	_, err = synth.Generate(ctx, source, synth.Options{
		Dir: dir, N: t.Dialogues, Seed: r.Config.Seed, Name: t.Label(), Workers: r.threads(), NearDuplicate: -1, Progress: r.Progress,
	})
	return err
}

// worked writes the solved tasks of an environment that teaches.
func (r *Run) worked(ctx context.Context, t config.Task, dir string, stage, stages int) error {
	a, err := r.arena(ctx, t, false)
	if err != nil {
		return err
	}
	if t.AnswersOnly > 0 && t.Env != "math" {
		return UsageError{fmt.Errorf("answers_only is for math, the task is of %s", t.Env)}
	}
	shows, ok := a.Environment.(solver)
	if !ok {
		return UsageError{fmt.Errorf("the environment %s has no worked solutions: set its dialogues to 0", t.Env)}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("dialogues: %w", err)
	}
	progressed := r.Progress.Start(progress.Spec{Name: "solve " + t.Label(), Stage: stage, Stages: stages, Unit: "dialogues", Total: int64(t.Dialogues)})
	brief := rng.New(r.Config.Seed, "answers only")
	err = atomicfile.Write(filepath.Join(dir, "train.jsonl"), func(w io.Writer) error {
		var failed error
		n := int64(0)
		err := chat.WriteJSONL(w, func(yield func(chat.Dialogue) bool) {
			for d, err := range shows.Dialogues(r.Config.Seed, uint64(t.Dialogues)) {
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					failed = err
					return
				}
				n++
				progressed.Set(n)
				if brief.Float64() < t.AnswersOnly {
					last := &d.Messages[len(d.Messages)-1]
					last.Content = last.Content[strings.LastIndex(last.Content, "\n")+1:]
				}
				if !yield(d) {
					return
				}
			}
		})
		if failed != nil {
			return failed
		}
		return err
	})
	if err != nil {
		progressed.Fail(failed(ctx))
		return err
	}
	progressed.Done("")
	return nil
}

// location is the file or folder of a source. The dialogues made for the tasks are read as text, one document each.
func (r *Run) location(ctx context.Context, s config.Source) (string, error) {
	var texts iter.Seq2[string, error]
	switch s.Path {
	case config.Dialogues:
		if err := r.Dialogues(ctx, 0, 0); err != nil {
			return "", err
		}
		texts = r.dialogueTexts(ctx)
	case config.Recall:
		tok, err := r.LoadTokenizer()
		if err != nil {
			return "", err
		}
		words := wordsOf(tok)
		if len(words) < 10 {
			return "", UsageError{fmt.Errorf("the tokenizer has only %d words, too few for the source recall: leave it out", len(words))}
		}
		texts = func(yield func(string, error) bool) {
			for i := range uint64(recallTexts) {
				if !yield(recall.Text(r.Config.Seed, i, words), nil) {
					return
				}
			}
		}
	default:
		return s.Location(ctx)
	}
	path := r.path("data", s.Path+".jsonl")
	if exists(path) {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	return path, atomicfile.Write(path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for text, err := range texts {
			if err != nil {
				return err
			}
			if err := enc.Encode(map[string]string{"text": text}); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		return nil
	})
}

// recallTexts is the number of texts of the source recall: about 4 million tokens, more than a run of minutes reads.
const recallTexts = 16_000

// wordsOf lists the tokens that are a word with its space.
func wordsOf(tok *token.Tokenizer) []string {
	var words []string
	for id := range tok.VocabSize() {
		text, err := tok.Decode(nil, []int32{int32(id)})
		word, spaced := strings.CutPrefix(string(text), " ")
		if err == nil && spaced && len(word) > 1 && strings.IndexFunc(word, func(c rune) bool { return !unicode.IsLetter(c) }) < 0 {
			words = append(words, string(text))
		}
	}
	return words
}

// dialogueTexts reads the dialogues made for the tasks as text.
func (r *Run) dialogueTexts(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, t := range r.Config.Tasks {
			if t.Dialogues == 0 {
				continue
			}
			for item, err := range dialogue.Read(ctx, dialogue.Source{Path: r.path("data", "dialogues", t.Label())}) {
				if err != nil {
					yield("", fmt.Errorf("dialogues of %s: %w", t.Label(), err))
					return
				}
				if !yield(plainText(item.Dialogue), nil) {
					return
				}
			}
		}
	}
}

// plainText is a dialogue as text: what stands between special tokens, each part on a line of its own.
func plainText(d chat.Dialogue) string {
	var b strings.Builder
	for _, s := range (chat.K2{}).Render(d, chat.RenderOptions{}) {
		if s.Kind != chat.Text {
			b.WriteByte('\n')
			continue
		}
		b.WriteString(s.Text)
	}
	return b.String()
}
