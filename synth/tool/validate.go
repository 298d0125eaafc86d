package tool

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// Problem is one thing that is wrong with arguments.
type Problem struct {
	Path    string // JSON pointer to the value, "" for the arguments as a whole
	Message string // what is wanted
}

// String gives path: message.
func (p Problem) String() string {
	if p.Path == "" {
		return p.Message
	}
	return p.Path + ": " + p.Message
}

// compiled is a schema ready for use.
type compiled struct {
	schema   *jsonschema.Schema
	resolved *jsonschema.Resolved
	patterns map[string]*regexp.Regexp // of the texts in it; absent where a pattern is not RE2
	err      error
}

func (c *compiled) compile(raw json.RawMessage, library bool) {
	var s jsonschema.Schema
	if c.err = json.Unmarshal(raw, &s); c.err != nil {
		return
	}
	c.schema = &s
	c.patterns = map[string]*regexp.Regexp{}
	c.collect(&s)
	if !library {
		return
	}
	c.resolved, c.err = s.Resolve(&jsonschema.ResolveOptions{})
}

// collect compiles the patterns that the walk below will meet.
func (c *compiled) collect(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if s.Pattern != "" && c.patterns[s.Pattern] == nil {
		if re, err := regexp.Compile(s.Pattern); err == nil {
			c.patterns[s.Pattern] = re
		}
	}
	c.collect(s.Items)
	for _, name := range keys(s.Properties) {
		c.collect(s.Properties[name])
	}
}

// Validate checks arguments against the tool's schema and says for each value that is wrong where it lies and what is
// wanted; nil when all is well. The schemas of imported tools are judged by the jsonschema library. Those of evolved
// tools are judged by the walk below, which agrees with the library and also checks the formats date, date-time, email
// and uri.
func (t *Tool) Validate(args json.RawMessage) []Problem {
	t.schema.once.Do(func() { t.schema.compile(t.Parameters, t.Origin != "") })
	if t.schema.err != nil {
		return []Problem{{Message: "the schema of the tool cannot be used: " + t.schema.err.Error()}}
	}
	var v any
	if err := json.Unmarshal(args, &v); err != nil {
		return []Problem{{Message: "the arguments must be JSON: " + err.Error()}}
	}
	m, ok := v.(map[string]any)
	if !ok {
		return []Problem{{Message: "the arguments must be an object"}}
	}
	c := checker{patterns: t.schema.patterns}
	if t.Origin == "" { // our own schemas use only what the walk knows, and it is ten times as fast
		c.formats = true
		c.check(t.schema.schema, v, "")
		return c.problems
	}
	err := t.schema.resolved.Validate(m)
	if err == nil {
		return nil
	}
	c.check(t.schema.schema, v, "")
	if len(c.problems) == 0 { // a keyword that the walk does not explain
		c.problems = []Problem{{Message: strings.TrimPrefix(err.Error(), "validating root: ")}}
	}
	return c.problems
}

// checker walks a schema beside a value to find words for what is wrong.
type checker struct {
	patterns map[string]*regexp.Regexp
	formats  bool
	problems []Problem
}

func (c *checker) report(path, format string, args ...any) {
	c.problems = append(c.problems, Problem{path, fmt.Sprintf(format, args...)})
}

func (c *checker) check(s *jsonschema.Schema, v any, path string) {
	if s == nil || len(c.problems) > 50 {
		return
	}
	if s.Type != "" && !hasType(v, s.Type) {
		c.report(path, "must be %s%s", wanted(s), got(v))
		return
	}
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(e any) bool { return sameValue(e, v) }) {
		c.report(path, "must be one of %s%s", listed(s.Enum), got(v))
		return
	}
	switch v := v.(type) {
	case string:
		c.text(s, v, path)
	case float64:
		if (s.Minimum != nil && v < *s.Minimum) || (s.Maximum != nil && v > *s.Maximum) {
			c.report(path, "must be %s%s", wanted(s), got(v))
		}
	case []any:
		if (s.MinItems != nil && len(v) < *s.MinItems) || (s.MaxItems != nil && len(v) > *s.MaxItems) {
			c.report(path, "must have %s elements, not %d", between(s.MinItems, s.MaxItems), len(v))
		}
		for i, x := range v {
			if s.UniqueItems && slices.ContainsFunc(v[:i], func(y any) bool { return sameValue(x, y) }) {
				c.report(fmt.Sprintf("%s/%d", path, i), "is there twice")
				continue
			}
			c.check(s.Items, x, fmt.Sprintf("%s/%d", path, i))
		}
	case map[string]any:
		c.object(s, v, path)
	}
}

func (c *checker) object(s *jsonschema.Schema, m map[string]any, path string) {
	for _, name := range s.Required {
		if _, ok := m[name]; !ok {
			c.report(path+"/"+escape(name), "is missing: %s is wanted", wanted(s.Properties[name]))
		}
	}
	if s.MinProperties != nil && len(m) < *s.MinProperties {
		c.report(path, "must not be empty")
	}
	closed := s.AdditionalProperties != nil && s.AdditionalProperties.Not != nil
	for _, name := range keys(m) {
		p, ok := s.Properties[name]
		if !ok {
			if closed && len(s.PatternProperties) == 0 {
				c.report(path+"/"+escape(name), "is not known; known are %s", strings.Join(keys(s.Properties), ", "))
			}
			continue
		}
		c.check(p, m[name], path+"/"+escape(name))
	}
}

func (c *checker) text(s *jsonschema.Schema, v, path string) {
	n := len([]rune(v))
	switch {
	case s.MinLength != nil && n < *s.MinLength && *s.MinLength == 1:
		c.report(path, "must not be empty")
		return
	case (s.MinLength != nil && n < *s.MinLength) || (s.MaxLength != nil && n > *s.MaxLength):
		c.report(path, "must have %s characters, not %d", between(s.MinLength, s.MaxLength), n)
		return
	}
	if re := c.patterns[s.Pattern]; s.Pattern != "" && re != nil && !re.MatchString(v) {
		c.report(path, "must match %s%s", s.Pattern, got(v))
		return
	}
	if c.formats && !hasFormat(s.Format, v) {
		c.report(path, "must be %s%s", formatWords[s.Format], got(v))
	}
}

// escape writes a name as a token of a JSON pointer.
func escape(s string) string {
	if !strings.ContainsAny(s, "~/") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")
}
