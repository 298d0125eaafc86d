package synth

import (
	"io"
	"path"

	"golang.org/x/sync/errgroup"

	"muonclip/data/chatshard"
	"muonclip/synth/dataset"
	"muonclip/synth/dataset/screen"
)

// part collects rows until its files are written.
type part struct {
	number    int
	rows      []*dataset.Row
	dialogues []byte
	records   []byte
	tokens    []chatshard.Dialogue
	state     partState
}

// partState is what a finished part leaves behind until the whole data set is finished: all that the rest of the run needs
// to know of it.
type partState struct {
	Config     string                     `json:"config"` // fingerprint
	Part       dataset.Part               `json:"part"`
	Refused    map[string]dataset.Refused `json:"refused"`
	Hits       []hit                      `json:"hits,omitempty"`
	Digests    []dataset.Digest           `json:"digests"`
	Signatures [][]byte                   `json:"signatures,omitempty"`
	Grams      *dataset.Grams             `json:"grams"`
	Tokens     *chatshard.Info            `json:"tokens,omitempty"`
}

// hit is a candidate that holds tasks of a benchmark.
type hit struct {
	Key       string         `json:"key"`
	Candidate int64          `json:"candidate"`
	Matches   []screen.Match `json:"matches"`
}

func newPart(number int, config string) *part {
	return &part{number: number, state: partState{Config: config, Refused: map[string]dataset.Refused{}, Grams: new(dataset.Grams)}}
}

// add takes a candidate that is kept.
func (p *part) add(c *candidate) {
	p.rows = append(p.rows, c.row)
	p.dialogues = append(p.dialogues, c.dialogue...)
	p.records = append(p.records, c.record...)
	p.tokens = append(p.tokens, c.tokens)
	p.state.Digests = append(p.state.Digests, c.digest)
	p.state.Grams.Add(c.grams)
	if c.signature != nil {
		raw, _ := c.signature.MarshalBinary() // it does not fail
		p.state.Signatures = append(p.state.Signatures, raw)
	}
	p.state.Part.Rows++
	p.state.Part.Next = c.index + 1
}

// refuse counts a candidate that is not kept.
func (p *part) refuse(c *candidate, r Refusal) {
	p.state.Refused[r.Reason] = p.state.Refused[r.Reason].Plus(1, r.Detail)
	if len(c.matches) > 0 {
		p.state.Hits = append(p.state.Hits, hit{c.row.Key, c.index, c.matches})
	}
}

// write writes the files of the part side by side.
func (p *part) write(dir string, config dataset.Config) error {
	type output struct {
		dir   string
		write func(io.Writer) error
	}
	raw := func(data []byte) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		}
	}
	outputs := []output{{dataset.DialogueDir, raw(p.dialogues)}, {dataset.RecordDir, raw(p.records)}}
	if config.Has(Parquet) {
		outputs = append(outputs, output{dataset.ParquetDir, func(w io.Writer) error { return dataset.WriteParquet(w, p.rows) }})
	}
	if config.Has(Arrow) {
		meaning := chatshard.Config{Tokenizer: config.Tokenizer, Format: config.ChatFormat, VocabSize: config.VocabSize}
		outputs = append(outputs, output{dataset.TokenDir, func(w io.Writer) error { return chatshard.Write(w, meaning, p.tokens) }})
	}
	files := make([]dataset.File, len(outputs))
	var group errgroup.Group
	for i, o := range outputs {
		group.Go(func() (err error) {
			files[i], err = dataset.WriteFile(dir, dataset.PartPath(o.dir, p.number), o.write)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	p.state.Part.Files = files
	if config.Has(Arrow) {
		file := files[len(files)-1]
		info := chatshard.Info{File: path.Base(file.Path), Dialogues: int64(len(p.tokens)), Bytes: file.Bytes, XXH3: file.XXH3}
		for _, d := range p.state.Digests {
			info.Tokens += int64(d.Tokens)
			info.Trained += int64(d.Trained)
		}
		p.state.Tokens = &info
	}
	return nil
}
