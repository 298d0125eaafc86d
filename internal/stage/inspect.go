package stage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"muonclip/data/chatshard"
	"muonclip/data/shard"
	"muonclip/data/token"
)

// Inspection is what was found in one shard folder, with the beginnings of some documents as text.
type Inspection struct {
	shard.Report
	Texts []string `json:"texts,omitempty"` // of Samples; empty without a tokenizer
}

// Inspections are those of all shard folders below a folder.
type Inspections []Inspection

// Inspect verifies a shard folder of text, or all those of a run.
func Inspect(dir string, documents, tokens int) (Inspections, error) {
	if !exists(dir) {
		return nil, fmt.Errorf("there is no folder %s; give a shard folder or a run folder", dir)
	}
	var found Inspections
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() || entry.Name() != shard.ManifestName {
			return nil
		}
		if m, err := shard.ReadManifest(filepath.Dir(path)); err != nil && path == filepath.Join(dir, "manifest.json") && m.Format == "" && exists(filepath.Join(dir, "config.yaml")) {
			return nil // the run's own manifest
		}
		if _, err := chatshard.ReadManifest(filepath.Dir(path)); err == nil {
			return nil // dialogues, which SFT checks when it opens them
		}
		rep, err := shard.Inspect(filepath.Dir(path), documents, tokens)
		if err != nil {
			return err
		}
		found = append(found, Inspection{Report: rep, Texts: decode(filepath.Dir(path), rep)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s holds no shards; make them with \"muonclip data shard\"", dir)
	}
	return found, nil
}

// decode turns the samples into text by the tokenizer of the run that the folder lies in, if any.
func decode(dir string, rep shard.Report) []string {
	tok, err := token.Load(filepath.Join(dir, "..", "..", "..", "tokenizer"))
	if err != nil || tok.Fingerprint() != rep.Manifest.Tokenizer {
		return nil
	}
	var texts []string
	for _, s := range rep.Samples {
		text, err := tok.Decode(nil, s.IDs)
		if err != nil {
			return nil
		}
		texts = append(texts, strings.ToValidUTF8(string(text), "\uFFFD"))
	}
	return texts
}

// Print writes the inspections as tables.
func (in Inspections) Print(w io.Writer) error {
	for _, i := range in {
		m := i.Manifest
		fmt.Fprintf(w, "%s\n  source %s, split %s, %d documents, %d tokens, vocabulary %d, tokenizer %s\n",
			i.Dir, m.Source, m.Split, m.Documents, m.Tokens, m.VocabSize, m.Tokenizer)
		tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(tab, "  file\tdocuments\ttokens\tbytes\tstate")
		for _, row := range i.Shards {
			state := "verified"
			if row.Error != "" {
				state = "DAMAGED: " + row.Error
			}
			fmt.Fprintf(tab, "  %s\t%d\t%d\t%d\t%s\n", row.File, row.Documents, row.Tokens, row.Bytes, state)
		}
		fmt.Fprintln(tab, "  tokens of a document\tdocuments")
		for _, b := range i.Lengths {
			fmt.Fprintf(tab, "  %d to %d\t%d\n", b.Min, b.Max, b.Documents)
		}
		if err := tab.Flush(); err != nil {
			return err
		}
		for n, s := range i.Samples {
			fmt.Fprintf(w, "  document %d, %s, %d tokens: ", s.Document, s.Name, s.Tokens)
			if n < len(i.Texts) {
				fmt.Fprintf(w, "%q\n", i.Texts[n])
			} else {
				fmt.Fprintf(w, "%v\n", s.IDs)
			}
		}
	}
	return nil
}

// Damage is an error that names every damaged shard, or nil.
func (in Inspections) Damage() error {
	var errs []error
	for _, i := range in {
		for _, row := range i.Shards {
			if row.Error != "" {
				errs = append(errs, errors.New(row.Error)) // it names the file
			}
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return DamagedError{errors.Join(errs...)}
}
