package schema

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
)

const maxProblems = 20

// explainer says in words what a validator has refused. It knows all keywords but the two unevaluated ones, for which
// the text of the library must do.
type explainer struct{ schema *Schema }

// check lists what is wrong with a value; at is its pointer.
func (e *explainer) check(s *jsonschema.Schema, n *node, at string) []Problem {
	if s == nil {
		return nil
	}
	var out []Problem
	if s.Ref != "" {
		out = append(out, e.check(e.schema.target(s.Ref), n, at)...)
	}
	if types := typesOf(s); len(types) > 0 && !slices.ContainsFunc(types, func(t string) bool { return hasType(n.value, t) }) {
		return append(out, problem(at, "must be %s, not %s", typeWords(types), shown(n.value)))
	}
	if s.Enum != nil && !slices.ContainsFunc(s.Enum, func(x any) bool { return jsonschema.Equal(x, n.value) }) {
		out = append(out, problem(at, "must be one of %s, not %s", listed(s.Enum), shown(n.value)))
	}
	if s.Const != nil && !jsonschema.Equal(*s.Const, n.value) {
		out = append(out, problem(at, "must be %s, not %s", shown(*s.Const), shown(n.value)))
	}
	out = append(out, e.combined(s, n, at)...)
	switch v := n.value.(type) {
	case float64:
		out = append(out, numberProblems(s, v, at)...)
	case string:
		out = append(out, textProblems(s, v, at)...)
	case []any:
		out = append(out, e.list(s, n, at)...)
	case map[string]any:
		out = append(out, e.object(s, n, at)...)
	}
	return out
}

func problem(at, format string, args ...any) Problem {
	return Problem{Pointer: at, Message: fmt.Sprintf(format, args...)}
}

// combined is about the keywords that put schemas together.
func (e *explainer) combined(s *jsonschema.Schema, n *node, at string) []Problem {
	var out []Problem
	for _, x := range s.AllOf {
		out = append(out, e.check(x, n, at)...)
	}
	if len(s.AnyOf) > 0 {
		if _, near := e.alternatives(s.AnyOf, n, at); near != nil {
			out = append(out, near...)
		}
	}
	if len(s.OneOf) > 0 {
		switch fit, near := e.alternatives(s.OneOf, n, at); {
		case near != nil:
			out = append(out, near...)
		case fit > 1:
			out = append(out, problem(at, "fits %d alternatives of which only one is allowed: %s", fit, shown(n.value)))
		}
	}
	if s.Not != nil && len(e.check(s.Not, n, at)) == 0 {
		out = append(out, problem(at, "%s is excluded by the schema", shown(n.value)))
	}
	if s.If != nil {
		branch := s.Then
		if len(e.check(s.If, n, at)) > 0 {
			branch = s.Else
		}
		out = append(out, e.check(branch, n, at)...)
	}
	return out
}

// alternatives counts the schemas that fit. Where none does, near is what is wrong by the one that fits best: not of
// another type, and with the fewest problems.
func (e *explainer) alternatives(list []*jsonschema.Schema, n *node, at string) (fit int, near []Problem) {
	var types []string
	best := math.MaxInt
	for _, x := range list {
		ps := e.check(x, n, at)
		if len(ps) == 0 {
			fit++
			continue
		}
		score := len(ps)
		if t := typesOf(x); len(t) > 0 && !slices.ContainsFunc(t, func(t string) bool { return hasType(n.value, t) }) {
			types = append(types, t...)
			score += 1000
		}
		if score < best {
			best, near = score, ps
		}
	}
	switch {
	case fit > 0:
		return fit, nil
	case best > 1000 && len(types) > 0: // none is of the right type
		return 0, []Problem{problem(at, "must be %s, not %s", typeWords(types), shown(n.value))}
	}
	return 0, near
}

func numberProblems(s *jsonschema.Schema, v float64, at string) []Problem {
	var out []Problem
	limit := func(bad bool, words string, bound *float64) {
		if bad {
			out = append(out, problem(at, "must be %s %v, not %v", words, *bound, v))
		}
	}
	limit(s.Minimum != nil && v < *s.Minimum, "at least", s.Minimum)
	limit(s.Maximum != nil && v > *s.Maximum, "at most", s.Maximum)
	limit(s.ExclusiveMinimum != nil && v <= *s.ExclusiveMinimum, "above", s.ExclusiveMinimum)
	limit(s.ExclusiveMaximum != nil && v >= *s.ExclusiveMaximum, "below", s.ExclusiveMaximum)
	if s.MultipleOf != nil {
		if _, rest := math.Modf(v / *s.MultipleOf); rest != 0 {
			limit(true, "a multiple of", s.MultipleOf)
		}
	}
	return out
}

