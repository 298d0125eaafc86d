package lab

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Settings are keys of the configuration with their values, in the order of the file, as --set would take them.
type Settings []Setting

// Setting is one key with its value in YAML.
type Setting struct{ Key, Value string }

// UnmarshalYAML reads a mapping of full keys, such as train.lr: 1e-3. A value may be a list or a section list.
func (s *Settings) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: settings are a mapping of keys to values, such as {train.lr: 1e-3}", n.Line)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		if value.Kind == yaml.MappingNode {
			return fmt.Errorf("line %d: %s has keys below it: write each with its full name, such as %s.%s", value.Line, key, key, first(value))
		}
		text := value.Value
		if value.Kind != yaml.ScalarNode {
			value.Style = yaml.FlowStyle
			out, err := yaml.Marshal(value)
			if err != nil {
				return fmt.Errorf("line %d: %s: %w", value.Line, key, err)
			}
			text = strings.TrimSpace(string(out))
		}
		*s = append(*s, Setting{key, text})
	}
	return nil
}

func first(n *yaml.Node) string {
	if len(n.Content) == 0 {
		return "key"
	}
	return n.Content[0].Value
}

// exclusive are keys of which one is given, so that setting one takes back the others.
var exclusive = [][]string{{"train.steps", "train.tokens"}, {"train.decay_steps", "train.decay_fraction"}}

// with gives s under over: its keys replace those of s.
func (s Settings) with(over Settings) Settings {
	out := slices.Clone(s)
	for _, o := range over {
		gone := []string{o.Key}
		for _, group := range exclusive {
			if slices.Contains(group, o.Key) {
				gone = group
			}
		}
		out = slices.DeleteFunc(out, func(a Setting) bool { return slices.Contains(gone, a.Key) })
		out = append(out, o)
	}
	return out
}

// assignments writes the settings as --set takes them.
func (s Settings) assignments() []string {
	var out []string
	for _, a := range s {
		out = append(out, a.Key+"="+a.Value)
	}
	return out
}

// String is for people: key=value, separated by commas.
func (s Settings) String() string { return strings.Join(s.assignments(), ", ") }
