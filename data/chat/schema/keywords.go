package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// patterns rewrites patternProperties. Where one of the patterns cannot be used, the properties that it would have
// matched are accepted whatever they are.
func (n *normalizer) patterns(out map[string]any, v any, at string, base *url.URL) error {
	table, err := n.table(v, at, base)
	if err != nil {
		return err
	}
	good := map[string]any{}
	dropped := false
	for _, key := range slices.Sorted(maps.Keys(table)) {
		p, err := translate(key)
		if err != nil {
			n.note(at, "%q is not enforced: %v", clip(key), err)
			dropped = true
			continue
		}
		good[p] = table[key]
	}
	if dropped {
		good[""] = true // matches every name
	}
	out["patternProperties"] = good
	return nil
}

// dependencies takes the keyword of draft-07 apart: lists of names and schemas.
func (n *normalizer) dependencies(out map[string]any, v any, at string, base *url.URL) error {
	m, ok := v.(map[string]any)
	if !ok {
		return wrong(at, "must be an object, not %s", kindOf(v))
	}
	names, schemas := map[string]any{}, map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		switch x := m[key].(type) {
		case string: // draft 3
			names[key] = []any{x}
		case []any:
			names[key] = x
		default:
			s, err := n.schema(x, at+"/"+escape(key), base)
			if err != nil {
				return err
			}
			schemas[key] = s
		}
	}
	if len(schemas) > 0 && out["dependentSchemas"] == nil {
		out["dependentSchemas"] = schemas
	}
	return merge(out, "dependentRequired", names, at)
}

// merge adds lists of names by name to a keyword.
func merge(out map[string]any, key string, v any, at string) error {
	m, ok := v.(map[string]any)
	if !ok {
		return wrong(at, "must be an object, not %s", kindOf(v))
	}
	have, _ := out[key].(map[string]any)
	if have == nil {
		have = map[string]any{}
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list, err := texts(m[name], at+"/"+escape(name))
		if err != nil {
			return err
		}
		have[name] = list
	}
	if len(have) > 0 {
		out[key] = have
	}
	return nil
}

// translate turns a pattern of ECMA 262 into one of Go. What Go has no equal for, such as looking ahead, is an error.
func translate(p string) (string, error) {
	const most = 4096
	if len(p) > most {
		return "", fmt.Errorf("it has %d bytes, more than %d", len(p), most)
	}
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] != '\\' || i+1 == len(p):
			b.WriteByte(p[i])
			continue
		case p[i+1] == 'u' && i+6 <= len(p) && isHex(p[i+2:i+6]):
			b.WriteString(`\x{` + p[i+2:i+6] + "}")
			i += 5
			continue
		}
		i++
		b.WriteByte('\\')
		b.WriteByte(p[i])
	}
	if _, err := regexp.Compile(b.String()); err != nil {
		return "", err
	}
	return b.String(), nil
}

func isHex(s string) bool {
	for _, c := range s {
		if !strings.ContainsRune("0123456789abcdefABCDEF", c) {
			return false
		}
	}
	return true
}

// number reads a number of a schema.
func number(v any, at string) (float64, error) {
	x, ok := v.(json.Number)
	if !ok {
		return 0, wrong(at, "must be a number, not %s", kindOf(v))
	}
	f, err := x.Float64()
	if err != nil {
		return 0, wrong(at, "%s is out of range", clip(x.String()))
	}
	return f, nil
}

func texts(v any, at string) ([]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, wrong(at, "must be a list of texts, not %s", kindOf(v))
	}
	for _, x := range list {
		if _, ok := x.(string); !ok {
			return nil, wrong(at, "must be a list of texts, and one is %s", kindOf(x))
		}
	}
	return list, nil
}

// kindOf names the type of a JSON value.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case json.Number, float64:
		return "a number"
	case string:
		return "a text"
	case []any:
		return "a list"
	}
	return "an object"
}
