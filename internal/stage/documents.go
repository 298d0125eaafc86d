package stage

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"muonclip/data/batch"
	"muonclip/data/shard"
	"muonclip/data/token"
	"muonclip/internal/config"
)

// Document is a part of a training batch: which document it is of, and the text.
type Document struct {
	Row  int    `json:"row"`
	ID   string `json:"id"`   // SOURCE:NUMBER, as events name it
	Name string `json:"name"` // of the document in its source
	Text string `json:"text"` // the first characters of the part that is in the batch
}

// BatchDocuments lists the documents of training batches of a pretraining run, made again from its shards, with up to chars
// characters of each. A run without shards of its own, such as fine-tuning, gives none.
func BatchDocuments(dir string, batches []int64, chars int) ([][]Document, error) {
	cfg, err := config.Read(filepath.Join(dir, "config.yaml"))
	if err != nil {
		return nil, UsageError{err}
	}
	out := make([][]Document, len(batches))
	r := &Run{Dir: dir, Config: cfg}
	if cfg.Stage != config.StagePretrain || !r.shardsDone() {
		return out, nil
	}
	tok, err := r.LoadTokenizer()
	if errors.Is(err, ErrNoData) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	set, err := r.openShards(tok)
	if err != nil {
		return nil, err
	}
	defer set.close()
	loader, err := batch.NewLoader(set.train, r.batchConfig(tok))
	if err != nil {
		return nil, err
	}
	var b batch.Batch
	for i, number := range batches {
		if err := loader.At(number, &b); err != nil {
			return nil, err
		}
		if out[i], err = set.documents(&b, tok, chars); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// documents names the parts of a batch. In each row they begin where a token attends to nothing before it; where documents
// are not masked only the first is told from the others, and all have the row's beginning as their text.
func (s *shardSet) documents(b *batch.Batch, tok *token.Tokenizer, chars int) ([]Document, error) {
	var out []Document
	row, part := -1, 0
	var starts []int
	for _, ref := range b.Docs {
		if ref.Row != row {
			row, part, starts = ref.Row, 0, partStarts(b, ref.Row)
		}
		at := starts[min(part, len(starts)-1)]
		part++
		text, err := tok.Decode(nil, b.Inputs[at:min((row+1)*b.Cols, at+chars)]) // a token is a character or more
		if err != nil {
			return nil, err
		}
		d := Document{Row: row, ID: fmt.Sprintf("%s:%d", ref.Source, ref.Doc), Text: beginning(string(text), chars)}
		for _, source := range s.train {
			if source.Name == ref.Source {
				if d.Name, err = source.Documents.(*shard.Reader).DocName(ref.Doc); err != nil {
					return nil, damaged(err)
				}
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// partStarts lists the positions in the batch where the documents of a row begin.
func partStarts(b *batch.Batch, row int) []int {
	var out []int
	for c := range b.Cols {
		if at := row*b.Cols + c; c == 0 || int(b.DocStart[at]) == c {
			out = append(out, at)
		}
	}
	return out
}

// beginning is the first characters of a text on one line.
func beginning(text string, chars int) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if runes := []rune(text); len(runes) > chars {
		return string(runes[:chars])
	}
	return text
}
