package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
)

func compile(t testing.TB, raw string) *Schema {
	t.Helper()
	s, err := Compile(json.RawMessage(raw))
	if err != nil {
		t.Fatalf("%s: %v", clip(raw), err)
	}
	return s
}

// TestPointers checks where problems are found and what they say.
func TestPointers(t *testing.T) {
	for _, c := range []struct {
		schema, args string
		want         []string // "" separated pointer and a part of the message
	}{
		{`{"type":"object","properties":{"n":{"type":"integer"}}}`, `{"n":"5"}`, []string{`/n: must be of type integer, not "5"`}},
		{`{"properties":{"n":{"type":["integer","null"]}}}`, `{"n":1.5}`, []string{`/n: must be of type integer or null, not 1.5`}},
		{`{"required":["a","b/c"]}`, `{}`, []string{"/a: is missing", "/b~1c: is missing"}},
		{`{"properties":{"a":{"items":{"properties":{"x~y":{"enum":["p","q"]}}}}}}`, `{"a":[{},{"x~y":"r"}]}`, []string{`/a/1/x~0y: must be one of "p", "q", not "r"`}},
		{`{"properties":{"a":{}},"additionalProperties":false}`, `{"a":1,"z":2}`, []string{"/z: is not known; known are a"}},
		{`{"additionalProperties":{"type":"string"}}`, `{"k":true}`, []string{"/k: must be of type string, not true"}},
		{`{"properties":{"a":{"anyOf":[{"type":"string","minLength":3},{"type":"null"}]}}}`, `{"a":"x"}`, []string{"/a: must have at least 3 characters, not 1"}},
		{`{"properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}]}}}`, `{"a":7}`, []string{"/a: must be of type null or string, not 7"}},
		{`{"oneOf":[{"required":["a"]},{"required":["b"]}]}`, `{"a":1,"b":1}`, []string{"fits 2 alternatives"}},
		{`{"properties":{"m":{"$ref":"#/$defs/money"}},"$defs":{"money":{"minimum":0}}}`, `{"m":-1}`, []string{"/m: must be at least 0, not -1"}},
		{`{"properties":{"m":{"pattern":"^A\\d+$"}}}`, `{"m":"B1"}`, []string{`/m: must match ^A\d+$, not "B1"`}},
		{`{"properties":{"l":{"uniqueItems":true,"maxItems":2}}}`, `{"l":[1,2,1]}`, []string{"/l: must have at most 2 elements, not 3", "/l/2: is there twice: 1"}},
		{`{"properties":{"l":{"contains":{"const":5}}}}`, `{"l":[1]}`, []string{"/l: must hold at least 1 elements"}},
		{`{"if":{"properties":{"k":{"const":1}}},"then":{"required":["x"]},"else":{"required":["y"]}}`, `{"k":1}`, []string{"/x: is missing"}},
		{`{"not":{"required":["a"]}}`, `{"a":1}`, []string{"is excluded"}},
		{`{"propertyNames":{"maxLength":2}}`, `{"abc":1}`, []string{"/abc: the name must have at most 2 characters"}},
		{`{"dependentRequired":{"a":["b"]}}`, `{"a":1}`, []string{"/b: is missing beside a"}},
		{`{"properties":{"n":{"exclusiveMaximum":5,"multipleOf":2}}}`, `{"n":5}`, []string{"/n: must be below 5", "/n: must be a multiple of 2"}},
		{`{"properties":{"a":true},"unevaluatedProperties":false}`, `{"b":1}`, []string{"unevaluatedProperties"}}, // the words of the library
		{`{"type":"object"}`, `[]`, []string{"must be of type object, not []"}},
	} {
		err := compile(t, c.schema).Validate(json.RawMessage(c.args))
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s with %s: %v", c.schema, c.args, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s with %s: %q is not in %q", c.schema, c.args, w, err)
			}
		}
		if !strings.Contains(c.want[0], "unevaluated") && len(e.Problems) != len(c.want) {
			t.Errorf("%s with %s: %d problems, want %d: %v", c.schema, c.args, len(e.Problems), len(c.want), err)
		}
	}
}

