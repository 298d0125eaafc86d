package schema

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// drawSchema draws a schema of the keywords that the walk knows.
func drawSchema(t *rapid.T, depth int) any {
	m := map[string]any{}
	small := rapid.IntRange(0, 3)
	for range rapid.IntRange(0, 3).Draw(t, "keywords") {
		top := 13
		if depth > 0 {
			top = 22
		}
		sub := func() any { return drawSchema(t, depth-1) }
		subs := func() []any {
			var out []any
			for range rapid.IntRange(1, 3).Draw(t, "n") {
				out = append(out, sub())
			}
			return out
		}
		switch rapid.IntRange(0, top).Draw(t, "keyword") {
		case 0, 1:
			m["type"] = rapid.SampledFrom(known).Draw(t, "type")
		case 2:
			m["type"] = []any{"string", rapid.SampledFrom(known[1:4]).Draw(t, "type")}
		case 3:
			m["enum"] = []any{"a", 1, nil, []any{1}}
		case 4:
			m["const"] = small.Draw(t, "const")
		case 5:
			m["minimum"] = small.Draw(t, "min")
		case 6:
			m["exclusiveMaximum"] = small.Draw(t, "max")
		case 7:
			m["multipleOf"] = 2
		case 8:
			m["minLength"] = small.Draw(t, "min")
		case 9:
			m["maxItems"] = small.Draw(t, "max")
		case 10:
			m["pattern"] = "^a"
		case 11:
			m["uniqueItems"] = true
		case 12:
			m["required"] = []any{"a"}
		case 13:
			m["dependentRequired"] = map[string]any{"a": []any{"b"}}
		case 14:
			m["items"] = sub()
		case 15:
			m["prefixItems"] = subs()
		case 16:
			m["properties"] = map[string]any{"a": sub(), "b": sub()}
		case 17:
			m["additionalProperties"] = sub()
		case 18:
			m["anyOf"] = subs()
		case 19:
			m["oneOf"] = subs()
		case 20:
			m["not"] = sub()
		case 21:
			m["if"], m["then"], m["else"] = sub(), sub(), sub()
		case 22:
			m["contains"] = sub()
		}
	}
	return m
}

func drawValue(t *rapid.T, depth int) any {
	top := 5
	if depth > 0 {
		top = 7
	}
	switch rapid.IntRange(0, top).Draw(t, "value") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.SampledFrom([]string{"", "a", "b", "ab"}).Draw(t, "text")
	case 3, 4:
		return rapid.IntRange(-1, 4).Draw(t, "int")
	case 5:
		return 1.5
	case 6:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			list = append(list, drawValue(t, depth-1))
		}
		return list
	}
	m := map[string]any{}
	for _, k := range []string{"a", "b", "c"} {
		if rapid.Bool().Draw(t, k) {
			m[k] = drawValue(t, depth-1)
		}
	}
	return m
}

// TestWalkAgrees checks that the walk finds something exactly where the library refuses.
func TestWalkAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw, err := json.Marshal(drawSchema(t, 3))
		if err != nil {
			t.Fatal(err)
		}
		s, err := Compile(raw)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		args, err := json.Marshal(drawValue(t, 3))
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(args, &v); err != nil {
			t.Fatal(err)
		}
		problems := (&explainer{schema: s}).check(s.root, newNode(v), "")
		if err := s.resolved.Validate(v); (err == nil) != (len(problems) == 0) {
			t.Fatalf("%s with %s: the library says %v, the walk %v", raw, args, err, problems)
		}
	})
}

// FuzzCompile gives any bytes as schema and arguments: nothing may panic or hang.
func FuzzCompile(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"$ref":"#/$defs/x"}},"$defs":{"x":{"pattern":"^\\u0041"}}}`, `{"a":1}`)
	f.Add(`{"$id":"x","items":[{"$ref":"#/items/1"},{"$anchor":"y"}],"dependencies":{"a":["b"]}}`, `[1]`)
	f.Add(`{"$ref":"#"}`, `{}`)
	f.Fuzz(func(t *testing.T, raw, args string) {
		s, err := Compile(json.RawMessage(raw))
		if err != nil {
			return
		}
		_ = s.Validate(json.RawMessage(args))
	})
}
