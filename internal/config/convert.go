package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// convert checks a YAML value against the type of its key and returns it as a plain Go value:
// bool, int64, uint64, float64, string, or []any and map[string]any of these. Null is the zero
// value, as in the config.json files of Hugging Face.
func (s *schema) convert(k Key, n *yaml.Node) (any, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch k.typ.Kind() {
	case reflect.Slice:
		return s.convertList(k, n)
	case reflect.Array:
		return convertNumbers(k, n)
	default:
		return convertScalar(k, k.typ.Kind(), n)
	}
}

func convertScalar(k Key, kind reflect.Kind, n *yaml.Node) (any, error) {
	wrong := fmt.Errorf("%s is %s, want %s", k.Name, show(n), k.Type)
	if n.Kind != yaml.ScalarNode {
		return nil, wrong
	}
	if isNull(n) {
		return zeroOf(kind), nil
	}
	switch kind {
	case reflect.String:
		if !utf8.ValidString(n.Value) {
			return nil, fmt.Errorf("%s is %q, want text in UTF-8", k.Name, n.Value)
		}
		if len(k.Enum) > 0 && n.Value != "" && !slices.Contains(k.Enum, n.Value) {
			return nil, fmt.Errorf("%s is %q, want %s; did you mean %q?", k.Name, n.Value, k.Type, NearestWord(n.Value, k.Enum))
		}
		return n.Value, nil
	case reflect.Bool:
		var v bool
		if n.ShortTag() != "!!bool" || n.Decode(&v) != nil {
			return nil, wrong
		}
		return v, nil
	case reflect.Uint64:
		var v uint64
		if n.ShortTag() != "!!int" || n.Decode(&v) != nil {
			return nil, wrong
		}
		return v, nil
	case reflect.Int, reflect.Int64:
		return convertInt(n, wrong)
	case reflect.Float64:
		return convertFloat(n, wrong)
	default:
		panic("config: no conversion to " + kind.String())
	}
}

// convertInt also takes a float without a fraction, so that 1e9 tokens can be written so.
func convertInt(n *yaml.Node, wrong error) (any, error) {
	var v int64
	switch n.ShortTag() {
	case "!!int":
		if n.Decode(&v) != nil {
			return nil, wrong
		}
	case "!!float":
		var f float64
		if n.Decode(&f) != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return nil, wrong
		}
		v = int64(f)
	default:
		return nil, wrong
	}
	return v, nil
}

func convertFloat(n *yaml.Node, wrong error) (any, error) {
	var f float64
	if tag := n.ShortTag(); tag != "!!int" && tag != "!!float" {
		return nil, wrong
	}
	if n.Decode(&f) != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, wrong
	}
	return f, nil
}

// convertList reads a list of texts or of sections. One text alone is a list of one, which spares
// quoting in --set and in variables.
func (s *schema) convertList(k Key, n *yaml.Node) (any, error) {
	texts := k.typ.Elem().Kind() == reflect.String
	if isNull(n) {
		return []any{}, nil
	}
	if texts && n.Kind == yaml.ScalarNode {
		if n.Value == "" {
			return []any{}, nil
		}
		return []any{n.Value}, nil
	}
	if n.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("%s is %s, want %s", k.Name, show(n), k.Type)
	}
	out := []any{}
	for i, item := range n.Content {
		if item.Kind == yaml.AliasNode {
			item = item.Alias
		}
		var v any
		var err error
		if texts {
			elem := Key{Name: fmt.Sprintf("%s[%d]", k.Name, i), Type: "text"}
			v, err = convertScalar(elem, reflect.String, item)
		} else {
			v, err = s.convertElement(k, i, item)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// convertElement reads one section of a list, such as one of data.sources.
func (s *schema) convertElement(k Key, i int, n *yaml.Node) (any, error) {
	name := fmt.Sprintf("%s[%d]", k.Name, i)
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s is %s, want a section with keys such as %q", name, show(n), s.example(k.Name+"[]"))
	}
	out := map[string]any{}
	for j := 0; j+1 < len(n.Content); j += 2 {
		field := n.Content[j].Value
		want, ok := s.byName[k.Name+"[]."+field]
		if !ok {
			near := strings.Replace(s.nearest(k.Name+"[]."+field), "[]", fmt.Sprintf("[%d]", i), 1)
			return nil, fmt.Errorf("unknown key %q, did you mean %q?", name+"."+field, near)
		}
		if _, twice := out[field]; twice {
			return nil, fmt.Errorf("%s.%s is given twice", name, field)
		}
		want.Name = name + "." + field
		v, err := s.convert(want, n.Content[j+1])
		if err != nil {
			return nil, err
		}
		out[field] = v
	}
	return out, nil
}

func convertNumbers(k Key, n *yaml.Node) (any, error) {
	wrong := fmt.Errorf("%s is %s, want %s", k.Name, show(n), k.Type)
	if n.Kind != yaml.SequenceNode || len(n.Content) != k.typ.Len() {
		return nil, wrong
	}
	out := make([]any, 0, len(n.Content))
	for _, item := range n.Content {
		v, err := convertFloat(item, wrong)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func zeroOf(kind reflect.Kind) any {
	switch kind {
	case reflect.String:
		return ""
	case reflect.Bool:
		return false
	case reflect.Uint64:
		return uint64(0)
	case reflect.Float64:
		return 0.0
	default:
		return int64(0)
	}
}

// show prints a YAML value on one line for an error, shortened when long.
func show(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return fmt.Sprintf("%q", n.Value)
	}
	data, err := yaml.Marshal(n)
	if err != nil {
		return "a nested value"
	}
	text := strings.Join(strings.Fields(string(data)), " ")
	if len(text) > 60 {
		text = text[:57] + "..."
	}
	return fmt.Sprintf("%q", text)
}