// TestDrafts checks that each draft means what it meant: args in good are accepted, those in bad refused.
func TestDrafts(t *testing.T) {
	const seven, four = `"$schema":"http://json-schema.org/draft-07/schema#",`, `"$schema":"http://json-schema.org/draft-04/schema#",`
	for name, c := range map[string]struct{ schema, good, bad string }{
		"draft-07 definitions":           {`{` + seven + `"properties":{"a":{"$ref":"#/definitions/s"}},"definitions":{"s":{"type":"string"}}}`, `{"a":"x"}`, `{"a":1}`},
		"draft-07 without the hash":      {`{"$schema":"http://json-schema.org/draft-07/schema","properties":{"a":{"type":"string"}}}`, `{"a":"x"}`, `{"a":1}`},
		"draft-07 siblings of $ref":      {`{` + seven + `"properties":{"a":{"$ref":"#/definitions/s","maxLength":1}},"definitions":{"s":{"type":"string"}}}`, `{"a":"long"}`, `{"a":1}`},
		"2020-12 siblings of $ref":       {`{"properties":{"a":{"$ref":"#/$defs/s","maxLength":1}},"$defs":{"s":{"type":"string"}}}`, `{"a":"x"}`, `{"a":"long"}`},
		"both $defs and definitions":     {`{"properties":{"a":{"$ref":"#/definitions/s"},"b":{"$ref":"#/$defs/n"}},"definitions":{"s":{"type":"string"}},"$defs":{"n":{"type":"number"}}}`, `{"a":"x","b":1}`, `{"b":"x"}`},
		"draft-04 exclusive":             {`{` + four + `"properties":{"n":{"minimum":1,"exclusiveMinimum":true}}}`, `{"n":2}`, `{"n":1}`},
		"draft-04 not exclusive":         {`{` + four + `"properties":{"n":{"maximum":1,"exclusiveMaximum":false}}}`, `{"n":1}`, `{"n":2}`},
		"draft-07 tuple":                 {`{` + seven + `"properties":{"l":{"items":[{"type":"string"}],"additionalItems":false}}}`, `{"l":["x"]}`, `{"l":["x",1]}`},
		"draft-07 dependencies":          {`{` + seven + `"dependencies":{"a":["b"],"c":{"required":["d"]}}}`, `{"a":1,"b":1}`, `{"c":1}`},
		"draft-07 anchor":                {`{` + seven + `"properties":{"a":{"$ref":"#s"}},"definitions":{"x":{"$id":"#s","type":"string"}}}`, `{"a":"x"}`, `{"a":1}`},
		"2020-12 anchor":                 {`{"properties":{"a":{"$ref":"#s"}},"$defs":{"x":{"$anchor":"s","type":"string"}}}`, `{"a":"x"}`, `{"a":1}`},
		"absolute $id":                   {`{"$id":"https://x.example/root.json","properties":{"a":{"$ref":"https://x.example/root.json#/$defs/s"},"b":{"$ref":"part.json"}},"$defs":{"s":{"type":"string"},"p":{"$id":"part.json","type":"number"}}}`, `{"a":"x","b":1}`, `{"b":"x"}`},
		"relative $id":                   {`{"$id":"tool.json","properties":{"a":{"$ref":"#/$defs/s"}},"$defs":{"s":{"type":"string"}}}`, `{"a":"x"}`, `{"a":1}`},
		"reference into properties":      {`{"properties":{"a":{"items":{"type":"string"}},"b":{"$ref":"#/properties/a/items"}}}`, `{"b":"x"}`, `{"b":1}`},
		"reference into another place":   {`{"components":{"schemas":{"s":{"type":"string"}}},"properties":{"a":{"$ref":"#/components/schemas/s"}}}`, `{"a":"x"}`, `{"a":1}`},
		"escaped reference":              {`{"$defs":{"a/b c":{"type":"string"}},"properties":{"a":{"$ref":"#/$defs/a~1b%20c"}}}`, `{"a":"x"}`, `{"a":1}`},
		"reference to itself":            {`{"properties":{"child":{"$ref":"#"},"n":{"type":"number"}}}`, `{"child":{"child":{"n":1}}}`, `{"child":{"child":{"n":"x"}}}`},
		"meta-schema":                    {`{"properties":{"schema":{"$ref":"http://json-schema.org/draft-07/schema#"}}}`, `{"schema":{"type":"x"}}`, `{"schema":5}`},
		"unknown dialect":                {`{"$schema":"https://example.com/mine","properties":{"a":{"type":"string"}}}`, `{"a":"x"}`, `{"a":1}`},
		"unknown format":                 {`{"properties":{"a":{"type":"string","format":"florp"}}}`, `{"a":"x"}`, `{"a":1}`},
		"OpenAPI nullable":               {`{"properties":{"a":{"type":"string","nullable":true,"enum":["x"]}}}`, `{"a":null}`, `{"a":1}`},
		"properties named as keywords":   {`{"properties":{"type":{"type":"string"},"enum":{"type":"number"},"$ref":{"type":"string"},"$id":{"type":"string"}}}`, `{"type":"x","enum":1,"$ref":"y"}`, `{"enum":"x"}`},
		"unicode in a pattern":           {`{"properties":{"a":{"pattern":"^[\\u4e00-\\u9fff]+$"}}}`, `{"a":"漢"}`, `{"a":"x"}`},
		"empty schema":                   {``, `{"a":1}`, `[`},
		"enormous limit":                 {`{"properties":{"a":{"maxLength":9007199254740991,"type":"string"},"n":{"maximum":9007199254740991}}}`, `{"a":"x","n":1}`, `{"a":1}`},
		"false as additional property":   {`{"properties":{"a":true,"b":false}}`, `{"a":1}`, `{"b":1}`},
		"patternProperties":              {`{"patternProperties":{"^n_":{"type":"number"}},"additionalProperties":false}`, `{"n_a":1}`, `{"x":1}`},
		"draft-04 required as a boolean": {`{` + four + `"properties":{"a":{"type":"string","required":true}}}`, `{}`, `{"a":1}`},
	} {
		s, err := Compile(json.RawMessage(c.schema))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := s.Validate(json.RawMessage(c.good)); err != nil {
			t.Errorf("%s: %s is refused: %v", name, c.good, err)
		}
		if err := s.Validate(json.RawMessage(c.bad)); err == nil {
			t.Errorf("%s: %s is accepted", name, c.bad)
		}
	}
}

