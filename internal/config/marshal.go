package config

import (
	"bytes"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// Marshal writes every key as YAML in the order of the struct. Equal configurations give equal
// bytes, and Read gives the configuration back.
func (c Config) Marshal() []byte {
	return render(encode(reflect.ValueOf(c)))
}

// MarshalWithOrigins is Marshal with a comment beside each value that says where it was set.
// Values that are defaults carry none.
func (c Config) MarshalWithOrigins(o Origins) []byte {
	top := encode(reflect.ValueOf(c))
	eachLeaf("", top, func(key string, k, v *yaml.Node) {
		from := o[key]
		if from == "" || from == "default" {
			return
		}
		if v.Kind == yaml.SequenceNode && v.Style != yaml.FlowStyle {
			k.LineComment = from
		} else {
			v.LineComment = from
		}
	})
	return render(top)
}

func render(n *yaml.Node) []byte {
	var buf bytes.Buffer
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)
	// Encoding a tree of scalars, lists and mappings into memory cannot fail.
	if err := enc.Encode(n); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// encode makes the YAML tree of a value. yaml.v3 alone would not use the json names and would
// print floats in a form that differs from Go's shortest one.
func encode(v reflect.Value) *yaml.Node {
	scalar := func(tag, text string) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return scalar("!!null", "null")
		}
		return encode(v.Elem())
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			n.Content = append(n.Content, scalar("!!str", name), encode(v.Field(i)))
		}
		return n
	case reflect.Slice, reflect.Array:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for i := range v.Len() {
			n.Content = append(n.Content, encode(v.Index(i)))
		}
		if v.Len() == 0 || v.Index(0).Kind() != reflect.Struct {
			n.Style = yaml.FlowStyle
		}
		return n
	case reflect.String:
		n := scalar("!!str", v.String()) // the encoder quotes it where it must
		if strings.ContainsFunc(n.Value, func(r rune) bool { return !unicode.IsPrint(r) }) {
			n.Style = yaml.DoubleQuotedStyle // block text would lose line ends
		}
		return n
	case reflect.Bool:
		return scalar("!!bool", strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int64:
		return scalar("!!int", strconv.FormatInt(v.Int(), 10))
	case reflect.Uint64:
		return scalar("!!int", strconv.FormatUint(v.Uint(), 10))
	case reflect.Float64:
		return scalar("!!float", formatFloat(v.Float()))
	default:
		panic("config: no YAML for type " + v.Type().String())
	}
}

// formatFloat prints the shortest text that YAML reads back as the float f: 1e-5, 0.1, 50000.0.
func formatFloat(f float64) string {
	text := strconv.FormatFloat(f, 'g', -1, 64)
	text = strings.Replace(text, "e-0", "e-", 1)
	text = strings.Replace(text, "e+0", "e+", 1)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}

// eachLeaf calls f for every key that is not a section, in order.
func eachLeaf(prefix string, n *yaml.Node, f func(key string, k, v *yaml.Node)) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if v.Kind == yaml.MappingNode {
			eachLeaf(prefix+k.Value+".", v, f)
		} else {
			f(prefix+k.Value, k, v)
		}
	}
}

// oneLine prints a YAML value on one line.
func oneLine(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return n.Value
	}
	flow := *n
	flow.Style = yaml.FlowStyle
	return strings.TrimSpace(string(render(&flow)))
}
