package synth

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"muonclip/data/chatshard"
	"muonclip/internal/atomicfile"
	"muonclip/synth/dataset"
	"muonclip/synth/dataset/screen"
	"muonclip/synth/dataset/view"
)

// plotDir holds the pictures of the card.
const plotDir = "plots"

// contaminationFile is the report on benchmarks.
const contaminationFile = "contamination.json"

// maxHits is how many contaminated candidates the report names.
const maxHits = 200

// contamination is contamination.json, and what the manifest says of benchmarks.
type contamination struct {
	GramWords  int                      `json:"gram_words"`
	MinWords   int                      `json:"min_words"`
	Share      float64                  `json:"share"`
	Benchmarks []screen.BenchmarkReport `json:"benchmarks"`
	Checked    int64                    `json:"dialogues_checked"`
	Refused    int64                    `json:"dialogues_refused"`
	Hits       []hit                    `json:"hits,omitempty"` // the first ones
}

// finish writes what is about the data set as a whole; the manifest comes last.
func (r *run) finish() (*dataset.Manifest, error) {
	m := &dataset.Manifest{Format: dataset.FormatName, Version: dataset.FormatVersion, Config: r.config, Refused: map[string]dataset.Refused{}}
	var digests []dataset.Digest
	var shards []chatshard.Info
	var hits []hit
	grams := new(dataset.Grams)
	refused := int64(0)
	for _, s := range r.states {
		m.Parts = append(m.Parts, s.Part)
		m.Rows += s.Part.Rows
		m.Candidates = s.Part.Next
		for reason, n := range s.Refused {
			m.Refused[reason] = m.Refused[reason].Plus(n.Count, n.Examples...)
			refused += n.Count
		}
		digests = append(digests, s.Digests...)
		hits = append(hits, s.Hits...)
		grams.Merge(s.Grams)
		if s.Tokens != nil {
			shards = append(shards, *s.Tokens)
		}
	}
	if int64(m.Rows)+refused != m.Candidates {
		return nil, fmt.Errorf("synth: %d rows and %d refusals do not make %d candidates: remove %s and begin again", m.Rows, refused, m.Candidates, r.options.Dir)
	}
	m.Stats = dataset.Summarize(digests, grams, r.states[0].Grams, r.states[0].Part.Rows)
	dir := r.options.Dir
	if r.config.Has(Arrow) {
		meaning := chatshard.Config{Tokenizer: r.config.Tokenizer, VocabSize: r.config.VocabSize, Format: r.config.ChatFormat}
		if err := chatshard.WriteManifest(filepath.Join(dir, dataset.TokenDir), meaning, shards); err != nil {
			return nil, fmt.Errorf("synth: %w", err)
		}
	}
	if r.overlap != nil {
		if err := r.reportContamination(m, hits); err != nil {
			return nil, err
		}
	}
	set := &dataset.Set{Dir: dir, Manifest: m}
	if err := view.Write(set, digests); err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	data, err := m.Encode()
	if err != nil {
		return nil, err
	}
	if err := atomicfile.WriteFile(filepath.Join(dir, dataset.ManifestName), data); err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, StateDir)); err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	return m, nil
}

func (r *run) reportContamination(m *dataset.Manifest, hits []hit) error {
	c := contamination{
		GramWords: screen.GramWords, MinWords: screen.MinWords, Share: screen.Share, Benchmarks: r.overlap.Report(),
		Refused: m.Refused[ReasonContaminated].Count,
	}
	c.Checked = int64(m.Rows) + c.Refused + m.Refused[ReasonDuplicate].Count
	short, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("synth: contamination: %w", err)
	}
	m.Contamination = short
	c.Hits = hits[:min(len(hits), maxHits)]
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("synth: contamination: %w", err)
	}
	return atomicfile.WriteFile(filepath.Join(r.options.Dir, contaminationFile), append(data, '\n'))
}