func TestNotes(t *testing.T) {
	s := compile(t, `{"properties":{"a":{"pattern":"^(?=x)"}},"patternProperties":{"(?!y)":{}},"additionalProperties":false}`)
	if got := s.Notes(); len(got) != 2 || !strings.Contains(strings.Join(got, "\n"), "/properties/a/pattern") {
		t.Errorf("notes: %q", got)
	}
	if err := s.Validate(json.RawMessage(`{"a":"z","b":1}`)); err != nil {
		t.Errorf("what cannot be enforced is refused: %v", err)
	}
}

// TestRefused lists schemas that cannot be used, with a part of the reason.
func TestRefused(t *testing.T) {
	deep := strings.Repeat(`{"not":`, 200) + "{}" + strings.Repeat("}", 200)
	for raw, want := range map[string]string{
		`{`:                                 "not JSON",
		`{} {}`:                             "something follows",
		`7`:                                 "must be an object or a boolean, not a number",
		`{"type":"strng"}`:                  `/type: "strng" is no type`,
		`{"properties":{"a":[]}}`:           "/properties/a: a schema must be an object or a boolean, not a list",
		`{"properties":[]}`:                 "/properties: must be an object of schemas",
		`{"enum":[]}`:                       "/enum: must be a list",
		`{"minimum":"1"}`:                   "/minimum: must be a number, not a text",
		`{"multipleOf":0}`:                  "/multipleOf: must be above 0",
		`{"minLength":-1}`:                  "/minLength: must be a whole number",
		`{"required":[1]}`:                  "/required",
		`{"maximum":1e999}`:                 "out of range",
		`{"$ref":"#/$defs/none"}`:           `there is no "$defs"`,
		`{"$ref":"#nowhere"}`:               `no anchor "nowhere"`,
		`{"$ref":"https://evil.example/s"}`: "nothing is loaded",
		`{"$ref":"file:///etc/passwd"}`:     "nothing is loaded",
		`{"$ref":"other.json"}`:             "nothing is loaded",
		`{"$ref":"#"}`:                      "leads back to itself",
		`{"properties":{"a":{"$ref":"#/$defs/x"}},"$defs":{"x":{"anyOf":[{"$ref":"#/$defs/y"}]},"y":{"not":{"$ref":"#/$defs/x"}}}}`: "leads back to itself",
		deep: "nested more than",
		`{"description":"` + strings.Repeat("x", maxSchemaBytes) + `"}`: "bytes, more than",
	} {
		_, err := Compile(json.RawMessage(raw))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", clip(raw), err, want)
		}
	}
}

