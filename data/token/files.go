package token

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"muonclip/internal/atomicfile"
)

// The names of the files in a tokenizer folder.
const (
	FileJSON     = "tokenizer.json"
	FileConfig   = "tokenizer_config.json"
	FileTiktoken = "tiktoken.model"
)

// Load reads a tokenizer from a folder or a file. In a folder, tokenizer.json is preferred to
// tiktoken.model. A tokenizer_config.json beside the file gives the roles of special tokens and, for
// tiktoken.model, which cannot hold them, the special tokens; it may be missing. A name that ends
// in .json is read as tokenizer.json, any other as a tiktoken vocabulary with the pattern of Kimi K2.
func Load(path string) (*Tokenizer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("token: load tokenizer: %w", err)
	}
	if info.IsDir() {
		if path, err = inFolder(path); err != nil {
			return nil, err
		}
	}
	var specials []Special
	var roles Roles
	config, err := os.ReadFile(filepath.Join(filepath.Dir(path), FileConfig))
	switch {
	case err == nil:
		if specials, roles, err = parseConfig(config); err != nil {
			return nil, fmt.Errorf("load %s: %w", path, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("token: load tokenizer: %w", err)
	}
	var t *Tokenizer
	if strings.HasSuffix(path, ".json") {
		t, err = parseJSON(data, roles)
	} else if t, err = ReadTiktoken(bytes.NewReader(data), PatternK2, specials); err == nil {
		t.roles = roles.withDefaults(t.def.specials)
	}
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	return t, nil
}

// inFolder finds the tokenizer file of a folder.
func inFolder(dir string) (string, error) {
	for _, name := range []string{FileJSON, FileTiktoken} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("token: load tokenizer: %w", err)
		}
	}
	return "", fmt.Errorf("token: %s has neither %s nor %s: %w", dir, FileJSON, FileTiktoken, fs.ErrNotExist)
}

// Save writes tokenizer.json and tokenizer_config.json into dir, which is made if it is missing, and
// tiktoken.model too where that format can hold the tokenizer (ids that are ranks, the pattern of Kimi K2);
// otherwise an older tiktoken.model in dir is removed. Each file appears whole or not at all.
func (t *Tokenizer) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("token: save tokenizer: %w", err)
	}
	write := func(name string, f func(io.Writer) error) error {
		return atomicfile.Write(filepath.Join(dir, name), f)
	}
	ranks := func() error {
		if t.def.pattern == PatternK2 && t.rankForm() == nil {
			return write(FileTiktoken, t.WriteTiktoken)
		}
		if err := os.Remove(filepath.Join(dir, FileTiktoken)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := errors.Join(write(FileConfig, t.WriteConfig), write(FileJSON, t.WriteJSON), ranks()); err != nil {
		return fmt.Errorf("token: save tokenizer: %w", err)
	}
	return nil
}
