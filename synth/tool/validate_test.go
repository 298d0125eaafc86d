package tool_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"muonclip/internal/rng"
	"muonclip/synth/tool"
)

func TestValidateMessages(t *testing.T) {
	schema := `{"type":"object","properties":{"nights":{"type":"integer","minimum":1,"maximum":14},"tier":{"type":"string","enum":["gold","silver"]},
		"day":{"type":"string","format":"date"},"mail":{"type":"string","format":"email"},"page":{"type":"string","format":"uri"},"at":{"type":"string","format":"date-time"},
		"name":{"type":"string","minLength":1,"maxLength":5},"id":{"type":"string","pattern":"^A-[0-9]{2}$"},"ok":{"type":"boolean"},"price":{"type":"number","minimum":0},
		"tags":{"type":"array","items":{"type":"string"},"maxItems":2,"uniqueItems":true},
		"who":{"type":"object","properties":{"age":{"type":"integer"}},"required":["age"],"additionalProperties":false,"minProperties":1}},
		"required":["nights"],"additionalProperties":false}`
	tools, _, err := tool.Import("test", []byte(`[{"name":"x","inputSchema":`+schema+`}]`))
	if err != nil || len(tools) != 1 {
		t.Fatal(err)
	}
	x := tools[0]
	x.Origin = "" // judged like an evolved tool
	for _, c := range []struct{ args, want string }{
		{`{"nights":3}`, ""},
		{`{"nights":3.0,"tier":"gold","day":"2026-02-28","mail":"a@b.example","page":"https://a.example/x","at":"2026-02-28T10:00:00Z","name":"héllo","id":"A-12","ok":true,"price":0.5,"tags":["a","b"],"who":{"age":1}}`, ""},
		{`{}`, "/nights: is missing: an integer from 1 to 14 is wanted"},
		{`{"nights":0}`, "/nights: must be an integer from 1 to 14, not 0"},
		{`{"nights":2.5}`, "/nights: must be an integer from 1 to 14, not 2.5"},
		{`{"nights":"3"}`, `/nights: must be an integer from 1 to 14, not "3"`},
		{`{"nights":3,"tier":"Gold"}`, `/tier: must be one of "gold", "silver", not "Gold"`},
		{`{"nights":3,"day":"28.2.2026"}`, `/day: must be a date of the form YYYY-MM-DD, not "28.2.2026"`},
		{`{"nights":3,"day":"2026-02-30"}`, "/day: must be a date"},
		{`{"nights":3,"mail":"nobody"}`, "/mail: must be an e-mail address"},
		{`{"nights":3,"page":"a.example"}`, "/page: must be a URL"},
		{`{"nights":3,"at":"2026-02-28"}`, "/at: must be a date and time"},
		{`{"nights":3,"name":""}`, "/name: must not be empty"},
		{`{"nights":3,"name":"abcdef"}`, "/name: must have 1 to 5 characters, not 6"},
		{`{"nights":3,"id":"B-12"}`, "/id: must match ^A-[0-9]{2}$"},
		{`{"nights":3,"ok":"yes"}`, `/ok: must be true or false, not "yes"`},
		{`{"nights":3,"price":-1}`, "/price: must be a number of at least 0, not -1"},
		{`{"nights":3,"tags":["a","b","c"]}`, "/tags: must have at most 2 elements, not 3"},
		{`{"nights":3,"tags":["a","a"]}`, "/tags/1: is there twice"},
		{`{"nights":3,"tags":[1]}`, "/tags/0: must be a text, not 1"},
		{`{"nights":3,"who":{}}`, "/who/age: is missing"},
		{`{"nights":3,"who":{"age":1,"b/c":2}}`, "/who/b~1c: is not known; known are age"},
		{`{"nights":3,"extra":1}`, "/extra: is not known"},
		{`[]`, "must be an object"},
		{`{"nights":3`, "must be JSON"},
		{`null`, "must be an object"},
	} {
		ps := x.Validate(json.RawMessage(c.args))
		if c.want == "" {
			if ps != nil {
				t.Errorf("%s: %v", c.args, ps)
			}
			continue
		}
		if len(ps) == 0 || !strings.Contains(ps[0].String(), c.want) {
			t.Errorf("%s: got %v, want %q", c.args, ps, c.want)
		}
	}
}