// TestContained gives schemas that are legal and would take for ever.
func TestContained(t *testing.T) {
	bomb := func(step string) string { // each definition uses the next one twice
		var b strings.Builder
		b.WriteString(`{"$ref":"#/$defs/d0","$defs":{`)
		for i := range 60 {
			fmt.Fprintf(&b, `"d%d":`+step+`,`, i, i+1, i+1)
		}
		b.WriteString(`"d60":{}}}`)
		return b.String()
	}
	if _, err := Compile(json.RawMessage(bomb(`{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]}`))); !errors.Is(err, ErrTooCostly) {
		t.Errorf("doubling in place: %v", err)
	}
	s := compile(t, `{"properties":{"a":{"allOf":[{"$ref":"#"},{"$ref":"#"}]}}}`)
	args := strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60)
	if err := s.Validate(json.RawMessage(args)); !errors.Is(err, ErrTooCostly) {
		t.Errorf("doubling by depth: %v", err)
	}
	if err := s.Validate(json.RawMessage(strings.Repeat(`{"a":`, 5) + "1" + strings.Repeat("}", 5))); err != nil {
		t.Errorf("a shallow value: %v", err)
	}
	var enum strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&enum, `,"v%d"`, i)
	}
	s = compile(t, `{"items":{"enum":["x"`+enum.String()+`]}}`)
	if err := s.Validate(json.RawMessage("[" + strings.Repeat(`"y",`, 1000) + `"y"]`)); !errors.Is(err, ErrTooCostly) {
		t.Errorf("a large enum for a long list: %v", err)
	}
	err := s.Validate(json.RawMessage(`["y"]`))
	if err == nil || len(err.Error()) > 1000 {
		t.Errorf("the message of a large enum: %v", err)
	}
	s = compile(t, `{"properties":{"a":{"pattern":"^(a+)+$"}}}`)
	if err := s.Validate(json.RawMessage(`{"a":"` + strings.Repeat("a", 100_000) + `!"}`)); err == nil {
		t.Error("the pattern matches")
	}
	if err := s.Validate(json.RawMessage(strings.Repeat("[", 100_000))); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("deep arguments: %v", err)
	}
}

// TestValidator uses one validator from many goroutines, and more schemas than its cache holds bytes of.
func TestValidator(t *testing.T) {
	var v Validator
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 200 {
				tool := chat.Tool{Name: "t", Parameters: json.RawMessage(fmt.Sprintf(`{"properties":{"n":{"maximum":%d}}}`, (i+g)%50))}
				if err := v.ValidateArguments(tool, json.RawMessage(fmt.Sprintf(`{"n":%d}`, (i+g)%50))); err != nil {
					t.Error(err)
				}
				if err := v.ValidateArguments(tool, json.RawMessage(`{"n":50}`)); err == nil {
					t.Error("50 is accepted")
				}
			}
		})
	}
	group.Wait()
	if len(v.byKey) != 50 || v.used.Len() != 50 {
		t.Errorf("%d schemas in the cache, want 50", len(v.byKey))
	}
	err := v.ValidateArguments(chat.Tool{Name: "broken", Parameters: json.RawMessage(`{"type":7}`)}, json.RawMessage(`{}`))
	if err == nil || !strings.Contains(err.Error(), `tool "broken"`) {
		t.Errorf("a broken schema: %v", err)
	}
	big := strings.Repeat("x", maxSchemaBytes-100)
	for i := range maxCachedBytes/maxSchemaBytes + 5 {
		v.entry(json.RawMessage(fmt.Sprintf(`{"description":"%d%s"}`, i, big)))
	}
	if v.bytes > maxCachedBytes || v.used.Len() != len(v.byKey) {
		t.Errorf("the cache holds %d bytes in %d and %d entries", v.bytes, v.used.Len(), len(v.byKey))
	}
}

func TestErrorText(t *testing.T) {
	e := &Error{[]Problem{{"", "must be x"}, {"/a/0", "is missing"}}}
	if diff := cmp.Diff("must be x; /a/0: is missing", e.Error()); diff != "" {
		t.Error(diff)
	}
}
