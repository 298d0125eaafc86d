package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// environment finds the variables that set keys. Any other variable with the prefix is an error,
// except MUONCLIP_TEST_*, which tests may use. An empty variable sets nothing.
func (s *schema) environment(environ []string) (*layer, error) {
	byEnv := map[string]Key{}
	names := []string{}
	for _, k := range s.keys {
		if !strings.Contains(k.Name, "[]") {
			byEnv[k.EnvName()] = k
			names = append(names, k.EnvName())
		}
	}
	l := newLayer()
	var errs []error
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, text, _ := strings.Cut(entry, "=")
		if text == "" || !strings.HasPrefix(name, EnvPrefix) || strings.HasPrefix(name, EnvPrefix+"TEST_") {
			continue
		}
		k, ok := byEnv[name]
		if !ok {
			errs = append(errs, fmt.Errorf("config: unknown environment variable %s, did you mean %s?", name, NearestWord(name, names)))
			continue
		}
		val, err := s.convertText(k, text)
		if err != nil {
			errs = append(errs, fmt.Errorf("config: %s: %w", name, err))
			continue
		}
		l.values[k.Name] = value{val, name}
	}
	return l, errors.Join(errs...)
}

// assignments reads --data and the key=value texts of --set.
func (s *schema) assignments(o Options) (*layer, error) {
	l := newLayer()
	var errs []error
	if len(o.Data) > 0 {
		sources := []any{}
		for _, path := range o.Data {
			sources = append(sources, map[string]any{"path": path})
		}
		l.values["data.sources"] = value{sources, "--data"}
	}
	for _, text := range o.Set {
		errs = append(errs, s.assign(l, text))
	}
	return l, errors.Join(errs...)
}

func (s *schema) assign(l *layer, text string) error {
	key, raw, ok := strings.Cut(text, "=")
	key = strings.TrimSpace(key)
	if !ok || key == "" {
		return fmt.Errorf("config: --set %q: want key=value, such as train.lr=1e-3", text)
	}
	if key == "preset" || key == "extends" {
		return fmt.Errorf("config: --set %q: name the preset with --preset", text)
	}
	at := func(*yaml.Node) string { return "--set " + text }
	var n *yaml.Node
	if k, known := s.byName[key]; known {
		n = textNode(k, raw)
	} else {
		n = yamlNode(raw)
	}
	one := newLayer()
	if err := s.addKey(one, key, n, n, at); err != nil {
		return err
	}
	for k, v := range one.values {
		one.values[k] = value{v.v, "--set"}
	}
	l.over(one)
	l.nulls = append(l.nulls, one.nulls...)
	return nil
}

func (s *schema) convertText(k Key, text string) (any, error) {
	return s.convert(k, textNode(k, text))
}

// textNode reads the text of a variable or of --set. Texts are taken as they are, without YAML
// quoting; a list may be written as [a, b].
func textNode(k Key, text string) *yaml.Node {
	isText := k.typ.Kind() == reflect.String
	isTexts := k.typ.Kind() == reflect.Slice && k.typ.Elem().Kind() == reflect.String
	if isText || isTexts && !strings.HasPrefix(strings.TrimSpace(text), "[") {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	}
	return yamlNode(text)
}

// yamlNode parses a YAML value; text that is none becomes a scalar, which the type check names.
func yamlNode(text string) *yaml.Node {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	}
	if len(doc.Content) == 0 {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: ""}
	}
	return doc.Content[0]
}
