package bench

import (
	"context"
	"errors"
	"fmt"

	"muonclip/data/corpus"
	"muonclip/internal/config"
)

// Text reads documents from the sources of a configuration until there are limit bytes of them; 0 means all. Sources that
// a run makes itself are left out. It gives fewer bytes where there are no more.
func Text(ctx context.Context, sources []config.Source, limit int64) (docs [][]byte, size int64, err error) {
	cfg := corpus.Config{Filters: corpus.Filters{ExactDuplicates: true}}
	for _, s := range sources {
		if s.Path == config.Dialogues || s.Path == config.Recall {
			continue
		}
		path, err := s.Location(ctx)
		if err != nil {
			return nil, 0, err
		}
		format := s.Format
		if format == "auto" {
			format = ""
		}
		cfg.Sources = append(cfg.Sources, corpus.Source{Name: s.Label(), Path: path, Format: format, TextField: s.Field, Include: s.Include, Exclude: s.Exclude})
	}
	if len(cfg.Sources) == 0 {
		return nil, 0, errors.New("bench: there is no text to measure on: give --data PATH, or a preset with data.sources")
	}
	c, err := corpus.New(cfg)
	if err != nil {
		return nil, 0, fmt.Errorf("bench: %w", err)
	}
	for d, err := range c.Documents(ctx) {
		if err != nil {
			return nil, 0, fmt.Errorf("bench: %w", err)
		}
		docs, size = append(docs, d.Text), size+int64(len(d.Text))
		if limit > 0 && size >= limit {
			break
		}
	}
	return docs, size, nil
}
