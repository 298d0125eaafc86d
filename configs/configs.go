// Package configs holds the presets: complete, commented configurations that are part of the
// binary. A preset's numbers and their sources are explained in its file.
package configs

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Names lists the presets in alphabetical order.
func Names() []string {
	paths, err := fs.Glob(files, "*.yaml") // sorted, and cannot fail with a constant pattern
	if err != nil {
		panic(err)
	}
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = strings.TrimSuffix(p, ".yaml")
	}
	return names
}

// Read returns the YAML text of a preset. The error for an unknown name wraps fs.ErrNotExist.
func Read(name string) ([]byte, error) {
	data, err := files.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("configs: no preset %q, there are %s: %w", name, strings.Join(Names(), ", "), fs.ErrNotExist)
	}
	return data, nil
}
