package dialogue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muonclip/data/chat"
)

// ErrRecord says that one record cannot be read as a dialogue. Those after it can.
var ErrRecord = errors.New("not a dialogue")

// Item is a dialogue with where it comes from.
type Item struct {
	Dialogue chat.Dialogue
	Kind     string // for evaluation by kind; may be empty
	Where    string // file and line or row, counted from 1
}

// Source is a file of dialogues, or a folder of such files.
type Source struct {
	// Path is a file in JSON Lines (.jsonl, .ndjson, .json; the last may also be one JSON array), compressed or not (.gz, .zst), or
	// in Parquet (.parquet). In a folder all files with these endings but .json are read, in the order of their paths; hidden ones
	// are not. A data set of "muonclip synth generate" is read once, although it holds every dialogue several times.
	Path string
	// Kind is the kind of the dialogues that do not name one. A record names it in "kind", or in "kinds" with the main one
	// first.
	Kind string
}

// Read gives the dialogues of a source. Each record is in OpenAI's shape (messages, tools) or ShareGPT's (conversations,
// system, tools), whichever it has; nested values may be JSON in a string. A record that is neither gives an error that wraps
// ErrRecord, and reading goes on; any other error ends it. A dialogue without an id gets the name of its file with the number
// of its line or row.
func Read(ctx context.Context, src Source) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		files, err := src.files()
		if err != nil {
			yield(Item{}, fmt.Errorf("dialogue: %w", err))
			return
		}
		for _, path := range files {
			err := readFile(ctx, path, func(number int, record []byte, err error) bool {
				it := Item{Where: fmt.Sprintf("%s:%d", path, number)}
				if err == nil {
					err = it.parse(record)
				}
				if err != nil {
					return yield(it, fmt.Errorf("dialogue: %s: %w: %w", it.Where, ErrRecord, err))
				}
				if it.Dialogue.ID == "" {
					it.Dialogue.ID = fmt.Sprintf("%s:%d", filepath.Base(path), number)
				}
				if it.Kind == "" {
					it.Kind = src.Kind
				}
				return yield(it, nil)
			})
			if errors.Is(err, errStop) {
				return
			}
			if err != nil {
				yield(Item{}, fmt.Errorf("dialogue: %w", err))
				return
			}
		}
	}
}

// errStop ends reading without being an error: the receiver wants no more.
var errStop = errors.New("stop")

// recordFunc takes a record, which is valid until it returns, or what is wrong with it. It returns false to stop.
type recordFunc func(number int, record []byte, err error) bool

func readFile(ctx context.Context, path string, emit recordFunc) error {
	if strings.HasSuffix(strings.ToLower(path), ".parquet") {
		return readParquet(ctx, path, emit)
	}
	return readJSON(ctx, path, emit)
}

// parse reads a record in either shape.
func (it *Item) parse(record []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(record, &fields); err != nil {
		return err
	}
	var err error
	switch {
	case has(fields, "messages"):
		err = it.Dialogue.UnmarshalJSON(record)
	case has(fields, "conversations"):
		if it.Dialogue, err = chat.FromShareGPT(record); err == nil && has(fields, "id") {
			if json.Unmarshal(fields["id"], &it.Dialogue.ID) != nil {
				it.Dialogue.ID = string(fields["id"]) // a number
			}
		}
	default:
		names := slices.Sorted(maps.Keys(fields))
		err = fmt.Errorf("it has neither messages nor conversations but %q", names[:min(len(names), 20)])
	}
	if err != nil {
		return err
	}
	var kinds []string
	switch {
	case has(fields, "kind"):
		err = json.Unmarshal(fields["kind"], &it.Kind)
	case has(fields, "kinds"):
		if err = json.Unmarshal(fields["kinds"], &kinds); err == nil && len(kinds) > 0 {
			it.Kind = kinds[0]
		}
	}
	if err != nil {
		return fmt.Errorf("kind: %w", err)
	}
	return nil
}

func has(fields map[string]json.RawMessage, name string) bool {
	raw, ok := fields[name]
	return ok && string(raw) != "null"
}

// files lists the files of the source.
func (s Source) files() ([]string, error) {
	info, err := os.Stat(s.Path)
	if err != nil {
		return nil, fmt.Errorf("%w; check the path", err)
	}
	if !info.IsDir() {
		return []string{s.Path}, nil
	}
	root, err := synthRoot(s.Path)
	if err != nil {
		return nil, err
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return nil, err
	}
	var files []string
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != root && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case !entry.IsDir() && isDialogues(entry.Name()):
			files = append(files, path)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s holds no dialogues: no file in it ends in .jsonl, .ndjson or .parquet", s.Path)
	}
	return files, err
}

// isDialogues says whether a file in a folder is read.
func isDialogues(name string) bool {
	name = strings.ToLower(name)
	if strings.HasSuffix(name, ".parquet") {
		return true
	}
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	return strings.HasSuffix(name, ".jsonl") || strings.HasSuffix(name, ".ndjson")
}

// synthRoot is the part of a folder to read: of a data set of "muonclip synth generate" that with the Parquet files, which hold
// the kinds as well, or, where it was made without, that with the dialogues alone.
func synthRoot(dir string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	var manifest struct {
		Format string `json:"format"`
	}
	if errors.Is(err, fs.ErrNotExist) {
		return dir, nil
	}
	if err != nil {
		return "", err
	}
	if json.Unmarshal(data, &manifest) != nil || manifest.Format != "muonclip-synth" {
		return dir, nil // it is any other folder
	}
	for _, name := range []string{"parquet", "dialogues"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.IsDir() {
			return filepath.Join(dir, name), nil
		}
	}
	return "", fmt.Errorf("%s is a data set of dialogues without its folders parquet and dialogues", dir)
}
