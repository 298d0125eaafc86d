// Package view makes what people look at in a data set of dialogues: a card for Hugging Face (README.md), pictures of its
// statistics (plots/*.svg) and a page to read dialogues in a browser (index.html). All are functions of the data set alone and
// need no network. Text of dialogues is hostile and is shown as text.
package view

import (
	"fmt"
	"path/filepath"

	"muonclip/internal/atomicfile"
	"muonclip/synth/dataset"
)

// The files that Write makes.
const (
	CardName = "README.md"
	PageName = "index.html"
	PlotDir  = "plots"
)

// Write makes the card, the plots and the page of a data set whose manifest is complete. digests are those of its rows.
// The folder of the plots must exist.
func Write(set *dataset.Set, digests []dataset.Digest) error {
	plots := Plots(&set.Manifest.Stats)
	for _, p := range plots {
		if err := atomicfile.WriteFile(filepath.Join(set.Dir, PlotDir, p.Name+".svg"), p.SVG); err != nil {
			return err
		}
	}
	if err := atomicfile.WriteFile(filepath.Join(set.Dir, CardName), Card(set.Manifest, plots)); err != nil {
		return err
	}
	rows, err := set.Pick(Sample(digests, maxSample))
	if err != nil {
		return fmt.Errorf("choose dialogues for %s: %w", PageName, err)
	}
	page, err := Page(set.Manifest, plots, rows)
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(set.Dir, PageName), page)
}