func textProblems(s *jsonschema.Schema, v, at string) []Problem {
	var out []Problem
	n := utf8.RuneCountInString(v)
	if s.MinLength != nil && n < *s.MinLength {
		out = append(out, problem(at, "must have at least %d characters, not %d", *s.MinLength, n))
	}
	if s.MaxLength != nil && n > *s.MaxLength {
		out = append(out, problem(at, "must have at most %d characters, not %d", *s.MaxLength, n))
	}
	if s.Pattern != "" && !matches(s.Pattern, v) {
		out = append(out, problem(at, "must match %s, not %s", clip(s.Pattern), shown(v)))
	}
	return out
}

// matches compiles the pattern again; this happens for refused arguments alone.
func matches(pattern, s string) bool {
	re, err := regexp.Compile(pattern)
	return err != nil || re.MatchString(s)
}

func (e *explainer) list(s *jsonschema.Schema, n *node, at string) []Problem {
	var out []Problem
	if s.MinItems != nil && len(n.items) < *s.MinItems {
		out = append(out, problem(at, "must have at least %d elements, not %d", *s.MinItems, len(n.items)))
	}
	if s.MaxItems != nil && len(n.items) > *s.MaxItems {
		out = append(out, problem(at, "must have at most %d elements, not %d", *s.MaxItems, len(n.items)))
	}
	contained := 0
	for i, x := range n.items {
		here := at + "/" + strconv.Itoa(i)
		switch {
		case i < len(s.PrefixItems):
			out = append(out, e.check(s.PrefixItems[i], x, here)...)
		case s.Items != nil:
			out = append(out, e.check(s.Items, x, here)...)
		}
		if s.Contains != nil && len(e.check(s.Contains, x, here)) == 0 {
			contained++
		}
	}
	if s.UniqueItems {
		if i := repeated(n.items); i >= 0 {
			out = append(out, problem(at+"/"+strconv.Itoa(i), "is there twice: %s", shown(n.items[i].value)))
		}
	}
	if s.Contains != nil {
		least := 1
		if s.MinContains != nil {
			least = *s.MinContains
		}
		if contained < least {
			out = append(out, problem(at, "must hold at least %d elements of a kind of which there are %d", least, contained))
		}
		if s.MaxContains != nil && contained > *s.MaxContains {
			out = append(out, problem(at, "must hold at most %d elements of a kind of which there are %d", *s.MaxContains, contained))
		}
	}
	return out
}

// repeated finds the first element that equals an earlier one; -1 when none does. Long lists are not searched.
func repeated(items []*node) int {
	for i := range items[:min(len(items), 500)] {
		for j := range i {
			if jsonschema.Equal(items[i].value, items[j].value) {
				return i
			}
		}
	}
	return -1
}

func (e *explainer) object(s *jsonschema.Schema, n *node, at string) []Problem {
	var out []Problem
	for _, name := range s.Required {
		if n.fields[name] == nil {
			out = append(out, problem(at+"/"+escape(name), "is missing"))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.fields)) {
		here := at + "/" + escape(name)
		p, evaluated := s.Properties[name]
		out = append(out, e.check(p, n.fields[name], here)...)
		for _, pattern := range slices.Sorted(maps.Keys(s.PatternProperties)) {
			if matches(pattern, name) {
				evaluated = true
				out = append(out, e.check(s.PatternProperties[pattern], n.fields[name], here)...)
			}
		}
		if !evaluated && s.AdditionalProperties != nil {
			if ps := e.check(s.AdditionalProperties, n.fields[name], here); len(ps) > 0 {
				if s.AdditionalProperties.Not != nil {
					ps = []Problem{problem(here, "is not known; known are %s", clip(strings.Join(slices.Sorted(maps.Keys(s.Properties)), ", ")))}
				}
				out = append(out, ps...)
			}
		}
		if s.PropertyNames != nil {
			for _, p := range e.check(s.PropertyNames, newNode(name), "") {
				out = append(out, problem(here, "the name %s", p.Message))
			}
		}
		for _, other := range s.DependentRequired[name] {
			if n.fields[other] == nil {
				out = append(out, problem(at+"/"+escape(other), "is missing beside %s", name))
			}
		}
		out = append(out, e.check(s.DependentSchemas[name], n, at)...)
	}
	if s.MinProperties != nil && len(n.fields) < *s.MinProperties {
		out = append(out, problem(at, "must have at least %d properties, not %d", *s.MinProperties, len(n.fields)))
	}
	if s.MaxProperties != nil && len(n.fields) > *s.MaxProperties {
		out = append(out, problem(at, "must have at most %d properties, not %d", *s.MaxProperties, len(n.fields)))
	}
	return out
}
