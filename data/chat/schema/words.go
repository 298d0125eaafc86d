package schema

import (
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

func typesOf(s *jsonschema.Schema) []string {
	if s.Type != "" {
		return []string{s.Type}
	}
	return s.Types
}

// hasType reports whether a decoded JSON value is of a type of JSON Schema; whole floats are integers.
func hasType(v any, t string) bool {
	switch x := v.(type) {
	case nil:
		return t == "null"
	case bool:
		return t == "boolean"
	case string:
		return t == "string"
	case float64:
		return t == "number" || t == "integer" && x == math.Trunc(x)
	case []any:
		return t == "array"
	case map[string]any:
		return t == "object"
	}
	return false
}

// typeWords writes the names of types: string, integer or null.
func typeWords(types []string) string {
	types = slices.Clone(types)
	slices.Sort(types)
	types = slices.Compact(types)
	if len(types) == 1 {
		return "of type " + types[0]
	}
	return "of type " + strings.Join(types[:len(types)-1], ", ") + " or " + types[len(types)-1]
}

// shown is a value as JSON, shortened.
func shown(v any) string {
	switch x := v.(type) {
	case []any:
		if len(x) > 20 {
			v = x[:20]
		}
	case map[string]any:
		if len(x) > 20 {
			return "an object"
		}
	case string:
		v = clip(x)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "a value"
	}
	return clip(string(b))
}

// listed writes the values of an enum, the first of many.
func listed(values []any) string {
	const most = 12
	parts := make([]string, 0, most+1)
	for i, v := range values {
		if i == most {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, shown(v))
	}
	return strings.Join(parts, ", ")
}
