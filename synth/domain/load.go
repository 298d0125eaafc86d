package domain

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

//go:embed files
var files embed.FS

//go:embed categories.yaml
var categories []byte

// Category is a branch of trade.
type Category struct {
	Key   string `yaml:"category"`
	Title string `yaml:"title"`
	About string `yaml:"about"`
}

var readCategories = sync.OnceValue(func() []Category {
	var out []Category
	d := yaml.NewDecoder(bytes.NewReader(categories))
	d.KnownFields(true)
	if err := d.Decode(&out); err != nil {
		panic(fmt.Sprintf("domain: categories.yaml: %v", err)) // embedded: wrong only when the build is
	}
	return out
})

// Categories lists the branches in the order of categories.yaml.
func Categories() []Category { return slices.Clone(readCategories()) }

// Load reads the domains that come with the program, sorted by name. The error is a Problems.
func Load() ([]*Domain, error) {
	sub, err := fs.Sub(files, "files")
	if err != nil {
		return nil, fmt.Errorf("domain: open the embedded files: %w", err)
	}
	return LoadFS(sub)
}

// LoadFS reads the *.yaml files in the root of a file system, sorted by name. The error is a Problems that lists
// what is wrong in all of them; the domains without problems are returned beside it.
func LoadFS(fsys fs.FS) ([]*Domain, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("domain: list the files: %w", err)
	}
	slices.Sort(names)
	var out []*Domain
	var all Problems
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("domain: read %s: %w", name, err)
		}
		d, problems := Parse(name, data)
		if d != nil && d.Name != strings.TrimSuffix(path.Base(name), ".yaml") {
			problems = append(problems, Problem{File: name, Line: 1, Where: "domain", Message: fmt.Sprintf(
				"the name %q must equal that of the file: rename one", d.Name)})
		}
		all = append(all, problems...)
		if len(problems) == 0 {
			out = append(out, d)
		}
	}
	all = append(all, Check(out)...)
	return out, all.err()
}

// Check applies the rules over all domains: names and services are unique.
func Check(ds []*Domain) Problems {
	var ps Problems
	name, service := map[string]string{}, map[string]string{}
	for _, d := range ds {
		if other := name[d.Name]; other != "" {
			ps = append(ps, Problem{File: d.File, Where: "domain", Message: fmt.Sprintf("%s is already the name in %s: choose another", d.Name, other)})
		}
		key := strings.ToLower(strings.ReplaceAll(d.Service, " ", ""))
		if other := service[key]; other != "" {
			ps = append(ps, Problem{File: d.File, Where: "service", Message: fmt.Sprintf("%s is already the product in %s: invent another name", d.Service, other)})
		}
		name[d.Name], service[key] = d.File, d.File
	}
	return ps
}
