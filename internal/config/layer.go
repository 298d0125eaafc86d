package config

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"gopkg.in/yaml.v3"
)

// layer is one source of values: the defaults, a preset, a file, the environment or --set.
type layer struct {
	base   string           // what a file extends, empty for nothing
	values map[string]value // by full key
	nulls  []string         // sections that the layer sets to null
}

// value is a checked value of the Go type of its key, and where it was written.
type value struct {
	v      any
	origin string
}

func newLayer() *layer { return &layer{values: map[string]value{}} }

// over puts upper on top of l: its values replace l's, and a null section removes l's values in it.
func (l *layer) over(upper *layer) {
	for _, section := range upper.nulls {
		maps.DeleteFunc(l.values, func(k string, _ value) bool { return strings.HasPrefix(k, section+".") })
	}
	maps.Copy(l.values, upper.values)
}

// nested returns the values as maps in maps, the form that viper merges.
func (l *layer) nested() map[string]any {
	out := map[string]any{}
	for key, val := range l.values {
		m := out
		parts := strings.Split(key, ".")
		for _, p := range parts[:len(parts)-1] {
			next, ok := m[p].(map[string]any)
			if !ok {
				next = map[string]any{}
				m[p] = next
			}
			m = next
		}
		m[parts[len(parts)-1]] = val.v
	}
	return out
}

// parseYAML reads one YAML document. name is the file's name in errors and origins.
func (s *schema) parseYAML(name string, data []byte) (*layer, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("config: %s is not valid YAML: %w", name, err)
	}
	l := newLayer()
	if len(doc.Content) == 0 { // an empty file sets nothing
		return l, nil
	}
	top := doc.Content[0]
	if top.Kind == yaml.MappingNode {
		top = l.takeBase(top)
	}
	at := func(n *yaml.Node) string { return fmt.Sprintf("%s:%d", name, n.Line) }
	return l, s.addSection(l, "", top, at)
}

// takeBase removes the key extends, which only files have, and remembers its value.
func (l *layer) takeBase(top *yaml.Node) *yaml.Node {
	rest := *top
	rest.Content = nil
	for i := 0; i+1 < len(top.Content); i += 2 {
		if k, v := top.Content[i], top.Content[i+1]; k.Value == "extends" && v.Kind == yaml.ScalarNode {
			l.base = v.Value
		} else {
			rest.Content = append(rest.Content, k, v)
		}
	}
	return &rest
}

// addSection checks the keys of one mapping and adds their values. It reports every error.
func (s *schema) addSection(l *layer, section string, n *yaml.Node, at func(*yaml.Node) string) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if isNull(n) {
		if s.pointers[section] {
			l.nulls = append(l.nulls, section)
		}
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("config: %s: %s is a section, want keys below it such as %q, got %s", at(n), nameOf(section), s.example(section), show(n))
	}
	var errs []error
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		key := k.Value
		if section != "" {
			key = section + "." + key
		}
		if seen[key] {
			errs = append(errs, fmt.Errorf("config: %s: %s is given twice", at(k), key))
			continue
		}
		seen[key] = true
		errs = append(errs, s.addKey(l, key, k, v, at))
	}
	return errors.Join(errs...)
}

// addKey adds one key, which may be a section, with its value v. k is the node to point at.
func (s *schema) addKey(l *layer, key string, k, v *yaml.Node, at func(*yaml.Node) string) error {
	if _, ok := s.sections[key]; ok && !strings.HasSuffix(key, "[]") {
		return s.addSection(l, key, v, at)
	}
	want, ok := s.byName[key]
	if !ok || strings.Contains(key, "[]") {
		return fmt.Errorf("config: %s: unknown key %q, did you mean %q?", at(k), key, s.nearest(key))
	}
	val, err := s.convert(want, v)
	if err != nil {
		return fmt.Errorf("config: %s: %w", at(v), err)
	}
	l.values[key] = value{val, at(v)}
	return nil
}

// example is a key of the section, to show in an error.
func (s *schema) example(section string) string {
	for _, k := range s.keys {
		if section == "" || strings.HasPrefix(k.Name, section+".") {
			return k.Name
		}
	}
	return ""
}

func nameOf(section string) string {
	if section == "" {
		return "the file"
	}
	return section
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