// mutate changes arguments at one place.
func mutate(args map[string]any, n uint64) {
	r := rng.New(n, "mutate")
	var names []string
	for k := range args {
		names = append(names, k)
	}
	values := []any{nil, 1, -5, 1e9, 2.5, "", "x", "2026-02-30", true, []any{}, []any{"a", "a"}, map[string]any{}, map[string]any{"q": 1}}
	switch {
	case len(names) == 0 || r.IntN(5) == 0:
		args["unknown"] = 1
	case r.IntN(4) == 0:
		delete(args, min(names[0], names[len(names)-1]))
	default:
		k := names[0]
		for _, x := range names { // maps have no order; the test must
			k = min(k, x)
		}
		if m, ok := args[k].(map[string]any); ok && r.IntN(2) == 0 {
			mutate(m, n+1)
			return
		}
		args[k] = values[r.IntN(len(values))]
	}
}

// TestWalkAgreesWithTheLibrary compares Validate of evolved tools with jsonschema-go on sampled and broken arguments;
// only formats, which the library takes as remarks, may differ.
func TestWalkAgreesWithTheLibrary(t *testing.T) {
	compared, bad := 0, 0
	for seed := range uint64(4) {
		s := workshop(t, seed)
		w, err := s.Model.World(seed)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range s.Tools {
			var sch jsonschema.Schema
			if err := json.Unmarshal(x.Parameters, &sch); err != nil {
				t.Fatal(err)
			}
			rs, err := sch.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
			if err != nil {
				t.Fatalf("%s: %v", x.Name, err)
			}
			for n := range uint64(6) {
				args, ok := x.Sample(w, rng.New(seed, "agree", uint64(i), n))
				if !ok {
					continue
				}
				if n > 0 {
					mutate(args, seed*1000+uint64(i)*10+n)
				}
				raw := x.Encode(args)
				var v map[string]any
				if err := json.Unmarshal(raw, &v); err != nil {
					t.Fatal(err)
				}
				lib := rs.Validate(v) == nil
				ours := true
				for _, p := range x.Validate(raw) {
					format := strings.Contains(p.Message, "must be a date") || strings.Contains(p.Message, "must be an e-mail") || strings.Contains(p.Message, "must be a URL")
					if !format || !strings.Contains(p.Message, `, not "`) {
						ours = false
					}
				}
				compared++
				if !lib {
					bad++
				}
				if lib != ours {
					t.Errorf("%s with %s: library %v, walk %v: %v\n%s", x.Name, raw, rs.Validate(v), ours, x.Validate(raw), x.Parameters)
				}
			}
		}
	}
	if bad < compared/4 {
		t.Errorf("only %d of %d arguments were wrong", bad, compared)
	}
}

func FuzzArguments(f *testing.F) {
	s := workshop(f, 0)
	w, err := s.Model.World(1)
	if err != nil {
		f.Fatal(err)
	}
	for i, x := range s.Tools {
		if args, ok := x.Sample(w, rng.New(1, "fuzz", uint64(i))); ok {
			f.Add(i, string(x.Encode(args)))
		}
	}
	f.Add(0, `{"a":1e999}`)
	f.Add(3, `{"id":{"a":[[[[[[]]]]]]}}`)
	f.Fuzz(func(t *testing.T, i int, raw string) {
		x := s.Tools[((i%len(s.Tools))+len(s.Tools))%len(s.Tools)]
		problems := x.Validate(json.RawMessage(raw))
		before := w.Hash()
		c := w.Clone()
		res, err := x.Call(c, json.RawMessage(raw))
		if w.Hash() != before {
			t.Fatal("the original world changed")
		}
		if err != nil {
			if c.Hash() != before {
				t.Fatalf("%s failed with %v and changed the world", x.Name, err)
			}
			if len(problems) == 0 && strings.HasPrefix(err.Error(), "internal") {
				t.Fatalf("%s: valid arguments break the program: %s: %v", x.Name, raw, err)
			}
			return
		}
		if !json.Valid(res.JSON()) {
			t.Fatalf("%s: the result is not JSON: %s", x.Name, res.JSON())
		}
		if err := c.Check(); err != nil {
			t.Fatalf("%s: %v", x.Name, err)
		}
	})
}
