package configs

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed lab/*.yaml lab/shapes/*.yaml
var labFiles embed.FS

// LabNames lists the experiments of the optimizer lab in alphabetical order.
func LabNames() []string {
	paths, err := fs.Glob(labFiles, "lab/*.yaml") // sorted, and cannot fail with a constant pattern
	if err != nil {
		panic(err)
	}
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = strings.TrimSuffix(path.Base(p), ".yaml")
	}
	return names
}

// ReadLab returns the YAML text of an experiment. The error for an unknown name wraps fs.ErrNotExist.
func ReadLab(name string) ([]byte, error) {
	data, err := labFiles.ReadFile("lab/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("configs: no experiment %q: %w", name, fs.ErrNotExist)
	}
	return data, nil
}

// ReadLabShape returns the YAML text of a model and data that experiments share. The error for an unknown name wraps
// fs.ErrNotExist and lists what there is.
func ReadLabShape(name string) ([]byte, error) {
	data, err := labFiles.ReadFile("lab/shapes/" + name + ".yaml")
	if err == nil {
		return data, nil
	}
	paths, err := fs.Glob(labFiles, "lab/shapes/*.yaml")
	if err != nil {
		panic(err) // a constant pattern
	}
	for i, p := range paths {
		paths[i] = strings.TrimSuffix(path.Base(p), ".yaml")
	}
	return nil, fmt.Errorf("configs: no shape %q, there are %s: %w", name, strings.Join(paths, ", "), fs.ErrNotExist)
}
